#include "store/pg_feed.h"

#include <assert.h>

/* "skit": the class of our advisory locks. Their keys have 31 bits of the number, which is enough to
 * tell it: nobody is two thousand million commits behind. */
#define CLASS "1936419956"
#define KEY_BITS "2147483647"
/* How far behind the last number a lock is. One taken since that was read is ahead of it, which in 31 bits is
 * very far behind: it holds numbers beyond the last one, and nothing back. */
#define BEHIND "((n - l.objid::bigint) & " KEY_BITS ")"
#define IS_BEHIND BEHIND " < 1073741824"

int postgres_seq(struct sql_conn *base, uint64_t *ret, struct err *err)
{
    /* the lock's row comes first: the number is drawn for it */
    int r = postgres_query(base,
                           "WITH low AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared(" CLASS
                           ", (last_value & " KEY_BITS ")::integer) AS held FROM feed_numbers) "
                           "SELECT nextval('feed_numbers') FROM low WHERE held IS NOT NULL",
                           SQL_NO_VALUES, err);
    if (r == 0 && (r = postgres_next(base, err)) == 1)
        *ret = (uint64_t)postgres_column_int(base, 0);
    postgres_end(base);
    return r == 0 ? err_set(err, ERR_UNAVAILABLE, "store: its numbers are gone") : r < 0 ? r : 0;
}

static uint64_t number(const struct pg_conn *conn, int column)
{
    return strtoull(PQgetvalue(conn->told, 0, column), NULL, 10);
}

int postgres_horizon(struct sql_conn *base, struct sql_horizon *ret, struct err *err)
{
    struct pg_conn *conn = (struct pg_conn *)base;
    assert(!conn->is_started); /* else its view would be older than what it is told */
    conn->before = "WITH last AS MATERIALIZED (SELECT last_value AS n FROM feed_numbers) "
                   "SELECT n + 1, 1 + COALESCE((SELECT n - max(" BEHIND ") "
                   "FROM pg_locks l WHERE " IS_BEHIND " AND l.locktype = 'advisory' AND l.classid = " CLASS
                   " AND l.objsubid = 2 AND l.granted AND l.database = (SELECT d.oid "
                   "FROM pg_database d WHERE d.datname = current_database())), n), "
                   "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint "
                   "FROM last";
    int r = pg_conn_start(conn, err);
    if (r < 0)
        return r;
    *ret = (struct sql_horizon){
        .end = number(conn, 0), .complete = number(conn, 1), .history = number(conn, 2)};
    return 0;
}
