/*
 * A transaction as the files of the store see it: statements on its connection, and for a write
 * transaction the tenants it has locked and changed.
 *
 *     txn_lock(tenant)    from here on nobody else changes this tenant's policy
 *     …checks, reads…     conditions, collisions, limits: nothing is written yet
 *     …INSERT, UPDATE…    with touched->revision as the new version
 *     txn_change(…)       first time in this transaction: the tenant's revision grows by one
 *     audit_add(…)
 *
 * Checks come before the first write of an operation, so that one that is refused leaves nothing
 * behind. When a statement itself fails the transaction is marked: all that follows fails, and so
 * does the commit. That is how PostgreSQL behaves by itself; here it makes every database behave
 * so.
 */
#ifndef SEKISHO_STORE_TXN_H
#define SEKISHO_STORE_TXN_H

#include <pthread.h>

#include "store/sql.h"
#include "store/store.h"

/* What a change touches beside the revision; bits. */
enum {
    CHANGE_POLICY = 1,    /* anything; implied by the others */
    CHANGE_RULES = 2,     /* some rule of the tenant */
    CHANGE_OWN_RULES = 4, /* some rule of the tenant's own scope */
};

/* A tenant that the transaction has locked ("" is the platform). */
struct touched {
    char tenant[TENANT_ID_BYTES];
    uint64_t revision; /* which the tenant has, or will have, when this commits with a change */
    unsigned changes;  /* CHANGE_… bits already written */
    int rules_count;   /* of the tenant in all scopes; -1: not counted yet */
};

/* The limit of an arena that lives for one operation: what it reads, and the JSON of its audit
 * record. The largest is a list of RULES_PER_TENANT_MAX rules replaced by another. */
enum { SCRATCH_BYTES_MAX = 256 << 20 };

struct undo {
    size_t at;
    struct touched before;
};

struct txn {
    struct store *store;
    struct sql_conn *conn;
    struct actor actor;
    bool is_write;
    int failed; /* the error that made it unfit, or 0 */
    int64_t now_ms;
    uint64_t feed_seq;       /* its number in the feed, once it has one, or 0 */
    unsigned feed_rows;      /* written so far */

    struct touched *touched; /* in the order they were locked */
    size_t touched_count, touched_cap;
    uint32_t *index; /* hash of tenant -> place in touched, plus 1; 0: free; a power of two */
    size_t index_cap;

    bool in_savepoint;
    uint64_t feed_seq_before;
    unsigned feed_rows_before;
    size_t touched_before;      /* touched_count at the savepoint */
    struct undo *undo;          /* how entries older than the savepoint looked then */
    size_t undo_count, undo_cap;
};

/*
 * The latest commits of this process, by their numbers in the feed: it is who makes a change that has
 * to spread it. Lock-free; noted before the commit, so that nobody can read a row of it earlier.
 */
enum { OWN_COMMITS = 256 };
struct own_commits {
    _Atomic uint64_t count, numbers[OWN_COMMITS];
};
void own_commits_note(struct own_commits *own, uint64_t number);
/* Of what is too long ago to be remembered: true. */
bool own_commits_has(const struct own_commits *own, uint64_t number);

struct store {
    _Atomic(struct sql *) sql; /* NULL: no server has answered yet (store_open_later) */
    char *url;                 /* for then; may hold a password */
    unsigned connections;      /* at most, for then; 0: as many as is usual */
    pthread_mutex_t opening;   /* held by the one who tries */
    struct sql_bell bell; /* for the thread in store_feed_wait() */
    struct own_commits own;
};

/* Calls the thread out of store_feed_wait(); why stands in the bell. */
void store_feed_ring(struct store *store);

/* store_begin() for any mode; a write transaction's actor is to be filled in. */
int txn_begin(struct store *store, enum sql_mode mode, struct txn **ret,
              struct err *err) MUST_CHECK;

/* Marks the transaction unfit and returns `code`. */
int txn_fail(struct txn *txn, int code);
int txn_nomem(struct txn *txn, struct err *err);

/*
 * Whose rows the statements that follow may see and write: one tenant's ("" the platform's), or
 * everybody's. Where the database can, it holds them to it, so that a forgotten WHERE cannot leak;
 * before the first call there are no rows of any tenant at all.
 */
int txn_scope(struct txn *txn, struct slice tenant, struct err *err) MUST_CHECK;
int txn_scope_everybody(struct txn *txn, struct err *err) MUST_CHECK;

/* As sql_query(), sql_next() and sql_exec(), with failures remembered. Every txn_query() and every
 * txn_row() that returned 1 is followed by txn_end(). */
int txn_query(struct txn *txn, const char *text, struct sql_values values,
              struct err *err) MUST_CHECK;
int txn_next(struct txn *txn, struct err *err) MUST_CHECK;
int txn_exec(struct txn *txn, const char *text, struct sql_values values,
             struct err *err) MUST_CHECK;
/* Many rows at once: sql_driver.insert. */
int txn_insert(struct txn *txn, const struct sql_insert *into, const struct sql_value *values,
               unsigned rows, bool *is_new, struct err *err) MUST_CHECK;
static inline void txn_end(struct txn *txn)
{
    sql_end(txn->conn);
}

/* Runs a statement up to its first row: 1 and the row is there, 0 none, or an error. */
int txn_row(struct txn *txn, const char *text, struct sql_values values,
            struct err *err) MUST_CHECK;
/* The number in the first column of the only row: 1, or 0 and *ret untouched, or an error. */
int txn_number(struct txn *txn, const char *text, struct sql_values values, int64_t *ret,
               struct err *err) MUST_CHECK;

static inline int64_t column_int(struct txn *txn, unsigned column)
{
    return sql_column_int(txn->conn, column);
}
static inline struct slice column_text(struct txn *txn, unsigned column)
{
    return sql_column_text(txn->conn, column);
}
/* Returns a copy in `arena`; NULL when there is no memory. */
static inline const char *column_copy(struct txn *txn, unsigned column, struct arena *arena)
{
    return arena_copy(arena, sql_column_text(txn->conn, column));
}

/* --- tenants under change (touched.c) --------------------------------------------------------- */

/* Locks a tenant, or one to be, for this transaction. *ret is valid until the next call. */
int txn_lock(struct txn *txn, struct slice tenant, struct touched **ret,
             struct err *err) MUST_CHECK;
/* Writes that the tenant changed: at the first call its revision, at commit its feed row. */
int txn_change(struct txn *txn, struct touched *touched, unsigned changes,
               struct err *err) MUST_CHECK;
/* How many rules the tenant has; and that it has `more` (or fewer) now. */
int txn_rules_count(struct txn *txn, struct touched *touched, struct err *err) MUST_CHECK;
int txn_rules_counted(struct txn *txn, struct touched *touched, int more,
                      struct err *err) MUST_CHECK;
/* The savepoint's share: remember, forget, go back. */
void touched_mark(struct txn *txn);
void touched_undo(struct txn *txn);
void touched_release(struct txn *txn);

/* --- feed (feed.c) ---------------------------------------------------------------------------- */

/* Writes the feed rows of all changed tenants; part of the commit. *ret_seq: the commit's, 0 when it
 * has no rows. */
int feed_append_changes(struct txn *txn, uint64_t *ret_seq, struct err *err) MUST_CHECK;
void feed_position_start(struct feed_position *position, const struct sql_horizon *horizon);
/* Gives the transaction its number in the feed, txn->feed_seq, for who writes feed rows by a statement of
 * their own: the last thing before the commit. */
int feed_number(struct txn *txn, struct err *err) MUST_CHECK;
int feed_append_revocation(struct txn *txn, struct slice jti, struct err *err) MUST_CHECK;

/* --- conditions ------------------------------------------------------------------------------- */

/* Does what If-Match or If-None-Match asked for hold? `condition` may be NULL. ERR_STALE,
 * ERR_EXISTS. */
int condition_check(const struct condition *condition, bool exists, uint64_t version,
                    struct err *err) MUST_CHECK;

#endif
