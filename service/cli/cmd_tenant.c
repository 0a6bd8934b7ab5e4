/* sekisho tenant: customers. */
#include <string.h>
#include <unistd.h>

#include "cli/change.h"
#include "cli/history.h"
#include "cli/import.h"

struct tenant_options {
    struct common common;
    const char *tenant, *name, *profile, *outside_line, *locale, *time_zone;
    struct option_list contacts;
    const char *since, *until;
    bool yes;
    int64_t limit;
};
#define AT(member) .offset = offsetof(struct tenant_options, member)
#define TENANT                                                                                     \
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant", AT(tenant)}

static const struct column columns[] = {{"TENANT", "id", CELL_TEXT},
                                        {"NAME", "name", CELL_TEXT},
                                        {"STATUS", "status", CELL_TEXT},
                                        {"PROFILE", "profile", CELL_TEXT},
                                        {"OUTSIDE LINE", "outside_line", CELL_TEXT},
                                        {"REVISION", "revision", CELL_TEXT},
                                        {"CREATED", "created_at", CELL_MOMENT},
                                        {0}};

static const struct column details[] = {{"tenant", "id", CELL_TEXT},
                                        {"name", "name", CELL_TEXT},
                                        {"status", "status", CELL_TEXT},
                                        {"profile", "profile", CELL_TEXT},
                                        {"outside line", "outside_line", CELL_TEXT},
                                        {"locale", "locale", CELL_TEXT},
                                        {"time zone", "time_zone", CELL_TEXT},
                                        {"revision", "revision", CELL_TEXT},
                                        {"created", "created_at", CELL_MOMENT},
                                        {"updated", "updated_at", CELL_MOMENT},
                                        {0}};

static const struct column contact_columns[] = {{"CONTACT", "name", CELL_TEXT},
                                                {"EMAIL", "email", CELL_TEXT},
                                                {"PHONE", "phone", CELL_TEXT},
                                                {0}};

/* --- reading ----------------------------------------------------------------------------------------- */

static int list(struct cli *cli, const void *given)
{
    const struct tenant_options *options = given;
    json_t *answer;
    int status = rest_list(cli, "/v1/tenants", "tenants", (unsigned)options->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, columns, json_object_get(answer, "tenants"), "no tenants");
    json_decref(answer);
    return EXIT_OK;
}

static int show(struct cli *cli, const void *given)
{
    const struct tenant_options *options = given;
    struct rest_request request = {.method = "GET",
                                   .path = rest_path(cli, "/v1/tenants/{}", options->tenant)};
    struct rest_answer answer;
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    json_t *contacts = json_object_get(answer.body, "contacts");
    if (cli->common->is_json) {
        output_json(&cli->out, answer.body);
    } else {
        output_record(&cli->out, details, answer.body);
        if (json_array_size(contacts)) {
            fputc('\n', cli->out.file);
            output_table(&cli->out, contact_columns, contacts, "");
        }
    }
    rest_answer_release(&answer);
    return EXIT_OK;
}

static int history(struct cli *cli, const void *given)
{
    const struct tenant_options *options = given;
    const struct history_wanted wanted = {.tenant = options->tenant,
                                          .since = options->since,
                                          .until = options->until,
                                          .limit = options->limit};
    return history_tenant(cli, &wanted);
}

/* --- changing ---------------------------------------------------------------------------------------- */

static struct slice trim(struct slice text)
{
    while (text.n && *text.p == ' ')
        text.p++, text.n--;
    while (text.n && text.p[text.n - 1] == ' ')
        text.n--;
    return text;
}

static void set_part(json_t *contact, const char *member, struct slice text)
{
    text = trim(text);
    if (text.n)
        json_object_set_new(contact, member, json_stringn(text.p, text.n));
}

/* "Sato Hanako <sato@acme.example> 03-1234-5678": name, e-mail in angle brackets, telephone. */
static json_t *contact_of(const char *text)
{
    json_t *contact = json_object();
    const char *open = strchr(text, '<'), *close = open ? strchr(open, '>') : NULL;
    if (close) {
        set_part(contact, "name", (struct slice){text, (size_t)(open - text)});
        set_part(contact, "email", (struct slice){open + 1, (size_t)(close - open - 1)});
        set_part(contact, "phone", slice_of(close + 1));
    } else {
        set_part(contact, strchr(text, '@') ? "email" : "name", slice_of(text));
    }
    return contact;
}

static void add_members(struct change *change, const struct tenant_options *options)
{
    change_text(change, "name", "name", options->name);
    change_text(change, "outside-line", "outside_line", options->outside_line);
    change_text(change, "locale", "locale", options->locale);
    change_text(change, "time-zone", "time_zone", options->time_zone);
    if (cli_given(change->cli, "contact")) {
        json_t *contacts = json_array();
        for (unsigned i = 0; i < options->contacts.count; i++)
            if (*options->contacts.items[i])
                json_array_append_new(contacts, contact_of(options->contacts.items[i]));
        change_value(change, "contacts", contacts);
    }
}

static int put_as(struct cli *cli, const struct tenant_options *options, bool is_new)
{
    struct change change;
    struct rest_answer answer;
    change_begin(&change, cli, "PUT", rest_path(cli, "/v1/tenants/{}", options->tenant));
    change.request.is_new = is_new;
    add_members(&change, options);
    change_text(&change, "profile", "profile", options->profile);
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    const char *profile = json_text(answer.body, "profile");
    if (answer.status == 201)
        status = change_done(&change, &answer, "tenant %s added with profile %s", options->tenant,
                             profile ? profile : "none");
    else
        status = change_done(&change, &answer, "tenant %s changed", options->tenant);
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
    const struct tenant_options *options = given;
    struct change change;
    change_begin(&change, cli, "PATCH", rest_path(cli, "/v1/tenants/{}", options->tenant));
    add_members(&change, options);
    if (change_is_empty(&change) && change.status == EXIT_OK)
        change.status = cli_trouble(cli, "say what to change; --help lists it");
    return change_send(&change, "tenant %s changed", options->tenant);
}

static int set_status(struct cli *cli, const struct tenant_options *options, const char *status)
{
    struct change change;
    change_begin(&change, cli, "PATCH", rest_path(cli, "/v1/tenants/{}", options->tenant));
    change_value(&change, "status", json_string(status));
    return change_send(&change, "tenant %s is %s", options->tenant, status);
}

static int suspend(struct cli *cli, const void *given)
{
    return set_status(cli, given, "suspended");
}

static int resume(struct cli *cli, const void *given)
{
    return set_status(cli, given, "active");
}

/* With all accounts and rules: on a terminal asks for the id once more, elsewhere wants --yes. */
static int confirm(struct cli *cli, const struct tenant_options *options)
{
    char line[128];
    if (options->yes)
        return EXIT_OK;
    if (!isatty(STDIN_FILENO))
        return cli_trouble(cli, "deletes all accounts and rules of %s; say --yes to do it",
                           options->tenant);
    fprintf(stderr, "This deletes all accounts and rules of the tenant. Type its id to go on: ");
    if (!fgets(line, sizeof line, stdin))
        line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, options->tenant) == 0 ? EXIT_OK : cli_trouble(cli, "nothing was deleted");
}

static int delete(struct cli *cli, const void *given)
{
    const struct tenant_options *options = given;
    struct change change;
    int status = confirm(cli, options);
    if (status)
        return status;
    change_begin(&change, cli, "DELETE", rest_path(cli, "/v1/tenants/{}", options->tenant));
    return change_send(&change, "tenant %s deleted", options->tenant);
}

/* --- tables ------------------------------------------------------------------------------------------ */

#define SETTABLE                                                                                   \
    {"name", OPTION_TEXT, 0, "TEXT", NULL, NULL, "name for people", AT(name)},                     \
    {"outside-line", OPTION_TEXT, 0, "DIGITS", NULL, NULL,                                         \
     "what the PBX passes on before the number, 1 to 4 of 0-9 * #; \"\" for nothing",              \
     AT(outside_line)},                                                                            \
    {"locale", OPTION_TEXT, 0, "LOCALE", NULL, NULL, "language for people: ja, en", AT(locale)},   \
    {"time-zone", OPTION_TEXT, 0, "ZONE", NULL, NULL, "such as Asia/Tokyo", AT(time_zone)},        \
    {"contact", OPTION_LIST, OPTION_WHOLE, "TEXT", NULL, NULL,                                     \
     "\"NAME <EMAIL> PHONE\", may come several times; replaces all contacts, \"\" removes them",   \
     AT(contacts)}

static const struct option list_options[] = {
    {"limit", OPTION_INT, 0, "N", "0", NULL, "show so many; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};
static const struct option tenant_only[] = {TENANT, {0}};
static const struct option history_options[] = {
    TENANT,
    {"since", OPTION_TEXT, 0, "DAY|TIME", NULL, NULL,
     "begin of the period that calls are counted in; without it a year back", AT(since)},
    {"until", OPTION_TEXT, 0, "DAY|TIME", NULL, NULL, "its end, not included; without it now",
     AT(until)},
    {"limit", OPTION_INT, 0, "N", "0", NULL, "show so many accounts; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};
static const struct option status_options[] = {TENANT, CHANGE_WAIT, {0}};
static const struct option put_options[] = {
    TENANT,
    {"profile", OPTION_TEXT, 0, "PROFILE", NULL, NULL,
     "rules to start with; without it the default profile", AT(profile)},
    SETTABLE,
    CHANGE_WAIT,
    {0}};
static const struct option set_options[] = {TENANT, SETTABLE, CHANGE_WAIT, {0}};
static const struct option delete_options[] = {
    TENANT,
    {"yes", OPTION_FLAG, 0, NULL, NULL, NULL, "do not ask", AT(yes)},
    CHANGE_WAIT,
    {0}};

#define ROW(name, about, options, run)                                                             \
    {name, about, NULL, options, sizeof(struct tenant_options), run, 0}

const struct command tenant_commands[] = {
    ROW("list", "Lists tenants", list_options, list),
    ROW("show", "Shows a tenant", tenant_only, show),
    ROW("history", "Shows where a tenant and its accounts called abroad", history_options, history),
    ROW("add", "Adds a tenant; an error when it is there already", put_options, add),
    ROW("put", "Adds a tenant or changes it, whichever is needed", put_options, put),
    ROW("set", "Changes a tenant", set_options, set),
    ROW("suspend", "Denies every call of a tenant but emergency calls", status_options, suspend),
    ROW("resume", "Ends a suspension", status_options, resume),
    ROW("delete", "Deletes a tenant with its accounts and rules", delete_options, delete),
    IMPORT_ROW("Adds or changes many tenants and accounts, from a file",
               tenant_import_options, import_run),
    {0}};
