/* What people order a campaign to do, and who works at it. */
#include "base/clock.h"
#include "store/campaigns_job.h"
#include "store/campaigns_rows.h"

int campaign_lock(struct txn *txn, struct slice id, struct arena *arena, struct campaign *ret,
                  struct err *err)
{
    if (!ulid_is_valid(id))
        return err_set(err, ERR_NOT_FOUND, "no such campaign");
    int r = txn_row(txn,
                    "UPDATE campaigns SET updated_at_ms = updated_at_ms WHERE id = $1 "
                    "RETURNING " CAMPAIGN_COLUMNS,
                    SQL_VALUES(sql_slice(id)), err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such campaign");
    if (r == 1) {
        r = campaign_row_read(txn, arena, ret, err);
        txn_end(txn);
    }
    return r;
}

int campaign_count(struct txn *txn, const char *id, const int64_t by_state[MEMBER_STATES],
                   struct err *err)
{
    return txn_exec(
        txn,
        "UPDATE campaigns SET count_out = count_out + $2, count_planned = count_planned + $3, "
        "count_notified = count_notified + $4, count_answered = count_answered + $5, "
        "count_skipped = count_skipped + $6, count_failed = count_failed + $7, "
        "count_applied = count_applied + $8, count_undone = count_undone + $9, "
        "count_kept = count_kept + $10 WHERE id = $1",
        SQL_VALUES(sql_text(id), sql_int(by_state[0]), sql_int(by_state[1]), sql_int(by_state[2]),
                   sql_int(by_state[3]), sql_int(by_state[4]), sql_int(by_state[5]),
                   sql_int(by_state[6]), sql_int(by_state[7]), sql_int(by_state[8])),
        err);
}

/* --- orders --------------------------------------------------------------------------------------- */

/* Which states an order is good for, and what follows. */
static const struct transition {
    const char *word;
    unsigned from; /* set of enum campaign_state */
    enum campaign_state to;
} transitions[] = {
#define IN(state) (1u << CAMPAIGN_##state)
    [CAMPAIGN_NOTIFY] = {"notify", IN(PLANNED) | IN(NOTIFIED), CAMPAIGN_NOTIFYING},
    [CAMPAIGN_APPLY] = {"apply", IN(PLANNED) | IN(NOTIFIED), CAMPAIGN_APPLYING},
    [CAMPAIGN_PAUSE] = {"pause", IN(PLANNING) | IN(NOTIFYING) | IN(APPLYING) | IN(UNDOING), 0},
    [CAMPAIGN_RESUME] = {"resume", IN(PLANNING) | IN(NOTIFYING) | IN(APPLYING) | IN(UNDOING), 0},
    [CAMPAIGN_CANCEL] = {"cancel",
                         IN(PLANNING) | IN(PLANNED) | IN(NOTIFYING) | IN(NOTIFIED) | IN(APPLYING),
                         CAMPAIGN_CANCELED},
    [CAMPAIGN_UNDO] = {"undo", IN(APPLIED) | IN(APPLYING) | IN(CANCELED), CAMPAIGN_UNDOING},
#undef IN
};

static int refuse(const struct campaign *campaign, const char *word, struct err *err)
{
    return err_set(err, ERR_WRONG_STATE, "cannot %s a campaign that is %s%s", word,
                   campaign_state_words[campaign->state], campaign->is_paused ? ", paused" : "");
}

static int check_due(const struct campaign *campaign, int64_t now_ms, struct err *err)
{
    char due[CLOCK_TEXT_BYTES];
    if (campaign->state == CAMPAIGN_PLANNED)
        return err_set(err, ERR_WRONG_STATE, "nobody has been told yet: notify first, or force it");
    if (now_ms < campaign->apply_at_ms)
        return err_set(err, ERR_WRONG_STATE, "not before %s, unless forced",
                       clock_format(campaign->apply_at_ms, due));
    return 0;
}

static int check_order(const struct campaign *campaign, const struct campaign_order *order,
                       int64_t now_ms, struct err *err)
{
    const struct transition *transition = &transitions[order->verb];
    unsigned from = transition->from;
    const uint64_t *counts = campaign->counts;
    if (order->verb == CAMPAIGN_APPLY &&
        (counts[MEMBER_FAILED] || (order->is_forced && counts[MEMBER_SKIPPED])))
        from |= 1u << CAMPAIGN_APPLIED;
    if (order->verb == CAMPAIGN_UNDO && counts[MEMBER_APPLIED])
        from |= 1u << CAMPAIGN_UNDONE;
    if (!(from & 1u << campaign->state) || (order->verb == CAMPAIGN_PAUSE && campaign->is_paused) ||
        (order->verb == CAMPAIGN_RESUME && !campaign->is_paused))
        return refuse(campaign, transition->word, err);
    if (order->verb == CAMPAIGN_UNDO && !campaign->applied_at_ms && !campaign->started_at_ms)
        return err_set(err, ERR_WRONG_STATE, "nothing of it was ever applied");
    if (order->verb == CAMPAIGN_APPLY && !order->is_forced)
        return check_due(campaign, now_ms, err);
    return 0;
}

static int write_pause(struct txn *txn, const struct campaign *campaign, bool is_paused,
                       struct err *err)
{
    return txn_exec(txn,
                    "UPDATE campaigns SET is_paused = $2, updated_at_ms = $3, run = '', "
                    "run_until_ms = 0 WHERE id = $1",
                    SQL_VALUES(sql_text(campaign->id), sql_int(is_paused), sql_int(txn->now_ms)),
                    err);
}

/* How many accounts the job will look at. */
static uint64_t total_of(const struct campaign *campaign, enum campaign_verb verb)
{
    const uint64_t *counts = campaign->counts;
    return verb == CAMPAIGN_NOTIFY  ? counts[MEMBER_PLANNED]
           : verb == CAMPAIGN_APPLY ? counts[MEMBER_PLANNED] + counts[MEMBER_NOTIFIED] +
                                          counts[MEMBER_FAILED]
           : verb == CAMPAIGN_UNDO  ? counts[MEMBER_APPLIED]
                                    : 0;
}

/* Whoever is told gets all of the grace period, and nobody's date comes nearer once it was told. */
static int64_t date_of(const struct campaign *campaign, const struct campaign_order *order,
                       int64_t now_ms)
{
    bool is_new = order->apply_at_ms && (campaign->state != CAMPAIGN_NOTIFIED ||
                                         order->apply_at_ms > campaign->apply_at_ms);
    int64_t date_ms = is_new ? order->apply_at_ms : campaign->apply_at_ms;
    int64_t grace_ends_ms = now_ms + campaign->grace_ms;
    return order->verb == CAMPAIGN_NOTIFY && date_ms < grace_ends_ms ? grace_ends_ms : date_ms;
}

static int write_job(struct txn *txn, const struct campaign *campaign,
                     const struct campaign_order *order, struct err *err)
{
    enum campaign_state to = transitions[order->verb].to;
    const struct actor *actor = &txn->actor;
    int64_t rate = order->has_rate ? order->rate : campaign->rate;
    int64_t apply_at_ms = date_of(campaign, order, txn->now_ms);
    int64_t started_at_ms = to == CAMPAIGN_APPLYING && !campaign->started_at_ms
                                ? txn->now_ms
                                : campaign->started_at_ms;
    return txn_exec(
        txn,
        "UPDATE campaigns SET state = $2, is_paused = 0, rate = $3, apply_at_ms = $4, "
        "last_error = '', after_tenant = '', after_account = '', done = 0, total = $5, run = '', "
        "run_until_ms = 0, subject = $6, role = $7, request_id = $8, address = $9, "
        "updated_at_ms = $10, started_at_ms = $11, is_forced = $12 WHERE id = $1",
        SQL_VALUES(sql_text(campaign->id), sql_text(campaign_state_words[to]), sql_int(rate),
                   sql_int(apply_at_ms), sql_int((int64_t)total_of(campaign, order->verb)),
                   sql_text(actor->subject), sql_text(actor->role), sql_text(actor->request_id),
                   sql_text(actor->address), sql_int(txn->now_ms), sql_int(started_at_ms), sql_int(order->is_forced)),
        err);
}

static int order_it(struct txn *txn, struct slice id, const struct campaign_order *order,
                    struct arena *arena, struct err *err)
{
    struct campaign campaign;
    char action[32];
    int r = campaign_lock(txn, id, arena, &campaign, err);
    if (r == 0)
        r = check_order(&campaign, order, txn->now_ms, err);
    if (r < 0)
        return r;
    if (order->has_rate && (order->rate < 0 || order->rate > CAMPAIGN_RATE_MAX))
        return err_field(err, ERR_INVALID, "/rate", "0 to %d accounts a second",
                         CAMPAIGN_RATE_MAX);
    bool is_pause = order->verb == CAMPAIGN_PAUSE;
    r = is_pause || order->verb == CAMPAIGN_RESUME ? write_pause(txn, &campaign, is_pause, err)
                                                   : write_job(txn, &campaign, order, err);
    if (r < 0)
        return r;
    snprintf(action, sizeof action, "campaign.%s", transitions[order->verb].word);
    return campaign_audit(txn, campaign.id, action, order->is_forced ? "{\"force\":true}" : "",
                          err);
}

int store_campaign_order(struct txn *txn, struct slice id, const struct campaign_order *order,
                         struct err *err)
{
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = order_it(txn, id, order, &scratch, err);
    arena_release(&scratch);
    return r;
}
