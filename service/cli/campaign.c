#include "cli/campaign.h"

#include <poll.h>
#include <string.h>

#include "base/buf.h"
#include "cli/progress.h"
#include "cli/simulation.h"

enum { LOOK_EVERY_MS = 250 };

static const struct column details[] = {{"campaign", "id", CELL_TEXT},
                                        {"name", "name", CELL_TEXT},
                                        {"state", "state", CELL_TEXT},
                                        {"paused", "paused", CELL_TEXT},
                                        {"rule", "rule.target", CELL_TEXT},
                                        {"action", "rule.action", CELL_VERDICT},
                                        {"for each", "selection.level", CELL_TEXT},
                                        {"no calls since", "selection.since", CELL_MOMENT},
                                        {"days needed", "selection.days_min", CELL_TEXT},
                                        {"accounts a second", "rate", CELL_TEXT},
                                        {"apply at", "apply_at", CELL_MOMENT},
                                        {"grace days", "grace_days", CELL_TEXT},
                                        {"created", "created_at", CELL_MOMENT},
                                        {"by", "created_by", CELL_TEXT},
                                        {"planned", "planned_at", CELL_MOMENT},
                                        {"notified", "notified_at", CELL_MOMENT},
                                        {"applied", "applied_at", CELL_MOMENT},
                                        {"undone", "undone_at", CELL_MOMENT},
                                        {"trouble", "last_error", CELL_TEXT},
                                        {0}};

static const struct column reasons[] = {{"STATE", "state", CELL_TEXT},
                                        {"REASON", "reason", CELL_TEXT},
                                        {"ACCOUNTS", "accounts", CELL_TEXT},
                                        {0}};

void campaign_print(struct cli *cli, json_t *campaign)
{
    json_t *counts = json_object_get(campaign, "reasons");
    output_record(&cli->out, details, campaign);
    if (!counts)
        return;
    fputc('\n', cli->out.file);
    output_table(&cli->out, reasons, counts, "no accounts");
}

uint64_t campaign_count(json_t *campaign, const char *state)
{
    json_t *counts = json_object_get(campaign, "counts");
    return (uint64_t)json_integer_value(json_object_get(counts, state));
}

/* --- watching ------------------------------------------------------------------------------------- */

static bool is_over(json_t *campaign)
{
    return json_is_null(json_object_get(campaign, "progress")) ||
           json_is_true(json_object_get(campaign, "paused"));
}

static uint64_t number_at(json_t *campaign, const char *member)
{
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(campaign, "progress"), member));
}

static int look(struct cli *cli, const char *id, json_t **ret)
{
    struct rest_answer answer;
    struct rest_request request = {.method = "GET", .path = rest_path(cli, "/v1/campaigns/{}", id)};
    int status = rest_call(cli, &request, &answer);
    if (status == EXIT_OK)
        *ret = json_incref(answer.body);
    rest_answer_release(&answer);
    return status;
}

int campaign_watch(struct cli *cli, const char *id, json_t **ret)
{
    struct progress progress;
    json_t *campaign = NULL;
    int status = look(cli, id, &campaign);
    if (status)
        return status;
    progress_begin(&progress, cli, "accounts", number_at(campaign, "total"));
    while (status == EXIT_OK && !is_over(campaign)) {
        progress_set(&progress, number_at(campaign, "done"), number_at(campaign, "done"));
        poll(NULL, 0, LOOK_EVERY_MS);
        json_decref(campaign);
        campaign = NULL;
        status = look(cli, id, &campaign);
    }
    if (status) {
        progress_clear(&progress);
        return cli_trouble(cli, "the job goes on without this command: sekisho campaign watch %s",
                           id);
    }
    progress_set(&progress, progress.total ? progress.total : progress.count,
                 progress.total ? progress.total : progress.done);
    progress_end(&progress);
    *ret = campaign;
    return EXIT_OK;
}

/* --- messages ------------------------------------------------------------------------------------- */

void campaign_tell_of_waiting(struct cli *cli, const char *id)
{
    char *about = arena_printf(&cli->arena, "campaign:%s", id);
    char *path = rest_query(cli, rest_path(cli, "/v1/outbox?limit=1&state=waiting"), "about", about);
    struct rest_request request = {.method = "GET", .path = path, .is_extra = true};
    struct rest_answer answer = {0};
    if (!about || !path || rest_call(cli, &request, &answer))
        return;
    if (json_array_size(json_object_get(answer.body, "messages")))
        fprintf(stderr,
                "Messages to tenants wait to be sent, mails for a sekishod with --smtp:\n"
                "  sekisho outbox list --state waiting --about %s\n",
                about);
    rest_answer_release(&answer);
}

/* --- simulating ----------------------------------------------------------------------------------- */

int campaign_simulate(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    struct change change;
    struct rest_answer answer;
    char of[64];
    change_begin(&change, cli, "POST", rest_path(cli, "/v1/campaigns/{}/simulate", options->id));
    change_value(&change, "days", json_integer(options->days));
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    snprintf(of, sizeof of, "%lld tenants",
             (long long)json_integer_value(json_object_get(answer.body, "tenants")));
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        simulation_print(cli, of, answer.body);
    if (json_is_false(json_object_get(answer.body, "complete")))
        status = cli_trouble(cli, "these are only the first tenants: there was no time for more");
    rest_answer_release(&answer);
    return status;
}
