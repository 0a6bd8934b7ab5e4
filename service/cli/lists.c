#include "cli/lists.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/change.h"
#include "cli/rules.h"

enum { FILE_BYTES_MAX = 8 << 20, SHOWN_MAX = 20 };

static const char *const charsets[] = {"auto", "utf-8", "shift_jis"};

/* --- the file --------------------------------------------------------------------------------- */

static int read_file(struct cli *cli, const char *path, struct slice *ret)
{
    bool is_stdin = strcmp(path, "-") == 0;
    char *text = arena_alloc(&cli->arena, FILE_BYTES_MAX + 1);
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file || !text)
        return cli_trouble(cli, "%s: %s", path, strerror(errno));
    size_t n = fread(text, 1, FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    int why = errno;
    if (!is_stdin)
        fclose(file);
    if (failed)
        return cli_trouble(cli, "%s: %s", path, strerror(why));
    if (n > FILE_BYTES_MAX)
        return cli_trouble(cli, "%s: is larger than 8 MB", path);
    *ret = (struct slice){text, n};
    return EXIT_OK;
}

/* --- showing ---------------------------------------------------------------------------------- */

static json_int_t count_of(json_t *answer, const char *name)
{
    return json_integer_value(json_object_get(json_object_get(answer, "counts"), name));
}

static bool is_same(json_t *a, json_t *b, const char *member)
{
    return json_equal(json_object_get(a, member), json_object_get(b, member));
}

/* "deny", "divert to voicemail", "allow, with another note" */
static const char *what_of(struct cli *cli, json_t *rule, json_t *other)
{
    const char *action = json_text(rule, "action"), *divert_to = json_text(rule, "divert_to");
    bool is_note = other && is_same(rule, other, "action") && is_same(rule, other, "divert_to");
    const char *text = arena_printf(&cli->arena, "%s%s%s%s", action ? action : "",
                                    divert_to ? " to " : "", divert_to ? divert_to : "",
                                    is_note ? ", other note" : "");
    return text ? text : "";
}

static void show_changes(struct cli *cli, json_t *answer)
{
    static const struct column columns[] = {
        {"LINE", "line", CELL_TEXT},       {"CHANGE", "what", CELL_TEXT},
        {"TARGET", "target", CELL_TEXT},   {"MATCH", "match", CELL_TEXT},
        {"FROM", "from", CELL_TEXT},       {"TO", "to", CELL_TEXT},
        {"STARTS", "starts", CELL_MOMENT}, {"EXPIRES", "expires", CELL_MOMENT},
        {"NOTE", "note", CELL_TEXT},       {0}};
    json_t *rows = json_array(), *change;
    size_t i;
    json_array_foreach(json_object_get(answer, "changes"), i, change) {
        json_t *before = json_object_get(change, "before");
        json_t *after = json_object_get(change, "after");
        bool has_before = json_is_object(before), has_after = json_is_object(after);
        json_t *rule = has_after ? after : before;
        const char *match = json_text(rule, "match");
        json_array_append_new(
            rows, json_pack("{s:O,s:O,s:O,s:s?,s:s,s:s,s:O,s:O,s:O}", "line",
                            json_object_get(change, "line"), "what",
                            json_object_get(change, "what"), "target",
                            json_object_get(rule, "target"), "match",
                            match && strcmp(match, "exact") == 0 ? match : NULL, "from",
                            has_before ? what_of(cli, before, NULL) : "", "to",
                            has_after ? what_of(cli, after, has_before ? before : NULL) : "",
                            "starts", json_object_get(rule, "starts_at"), "expires",
                            json_object_get(rule, "expires_at"), "note",
                            json_object_get(rule, "note")));
    }
    output_table(&cli->out, columns, rows, "no changes");
    json_decref(rows);
}

static void show_refused(struct cli *cli, json_t *answer)
{
    json_t *refused = json_object_get(answer, "refused"), *line;
    size_t i;
    json_array_foreach(refused, i, line) {
        char text[512];
        const char *column = json_text(line, "column"), *detail = json_text(line, "detail");
        if (i == SHOWN_MAX) {
            fprintf(cli->out.file, "… and %zu more; --json shows them all\n",
                    json_array_size(refused) - i);
            return;
        }
        snprintf(text, sizeof text, "line %" JSON_INTEGER_FORMAT " refused: %s%s%s",
                 json_integer_value(json_object_get(line, "line")), column ? column : "",
                 column ? ": " : "", detail ? detail : "");
        output_text(&cli->out, STYLE_RED, text, 0);
        fputc('\n', cli->out.file);
    }
}

/* What was found out about the file, so that a wrong guess is seen. */
static void show_file(struct cli *cli, json_t *answer)
{
    json_t *file = json_object_get(answer, "file"), *warning;
    json_t *columns = json_object_get(file, "columns"), *column;
    const char *ignored = json_text(file, "ignored"), *separator = json_text(file, "separator");
    size_t i;
    fprintf(cli->out.file, "%s, %s header, separated by %s; columns:",
            json_text(file, "charset") ? json_text(file, "charset") : "?",
            json_is_true(json_object_get(file, "header")) ? "with a" : "no",
            separator && strcmp(separator, ",") == 0 ? "commas"
            : separator && strcmp(separator, ";") == 0 ? "semicolons" : "tabs");
    json_array_foreach(columns, i, column)
        fprintf(cli->out.file, "%s %s", i ? "," : "", json_string_value(column));
    fputc('\n', cli->out.file);
    if (ignored) {
        fputs("ignored columns: ", cli->out.file);
        output_text(&cli->out, STYLE_PLAIN, ignored, 0);
        fputc('\n', cli->out.file);
    }
    json_array_foreach(json_object_get(answer, "warnings"), i, warning) {
        output_text(&cli->out, STYLE_YELLOW, json_string_value(warning), 0);
        fputc('\n', cli->out.file);
    }
}

static const char *summary_of(struct cli *cli, json_t *answer)
{
    static const char *const names[] = {"added",     "changed",  "removed",
                                        "unchanged", "repeated", "refused"};
    const char *text = "";
    for (unsigned i = 0; i < sizeof names / sizeof *names && text; i++)
        if (i < 4 || count_of(answer, names[i]))
            text = arena_printf(&cli->arena, "%s%s%" JSON_INTEGER_FORMAT " %s", text, i ? ", " : "",
                                count_of(answer, names[i]), names[i]);
    return text ? text : "";
}

/* --- import ----------------------------------------------------------------------------------- */

static int ask(struct cli *cli, const struct list_options *options, struct slice text,
               const char *if_match, bool is_dry_run, struct change *change,
               struct rest_answer *ret)
{
    char *path = rest_path(cli, "/v1/tenants/{}/rules/import", options->tenant);
    path = rest_query(cli, path, "account", options->account);
    path = rest_query(cli, path, "mode", options->merge ? "merge" : NULL);
    path = rest_query(cli, path, "action", options->action ? "allow" : NULL);
    path = rest_query(cli, path, "charset", options->charset ? charsets[options->charset] : NULL);
    path = rest_query(cli, path, "skip_refused", options->skip_refused ? "true" : NULL);
    path = rest_query(cli, path, "dry_run", is_dry_run ? "true" : NULL);
    if (!path)
        return cli_trouble(cli, "out of memory, or a name that is too long");
    *change = (struct change){.cli = cli,
                              .request = {.method = "POST",
                                          .path = path,
                                          .text = text,
                                          .content_type = "text/csv",
                                          .if_match = if_match}};
    return rest_call(cli, &change->request, ret);
}

static int preview(struct cli *cli, json_t *answer)
{
    if (cli->common->is_json) {
        output_json(&cli->out, answer);
    } else {
        show_file(cli, answer);
        show_refused(cli, answer);
        show_changes(cli, answer);
        fprintf(cli->out.file, "preview, nothing was changed: %s\n", summary_of(cli, answer));
    }
    return count_of(answer, "refused") ? EXIT_PARTLY : EXIT_OK;
}

static int put_in_force(struct cli *cli, const struct list_options *options, struct slice text,
                        const struct rest_answer *seen)
{
    struct change change;
    struct rest_answer answer;
    int status = ask(cli, options, text, seen->etag, false, &change, &answer);
    if (status)
        return status;
    if (!cli->common->is_json) {
        show_file(cli, answer.body);
        show_refused(cli, answer.body);
    }
    status = change_done(&change, &answer, "%s: %s",
                         rules_owner(cli, options->tenant, options->account),
                         summary_of(cli, answer.body));
    rest_answer_release(&answer);
    return status;
}

int list_import(struct cli *cli, const void *given)
{
    const struct list_options *options = given;
    struct change change;
    struct rest_answer seen;
    struct slice text;
    int status = read_file(cli, options->file, &text);
    if (status == EXIT_OK)
        status = ask(cli, options, text, "*", true, &change, &seen);
    if (status)
        return status;
    status = options->preview ? preview(cli, seen.body) : put_in_force(cli, options, text, &seen);
    rest_answer_release(&seen);
    return status;
}

/* --- export ----------------------------------------------------------------------------------- */

int list_export(struct cli *cli, const void *given)
{
    const struct list_options *options = given;
    struct rest_answer answer;
    char *path = rest_query(cli, rules_path(cli, options->tenant), "format", "csv");
    path = rest_query(cli, path, "account", options->account);
    path = rest_query(cli, path, "charset", options->charset ? charsets[options->charset] : NULL);
    path = rest_query(cli, path, "bom", options->bom ? "true" : NULL);
    struct rest_request request = {.method = "GET", .path = path, .accept = "text/csv"};
    int status = path ? rest_call(cli, &request, &answer) : cli_trouble(cli, "out of memory");
    if (status)
        return status;
    FILE *file = options->output ? fopen(options->output, "we") : cli->out.file;
    bool failed = !file || fwrite(answer.text.p ? answer.text.p : "", 1, answer.text.n, file) !=
                               answer.text.n;
    if (options->output && file && fclose(file))
        failed = true;
    if (failed)
        status = cli_trouble(cli, "%s: %s", options->output ? options->output : "standard output",
                             strerror(errno));
    rest_answer_release(&answer);
    return status;
}

/* --- tables ----------------------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct list_options, member)
#define OWNER                                                                                      \
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant",           \
     AT(tenant)}
#define ACCOUNT                                                                                    \
    {"account", OPTION_TEXT, 0, "ACCOUNT", NULL, NULL,                                             \
     "the list of this account instead of the tenant's own", AT(account)}

const struct option list_import_options[] = {
    OWNER,
    {"FILE", OPTION_PATH, OPTION_POSITIONAL, "FILE", NULL, NULL, "the list; - is standard input",
     AT(file)},
    ACCOUNT,
    {"preview", OPTION_FLAG, 0, NULL, NULL, NULL, "show what would change, and change nothing",
     AT(preview)},
    {"merge", OPTION_FLAG, 0, NULL, NULL, NULL,
     "leave rules alone that the file does not name, instead of removing them", AT(merge)},
    {"action", OPTION_CHOICE, 0, "deny|allow", "deny", NULL, "what a prefix alone means",
     AT(action)},
    {"charset", OPTION_CHOICE, 0, "auto|utf-8|shift_jis", "auto", NULL, "auto detects it",
     AT(charset)},
    {"skip-refused", OPTION_FLAG, 0, NULL, NULL, NULL,
     "put the rest in force when lines are refused", AT(skip_refused)},
    CHANGE_WAIT,
    {0}};
const struct option list_export_options[] = {
    OWNER,
    ACCOUNT,
    {"output", OPTION_PATH, 0, "FILE", NULL, NULL, "write it there", AT(output)},
    {"charset", OPTION_CHOICE, 0, "auto|utf-8|shift_jis", "auto", NULL, "auto is utf-8",
     AT(charset)},
    {"bom", OPTION_FLAG, 0, NULL, NULL, NULL,
     "begin with a byte order mark, by which spreadsheets know UTF-8", AT(bom)},
    {0}};
