/* sekisho profile: sets of rules that new tenants and accounts start with. */
#include "cli/change.h"
#include "cli/drift.h"
#include "cli/rules.h"

struct profile_options {
    struct common common;
    const char *profile, *name, *file;
    struct option_list deny, allow;
    bool is_default;
};
#define AT(member) .offset = offsetof(struct profile_options, member)

static const struct column columns[] = {{"PROFILE", "id", CELL_TEXT},
                                        {"NAME", "name", CELL_TEXT},
                                        {"DEFAULT", "default", CELL_TEXT},
                                        {"BUILT IN", "builtin", CELL_TEXT},
                                        {"RULES", "rules_count", CELL_TEXT},
                                        {"UPDATED", "updated_at", CELL_MOMENT},
                                        {0}};

static const struct column details[] = {{"profile", "id", CELL_TEXT},
                                        {"name", "name", CELL_TEXT},
                                        {"default", "default", CELL_TEXT},
                                        {"built in", "builtin", CELL_TEXT},
                                        {"updated", "updated_at", CELL_MOMENT},
                                        {0}};

static int list(struct cli *cli, const void *given)
{
    json_t *answer, *profile;
    size_t i;
    (void)given;
    int status = rest_list(cli, "/v1/profiles", "profiles", 0, &answer);
    if (status)
        return status;
    json_t *profiles = json_object_get(answer, "profiles");
    if (cli->common->is_json) {
        output_json(&cli->out, answer);
    } else {
        json_array_foreach(profiles, i, profile)
            json_object_set_new(profile, "rules_count",
                                json_integer((json_int_t)json_array_size(
                                    json_object_get(profile, "rules"))));
        output_table(&cli->out, columns, profiles, "no profiles");
    }
    json_decref(answer);
    return EXIT_OK;
}

static int show(struct cli *cli, const void *given)
{
    const struct profile_options *options = given;
    struct rest_request request = {.method = "GET",
                                   .path = rest_path(cli, "/v1/profiles/{}", options->profile)};
    struct rest_answer answer;
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    if (cli->common->is_json) {
        output_json(&cli->out, answer.body);
    } else {
        output_record(&cli->out, details, answer.body);
        fputc('\n', cli->out.file);
        output_table(&cli->out, rule_columns, json_object_get(answer.body, "rules"), "no rules");
    }
    rest_answer_release(&answer);
    return EXIT_OK;
}

/* --- changing ---------------------------------------------------------------------------------------- */

static bool add_rules(json_t *rules, const char *action, const struct option_list *targets)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (json_array_append_new(rules, json_pack("{s:s,s:s}", "target", targets->items[i],
                                                   "action", action)))
            return false;
    return true;
}

/* From --file (a whole profile, or only its rules), then --deny and --allow. */
static void add_body(struct change *change, const struct profile_options *options)
{
    bool has_rules = cli_given(change->cli, "deny") || cli_given(change->cli, "allow");
    json_t *rules = json_array();
    if (options->file) {
        json_t *file = change_read_file(change->cli, options->file);
        if (!file)
            change->status = EXIT_TROUBLE;
        if (json_is_object(file))
            json_object_update(change->body, file);
        else if (file)
            json_array_extend(rules, file);
        json_array_extend(rules, json_object_get(change->body, "rules"));
        has_rules = has_rules || json_is_array(file) || json_object_get(change->body, "rules");
        json_decref(file);
    }
    if (!add_rules(rules, "deny", &options->deny) || !add_rules(rules, "allow", &options->allow))
        change_value(change, "rules", NULL);
    else if (has_rules)
        change_value(change, "rules", json_incref(rules));
    json_decref(rules);
}

static int put(struct cli *cli, const void *given)
{
    const struct profile_options *options = given;
    struct change change;
    struct rest_answer answer;
    change_begin(&change, cli, "PUT", rest_path(cli, "/v1/profiles/{}", options->profile));
    add_body(&change, options);
    change_text(&change, "name", "name", options->name);
    change_bool(&change, "default", "default", options->is_default);
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    size_t count = json_array_size(json_object_get(answer.body, "rules"));
    status = change_done(&change, &answer, "profile %s %s: %zu rule%s", options->profile,
                         answer.status == 201 ? "added" : "changed", count, count == 1 ? "" : "s");
    rest_answer_release(&answer);
    return status;
}

static int delete(struct cli *cli, const void *given)
{
    const struct profile_options *options = given;
    struct change change;
    change_begin(&change, cli, "DELETE", rest_path(cli, "/v1/profiles/{}", options->profile));
    return change_send(&change, "profile %s deleted", options->profile);
}

/* --- tables ------------------------------------------------------------------------------------------ */

#define PROFILE                                                                                    \
    {"PROFILE", OPTION_TEXT, OPTION_POSITIONAL, "PROFILE", NULL, NULL, "id of the profile",        \
     AT(profile)}

static const struct option none[] = {{0}};
static const struct option profile_only[] = {PROFILE, {0}};
static const struct option delete_options[] = {PROFILE, CHANGE_WAIT, {0}};
static const struct option put_options[] = {
    PROFILE,
    {"name", OPTION_TEXT, 0, "TEXT", NULL, NULL, "name for people", AT(name)},
    {"default", OPTION_FLAG, 0, NULL, NULL, NULL,
     "the profile of tenants that are added without naming one", AT(is_default)},
    {"deny", OPTION_LIST, 0, "TARGET,…", NULL, NULL, "targets to deny", AT(deny)},
    {"allow", OPTION_LIST, 0, "TARGET,…", NULL, NULL, "targets to allow", AT(allow)},
    {"file", OPTION_PATH, 0, "FILE", NULL, NULL,
     "JSON as \"profile show --json\" prints it, or an array of rules; - is standard input",
     AT(file)},
    CHANGE_WAIT,
    {0}};

#define ROW(name, about, options, run)                                                             \
    {name, about, NULL, options, sizeof(struct profile_options), run, 0}

const struct command profile_commands[] = {
    ROW("list", "Lists profiles", none, list),
    ROW("show", "Shows a profile and its rules", profile_only, show),
    ROW("put", "Adds a profile or changes it; tenants that have it already keep their rules",
        put_options, put),
    ROW("delete", "Deletes a profile", delete_options, delete),
    DRIFT_ROWS,
    {0}};
