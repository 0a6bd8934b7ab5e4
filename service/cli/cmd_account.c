/* sekisho account: the calling identities of a tenant. */
#include "cli/change.h"
#include "cli/history.h"
#include "cli/import.h"

struct account_options {
    struct common common;
    const char *tenant, *account, *name, *profile;
    const char *overseas, *since, *until;
    bool by_tenant, is_csv;
    int64_t limit, days_min;
};
#define AT(member) .offset = offsetof(struct account_options, member)

static const struct column columns[] = {{"ACCOUNT", "id", CELL_TEXT},
                                        {"NAME", "display_name", CELL_TEXT},
                                        {"PROFILE", "profile", CELL_TEXT},
                                        {"CREATED", "created_at", CELL_MOMENT},
                                        {0}};

static const struct column details[] = {{"account", "id", CELL_TEXT},
                                        {"name", "display_name", CELL_TEXT},
                                        {"profile", "profile", CELL_TEXT},
                                        {"created", "created_at", CELL_MOMENT},
                                        {"updated", "updated_at", CELL_MOMENT},
                                        {0}};

static const char *path_of(struct cli *cli, const struct account_options *options)
{
    return rest_path(cli, "/v1/tenants/{}/accounts/{}", options->tenant, options->account);
}

/* Of which tenant is an option where calls are asked for: all of them is the usual question. */
static int list_by_history(struct cli *cli, const struct account_options *options)
{
    const struct history_wanted wanted = {
        .overseas = options->overseas,
        .since = options->since,
        .until = options->until,
        .tenant = options->tenant,
        .profile = options->profile,
        .days_min = options->days_min,
        .limit = options->limit,
        .by_tenant = options->by_tenant,
        .is_csv = options->is_csv,
    };
    return history_list(cli, &wanted);
}

static int list(struct cli *cli, const void *given)
{
    const struct account_options *options = given;
    if (options->overseas || options->since || options->until || options->by_tenant ||
        options->is_csv || options->profile || options->days_min)
        return list_by_history(cli, options);
    if (!options->tenant)
        return cli_trouble(cli, "name a tenant, or ask for calls abroad (--overseas, --since)");
    const char *path = rest_path(cli, "/v1/tenants/{}/accounts", options->tenant);
    json_t *answer;
    int status = rest_list(cli, path, "accounts", (unsigned)options->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, columns, json_object_get(answer, "accounts"), "no accounts");
    json_decref(answer);
    return EXIT_OK;
}

static int show(struct cli *cli, const void *given)
{
    struct rest_request request = {.method = "GET", .path = path_of(cli, given)};
    struct rest_answer answer;
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        output_record(&cli->out, details, answer.body);
    rest_answer_release(&answer);
    return EXIT_OK;
}

static int put_as(struct cli *cli, const struct account_options *options, bool is_new)
{
    struct change change;
    struct rest_answer answer;
    change_begin(&change, cli, "PUT", path_of(cli, options));
    change.request.is_new = is_new;
    change_text(&change, "name", "display_name", options->name);
    change_text(&change, "profile", "profile", options->profile);
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    status = change_done(&change, &answer, "account %s of tenant %s %s", options->account,
                         options->tenant, answer.status == 201 ? "added" : "changed");
    rest_answer_release(&answer);
    return status;
}

static int add(struct cli *cli, const void *given)
{
    return put_as(cli, given, true);
}

static int put(struct cli *cli, const void *given)
{
    return put_as(cli, given, false);
}

static int set(struct cli *cli, const void *given)
{
    const struct account_options *options = given;
    struct change change;
    change_begin(&change, cli, "PATCH", path_of(cli, options));
    change_text(&change, "name", "display_name", options->name);
    if (change_is_empty(&change) && change.status == EXIT_OK)
        change.status = cli_trouble(cli, "say what to change; --help lists it");
    return change_send(&change, "account %s of tenant %s changed", options->account,
                       options->tenant);
}

static int delete(struct cli *cli, const void *given)
{
    const struct account_options *options = given;
    struct change change;
    change_begin(&change, cli, "DELETE", path_of(cli, options));
    return change_send(&change, "account %s of tenant %s deleted", options->account,
                       options->tenant);
}

#define TENANT                                                                                     \
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant", AT(tenant)}
#define ACCOUNT                                                                                    \
    {"ACCOUNT", OPTION_TEXT, OPTION_POSITIONAL, "ACCOUNT", NULL, NULL,                             \
     "id of the account: SIP account, extension or CID", AT(account)}
#define NAME {"name", OPTION_TEXT, 0, "TEXT", NULL, NULL, "name for people", AT(name)}

static const struct option list_options[] = {
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL | OPTION_OPTIONAL, "TENANT", NULL, NULL,
     "id of the tenant; may be left out with the options about calls", AT(tenant)},
    {"overseas", OPTION_TEXT, 0, "called|never|unknown", NULL, NULL,
     "accounts that called abroad, never did, or of whom too little is known", AT(overseas)},
    {"since", OPTION_TEXT, 0, "DAY|TIME", NULL, NULL,
     "begin of the period that calls are looked for in, such as 2026-09-01; without it a year back",
     AT(since)},
    {"until", OPTION_TEXT, 0, "DAY|TIME", NULL, NULL, "its end, not included; without it now",
     AT(until)},
    {"days-min", OPTION_INT, 0, "N", "0", NULL,
     "covered days that \"never\" needs; 0 is the service's own, 90", AT(days_min), .max = 3660},
    {"by-tenant", OPTION_FLAG, 0, NULL, NULL, NULL, "a line a tenant instead of one an account",
     AT(by_tenant)},
    {"profile", OPTION_TEXT, 0, "PROFILE", NULL, NULL,
     "only tenants that began with this profile", AT(profile)},
    {"csv", OPTION_FLAG, 0, NULL, NULL, NULL, "print CSV, all of it", AT(is_csv)},
    {"limit", OPTION_INT, 0, "N", "0", NULL, "show so many; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};
static const struct option account_only[] = {TENANT, ACCOUNT, {0}};
static const struct option delete_options[] = {TENANT, ACCOUNT, CHANGE_WAIT, {0}};
static const struct option put_options[] = {
    TENANT,
    ACCOUNT,
    NAME,
    {"profile", OPTION_TEXT, 0, "PROFILE", NULL, NULL,
     "rules of its own to start with; without it only the tenant's apply", AT(profile)},
    CHANGE_WAIT,
    {0}};
static const struct option set_options[] = {TENANT, ACCOUNT, NAME, CHANGE_WAIT, {0}};

#define ROW(name, about, options, run)                                                             \
    {name, about, NULL, options, sizeof(struct account_options), run, 0}

const struct command account_commands[] = {
    ROW("list", "Lists the accounts of a tenant, or who called abroad and who never did",
        list_options, list),
    ROW("show", "Shows an account", account_only, show),
    ROW("add", "Adds an account; an error when it is there already", put_options, add),
    ROW("put", "Adds an account or changes it, whichever is needed", put_options, put),
    ROW("set", "Changes an account", set_options, set),
    ROW("delete", "Deletes an account and its rules", delete_options, delete),
    IMPORT_ROW("Adds or changes many accounts of a tenant, from a file",
               account_import_options, import_run),
    {0}};
