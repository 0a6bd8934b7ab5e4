/* sekisho rule: what may be dialed. */
#include <string.h>

#include "cli/change.h"
#include "cli/lists.h"
#include "cli/rules.h"

struct rule_options {
    struct common common;
    bool is_platform, is_locked, is_exact, is_wide;
    const char *tenant, *account, *target, *rule, *file, *divert_to, *note, *starts, *expires,
        *source;
    int action;
    int64_t limit;
};
#define AT(member) .offset = offsetof(struct rule_options, member)

static const char *const actions[] = {"allow", "deny", "divert"}; /* in the order of the option */

static const char *match_word(const struct rule_options *options)
{
    return options->is_exact ? "exact" : "prefix";
}

/* The API says it as a word ("match"), a column marks it. */
static void mark_exact(json_t *rules)
{
    json_t *rule;
    size_t i;
    json_array_foreach(rules, i, rule) {
        const char *match = json_text(rule, "match");
        if (match && strcmp(match, "exact") == 0)
            json_object_set_new(rule, "is_exact", json_true());
    }
}

static int list(struct cli *cli, const void *given)
{
    const struct rule_options *options = given;
    char *path = rest_query(cli, rules_path(cli, options->tenant), "account", options->account);
    json_t *answer;
    path = rest_query(cli, path, "scope", options->is_wide ? "tenant" : NULL);
    int status = rest_list(cli, path, "rules", (unsigned)options->limit, &answer);
    if (status)
        return status;
    json_t *rules = json_object_get(answer, "rules");
    if (cli->common->is_json) {
        output_json(&cli->out, answer);
    } else {
        rules_sort(rules);
        mark_exact(rules);
        output_table(&cli->out, rule_columns, rules, "no rules");
    }
    json_decref(answer);
    return EXIT_OK;
}

/* --- adding and setting ------------------------------------------------------------------------------ */

/* ", until 2026-12-01 09:00 +09:00" */
static const char *dates_of(struct cli *cli, json_t *rule)
{
    char from[MOMENT_BYTES], to[MOMENT_BYTES];
    const char *starts = json_text(rule, "starts_at"), *expires = json_text(rule, "expires_at");
    const char *text = arena_printf(
        &cli->arena, "%s%s%s%s", starts ? ", from " : "", starts ? output_moment(starts, from) : "",
        expires ? ", until " : "", expires ? output_moment(expires, to) : "");
    return text ? text : "";
}

static int report(struct change *change, const struct rule_options *options,
                  const struct rest_answer *answer, const char *done)
{
    struct cli *cli = change->cli;
    const char *action = json_text(answer->body, "action"), *id = json_text(answer->body, "id");
    const char *target = json_text(answer->body, "target");
    const char *account = json_text(answer->body, "account");
    return change_done(change, answer, "%s %s %s for %s%s: rule %s", action ? action : "?",
                       target ? target : "?", done, rules_owner(cli, options->tenant, account),
                       dates_of(cli, answer->body), id ? id : "?");
}

static void add_members(struct change *change, const struct rule_options *options)
{
    change_word(change, "exact", "match", match_word(options));
    change_bool(change, "locked", "locked", options->is_locked);
    change_text(change, "divert-to", "divert_to", options->divert_to);
    change_moment(change, "starts", "starts_at", options->starts);
    change_moment(change, "expires", "expires_at", options->expires);
    change_text(change, "note", "note", options->note);
    change_text(change, "source", "source", options->source);
}

static int add(struct cli *cli, const void *given)
{
    const struct rule_options *options = given;
    struct change change;
    struct rest_answer answer;
    change_begin(&change, cli, "POST", rules_path(cli, options->tenant));
    if (options->is_platform && options->account)
        change.status = cli_trouble(cli, "the platform has no accounts");
    change_value(&change, "target", json_string(options->target));
    change_value(&change, "action", json_string(actions[options->action]));
    change_text(&change, "account", "account", options->account);
    add_members(&change, options);
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    status = report(&change, options, &answer, "added");
    rest_answer_release(&answer);
    return status;
}

/* The path of the rule that was named, and its version for If-Match. */
static int find(struct cli *cli, const struct rule_options *options, json_t **ret_rule,
                char **ret_path, char **ret_etag)
{
    int status = rules_find(cli, options->tenant, options->account, options->rule, ret_rule);
    if (status)
        return status;
    json_int_t version = json_integer_value(json_object_get(*ret_rule, "version"));
    *ret_path = arena_printf(&cli->arena, "%s/%s", rules_path(cli, options->tenant),
                             json_text(*ret_rule, "id"));
    *ret_etag = arena_printf(&cli->arena, "\"%" JSON_INTEGER_FORMAT "\"", version);
    return EXIT_OK;
}

static int set(struct cli *cli, const void *given)
{
    const struct rule_options *options = given;
    struct change change;
    struct rest_answer answer;
    json_t *rule;
    char *path, *etag;
    int status = find(cli, options, &rule, &path, &etag);
    if (status)
        return status;
    change_begin(&change, cli, "PATCH", path);
    change.request.if_match = etag; /* what was looked up is what is changed */
    change_word(&change, "action", "action", actions[options->action]);
    change_text(&change, "target", "target", options->target);
    add_members(&change, options);
    if (change_is_empty(&change) && change.status == EXIT_OK)
        change.status = cli_trouble(cli, "say what to change; --help lists it");
    json_decref(rule);
    status = change_ask(&change, &answer);
    if (status)
        return status;
    status = report(&change, options, &answer, "changed");
    rest_answer_release(&answer);
    return status;
}

static int delete(struct cli *cli, const void *given)
{
    const struct rule_options *options = given;
    struct change change;
    struct rest_answer answer = {0};
    json_t *rule;
    char *path, *etag;
    int status = find(cli, options, &rule, &path, &etag);
    if (status)
        return status;
    change_begin(&change, cli, "DELETE", path);
    change.request.if_match = etag;
    status = change_ask(&change, &answer);
    if (status == EXIT_OK)
        status = change_done(&change, &answer, "%s %s deleted from %s", json_text(rule, "action"),
                             json_text(rule, "target"),
                             rules_owner(cli, options->tenant, json_text(rule, "account")));
    rest_answer_release(&answer);
    json_decref(rule);
    return status;
}

static int replace(struct cli *cli, const void *given)
{
    const struct rule_options *options = given;
    struct change change;
    char *path = rest_query(cli, rules_path(cli, options->tenant), "account", options->account);
    json_t *file = change_read_file(cli, options->file);
    if (!file)
        return EXIT_TROUBLE;
    json_t *rules = json_is_object(file) ? json_object_get(file, "rules") : file;
    size_t count = json_array_size(rules);
    change_begin(&change, cli, "PUT", path);
    change.request.if_match = "*";
    if (json_is_array(rules))
        change_value(&change, "rules", json_incref(rules));
    else
        change.status = cli_trouble(cli, "%s: expected {\"rules\": [...]} or an array of rules",
                                    options->file);
    json_decref(file);
    return change_send(&change, "%s has %zu rule%s now",
                       rules_owner(cli, options->tenant, options->account), count,
                       count == 1 ? "" : "s");
}

/* --- tables ------------------------------------------------------------------------------------------ */

#define OWNER                                                                                      \
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant",           \
     AT(tenant), .unless = "platform"},                                                            \
    {"platform", OPTION_FLAG, 0, NULL, NULL, NULL,                                                 \
     "rules of the platform, which hold for every tenant; stands in for TENANT", AT(is_platform)}
#define ACCOUNT(help)                                                                              \
    {"account", OPTION_TEXT, 0, "ACCOUNT", NULL, NULL, help, AT(account)}
#define RULE                                                                                       \
    {"RULE", OPTION_TEXT, OPTION_POSITIONAL, "RULE", NULL, NULL,                                   \
     "id of the rule, or its target when only one rule has it", AT(rule)}
#define SETTABLE                                                                                   \
    {"exact", OPTION_FLAG, 0, NULL, NULL, NULL,                                                    \
     "only this number, not what begins with it; --exact=no takes it back", AT(is_exact)},         \
    {"locked", OPTION_FLAG, 0, NULL, NULL, NULL,                                                   \
     "of the platform: no tenant or account can override it", AT(is_locked)},                      \
    {"divert-to", OPTION_TEXT, 0, "NAME", NULL, NULL,                                              \
     "where divert sends the call: voicemail, announcement, …", AT(divert_to)},                    \
    {"starts", OPTION_TEXT, 0, "TIME", NULL, NULL,                                                 \
     "when it begins to hold: 2026-12-01, \"2026-12-01 09:00\" (local time), "                     \
     "2026-12-01T09:00:00+09:00, 7d (from now), always", AT(starts)},                              \
    {"expires", OPTION_TEXT, 0, "TIME", NULL, NULL, "when it ends; as for --starts, or never",     \
     AT(expires)},                                                                                 \
    {"note", OPTION_TEXT, 0, "TEXT", NULL, NULL, "why, for people", AT(note)},                     \
    {"source", OPTION_TEXT, 0, "SOURCE", NULL, NULL,                                               \
     "who made it: customer, operator, campaign:ID, …", AT(source)}

static const struct option list_options[] = {
    OWNER,
    ACCOUNT("only the rules of this account"),
    {"tenant-only", OPTION_FLAG, 0, NULL, NULL, NULL, "without the rules of accounts", AT(is_wide)},
    {"limit", OPTION_INT, 0, "N", "0", NULL, "show so many; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};
static const struct option add_options[] = {
    OWNER,
    {"ACTION", OPTION_CHOICE, OPTION_POSITIONAL, "allow|deny|divert", NULL, NULL,
     "allow, deny or divert", AT(action)},
    {"TARGET", OPTION_TEXT, OPTION_POSITIONAL, "TARGET", NULL, NULL,
     "prefix as people write it (010, \"+1 (212)\", 0120), country:US or group:high-risk",
     AT(target)},
    ACCOUNT("a rule of this account instead of the whole tenant"),
    SETTABLE,
    CHANGE_WAIT,
    {0}};
static const struct option set_options[] = {
    OWNER,
    RULE,
    ACCOUNT("the account whose rule has that target"),
    {"action", OPTION_CHOICE, 0, "allow|deny|divert", NULL, NULL, "what it says", AT(action)},
    {"target", OPTION_TEXT, 0, "TARGET", NULL, NULL, "what it is about", AT(target)},
    SETTABLE,
    CHANGE_WAIT,
    {0}};
static const struct option delete_options[] = {
    OWNER, RULE, ACCOUNT("the account whose rule has that target"), CHANGE_WAIT, {0}};
static const struct option replace_options[] = {
    OWNER,
    {"FILE", OPTION_PATH, OPTION_POSITIONAL, "FILE", NULL, NULL,
     "JSON as \"rule list --json\" prints it; - is standard input", AT(file)},
    ACCOUNT("the rules of this account instead of those of the whole tenant"),
    CHANGE_WAIT,
    {0}};

#define ROW(name, about, details, options, run)                                                    \
    {name, about, details, options, sizeof(struct rule_options), run, 0}

const struct command rule_commands[] = {
    ROW("list", "Lists the rules of a tenant, of one of its accounts, or of the platform", NULL,
        list_options, list),
    ROW("add", "Adds a rule",
        "examples:\n"
        "  sekisho rule add acme deny 010 --wait\n"
        "  sekisho rule add acme allow 0101 --expires 7d --note \"trip to Boston\"\n"
        "  sekisho rule add acme divert country:SO --divert-to voicemail --account 1001\n"
        "  sekisho rule add --platform deny group:high-risk --locked\n",
        add_options, add),
    ROW("set", "Changes a rule",
        "examples:\n"
        "  sekisho rule set acme 0101 --expires never\n"
        "  sekisho rule set acme 01KB4M6S8QXAMPLE0000000000 --action deny --note \"\"\n",
        set_options, set),
    ROW("delete", "Deletes a rule", NULL, delete_options, delete),
    ROW("replace", "Replaces all rules of a tenant, or of one of its accounts, as one change", NULL,
        replace_options, replace),
    LIST_ROWS,
    {0}};
