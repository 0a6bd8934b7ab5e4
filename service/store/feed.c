/*
 * The change feed: for each tenant (and each revoked token) the number of the commit that changed
 * it last. Only the latest is kept: a follower that asks for what came after its position is told
 * of each changed tenant once, and the table never grows beyond tenants and revocations.
 *
 * Where writers take turns (SQLite), numbers are given out in the order of commits. On PostgreSQL a
 * number is drawn just before the commit (pg_feed.h), and still 8 may commit before 7:
 *
 *     numbers   … 5  6 | 7  8  9 | 10      7 and 9 are still on their way: complete = 7, end = 10
 *                      |
 *                      complete: a follower reads what it sees from here on (8), and
 *                      begins here again
 *
 * The price of not making all writers queue up for one lock is that a row may be read twice, while
 * an older commit is under way. A position is therefore where to begin, and within one round of
 * reading a place after the last row given.
 */
#include "store/txn.h"

#include <poll.h>
#include <unistd.h>

/* --- writing --------------------------------------------------------------------------------- */

int feed_number(struct txn *txn, struct err *err)
{
    const struct sql_driver *driver = txn->conn->driver;
    int r = txn->feed_seq ? 0 : driver->seq(txn->conn, &txn->feed_seq, err);
    return r < 0 ? txn_fail(txn, r) : 0;
}

static int append(struct txn *txn, struct slice tenant, struct slice jti, uint64_t revision,
                  struct err *err)
{
    int r = feed_number(txn, err);
    if (r < 0)
        return r;
    return txn_exec(txn,
                    "INSERT INTO feed (tenant, jti, seq, place, revision) "
                    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, jti) DO UPDATE SET "
                    "seq = excluded.seq, place = excluded.place, "
                    "revision = excluded.revision",
                    SQL_VALUES(sql_slice(tenant), sql_slice(jti), sql_int((int64_t)txn->feed_seq),
                               sql_int(txn->feed_rows++), sql_int((int64_t)revision)),
                    err);
}

int feed_append_changes(struct txn *txn, uint64_t *ret_seq, struct err *err)
{
    size_t count = 0;
    const struct touched *changed = NULL;
    for (size_t i = 0; i < txn->touched_count; i++)
        if (txn->touched[i].changes) {
            changed = &txn->touched[i];
            count++;
        }
    int r = count > 1    ? txn_scope_everybody(txn, err)
            : count == 1 ? txn_scope(txn, slice_of(changed->tenant), err)
                         : 0;
    for (size_t i = 0; i < txn->touched_count && r == 0; i++) {
        const struct touched *touched = &txn->touched[i];
        if (touched->changes)
            r = append(txn, slice_of(touched->tenant), SLICE_NONE, touched->revision, err);
    }
    if (r == 0)
        *ret_seq = txn->feed_seq;
    return r;
}

int feed_append_revocation(struct txn *txn, struct slice jti, struct err *err)
{
    int r = txn_scope(txn, SLICE_NONE, err);
    return r < 0 ? r : append(txn, SLICE_NONE, jti, 0, err);
}

/* --- reading --------------------------------------------------------------------------------- */

void feed_position_start(struct feed_position *position, const struct sql_horizon *horizon)
{
    *position = (struct feed_position){.seq = horizon->complete,
                                       .complete = horizon->complete,
                                       .place = -1,
                                       .history = horizon->history};
}

static int read_row(struct txn *txn, struct arena *arena, struct feed_row *ret, struct err *err)
{
    struct feed_row row = {
        .tenant = column_copy(txn, 0, arena),
        .jti = column_copy(txn, 1, arena),
        .revision = (uint64_t)column_int(txn, 2),
        .is_own = ret->is_own,
    };
    if (!row.tenant || !row.jti)
        return txn_nomem(txn, err);
    row.kind = row.jti[0] ? FEED_REVOCATION : row.tenant[0] ? FEED_TENANT : FEED_PLATFORM;
    *ret = row;
    return 0;
}

/* Rows after the position's place, which moves with them. Not only up to the horizon's end: a tenant that was
 * changed again since has its one row beyond it. */
static int read_rows(struct txn *txn, struct feed_position *position, unsigned limit,
                     struct arena *arena, struct feed_row *rows, unsigned *ret_count,
                     struct err *err)
{
    unsigned count = 0;
    int r = txn_query(txn,
                      "SELECT tenant, jti, revision, seq, place FROM feed "
                      "WHERE (seq, place) > ($1, $2) ORDER BY seq, place LIMIT $3",
                      SQL_VALUES(sql_int((int64_t)position->seq), sql_int(position->place),
                                 sql_int(limit)),
                      err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        position->seq = (uint64_t)column_int(txn, 3);
        position->place = column_int(txn, 4);
        rows[count].is_own = own_commits_has(&txn->store->own, position->seq);
        r = read_row(txn, arena, &rows[count++], err);
    }
    txn_end(txn);
    *ret_count = count;
    return r;
}

static int read_since(struct txn *txn, struct feed_position *position, unsigned limit,
                      struct arena *arena, struct feed_row *rows, unsigned *ret_count,
                      struct err *err)
{
    struct sql_horizon horizon;
    int r = txn_scope_everybody(txn, err);
    if (r == 0)
        r = txn->conn->driver->horizon(txn->conn, &horizon, err);
    if (r < 0)
        return r;
    if ((position->history && horizon.history != position->history) ||
        horizon.end < position->seq)
        return err_set(err, ERR_STALE, "store: the database has another history than before");
    position->history = horizon.history;
    if (position->place < 0 || !position->next) /* a new round; the next begins where all is complete now */
        position->next = horizon.complete;
    r = read_rows(txn, position, limit, arena, rows, ret_count, err);
    if (r == 0 && *ret_count < limit) {
        position->seq = position->complete = position->next;
        position->place = -1;
    }
    return r;
}

int store_feed_since(struct store *store, struct feed_position *position, unsigned limit,
                     struct arena *arena, struct feed_row **ret, unsigned *ret_count,
                     struct err *err)
{
    struct txn *txn;
    struct feed_position moved = *position;
    unsigned count = 0;
    struct feed_row *rows = arena_alloc(arena, limit * sizeof *rows);
    if (!rows)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = store_begin(store, NULL, &txn, err);
    if (r < 0)
        return r;
    r = read_since(txn, &moved, limit, arena, rows, &count, err);
    store_rollback(txn);
    if (r < 0)
        return r;
    *position = moved;
    *ret = rows;
    *ret_count = count;
    return 0;
}

uint64_t feed_position_complete(const struct feed_position *position)
{
    return position->complete;
}

uint64_t feed_position_history(const struct feed_position *position)
{
    return position->history;
}

/* --- waiting --------------------------------------------------------------------------------- */

bool store_feed_wait(struct store *store, int timeout_ms)
{
    struct sql *sql = atomic_load(&store->sql);
    if (sql && sql->driver->wait)
        return sql->driver->wait(sql, &store->bell, timeout_ms);
    struct pollfd fd = {.fd = store->bell.fd, .events = POLLIN};
    uint64_t count;
    if (poll(&fd, 1, timeout_ms) <= 0 || read(store->bell.fd, &count, sizeof count) < 0)
        return false;
    atomic_store(&store->bell.is_wanted, false);
    atomic_store(&store->bell.has_committed, false);
    return true;
}

void store_feed_ring(struct store *store)
{
    static const uint64_t one = 1;
    ssize_t n = write(store->bell.fd, &one, sizeof one);
    (void)n; /* full rings, too */
}

void store_feed_interrupt(struct store *store)
{
    atomic_store(&store->bell.is_wanted, true);
    store_feed_ring(store);
}

/* --- whose ------------------------------------------------------------------------------------ */

void own_commits_note(struct own_commits *own, uint64_t number)
{
    uint64_t at = atomic_fetch_add(&own->count, 1);
    atomic_store(&own->numbers[at % OWN_COMMITS], number);
}

bool own_commits_has(const struct own_commits *own, uint64_t number)
{
    uint64_t count = atomic_load(&own->count), least = UINT64_MAX;
    for (uint64_t i = 0; i < OWN_COMMITS && i < count; i++) {
        uint64_t one = atomic_load(&own->numbers[i]);
        if (one == number)
            return true;
        least = one < least ? one : least;
    }
    return count > OWN_COMMITS && number < least;
}

int store_revision(struct txn *txn, struct slice tenant, uint64_t *ret, struct err *err)
{
    int64_t revision = 0;
    if (tenant.n == 0 || tenant_id_is_valid(tenant)) {
        int r = txn_scope(txn, tenant, err);
        if (r == 0)
            r = txn_number(txn, "SELECT revision FROM policies WHERE tenant = $1",
                           SQL_VALUES(sql_slice(tenant)), &revision, err);
        if (r < 0)
            return r;
    }
    *ret = (uint64_t)revision;
    return 0;
}
