#include "cli/cmd_cdr_marks.h"

#include "cli/change.h"

#define AT(member) .offset = offsetof(struct cdr_marks_options, member)

static const struct column columns[] = {{"ID", "id", CELL_TEXT},
                                        {"ACCOUNT", "account", CELL_TEXT},
                                        {"COUNTRY", "country", CELL_TEXT},
                                        {"CALL ID", "call_id", CELL_TEXT},
                                        {"FROM", "from", CELL_MOMENT},
                                        {"TO", "to", CELL_MOMENT},
                                        {"CALLS", "calls", CELL_TEXT},
                                        {"MADE", "made_at", CELL_MOMENT},
                                        {"BY", "made_by", CELL_TEXT},
                                        {"NOTE", "note", CELL_TEXT},
                                        {0}};

int cdr_mark(struct cli *cli, const void *given)
{
    const struct cdr_marks_options *options = given;
    struct change change;
    struct rest_answer answer;
    char number[NUMBER_BYTES];
    change_begin(&change, cli, "POST",
                 rest_path(cli, "/v1/tenants/{}/calls/marks", options->tenant));
    change_text(&change, "account", "account", options->account);
    change_text(&change, "country", "country", options->country);
    change_text(&change, "call-id", "call_id", options->call_id);
    change_moment(&change, "from", "from", options->from);
    change_moment(&change, "to", "to", options->to);
    change_text(&change, "note", "note", options->note);
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    json_t *calls = json_object_get(answer.body, "calls");
    const char *id = json_text(answer.body, "id");
    status = change_done(&change, &answer, "mark %s of tenant %s on %s calls", id ? id : "?",
                         options->tenant,
                         output_number((uint64_t)json_integer_value(calls), number));
    rest_answer_release(&answer);
    return status;
}

int cdr_unmark(struct cli *cli, const void *given)
{
    const struct cdr_marks_options *options = given;
    struct change change;
    change_begin(&change, cli, "DELETE",
                 rest_path(cli, "/v1/tenants/{}/calls/marks/{}", options->tenant, options->id));
    return change_send(&change, "mark %s of tenant %s taken back", options->id, options->tenant);
}

int cdr_marks(struct cli *cli, const void *given)
{
    const struct cdr_marks_options *options = given;
    json_t *answer;
    int status = rest_list(cli, rest_path(cli, "/v1/tenants/{}/calls/marks", options->tenant),
                           "marks", (unsigned)options->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, columns, json_object_get(answer, "marks"), "no marks");
    json_decref(answer);
    return EXIT_OK;
}

#define TENANT                                                                                     \
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant", AT(tenant)}

const struct option cdr_mark_options[] = {
    TENANT,
    {"account", OPTION_TEXT, 0, "ACCOUNT", NULL, NULL, "calls of this account", AT(account)},
    {"country", OPTION_TEXT, 0, "CODE", NULL, NULL, "calls to this country, such as SO",
     AT(country)},
    {"call-id", OPTION_TEXT, 0, "ID", NULL, NULL, "the call with this id of the PBX's", AT(call_id)},
    {"from", OPTION_TEXT, 0, "TIME", NULL, NULL, "calls from then on: 2026-10-03, 2026-10-03 18:00",
     AT(from)},
    {"to", OPTION_TEXT, 0, "TIME", NULL, NULL, "calls before then", AT(to)},
    {"note", OPTION_TEXT, 0, "TEXT", NULL, NULL, "why", AT(note)},
    {0}};
const struct option cdr_unmark_options[] = {
    TENANT,
    {"ID", OPTION_TEXT, OPTION_POSITIONAL, "ID", NULL, NULL, "id of the mark", AT(id)},
    {0}};
const struct option cdr_marks_options[] = {
    TENANT,
    {"limit", OPTION_INT, 0, "N", "0", NULL, "show so many; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};
