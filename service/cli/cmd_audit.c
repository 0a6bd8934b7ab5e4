/* sekisho audit: who changed what. */
#include "cli/rest_client.h"

struct audit_options {
    struct common common;
    const char *tenant;
    int64_t limit;
};
#define AT(member) .offset = offsetof(struct audit_options, member)

static const struct column columns[] = {{"TIME", "at", CELL_MOMENT},
                                        {"TENANT", "tenant", CELL_TEXT},
                                        {"ACTION", "action", CELL_TEXT},
                                        {"OBJECT", "object", CELL_TEXT},
                                        {"BY", "subject", CELL_TEXT},
                                        {"ROLE", "role", CELL_TEXT},
                                        {"FROM", "address", CELL_TEXT},
                                        {0}};

static int list(struct cli *cli, const void *given)
{
    const struct audit_options *options = given;
    const char *path = options->tenant ? rest_path(cli, "/v1/tenants/{}/audit", options->tenant)
                                       : "/v1/audit";
    json_t *answer;
    int status = rest_list(cli, path, "records", (unsigned)options->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, columns, json_object_get(answer, "records"), "no records");
    json_decref(answer);
    return EXIT_OK;
}

static const struct option list_options[] = {
    {"tenant", OPTION_TEXT, 0, "TENANT", NULL, NULL, "only changes of this tenant", AT(tenant)},
    {"limit", OPTION_INT, 0, "N", "50", NULL, "show so many; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};

const struct command audit_commands[] = {
    {"list", "Lists changes, newest first; --json shows what was before and after", NULL,
     list_options, sizeof(struct audit_options), list, 0},
    {0}};
