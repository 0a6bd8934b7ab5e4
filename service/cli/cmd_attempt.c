/* sekisho attempt: what was asked and answered. */
#include "cli/rest_client.h"

struct attempt_options {
    struct common common;
    const char *tenant, *account;
    int64_t limit;
};
#define AT(member) .offset = offsetof(struct attempt_options, member)

static const struct column columns[] = {{"TIME", "at", CELL_MOMENT},
                                        {"TENANT", "tenant", CELL_TEXT},
                                        {"ACCOUNT", "account", CELL_TEXT},
                                        {"VERDICT", "verdict", CELL_VERDICT},
                                        {"NUMBER", "number", CELL_TEXT},
                                        {"COUNTRY", "country", CELL_TEXT},
                                        {"KIND", "kind", CELL_TEXT},
                                        {"REASON", "reason", CELL_TEXT},
                                        {"RULE", "rule_id", CELL_TEXT},
                                        {"ORIGIN", "origin", CELL_TEXT},
                                        {"FROM", "source_ip", CELL_TEXT},
                                        {"DEGRADED", "degraded", CELL_TEXT},
                                        {0}};

static int list(struct cli *cli, const void *given)
{
    const struct attempt_options *options = given;
    char *path = options->tenant ? rest_path(cli, "/v1/tenants/{}/attempts", options->tenant)
                                 : rest_path(cli, "/v1/attempts");
    json_t *answer;
    path = rest_query(cli, path, "account", options->account);
    int status = rest_list(cli, path, "attempts", (unsigned)options->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, columns, json_object_get(answer, "attempts"), "no attempts");
    json_decref(answer);
    return EXIT_OK;
}

static const struct option list_options[] = {
    {"tenant", OPTION_TEXT, 0, "TENANT", NULL, NULL, "only attempts of this tenant", AT(tenant)},
    {"account", OPTION_TEXT, 0, "ACCOUNT", NULL, NULL, "only attempts of this account",
     AT(account)},
    {"limit", OPTION_INT, 0, "N", "50", NULL, "show so many; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};

const struct command attempt_commands[] = {
    {"list",
     "Lists what was asked and answered, newest first; allowed domestic calls are only counted",
     NULL, list_options, sizeof(struct attempt_options), list, 0},
    {0}};
