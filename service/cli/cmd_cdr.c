/* sekisho cdr: call records of the PBXs. */
#include "base/clock.h"
#include "cli/cdr_send.h"
#include "cli/cmd_cdr_marks.h"
#include "cli/moment.h"

#define AT(member) .offset = offsetof(struct cdr_options, member)

/* --- terms -------------------------------------------------------------------------------------- */

struct terms_options {
    struct common common;
    const char *purpose;
    int64_t retention_days;
};

static const struct column terms_columns[] = {{"purpose", "purpose", CELL_TEXT},
                                              {"retention days", "retention_days", CELL_TEXT},
                                              {"stated at", "stated_at", CELL_MOMENT},
                                              {"stated by", "stated_by", CELL_TEXT},
                                              {0}};

static int terms(struct cli *cli, const void *given)
{
    const struct terms_options *options = given;
    struct rest_answer answer;
    bool is_change = options->purpose || options->retention_days;
    if (is_change && (!options->purpose || !options->retention_days))
        return cli_trouble(cli, "--purpose and --retention-days go together");
    json_t *body = is_change ? json_pack("{ss, sI}", "purpose", options->purpose, "retention_days",
                                         (json_int_t)options->retention_days)
                             : NULL;
    struct rest_request request = {
        .method = is_change ? "PUT" : "GET", .path = "/v1/cdrs/terms", .body = body};
    int status = rest_call(cli, &request, &answer);
    json_decref(body);
    if (status && !is_change && answer.status == 404)
        fputs("Nothing is stated yet: --purpose TEXT and --retention-days N do it.\n", stderr);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        output_record(&cli->out, terms_columns, answer.body);
    rest_answer_release(&answer);
    return EXIT_OK;
}

static const struct option terms_rows[] = {
    {"purpose", OPTION_TEXT, 0, "TEXT", NULL, NULL, "what call records are kept for",
     .offset = offsetof(struct terms_options, purpose)},
    {"retention-days", OPTION_INT, 0, "N", NULL, NULL, "how long; after that only sums are kept",
     .offset = offsetof(struct terms_options, retention_days), .min = 1, .max = 3660},
    {0}};

/* --- unmapped ----------------------------------------------------------------------------------- */

struct unmapped_options {
    struct common common;
    const char *source;
    bool clear;
    int64_t limit;
};

static const struct column unmapped_columns[] = {{"SOURCE", "source", CELL_TEXT},
                                                 {"REASON", "reason", CELL_TEXT},
                                                 {"RECORDS", "records", CELL_TEXT},
                                                 {"FIRST", "first_at", CELL_MOMENT},
                                                 {"LAST", "last_at", CELL_MOMENT},
                                                 {"WHAT STOOD THERE", "value", CELL_TEXT},
                                                 {0}};

static int clear(struct cli *cli, const char *path)
{
    struct rest_answer answer;
    struct rest_request request = {.method = "DELETE", .path = path};
    int status = path ? rest_call(cli, &request, &answer) : cli_trouble(cli, "out of memory");
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        fprintf(cli->out.file, "%" JSON_INTEGER_FORMAT " rows forgotten\n",
                json_integer_value(json_object_get(answer.body, "removed")));
    rest_answer_release(&answer);
    return EXIT_OK;
}

static int unmapped(struct cli *cli, const void *given)
{
    const struct unmapped_options *options = given;
    json_t *answer;
    char *path = rest_query(cli, rest_path(cli, "/v1/cdrs/unmapped"), "source", options->source);
    if (options->clear)
        return clear(cli, path);
    int status = rest_list(cli, path, "unmapped", (unsigned)options->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, unmapped_columns, json_object_get(answer, "unmapped"),
                     "every record had a tenant and an account");
    json_decref(answer);
    return EXIT_OK;
}

#define UNMAPPED_AT(member) .offset = offsetof(struct unmapped_options, member)
static const struct option unmapped_rows[] = {
    {"source", OPTION_TEXT, 0, "NAME", NULL, NULL, "only records of this PBX", UNMAPPED_AT(source)},
    {"clear", OPTION_FLAG, 0, NULL, NULL, NULL,
     "forget them: the map was mended, and the records will be read again", UNMAPPED_AT(clear)},
    {"limit", OPTION_INT, 0, "N", "100", NULL, "show so many; 0 shows all", UNMAPPED_AT(limit),
     .max = 1000000},
    {0}};

/* --- coverage ----------------------------------------------------------------------------------- */

struct coverage_options {
    struct common common;
    const char *tenant, *from, *to;
    int64_t tolerance_ms;
};

static const struct column coverage_columns[] = {{"TENANT", "tenant", CELL_TEXT},
                                                 {"ACCOUNT", "account", CELL_TEXT},
                                                 {"CONTEXT", "context", CELL_TEXT},
                                                 {"CALLS", "calls", CELL_TEXT},
                                                 {"ABROAD", "overseas", CELL_TEXT},
                                                 {"ANSWERED", "answered", CELL_TEXT},
                                                 {"FIRST", "first_at", CELL_MOMENT},
                                                 {"LAST", "last_at", CELL_MOMENT},
                                                 {"FOR EXAMPLE", "example", CELL_TEXT},
                                                 {0}};

static json_int_t number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void say_coverage(struct cli *cli, json_t *answer)
{
    json_t *group, *asked = json_object_get(answer, "asked"), *groups = json_object_get(answer, "groups");
    size_t i;
    fprintf(cli->out.file,
            "%" JSON_INTEGER_FORMAT " calls: %" JSON_INTEGER_FORMAT " were asked for (%" JSON_INTEGER_FORMAT
            " by call id, %" JSON_INTEGER_FORMAT " by number, %" JSON_INTEGER_FORMAT
            " by count), %" JSON_INTEGER_FORMAT " to emergency numbers, %" JSON_INTEGER_FORMAT
            " without anybody asking, %" JSON_INTEGER_FORMAT " of these abroad\n",
            number(answer, "calls"),
            number(asked, "by_call_id") + number(asked, "by_number") + number(asked, "by_count"),
            number(asked, "by_call_id"), number(asked, "by_number"), number(asked, "by_count"),
            number(answer, "emergency"), number(answer, "not_asked"), number(answer, "not_asked_overseas"));
    json_array_foreach(groups, i, group) {
        json_t *example = json_array_get(json_object_get(group, "examples"), 0);
        json_object_set(group, "example", json_object_get(example, "number"));
    }
    if (json_array_size(groups))
        output_table(&cli->out, coverage_columns, groups, "");
    if (number(answer, "more_calls"))
        fprintf(cli->out.file, "… and %" JSON_INTEGER_FORMAT " calls in more groups: ask for one --tenant\n",
                number(answer, "more_calls"));
}

/* Adds a moment to the path; false: it is none, and that was said. */
static bool add_moment(struct cli *cli, char **path, const char *name, const char *value)
{
    char text[CLOCK_TEXT_BYTES];
    struct err err = {0};
    int64_t ms;
    if (!value)
        return true;
    if (moment_parse(value, clock_now_ms(), &ms, &err)) {
        cli_trouble(cli, "--%s: %s", name, err.text);
        return false;
    }
    *path = rest_query(cli, *path, name, ms ? clock_format(ms, text) : NULL);
    return true;
}

static int coverage(struct cli *cli, const void *given)
{
    const struct coverage_options *options = given;
    struct rest_answer answer;
    char seconds[24];
    char *path = rest_query(cli, rest_path(cli, "/v1/cdrs/coverage"), "tenant", options->tenant);
    snprintf(seconds, sizeof seconds, "%lld", (long long)options->tolerance_ms / 1000);
    path = rest_query(cli, path, "tolerance", seconds);
    if (!add_moment(cli, &path, "from", options->from) || !add_moment(cli, &path, "to", options->to))
        return EXIT_TROUBLE;
    struct rest_request request = {.method = "GET", .path = path};
    int status = path ? rest_call(cli, &request, &answer) : cli_trouble(cli, "out of memory");
    if (status)
        return status;
    bool is_whole = number(answer.body, "not_asked") == 0;
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        say_coverage(cli, answer.body);
    rest_answer_release(&answer);
    return is_whole ? EXIT_OK : EXIT_PARTLY;
}

#define COVERAGE_AT(member) .offset = offsetof(struct coverage_options, member)
static const struct option coverage_rows[] = {
    {"tenant", OPTION_TEXT, 0, "TENANT", NULL, NULL, "only calls of this tenant", COVERAGE_AT(tenant)},
    {"from", OPTION_TEXT, 0, "TIME", NULL, NULL,
     "calls from then on; without it seven days before --to", COVERAGE_AT(from)},
    {"to", OPTION_TEXT, 0, "TIME", NULL, NULL, "and before that; without it now", COVERAGE_AT(to)},
    {"tolerance", OPTION_DURATION, 0, "TIME", "2m", NULL, "between an attempt and its call",
     COVERAGE_AT(tolerance_ms), .max = 3600000},
    {0}};

/* --- import and follow -------------------------------------------------------------------------- */

#define WHOSE                                                                                      \
    {"source", OPTION_TEXT, 0, "NAME", NULL, NULL,                                                 \
     "which PBX wrote the records, the same each time; without it this machine's name", AT(source)}, \
    {"layout", OPTION_TEXT, 0, "LAYOUT", NULL, NULL,                                               \
     "of a CSV: master, with +uniqueid, +userfield, +new; or columns:NAME,…; without it found in the file", \
     AT(layout)},                                                                                  \
    {"time-zone", OPTION_TEXT, 0, "ZONE", NULL, NULL,                                              \
     "of the times: Asia/Tokyo, UTC, +09:00; without it found in the file or the daemon's", AT(time_zone)}, \
    {"map", OPTION_TEXT, 0, "MAP", NULL, NULL,                                                     \
     "whose call a record is, such as \"tenant=accountcode account=channel context=out-*\"; without it the " \
     "daemon's", AT(map)},                                                                         \
    {"rejects", OPTION_PATH, 0, "FILE", NULL, NULL,                                                \
     "gets a line of JSON for each record that was refused, with the record", AT(rejects)}

static const struct option import_rows[] = {
    {"FILE", OPTION_PATH, OPTION_POSITIONAL, "FILE", NULL, NULL,
     "Master.csv or NDJSON; - is standard input", AT(file), .unless = "table"},
    WHOSE,
    {"dry-run", OPTION_FLAG, 0, NULL, NULL, NULL,
     "show what was found, and ten records as they are understood; change nothing", AT(dry_run)},
    {"follow", OPTION_FLAG, 0, NULL, NULL, NULL,
     "then keep reading what is written to it, as \"sekisho cdr follow\" does", AT(follow)},
    {"table", OPTION_TEXT, OPTION_SECRET, "URL", NULL, "SEKISHO_CDR_TABLE",
     "instead of a file read a table: sqlite:FILE or postgres://…; goes on where it ended", AT(table)},
    {"table-name", OPTION_TEXT, 0, "NAME", "cdr", NULL, "of the table", AT(table_name)},
    {"overlap", OPTION_DURATION, 0, "TIME", "1h", NULL,
     "of a table: how far back rows may still come in late", AT(overlap_ms), .max = INT64_C(31) * 86400000},
    {"patience", OPTION_DURATION, 0, "TIME", "60s", NULL,
     "how long to try again when there is no answer, or the store is away", AT(patience_ms), .max = 86400000},
    {0}};

static const struct option follow_rows[] = {
    {"FILE", OPTION_PATH, OPTION_POSITIONAL, "FILE", NULL, NULL, "Master.csv, as the PBX writes it",
     AT(file)},
    WHOSE,
    {"interval", OPTION_DURATION, 0, "TIME", "1s", NULL, "how often to look for more", AT(interval_ms),
     .min = 10, .max = 3600000},
    {"once", OPTION_FLAG, 0, NULL, NULL, NULL, "end at the end of the file; go on there the next time",
     AT(once)},
    {0}};

const struct command cdr_commands[] = {
    {"terms", "Shows or states what call records are kept for and how long; comes before the first import",
     NULL, terms_rows, sizeof(struct terms_options), terms, 0},
    {"import", "Takes in call records from a file or a table; the same record counts once",
     "Exit status: 0 every record was taken, 1 some were refused, 2 it did not get to the end.", import_rows,
     sizeof(struct cdr_options), cdr_import_run, 0},
    {"follow", "Takes in call records as they are written, over rotation and restarts",
     "How far it got is kept by the daemon together with the records. After a rotation the renamed file is\n"
     "found again and read to its end; rotate without compressing at once (delaycompress).\n"
     "A pbx token is enough. It runs until SIGTERM, and waits while the daemon is away.",
     follow_rows, sizeof(struct cdr_options), cdr_follow_run, 0},
    {"coverage", "Lists calls that went out without anybody asking, by account and context",
     "Exit status: 0 there were none, 1 there were some, 2 trouble.", coverage_rows,
     sizeof(struct coverage_options), coverage, 0},
    {"unmapped", "Lists records without tenant or account, by what stood there", NULL, unmapped_rows,
     sizeof(struct unmapped_options), unmapped, 0},
    CDR_MARKS_ROWS,
    {0}};
