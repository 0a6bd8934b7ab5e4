/* The outbox for who sends: claims, how they ended, and what is old enough to go. */
#include <assert.h>

#include "store/outbox_rows.h"

static const struct actor sender = {"node", "node", "", ""}; /* makes no audit record */

/* "node run": neither has a space. */
static void claim_name(const struct outbox_claimer *claimer, char out[256])
{
    int n = snprintf(out, 256, "%s %s", claimer->node, claimer->run);
    assert(n > 0 && n < 256);
    (void)n;
}

static int begin(struct store *store, struct txn **ret, struct err *err)
{
    struct txn *txn;
    int r = store_begin(store, &sender, &txn, err);
    if (r < 0)
        return r;
    r = txn_scope_everybody(txn, err);
    if (r < 0)
        store_rollback(txn);
    else
        *ret = txn;
    return r;
}

static int finish(struct txn *txn, int r, struct err *err)
{
    if (r == 0)
        return store_commit(txn, NULL, err);
    store_rollback(txn);
    return r;
}

/* Is anything due? Asked first, so that idle nodes write nothing. */
static int has_due(struct store *store, enum outbox_channel channel, bool *ret, struct err *err)
{
    struct txn *txn;
    int64_t one;
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    int64_t now_ms = txn->now_ms;
    r = txn_scope_everybody(txn, err);
    if (r == 0)
        r = txn_number(txn,
                       "SELECT 1 FROM outbox WHERE channel = $1 AND due_at_ms <= $2 AND " OUTBOX_IS_OPEN
                       " LIMIT 1",
                       SQL_VALUES(sql_text(outbox_channel_words[channel]), sql_int(now_ms)), &one,
                       err);
    store_rollback(txn);
    *ret = r == 1;
    return r < 0 ? r : 0;
}

/* The conditions stand twice, because a database that waited for another node's claim looks at the row
 * again, but not at the list of rows. */
static int claim(struct txn *txn, const char *name, enum outbox_channel channel, unsigned limit,
                 int64_t lease_ms, struct arena *arena, struct outbox_message **ret,
                 unsigned *ret_count, struct err *err)
{
    int r = txn_query(txn,
                      "UPDATE outbox SET state = 'sending', attempts = attempts + 1, due_at_ms = $4, "
                      "claimed_by = $5, updated_at_ms = $2 WHERE due_at_ms <= $2 AND " OUTBOX_IS_OPEN " "
                      "AND id IN (SELECT id FROM outbox WHERE channel = $1 AND due_at_ms <= $2 "
                      "AND " OUTBOX_IS_OPEN " ORDER BY due_at_ms LIMIT $3) RETURNING " OUTBOX_COLUMNS,
                      SQL_VALUES(sql_text(outbox_channel_words[channel]), sql_int(txn->now_ms),
                                 sql_int(limit), sql_int(txn->now_ms + lease_ms), sql_text(name)),
                      err);
    return r < 0 ? r : outbox_read(txn, limit, arena, ret, ret_count, err);
}

int outbox_claim(struct store *store, const struct outbox_claimer *claimer,
                 enum outbox_channel channel, unsigned limit, int64_t lease_ms, struct arena *arena,
                 struct outbox_message **ret, unsigned *ret_count, struct err *err)
{
    char name[256];
    struct txn *txn;
    bool is_due = false;
    int r = has_due(store, channel, &is_due, err);
    if (r == 0 && !is_due)
        *ret_count = 0;
    if (r < 0 || !is_due)
        return r;
    claim_name(claimer, name);
    r = begin(store, &txn, err);
    if (r < 0)
        return r;
    return finish(txn, claim(txn, name, channel, limit, lease_ms, arena, ret, ret_count, err), err);
}

int outbox_settle(struct store *store, const struct outbox_claimer *claimer,
                  const struct outbox_message *message, enum outbox_state state, int64_t due_at_ms,
                  const char *error, struct err *err)
{
    char name[256];
    struct txn *txn;
    assert(state != OUTBOX_SENDING);
    claim_name(claimer, name);
    int r = begin(store, &txn, err);
    if (r < 0)
        return r;
    struct slice cut = slice_of(error);
    if (cut.n > OUTBOX_ERROR_BYTES_MAX)
        for (cut.n = OUTBOX_ERROR_BYTES_MAX; cut.n && (cut.p[cut.n] & 0xc0) == 0x80;)
            cut.n--; /* not in the middle of a character */
    r = txn_row(txn,
                "UPDATE outbox SET state = $5, due_at_ms = $6, last_error = $7, claimed_by = '', "
                "updated_at_ms = $8 WHERE tenant = $1 AND id = $2 AND state = 'sending' "
                "AND claimed_by = $3 AND attempts = $4 RETURNING 1",
                SQL_VALUES(sql_text(message->tenant), sql_text(message->id), sql_text(name),
                           sql_int((int64_t)message->attempts), sql_text(outbox_state_words[state]),
                           sql_int(due_at_ms), sql_slice(cut), sql_int(txn->now_ms)),
                err);
    if (r == 1)
        txn_end(txn);
    if (r == 0)
        r = err_set(err, ERR_STALE, "the message is no longer this node's");
    return finish(txn, r == 1 ? 0 : r, err);
}

int outbox_release(struct store *store, const struct outbox_claimer *claimer, struct err *err)
{
    char name[256], from[256], to[256];
    struct txn *txn;
    claim_name(claimer, name);
    int r = begin(store, &txn, err);
    if (r < 0)
        return r;
    snprintf(from, sizeof from, "%s ", claimer->node);
    snprintf(to, sizeof to, "%s!", claimer->node); /* the byte after the space */
    r = txn_exec(txn,
                 "UPDATE outbox SET state = 'waiting', due_at_ms = $1, claimed_by = '', "
                 "updated_at_ms = $1 WHERE " OUTBOX_IS_OPEN " AND state = 'sending' "
                 "AND claimed_by >= $2 AND claimed_by < $3 AND claimed_by <> $4",
                 SQL_VALUES(sql_int(txn->now_ms), sql_text(from), sql_text(to), sql_text(name)),
                 err);
    return finish(txn, r, err);
}

/*
 * What was sent is also how a campaign knows who was told, and its date may be further off than messages are
 * kept (a grace period alone is up to 366 days, they are kept for 180): so its messages stay until no
 * apply can ask for them any more.
 */
#define IS_ASKED_FOR                                                                               \
    "EXISTS (SELECT 1 FROM campaigns p WHERE p.id = substr(o.about, 10) AND "                      \
    "(p.state IN ('planned', 'notifying', 'notified', 'applying') OR "                             \
    "(p.state = 'applied' AND p.count_failed > 0)))"

int outbox_purge(struct store *store, int64_t before_ms, unsigned limit, unsigned *ret,
                 struct err *err)
{
    struct txn *txn;
    unsigned count = 0;
    int r = begin(store, &txn, err);
    if (r < 0)
        return r;
    r = txn_query(txn,
                  "DELETE FROM outbox WHERE " OUTBOX_IS_OVER " AND id IN (SELECT id FROM outbox o "
                  "WHERE updated_at_ms < $1 AND " OUTBOX_IS_OVER " AND NOT " IS_ASKED_FOR
                  " ORDER BY updated_at_ms LIMIT $2) "
                  "RETURNING 1",
                  SQL_VALUES(sql_int(before_ms), sql_int(limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        count++;
        r = 0;
    }
    txn_end(txn);
    r = finish(txn, r, err);
    if (r == 0)
        *ret = count;
    return r;
}
