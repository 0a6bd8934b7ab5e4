/* sekisho campaign: one rule for many, planned, told, applied, undone. */
#include <string.h>

#include "base/buf.h"
#include "cli/campaign.h"

#define AT(member) .offset = offsetof(struct campaign_options, member)

/* --- looking -------------------------------------------------------------------------------------- */

static const struct column columns[] = {{"CAMPAIGN", "id", CELL_TEXT},
                                        {"NAME", "name", CELL_TEXT},
                                        {"STATE", "state", CELL_TEXT},
                                        {"PAUSED", "paused", CELL_TEXT},
                                        {"PLANNED", "counts.planned", CELL_TEXT},
                                        {"NOTIFIED", "counts.notified", CELL_TEXT},
                                        {"APPLIED", "counts.applied", CELL_TEXT},
                                        {"APPLY AT", "apply_at", CELL_MOMENT},
                                        {"CREATED", "created_at", CELL_MOMENT},
                                        {0}};

static const struct column account_columns[] = {{"TENANT", "tenant", CELL_TEXT},
                                                {"ACCOUNT", "account", CELL_TEXT},
                                                {"STATE", "state", CELL_TEXT},
                                                {"REASON", "reason", CELL_TEXT},
                                                {"DAYS", "days_covered", CELL_TEXT},
                                                {"CALLS", "calls", CELL_TEXT},
                                                {"ABROAD", "overseas_calls", CELL_TEXT},
                                                {"LAST ABROAD", "last_overseas_at", CELL_MOMENT},
                                                {"NOTIFIED", "notified_at", CELL_MOMENT},
                                                {"ANSWER", "answer.answer", CELL_TEXT},
                                                {"APPLIED", "applied_at", CELL_MOMENT},
                                                {"UNDONE", "undone_at", CELL_MOMENT},
                                                {0}};

static int print_list(struct cli *cli, const char *path, const char *member, int64_t limit,
                      const struct column *shown, const char *none)
{
    json_t *answer;
    int status = rest_list(cli, path, member, (unsigned)limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, shown, json_object_get(answer, member), none);
    json_decref(answer);
    return EXIT_OK;
}

static int list(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    return print_list(cli, "/v1/campaigns", "campaigns", options->limit, columns, "no campaigns");
}

static int accounts(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    char *path = rest_path(cli, "/v1/campaigns/{}/accounts", options->id);
    path = rest_query(cli, path, "tenant", options->tenant);
    path = rest_query(cli, path, "state", options->state);
    path = rest_query(cli, path, "reason", options->reason);
    return print_list(cli, path, "accounts", options->limit, account_columns, "no accounts");
}

static int ask_whole(struct cli *cli, const char *id, struct rest_answer *ret)
{
    char *path = rest_query(cli, rest_path(cli, "/v1/campaigns/{}", id), "reasons", "true");
    struct rest_request request = {.method = "GET", .path = path};
    return rest_call(cli, &request, ret);
}

static int show(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    struct rest_answer answer;
    int status = ask_whole(cli, options->id, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        campaign_print(cli, answer.body);
    rest_answer_release(&answer);
    return EXIT_OK;
}

/* --- jobs ----------------------------------------------------------------------------------------- */

/* "campaign 01K… is applied: 3 applied, 1 skipped" */
static void tell(struct cli *cli, json_t *campaign)
{
    static const char *const states[] = {"planned", "notified", "answered", "applied", "skipped",
                                         "failed",  "undone",   "kept",     "out"};
    char text[512], number[NUMBER_BYTES];
    const char *error = json_text(campaign, "last_error"), *before = ": ";
    struct buf out = BUF_OVER(text);
    if (cli->common->is_json) {
        output_json(&cli->out, campaign);
        return;
    }
    buf_printf(&out, "campaign %s is %s%s", json_text(campaign, "id"), json_text(campaign, "state"),
               json_is_true(json_object_get(campaign, "paused")) ? ", paused" : "");
    for (unsigned i = 0; i < sizeof states / sizeof *states; i++) {
        uint64_t count = campaign_count(campaign, states[i]);
        if (!count)
            continue;
        buf_printf(&out, "%s%s %s", before, output_number(count, number), states[i]);
        before = ", ";
    }
    output_text(&cli->out, STYLE_PLAIN, text, 0);
    fputc('\n', cli->out.file);
    if (error)
        cli_trouble(cli, "%s", error);
}

/* After an order: waits for its job, unless told not to. */
static int follow(struct cli *cli, const struct campaign_options *options, json_t *campaign)
{
    const char *id = json_text(campaign, "id");
    json_t *last;
    if (options->no_wait || !id) {
        tell(cli, campaign);
        return EXIT_OK;
    }
    int status = campaign_watch(cli, id, &last);
    if (status)
        return status;
    tell(cli, last);
    bool is_left = json_is_true(json_object_get(last, "paused"));
    json_decref(last);
    return is_left ? EXIT_TROUBLE : EXIT_OK;
}

static int send(struct change *change, const struct campaign_options *options)
{
    struct rest_answer answer;
    int status = change_ask(change, &answer);
    if (status == EXIT_OK)
        status = follow(change->cli, options, answer.body);
    rest_answer_release(&answer);
    return status;
}

static json_t *texts_of(const struct option_list *list)
{
    json_t *array = json_array();
    for (unsigned i = 0; i < list->count; i++)
        json_array_append_new(array, json_string(list->items[i]));
    return array;
}

/* Members of an object within the body are made as a body of their own. */
static json_t *selection_of(struct change *change, const struct campaign_options *options)
{
    struct change inner = {.cli = change->cli, .body = json_object()};
    change_moment(&inner, "since", "since", options->since);
    change_word(&inner, "level", "level", options->level == 0 ? "account" : "tenant");
    if (cli_given(change->cli, "days-min"))
        change_value(&inner, "days_min", json_integer(options->days_min));
    change_value(&inner, "tenants", texts_of(&options->tenants));
    change_value(&inner, "profiles", texts_of(&options->profiles));
    change_value(&inner, "exclude", texts_of(&options->excluded));
    change_bool(&inner, "unknown", "unknown", options->with_unknown);
    if (inner.status)
        change->status = inner.status;
    return inner.body;
}

static json_t *rule_of(struct change *change, const struct campaign_options *options)
{
    static const char *const actions[] = {"deny", "allow", "divert"};
    struct change inner = {.cli = change->cli, .body = json_object()};
    change_value(&inner, "target", json_string(options->target));
    change_value(&inner, "action", json_string(actions[options->action]));
    change_text(&inner, "divert-to", "divert_to", options->divert_to);
    change_text(&inner, "note", "note", options->note);
    if (inner.status)
        change->status = inner.status;
    return inner.body;
}

static int plan(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    struct change change;
    if (!options->since)
        return cli_trouble(cli, "--since says from when on nobody may have called abroad");
    change_begin(&change, cli, "POST", "/v1/campaigns");
    change_value(&change, "name", json_string(options->name));
    change_value(&change, "selection", selection_of(&change, options));
    change_value(&change, "rule", rule_of(&change, options));
    change_moment(&change, "apply-at", "apply_at", options->apply_at);
    if (cli_given(cli, "grace-days"))
        change_value(&change, "grace_days", json_integer(options->grace_days));
    if (cli_given(cli, "rate"))
        change_value(&change, "rate", json_integer(options->rate));
    return send(&change, options);
}

/* What the order would find, without giving it. */
static int dry_run(struct cli *cli, const struct campaign_options *options, const char *what)
{
    struct rest_answer answer;
    char number[NUMBER_BYTES];
    int status = ask_whole(cli, options->id, &answer);
    if (status)
        return status;
    uint64_t planned = campaign_count(answer.body, "planned");
    uint64_t count = strcmp(what, "undo") == 0     ? campaign_count(answer.body, "applied")
                     : strcmp(what, "notify") == 0 ? planned
                                                   : campaign_count(answer.body, "notified") +
                                                         campaign_count(answer.body, "failed") +
                                                         (options->is_forced ? planned : 0);
    if (cli->common->is_json) {
        output_json(&cli->out, answer.body);
    } else {
        campaign_print(cli, answer.body);
        fprintf(cli->out.file, "\nnothing was done; %s would look at %s accounts\n", what,
                output_number(count, number));
    }
    rest_answer_release(&answer);
    return EXIT_OK;
}

static int order(struct cli *cli, const struct campaign_options *options, const char *verb,
                 bool has_body, struct change *change)
{
    char pattern[48];
    snprintf(pattern, sizeof pattern, "/v1/campaigns/{}/%s", verb);
    if (options->dry_run)
        return dry_run(cli, options, verb);
    change_begin(change, cli, "POST", rest_path(cli, pattern, options->id));
    if (!has_body) {
        json_decref(change->body);
        change->body = NULL;
    }
    return -1; /* to be sent */
}

static int notify(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    struct change change;
    int status = order(cli, options, "notify", true, &change);
    if (status >= 0)
        return status;
    change_moment(&change, "apply-at", "apply_at", options->apply_at);
    status = send(&change, options);
    if (status == EXIT_OK && !options->no_wait)
        campaign_tell_of_waiting(cli, options->id);
    return status;
}

static int apply(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    struct change change;
    int status = order(cli, options, "apply", true, &change);
    if (status >= 0)
        return status;
    change_bool(&change, "force", "force", options->is_forced);
    if (cli_given(cli, "rate"))
        change_value(&change, "rate", json_integer(options->rate));
    campaign_tell_of_waiting(cli, options->id);
    return send(&change, options);
}

static int simple(struct cli *cli, const struct campaign_options *options, const char *verb)
{
    struct change change;
    int status = order(cli, options, verb, false, &change);
    return status >= 0 ? status : send(&change, options);
}

static int undo(struct cli *cli, const void *given)
{
    return simple(cli, given, "undo");
}

static int resume(struct cli *cli, const void *given)
{
    return simple(cli, given, "resume");
}

/* These two end a job: there is nothing to wait for. */
static int stop(struct cli *cli, const struct campaign_options *options, const char *verb)
{
    struct campaign_options told = *options;
    told.no_wait = true;
    return simple(cli, &told, verb);
}

static int pause_job(struct cli *cli, const void *given)
{
    return stop(cli, given, "pause");
}

static int cancel(struct cli *cli, const void *given)
{
    return stop(cli, given, "cancel");
}

static int watch(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    json_t *last;
    int status = campaign_watch(cli, options->id, &last);
    if (status)
        return status;
    tell(cli, last);
    json_decref(last);
    return EXIT_OK;
}

static int answer(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    struct change change;
    change_begin(&change, cli, "POST", rest_path(cli, "/v1/campaigns/{}/answers", options->id));
    change_value(&change, "tenant", json_string(options->tenant));
    change_value(&change, "answer", json_string(options->answer));
    change_text(&change, "account", "account", options->account);
    change_text(&change, "by", "by", options->by);
    return change_send(&change, "answer of %s written down", options->tenant);
}

/* --- tables --------------------------------------------------------------------------------------- */

#define CAMPAIGN                                                                                   \
    {"CAMPAIGN", OPTION_TEXT, OPTION_POSITIONAL, "CAMPAIGN", NULL, NULL, "id of the campaign",     \
     AT(id)}
#define NO_WAIT                                                                                    \
    {"no-wait", OPTION_FLAG, 0, NULL, NULL, NULL, "do not wait until the job is done", AT(no_wait)}
#define DRY_RUN                                                                                    \
    {"dry-run", OPTION_FLAG, 0, NULL, NULL, NULL, "only say what it would find", AT(dry_run)}
#define RATE                                                                                       \
    {"rate", OPTION_INT, 0, "N", NULL, NULL, "accounts a second; 0 for as fast as it goes",        \
     AT(rate), .max = 100000}
#define LIMIT                                                                                      \
    {"limit", OPTION_INT, 0, "N", "0", NULL, "show so many; 0 shows all", AT(limit), .max = 1000000}
#define APPLY_AT                                                                                   \
    {"apply-at", OPTION_TEXT, 0, "TIME", NULL, NULL, "not applied before: 14d, 2026-12-15",        \
     AT(apply_at)}

static const struct option list_options[] = {LIMIT, {0}};
static const struct option one[] = {CAMPAIGN, {0}};
static const struct option plan_options[] = {
    {"NAME", OPTION_TEXT, OPTION_POSITIONAL, "NAME", NULL, NULL, "name for people", AT(name)},
    {"since", OPTION_TEXT, 0, "TIME", NULL, NULL, "no call abroad since then: 2026-01-01",
     AT(since)},
    {"days-min", OPTION_INT, 0, "N", "90", NULL, "days with call records that \"never\" takes",
     AT(days_min), .min = 1, .max = 3660},
    {"level", OPTION_CHOICE, 0, "account|tenant", "account", NULL,
     "one rule for each account, or for each tenant as a whole", AT(level)},
    {"tenant", OPTION_LIST, 0, "TENANT", NULL, NULL, "only of these; may come several times",
     AT(tenants)},
    {"profile", OPTION_LIST, 0, "PROFILE", NULL, NULL, "only of tenants made with one of these",
     AT(profiles)},
    {"exclude", OPTION_LIST, 0, "TENANT[/ACCOUNT]", NULL, NULL, "leave these alone",
     AT(excluded)},
    {"unknown", OPTION_FLAG, 0, NULL, NULL, NULL, "also those too young or with too few records",
     AT(with_unknown)},
    {"target", OPTION_TEXT, 0, "TARGET", "010", NULL, "of the rule", AT(target)},
    {"action", OPTION_CHOICE, 0, "deny|allow|divert", "deny", NULL, "of the rule", AT(action)},
    {"divert-to", OPTION_TEXT, 0, "WHERE", NULL, NULL, "where a divert leads to", AT(divert_to)},
    {"note", OPTION_TEXT, 0, "TEXT", NULL, NULL, "note of the rule", AT(note)},
    APPLY_AT,
    {"grace-days", OPTION_INT, 0, "N", "14", NULL, "days between telling and applying",
     AT(grace_days), .max = 366},
    RATE,
    NO_WAIT,
    {0}};
static const struct option accounts_options[] = {
    CAMPAIGN,
    {"tenant", OPTION_TEXT, 0, "TENANT", NULL, NULL, "only of this tenant", AT(tenant)},
    {"state", OPTION_TEXT, 0, "STATE", NULL, NULL,
     "out, planned, notified, answered, skipped, failed, applied, undone or kept", AT(state)},
    {"reason", OPTION_TEXT, 0, "REASON", NULL, NULL, "never, called, too_young, customer_rule, …",
     AT(reason)},
    LIMIT,
    {0}};
static const struct option notify_options[] = {CAMPAIGN, APPLY_AT, NO_WAIT, DRY_RUN, {0}};
static const struct option apply_options[] = {
    CAMPAIGN,
    {"force", OPTION_FLAG, 0, NULL, NULL, NULL, "before its date, and who was not told, too",
     AT(is_forced)},
    RATE,
    NO_WAIT,
    DRY_RUN,
    {0}};
static const struct option undo_options[] = {CAMPAIGN, NO_WAIT, DRY_RUN, {0}};
static const struct option resume_options[] = {CAMPAIGN, NO_WAIT, {0}};
static const struct option answer_options[] = {
    CAMPAIGN,
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "who answered", AT(tenant)},
    {"ANSWER", OPTION_TEXT, OPTION_POSITIONAL, "ANSWER", NULL, NULL, "leave_open or agree",
     AT(answer)},
    {"account", OPTION_TEXT, 0, "ACCOUNT", NULL, NULL, "for this account; else for all",
     AT(account)},
    {"by", OPTION_TEXT, 0, "TEXT", NULL, NULL, "who said it", AT(by)},
    {0}};
static const struct option simulate_options[] = {
    CAMPAIGN,
    {"days", OPTION_INT, 0, "N", "90", NULL, "calls of so many days", AT(days), .min = 1, .max = 3660},
    {0}};
static const struct option report_options[] = {
    CAMPAIGN,
    {"format", OPTION_CHOICE, 0, "csv|json", "csv", NULL, "of the report", AT(format)},
    {"output", OPTION_PATH, 0, "FILE", NULL, NULL, "a file that is not there yet", AT(output)},
    {0}};

#define ROW(name, about, options, run)                                                             \
    {name, about, NULL, options, sizeof(struct campaign_options), run, 0}

const struct command campaign_commands[] = {
    ROW("plan", "Plans a rule for all who never called abroad; changes nothing yet", plan_options,
        plan),
    ROW("list", "Lists campaigns, newest first", list_options, list),
    ROW("show", "Shows a campaign, and how many accounts are in or out, and why", one, show),
    ROW("accounts", "Lists the accounts: in or out, why, and what became of them",
        accounts_options, accounts),
    ROW("simulate", "Shows what it would have done to the calls really made", simulate_options,
        campaign_simulate),
    ROW("notify", "Tells the tenants, with the date and a link to answer", notify_options, notify),
    ROW("answer", "Writes down what a tenant said on the telephone", answer_options, answer),
    ROW("apply", "Makes the rules, looking at each account again", apply_options, apply),
    ROW("watch", "Waits for the job that is under way", one, watch),
    ROW("pause", "Holds the job until it is resumed", one, pause_job),
    ROW("resume", "Goes on with a paused job", resume_options, resume),
    ROW("cancel", "Gives a campaign up", one, cancel),
    ROW("undo", "Takes the rules back, but for those that were changed since", undo_options, undo),
    ROW("report", "Writes the campaign down as evidence", report_options, campaign_report),
    {0}};
