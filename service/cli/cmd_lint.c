/* sekisho lint: what a tenant's rules do that was perhaps not meant, and its mending. */
#include <string.h>

#include "cli/change.h"

struct lint_options {
    struct common common;
    const char *tenant, *fix;
    int64_t days;
};
#define AT(member) .offset = offsetof(struct lint_options, member)

static int ask(struct cli *cli, const struct lint_options *options, struct rest_answer *ret)
{
    char *path = rest_path(cli, "/v1/tenants/{}/lint", options->tenant);
    const char *days = arena_printf(&cli->arena, "%lld", (long long)options->days);
    struct rest_request request = {.method = "GET", .path = rest_query(cli, path, "days", days)};
    return rest_call(cli, &request, ret);
}

/* --- showing --------------------------------------------------------------------------------------- */

static void show_finding(struct cli *cli, json_t *finding)
{
    struct output *out = &cli->out;
    const char *level = json_text(finding, "level");
    bool is_warning = level && strcmp(level, "warning") == 0;
    output_text(out, is_warning ? STYLE_YELLOW : STYLE_FAINT, is_warning ? "warning" : "info", 9);
    output_text(out, STYLE_PLAIN, json_text(finding, "text.en"), 0);
    fprintf(out->file, "\n  fix %s: ", json_text(finding, "id"));
    output_text(out, STYLE_STRONG, json_text(finding, "fix.text"), 0);
    fprintf(out->file, "\n");
}

static void show_all(struct cli *cli, const struct lint_options *options, json_t *answer)
{
    json_t *findings = json_object_get(answer, "findings"), *finding;
    json_int_t rules = json_integer_value(json_object_get(answer, "rules"));
    size_t i, count = json_array_size(findings);
    json_array_foreach(findings, i, finding)
        show_finding(cli, finding);
    if (count == 0)
        fprintf(cli->out.file, "%lld rules, nothing found\n", (long long)rules);
    else
        fprintf(cli->out.file, "%zu findings; sekisho lint %s --fix ID (or all) does what one proposes\n",
                count, options->tenant);
}

/* --- fixing ---------------------------------------------------------------------------------------- */

/* The id given, or those of all findings. Returns new. */
static json_t *chosen(const struct lint_options *options, json_t *answer)
{
    json_t *ids = json_array(), *finding;
    size_t i;
    if (strcmp(options->fix, "all") != 0) {
        json_array_append_new(ids, json_string(options->fix));
        return ids;
    }
    json_array_foreach(json_object_get(answer, "findings"), i, finding)
        json_array_append(ids, json_object_get(finding, "id"));
    return ids;
}

static int fix(struct cli *cli, const struct lint_options *options, json_t *answer)
{
    struct change change;
    json_t *ids = chosen(options, answer);
    size_t count = json_array_size(ids);
    if (count == 0) {
        json_decref(ids);
        fprintf(cli->out.file, "nothing to fix\n");
        return EXIT_OK;
    }
    change_begin(&change, cli, "POST", rest_path(cli, "/v1/tenants/{}/lint/fix", options->tenant));
    change_value(&change, "findings", ids);
    return change_send(&change, "%zu %s fixed for %s", count, count == 1 ? "finding" : "findings",
                       options->tenant);
}

static int lint(struct cli *cli, const void *given)
{
    const struct lint_options *options = given;
    struct rest_answer answer;
    int status = ask(cli, options, &answer);
    if (status)
        return status;
    if (options->fix)
        status = fix(cli, options, answer.body);
    else if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        show_all(cli, options, answer.body);
    rest_answer_release(&answer);
    return status;
}

static const struct option lint_rows[] = {
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "whose rules", AT(tenant)},
    {"fix", OPTION_TEXT, 0, "ID", NULL, NULL, "do what this finding proposes; 'all': each of them",
     AT(fix)},
    {"days", OPTION_INT, 0, "N", "90", NULL, "how far back calls are looked at; 0: not at all",
     AT(days), .max = 3660},
    CHANGE_WAIT,
    {0}};

const struct command lint_commands[] = {
    {"", "Shows what a tenant's rules do that was perhaps not meant, and mends it",
     "Finds rules whose time is over, that can decide no call, that open more than they say (0101\n"
     "opens 21 more area codes in 18 territories), or destinations known for fraud; lists that leave\n"
     "0100 open; denies of emergency numbers; allows that no call of the history needed.",
     lint_rows, sizeof(struct lint_options), lint, 0},
    {0}};
