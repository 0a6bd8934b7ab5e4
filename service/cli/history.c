#include "cli/history.h"

#include <string.h>

#include "cli/rest_client.h"

static const struct column columns[] = {{"TENANT", "tenant", CELL_TEXT},
                                        {"ACCOUNT", "account", CELL_TEXT},
                                        {"OVERSEAS", "overseas", CELL_TEXT},
                                        {"REASON", "reason", CELL_TEXT},
                                        {"ABROAD", "overseas_calls", CELL_TEXT},
                                        {"ANSWERED", "overseas_answered", CELL_TEXT},
                                        {"FRAUD", "marked_calls", CELL_TEXT},
                                        {"CALLS", "calls", CELL_TEXT},
                                        {"LAST ABROAD", "last_overseas_at", CELL_MOMENT},
                                        {"DAYS", "days_covered", CELL_TEXT},
                                        {"OF", "days_wanted", CELL_TEXT},
                                        {"GAPS", "gaps_count", CELL_TEXT},
                                        {"KNOWN SINCE", "known_since", CELL_MOMENT},
                                        {"CALLED", "accounts.called", CELL_TEXT},
                                        {"NEVER", "accounts.never", CELL_TEXT},
                                        {"UNKNOWN", "accounts.unknown", CELL_TEXT},
                                        {0}};

static char *add_query(struct cli *cli, char *path, const struct history_wanted *wanted)
{
    path = rest_query(cli, path, "since", wanted->since);
    path = rest_query(cli, path, "until", wanted->until);
    path = rest_query(cli, path, "tenant", wanted->tenant);
    path = rest_query(cli, path, "profile", wanted->profile);
    if (wanted->days_min)
        path = rest_query(cli, path, "days_min",
                          arena_printf(&cli->arena, "%lld", (long long)wanted->days_min));
    return path;
}

static int print_csv(struct cli *cli, const char *path)
{
    struct rest_request request = {.method = "GET", .path = path, .accept = "text/csv"};
    struct rest_answer answer;
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    fwrite(answer.text.p, 1, answer.text.n, cli->out.file);
    rest_answer_release(&answer);
    return EXIT_OK;
}

static const char *number(json_t *sums, const char *member, char text[NUMBER_BYTES])
{
    return output_number((uint64_t)json_integer_value(json_object_get(sums, member)), text);
}

/* A PBX with few records leaves all unknown that were ever seen in it: the usual reason, and the one that
 * can be mended. */
static void print_poor_sources(struct cli *cli, json_t *sums)
{
    json_int_t days_min = json_integer_value(json_object_get(sums, "days_min"));
    json_t *source;
    size_t i;
    json_array_foreach(json_object_get(sums, "sources"), i, source) {
        json_int_t days = json_integer_value(json_object_get(source, "days_covered"));
        if (days >= days_min)
            continue;
        const char *name = json_text(source, "source");
        fputs("source ", cli->out.file);
        output_text(&cli->out, STYLE_STRONG, name ? name : "", 0);
        fprintf(cli->out.file, " has records of %lld days, %lld are needed: who was seen in it is unknown\n",
                (long long)days, (long long)days_min);
    }
}

/* "48,394 accounts called abroad since 2026-09-01 00:00 +09:00, 151,606 never did, 0 are unknown" */
static int print_sums(struct cli *cli, const struct history_wanted *wanted)
{
    char *path = add_query(cli, arena_printf(&cli->arena, "/v1/history"), wanted);
    struct rest_request request = {.method = "GET", .path = path};
    struct rest_answer answer;
    char called[NUMBER_BYTES], never[NUMBER_BYTES], unknown[NUMBER_BYTES], since[MOMENT_BYTES];
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    const char *what = wanted->by_tenant ? "tenants" : "accounts";
    json_t *sums = json_object_get(answer.body, what);
    number(sums, "unknown", unknown);
    fprintf(cli->out.file, "%s %s called abroad since %s, %s never did, %s %s unknown\n",
            number(sums, "called", called), what,
            output_moment(json_text(answer.body, "since"), since), number(sums, "never", never),
            unknown, strcmp(unknown, "1") == 0 ? "is" : "are");
    if (strcmp(unknown, "0") != 0)
        print_poor_sources(cli, answer.body);
    rest_answer_release(&answer);
    return EXIT_OK;
}

int history_list(struct cli *cli, const struct history_wanted *wanted)
{
    const char *member = wanted->by_tenant ? "tenants" : "accounts";
    json_t *answer;
    char *path = add_query(cli, arena_printf(&cli->arena, "/v1/accounts"), wanted);
    path = rest_query(cli, path, "overseas", wanted->overseas);
    path = rest_query(cli, path, "by", wanted->by_tenant ? "tenant" : NULL);
    if (wanted->is_csv)
        return print_csv(cli, path);
    int status = rest_list(cli, path, member, (unsigned)wanted->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json) {
        output_json(&cli->out, answer);
    } else {
        output_table(&cli->out, columns, json_object_get(answer, member), "none");
        status = print_sums(cli, wanted);
    }
    json_decref(answer);
    return status;
}

/* --- one tenant -------------------------------------------------------------------------------------- */

static const struct column details[] = {{"overseas", "overseas", CELL_TEXT},
                                        {"reason", "reason", CELL_TEXT},
                                        {"calls abroad", "overseas_calls", CELL_TEXT},
                                        {"answered", "overseas_answered", CELL_TEXT},
                                        {"found fraud", "marked_calls", CELL_TEXT},
                                        {"calls in all", "calls", CELL_TEXT},
                                        {"first abroad", "first_overseas_at", CELL_MOMENT},
                                        {"last abroad", "last_overseas_at", CELL_MOMENT},
                                        {"days covered", "days_covered", CELL_TEXT},
                                        {"days wanted", "days_wanted", CELL_TEXT},
                                        {0}};

static const struct column country_columns[] = {{"COUNTRY", "country", CELL_TEXT},
                                                {"CALLS", "calls", CELL_TEXT},
                                                {"ANSWERED", "answered", CELL_TEXT},
                                                {"SECONDS", "seconds", CELL_TEXT},
                                                {"FIRST", "first_at", CELL_MOMENT},
                                                {"LAST", "last_at", CELL_MOMENT},
                                                {0}};

int history_tenant(struct cli *cli, const struct history_wanted *wanted)
{
    struct output *out = &cli->out;
    json_t *answer;
    char *path = rest_path(cli, "/v1/tenants/{}/history", wanted->tenant);
    struct history_wanted period = *wanted;
    period.tenant = NULL; /* it is in the path */
    int status = rest_list(cli, add_query(cli, path, &period), "accounts",
                           (unsigned)wanted->limit, &answer);
    if (status)
        return status;
    json_t *tenant = json_object_get(answer, "tenant");
    if (cli->common->is_json) {
        output_json(out, answer);
    } else {
        output_record(out, details, tenant);
        fputc('\n', out->file);
        output_table(out, country_columns, json_object_get(tenant, "countries"), "no calls abroad");
        fputc('\n', out->file);
        output_table(out, columns, json_object_get(answer, "accounts"), "no accounts");
    }
    json_decref(answer);
    return EXIT_OK;
}
