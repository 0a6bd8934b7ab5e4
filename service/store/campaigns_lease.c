/* Who works at a campaign, the gate of each of its transactions, and the end of a job. */
#include "base/buf.h"
#include "store/campaigns_batch.h"

#define RUNNABLE                                                                                   \
    "state IN ('planning', 'notifying', 'applying', 'undoing') AND is_paused = 0 AND "             \
    "(run = '' OR run = $1 OR run_until_ms < $2) AND $3 NOT LIKE '%' || id || '%'"

/* Mostly there is nothing to do, and asking should disturb nobody who writes. */
static int look(struct store *store, const char *run, const char *skip, bool *ret_found,
                struct err *err)
{
    struct txn *txn;
    int64_t one = 0;
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = txn_number(txn, "SELECT 1 FROM campaigns WHERE " RUNNABLE " LIMIT 1",
                   SQL_VALUES(sql_text(run), sql_int(txn->now_ms), sql_text(skip)), &one, err);
    store_rollback(txn);
    *ret_found = r == 1;
    return r < 0 ? r : 0;
}

static int take(struct txn *txn, const char *run, int64_t lease_ms, const char *skip,
                struct arena *arena, struct campaign *ret, struct err *err)
{
    int r = txn_row(txn,
                    "UPDATE campaigns SET run = $1, run_until_ms = $4 WHERE id = "
                    "(SELECT id FROM campaigns WHERE " RUNNABLE " ORDER BY id LIMIT 1) AND "
                    RUNNABLE " RETURNING " CAMPAIGN_COLUMNS,
                    SQL_VALUES(sql_text(run), sql_int(txn->now_ms), sql_text(skip),
                               sql_int(txn->now_ms + lease_ms)),
                    err);
    if (r != 1)
        return r;
    r = campaign_row_read(txn, arena, ret, err);
    txn_end(txn);
    return r < 0 ? r : 1;
}

int store_campaign_take(struct store *store, const char *run, int64_t lease_ms, const char *skip,
                        struct arena *arena, bool *ret_found, struct campaign *ret, struct err *err)
{
    struct txn *txn;
    int r = look(store, run, skip, ret_found, err);
    if (r < 0 || !*ret_found)
        return r;
    *ret_found = false;
    r = txn_begin(store, SQL_WRITE, &txn, err);
    if (r < 0)
        return r;
    int found = take(txn, run, lease_ms, skip, arena, ret, err);
    if (found < 0) {
        store_rollback(txn);
        return found;
    }
    r = store_commit(txn, NULL, err);
    *ret_found = r == 0 && found == 1;
    return r;
}

static int execute(struct store *store, const char *text, struct sql_values values, struct err *err)
{
    struct txn *txn;
    int r = txn_begin(store, SQL_WRITE, &txn, err);
    if (r < 0)
        return r;
    r = txn_exec(txn, text, values, err);
    if (r == 0)
        return store_commit(txn, NULL, err);
    store_rollback(txn);
    return r;
}

int store_campaign_leave(struct store *store, const struct campaign_run *run, bool pauses,
                         const char *why, struct err *err)
{
    return execute(store,
                   "UPDATE campaigns SET run = '', run_until_ms = 0, last_error = $3, "
                   "is_paused = CASE WHEN $4 = 1 THEN 1 ELSE is_paused END "
                   "WHERE id = $1 AND run = $2",
                   SQL_VALUES(sql_text(run->id), sql_text(run->run), sql_text(why),
                              sql_int(pauses)),
                   err);
}

int store_campaign_release(struct store *store, const char *node, struct err *err)
{
    return execute(store,
                   "UPDATE campaigns SET run = '', run_until_ms = 0 "
                   "WHERE substr(run, 1, length($1) + 1) = $1 || '/'",
                   SQL_VALUES(sql_text(node)), err);
}

/* --- a transaction of a job ----------------------------------------------------------------------- */

static int pass_gate(struct batch *batch, const struct campaign_run *run, struct err *err)
{
    struct campaign *campaign = &batch->campaign;
    int r = txn_scope_everybody(batch->txn, err);
    if (r == 0)
        r = campaign_lock(batch->txn, slice_of(run->id), &batch->arena, campaign, err);
    if (r < 0)
        return r;
    if (campaign->state != run->state || campaign->is_paused ||
        strcmp(campaign->run, run->run) != 0)
        return err_set(err, ERR_STALE, "the campaign is %s%s, or another node works at it",
                       campaign_state_words[campaign->state],
                       campaign->is_paused ? ", paused" : "");
    batch->txn->actor = campaign->actor;
    return 0;
}

int batch_begin(struct store *store, const struct campaign_run *run, struct batch *batch,
                struct err *err)
{
    *batch = (struct batch){.lease_ms = run->lease_ms};
    int r = txn_begin(store, SQL_WRITE, &batch->txn, err);
    if (r < 0)
        return r;
    arena_init(&batch->arena, SCRATCH_BYTES_MAX);
    r = pass_gate(batch, run, err);
    if (r < 0) {
        store_rollback(batch->txn);
        arena_release(&batch->arena);
    }
    return r;
}

/* How far it is, with all else that the transaction did. */
static int write_progress(struct batch *batch, struct err *err)
{
    struct txn *txn = batch->txn;
    int r = txn_exec(txn,
                     "UPDATE campaigns SET after_tenant = $2, after_account = $3, "
                     "done = done + $4, run_until_ms = $5, last_error = $6 WHERE id = $1",
                     SQL_VALUES(sql_text(batch->campaign.id), sql_text(batch->to_tenant),
                                sql_text(batch->to_account), sql_int(batch->count),
                                sql_int(txn->now_ms + batch->lease_ms), sql_text(batch->failed)),
                     err);
    return r < 0 ? r : campaign_count(txn, batch->campaign.id, batch->deltas, err);
}

int batch_end(struct batch *batch, int r, struct campaign_batch *ret, struct err *err)
{
    if (r == 0 && batch->count)
        r = write_progress(batch, err);
    if (r == 0)
        r = store_commit(batch->txn, NULL, err);
    else
        store_rollback(batch->txn);
    if (r == 0) {
        *ret = (struct campaign_batch){.count = batch->count, .done = batch->done};
        memcpy(ret->last_tenant, batch->to_tenant, sizeof ret->last_tenant);
        memcpy(ret->last_account, batch->to_account, sizeof ret->last_account);
        memcpy(ret->failed, batch->failed, sizeof ret->failed);
    }
    arena_release(&batch->arena);
    return r;
}

/* --- the end of a job ----------------------------------------------------------------------------- */

static const struct end {
    enum campaign_state to;
    const char *action;
} ends[] = {
    [CAMPAIGN_PLANNING] = {CAMPAIGN_PLANNED, "campaign.planned"},
    [CAMPAIGN_NOTIFYING] = {CAMPAIGN_NOTIFIED, "campaign.notified"},
    [CAMPAIGN_APPLYING] = {CAMPAIGN_APPLIED, "campaign.applied"},
    [CAMPAIGN_UNDOING] = {CAMPAIGN_UNDONE, "campaign.undone"},
};

static const char *json_of_counts(struct arena *arena, const struct campaign *campaign)
{
    char text[400];
    struct buf out = BUF_OVER(text);
    for (unsigned i = 0; i < MEMBER_STATES; i++)
        buf_printf(&out, "%s\"%s\":%llu", i ? "," : "{", member_state_words[i],
                   (unsigned long long)campaign->counts[i]);
    buf_add_char(&out, '}');
    return arena_copy(arena, buf_slice(&out));
}

static int write_end(struct batch *batch, const struct end *end, struct err *err)
{
    struct txn *txn = batch->txn;
    int r = txn_exec(
        txn,
        "UPDATE campaigns SET state = $2, run = '', run_until_ms = 0, updated_at_ms = $3, "
        "planned_at_ms = CASE WHEN state = 'planning' THEN $3 ELSE planned_at_ms END, "
        "notified_at_ms = CASE WHEN state = 'notifying' THEN $3 ELSE notified_at_ms END, "
        "applied_at_ms = CASE WHEN state = 'applying' THEN $3 ELSE applied_at_ms END, "
        "undone_at_ms = CASE WHEN state = 'undoing' THEN $3 ELSE undone_at_ms END WHERE id = $1",
        SQL_VALUES(sql_text(batch->campaign.id), sql_text(campaign_state_words[end->to]),
                   sql_int(txn->now_ms)),
        err);
    if (r < 0)
        return r;
    return campaign_audit(txn, batch->campaign.id, end->action,
                          json_of_counts(&batch->arena, &batch->campaign), err);
}

/*
 * A planner that does not know yet how many rows a plan has sorts all of them for each batch. A user who does
 * not own the table gets a warning; autovacuum then knows a minute later.
 */
static int count_rows(struct batch *batch, struct err *err)
{
    if (batch->campaign.state != CAMPAIGN_PLANNING || batch->txn->conn->driver->writes_alone)
        return 0;
    return txn_exec(batch->txn, "ANALYZE campaign_accounts", SQL_NO_VALUES, err);
}

int store_campaign_finish(struct store *store, const struct campaign_run *run, struct err *err)
{
    struct batch batch;
    struct campaign_batch ignored;
    int r = batch_begin(store, run, &batch, err);
    if (r < 0)
        return r;
    r = write_end(&batch, &ends[run->state], err);
    if (r == 0)
        r = count_rows(&batch, err);
    return batch_end(&batch, r, &ignored, err);
}
