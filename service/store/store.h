/*
 * The store: the truth about tenants, accounts, rules, profiles, revocations, audit and attempts.
 *
 * This is the contract. It says nothing of SQL: store.c and its neighbours write it once over sql.h,
 * and each database is one driver of sql.h. One conformance suite (tests/store) is what every driver
 * must pass, so that two databases do not merely work but agree.
 *
 * Everything happens in a transaction. A write transaction carries the actor; each change made in it
 * appends, in the same transaction, one audit record (who, when, what before and after). At commit each
 * touched tenant's revision grows by one and the change feed gets one row for it. So a commit is all
 * there or not at all: data, audit, revision, feed and the answer kept for an Idempotency-Key.
 *
 * Versions (ETags) of objects are the revision of their tenant at which they last changed; those of
 * profiles and platform rules the platform revision. A write that says what is there already is no
 * change: no revision, no audit record, no feed row.
 *
 * An operation that is refused (not found, stale, …) has written nothing, and the transaction goes on.
 * When the database itself fails, all that follows fails with the same code, the commit too, until
 * store_savepoint_end() goes back to before it.
 *
 * Errors every function may return beside its own: ERR_UNAVAILABLE (disk full, gone; nothing was changed),
 * ERR_CROWDED (too many want the same at once; nothing was changed) and ERR_NOMEM. Texts returned are copied into the caller's arena.
 */
#ifndef SEKISHO_STORE_STORE_H
#define SEKISHO_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "core/rule.h"
#include "core/tenant.h"

struct store;
struct txn;

/* Could this be a store's URL? Looks at the text alone. ERR_INVALID, without repeating it. */
int store_check_url(const char *url, struct err *err) MUST_CHECK;
/*
 * Opens "sqlite:FILE" or "postgres://…" and brings its schema up to date (migrations are compiled in).
 * ERR_INVALID: URL not understood, or a user whom row-level security does not bind; ERR_VERSION: the
 * database is not ours or was written by a newer program; ERR_FORBIDDEN: the schema is behind and the
 * database's user may not change it; ERR_UNAVAILABLE: another process has the file
 * open, no server answers; ERR_IO. Texts name the option --store and repeat no password.
 */
int store_open(const char *url, struct store **ret, struct err *err) MUST_CHECK;
/* Only brings it up to date, and, when `user` is not NULL or "", lets that user of the database run the service.
 * *ret_applied: how many migrations were missing. Errors as above. */
int store_migrate(const char *url, const char *user, unsigned *ret_applied,
                  struct err *err) MUST_CHECK;
/* The same for a daemon, which may start before its database server does: when no server answers it is
 * given a store all the same, whose transactions try again and fail with ERR_UNAVAILABLE until one does.
 * `connections`: to a server, at once (beside them two to listen and to ask whether it is there). */
int store_open_later(const char *url, unsigned connections, struct store **ret, struct err *err) MUST_CHECK;
void store_close(struct store *store);
/* A cheap question that only a working store answers, within about a second; for readiness. */
int store_ping(struct store *store, struct err *err) MUST_CHECK;

/* --- transactions ------------------------------------------------------------------------------ */

/* Who makes the change. Borrowed until commit. */
struct actor {
    const char *subject;    /* "token:<jti>", "cli", "node" */
    const char *role;       /* word of the role */
    const char *request_id; /* may be "" */
    const char *address;    /* where the request came from; may be "" */
};

/* actor NULL: a read transaction, a consistent view. Any thread may hold one; writes to one tenant, and
 * on SQLite all writes, queue up. */
int store_begin(struct store *store, const struct actor *actor, struct txn **ret,
                struct err *err) MUST_CHECK;
/*
 * Takes txn, also on failure. *ret_feed_seq (may be NULL): the commit's number in the feed, 0 when it
 * has no rows there. ERR_UNAVAILABLE, ERR_CROWDED: nothing was changed. ERR_UNDECIDED: the database went
 * away in the very moment and did not come back soon, so nobody can tell.
 */
int store_commit(struct txn *txn, uint64_t *ret_feed_seq, struct err *err) MUST_CHECK;
/* Takes txn; NULL is fine. */
void store_rollback(struct txn *txn);
/* A savepoint inside a write transaction, so that one bad line of a bulk request undoes only itself. */
int store_savepoint(struct txn *txn, struct err *err) MUST_CHECK;
int store_savepoint_end(struct txn *txn, bool keep, struct err *err) MUST_CHECK;

/* What If-Match or If-None-Match asked for. */
struct condition {
    enum { COND_NONE, COND_EXISTS, COND_ABSENT, COND_VERSION } kind; /* -, If-Match:*, If-None-Match:*, etag */
    uint64_t version;
};

/* --- tenants ------------------------------------------------------------------------------------ */

/* A page of a list: ids after `after` ("" from the start) in byte order, at most `limit`. */
struct page {
    struct slice after;
    unsigned limit;
};

int store_tenant_get(struct txn *txn, struct slice id, struct arena *arena, struct tenant *ret,
                     struct err *err) MUST_CHECK; /* ERR_NOT_FOUND */
int store_tenant_list(struct txn *txn, struct page page, struct arena *arena, struct tenant **ret,
                      unsigned *ret_count, struct err *err) MUST_CHECK;
/*
 * Creates or updates. At creation the rules of `tenant->profile` are copied to it with source
 * "onboarding" (ERR_NOT_FOUND at "/profile" when there is no such profile; "" means the default
 * profile). An update never touches rules; its `profile` must be "" or the stored one (ERR_EXISTS at
 * "/profile"). ERR_STALE, ERR_EXISTS by `condition`. *ret_created tells which it was.
 */
int store_tenant_put(struct txn *txn, const struct tenant *tenant, const struct condition *condition,
                     bool *ret_created, struct err *err) MUST_CHECK;
/* With all its accounts and rules; attempts and audit stay. The revision is remembered: a tenant made
 * again under the same id goes on counting. ERR_NOT_FOUND, ERR_STALE. */
int store_tenant_delete(struct txn *txn, struct slice id, const struct condition *condition,
                        struct err *err) MUST_CHECK;

/* --- accounts ----------------------------------------------------------------------------------- */

int store_account_get(struct txn *txn, struct slice tenant, struct slice id, struct arena *arena,
                      struct account *ret, struct err *err) MUST_CHECK;
int store_account_list(struct txn *txn, struct slice tenant, struct page page, struct arena *arena,
                       struct account **ret, unsigned *ret_count, struct err *err) MUST_CHECK;
/* As store_tenant_put; a profile's rules are copied to the account's scope. ERR_NOT_FOUND: tenant. */
int store_account_put(struct txn *txn, const struct account *account,
                      const struct condition *condition, bool *ret_created,
                      struct err *err) MUST_CHECK;
int store_account_delete(struct txn *txn, struct slice tenant, struct slice id,
                         const struct condition *condition, struct err *err) MUST_CHECK;

/* --- rules -------------------------------------------------------------------------------------- */

/* Whose rules: an empty tenant is the platform. */
struct rule_filter {
    struct slice tenant;
    enum { RULES_ALL, RULES_TENANT_SCOPE, RULES_OF_ACCOUNT } which;
    struct slice account; /* for RULES_OF_ACCOUNT */
};

int store_rule_get(struct txn *txn, struct slice tenant, struct slice id, struct arena *arena,
                   struct rule *ret, struct err *err) MUST_CHECK;
/* In order of id. ERR_NOT_FOUND: tenant (or account, when it was named). */
int store_rule_list(struct txn *txn, const struct rule_filter *filter, struct page page,
                    struct arena *arena, struct rule **ret, unsigned *ret_count,
                    struct err *err) MUST_CHECK;
/*
 * rule->id is ignored; the new id (time-ordered, 26 characters) comes back in `ret_id`. The account
 * must exist. ERR_EXISTS: collides with another rule (rule_collides); the text names its id.
 * ERR_LIMIT: more than RULES_PER_TENANT_MAX. ERR_NOT_FOUND: tenant or account.
 */
int store_rule_create(struct txn *txn, struct slice tenant, const struct rule *rule,
                      char ret_id[RULE_ID_BYTES], struct err *err) MUST_CHECK;
/* All fields but id, account and created_at are replaced. */
int store_rule_update(struct txn *txn, struct slice tenant, const struct rule *rule,
                      const struct condition *condition, struct err *err) MUST_CHECK;
int store_rule_delete(struct txn *txn, struct slice tenant, struct slice id,
                      const struct condition *condition, struct err *err) MUST_CHECK;
/*
 * Replaces one scope's whole list (RULES_TENANT_SCOPE or RULES_OF_ACCOUNT) as one change. A rule that
 * stays the same keeps id, version and created_at. condition->version is compared with the list's own
 * version, store_rules_version().
 */
int store_rules_replace(struct txn *txn, const struct rule_filter *filter, const struct rule *rules,
                        unsigned count, const struct condition *condition,
                        struct err *err) MUST_CHECK;
/* ETag of a list: the revision at which any rule of that filter last changed (deletions too), or at
 * which its owner was made. Inside a write transaction: what it will be after the commit. */
int store_rules_version(struct txn *txn, const struct rule_filter *filter, uint64_t *ret,
                        struct err *err) MUST_CHECK;
/* 0 for a tenant that never was; empty tenant: the platform's. */
int store_revision(struct txn *txn, struct slice tenant, uint64_t *ret, struct err *err) MUST_CHECK;

/* --- profiles ----------------------------------------------------------------------------------- */

int store_profile_get(struct txn *txn, struct slice id, struct arena *arena, struct profile *ret,
                      struct err *err) MUST_CHECK;
int store_profile_list(struct txn *txn, struct page page, struct arena *arena, struct profile **ret,
                       unsigned *ret_count, struct err *err) MUST_CHECK;
/* is_default: true makes it the only default; false on the present default is ERR_INVALID. */
int store_profile_put(struct txn *txn, const struct profile *profile,
                      const struct condition *condition, bool *ret_created,
                      struct err *err) MUST_CHECK;
/* ERR_EXISTS: built in or the default. */
int store_profile_delete(struct txn *txn, struct slice id, const struct condition *condition,
                         struct err *err) MUST_CHECK;

/* --- drift (drift.c) ------------------------------------------------------------------------------ */

/*
 * Where tenants and accounts have drifted from the profile that they were made with, as it is now. What
 * counts is what an undated rule of the same target and match does; notes and dated rules do not.
 *
 *     profile   deny 010   deny 0990   allow 0120
 *     tenant    deny 010   allow 0990               deny 0570
 *                          changed     missing      extra
 */
struct drift_item {
    enum drift_what { DRIFT_MISSING, DRIFT_CHANGED, DRIFT_EXTRA } what;
    struct rule wanted;     /* of the profile; for missing and changed */
    struct rule found;      /* for changed and extra */
    const char *deleted_by; /* of a missing one: role of who deleted it since onboarding, or "" */
    /* What making it good does: rules that somebody made, changed or deleted are left alone. */
    enum drift_mend { MEND_KEEP, MEND_ADD, MEND_REPLACE } mend;
};
struct drift {
    const char *tenant, *account; /* account "" for the tenant's own rules */
    int64_t created_at_ms;
    struct drift_item *items;
    unsigned count;
};
struct drift_query {
    struct slice profile;
    struct slice tenant;   /* only of this one; empty: of all */
    bool with_extra;       /* rules that the profile does not have are drift, too */
    bool restores_deleted; /* what somebody deleted is to be added again */
};
enum { DRIFT_ITEMS_MAX = 5000 }; /* of one page */

/*
 * Those who have drifted, in order of (tenant, account), behind the place `after` (NULL: from the start);
 * at most `limit`, and fewer when they have many items. *ret_more: there are more behind. ERR_NOT_FOUND:
 * no such profile.
 */
int store_drift_list(struct txn *txn, const struct drift_query *query, const struct drift *after,
                     unsigned limit, struct arena *arena, struct drift **ret, unsigned *ret_count,
                     bool *ret_more, struct err *err) MUST_CHECK;
/*
 * Makes one good: adds what is missing and replaces what only onboarding ever wrote, as source
 * "onboarding"; one audit record. *drift is looked at anew, under the tenant's lock, and then says what was
 * done. ERR_NOT_FOUND: it is gone, or the profile is; ERR_LIMIT: more rules than a tenant may have.
 */
int store_drift_mend(struct txn *txn, const struct drift_query *query, struct drift *drift,
                     struct arena *arena, struct err *err) MUST_CHECK;

/* --- loading for the engine ---------------------------------------------------------------------- */

/* One owner's rules as the engine compiles them, in order of id; tenant->id "" for the platform. Only
 * what compiling needs is set: id, outside_line, status, revision of the tenant; of rules all but note
 * and when they were made. Borrowed by the callback during the call only. A callback that returns
 * non-zero ends the walk with that value.
 * Rules NULL and a count: a row of this owner's rules is damaged, `err` says how; whether that ends the
 * walk is for the callback to say. */
typedef int store_policy_fn(void *context, const struct tenant *tenant, const struct rule *rules,
                            size_t count, struct err *err);
struct feed_position;
/* Every tenant and the platform, in one consistent view. Memory is bounded by the largest tenant.
 * *ret_position (may be NULL): from where on the feed tells what this view has not seen. */
int store_policy_each(struct store *store, store_policy_fn *fn, void *context,
                      struct feed_position *ret_position, struct err *err) MUST_CHECK;
/* One tenant ("" platform), as a read transaction sees it: for who loads several. ERR_NOT_FOUND. */
int store_policy_in(struct txn *txn, struct slice tenant, store_policy_fn *fn, void *context,
                    struct err *err) MUST_CHECK;
/* The same in a transaction of its own, which can see no other tenant. */
int store_policy_one(struct store *store, struct slice tenant, store_policy_fn *fn, void *context,
                     struct err *err) MUST_CHECK;

enum feed_kind { FEED_TENANT, FEED_PLATFORM, FEED_REVOCATION };
struct feed_row {
    enum feed_kind kind;
    const char *tenant; /* for FEED_TENANT; the tenant may be gone by now */
    const char *jti;    /* for FEED_REVOCATION */
    uint64_t revision;  /* what the change made it; for who has it already */
    bool is_own;        /* this process committed it, or may have (it remembers the last 256) */
};
/* How far a follower has read. All zero is before everything; its fields are the store's own. */
struct feed_position {
    uint64_t seq, next, complete, history;
    int64_t place;
};
/* Every commit with a lower number has been read. Stays behind while one with a lower
 * number is still under way, for as long as a commit takes. */
uint64_t feed_position_complete(const struct feed_position *position);
/* Another one after the store was restored or taken over; 0: it has only one. */
uint64_t feed_position_history(const struct feed_position *position);
/*
 * Rows after the position, at most `limit`, and moves it past them; fewer than `limit` are all that
 * there are. No commit is ever left out, whatever order they came in; a row may come again while a
 * commit with a lower number is under way. ERR_STALE: the database was restored, or a replica without its last
 * commits took over: what was read before counts no more, load all with store_policy_each().
 */
int store_feed_since(struct store *store, struct feed_position *position, unsigned limit,
                     struct arena *arena, struct feed_row **ret, unsigned *ret_count,
                     struct err *err) MUST_CHECK;
/*
 * Returns when a commit to the feed was made here or, where the database can tell, elsewhere; when
 * somebody interrupts (true); or after the time (false): a reason to look at the feed, never a promise. One thread at a
 * time. It also tells other nodes of this one's commits, so one thread should always be in it and do
 * nothing else. Who is wanted while it is not in it comes straight back the next time.
 */
bool store_feed_wait(struct store *store, int timeout_ms);
void store_feed_interrupt(struct store *store); /* any thread */

/* --- nodes and their receipts --------------------------------------------------------------------- */

enum { NODES_MAX = 256 };

/* One running daemon, as it last wrote about itself. */
struct node_row {
    const char *name;            /* chosen by the operator */
    const char *run;             /* of this start of the process; another one may take over the name */
    const char *address;         /* where people reach it */
    const char *version;         /* of the program */
    const char *key_fingerprint; /* of the keys that tokens are checked with */
    bool keys_agree;             /* found to be those of the other nodes */
    const char *numbering;       /* version of its numbering data */
    const char *numbering_data;  /* fingerprint of their content */
    const char *behind;          /* whose latest rules are not in force there: engine/behind.h */
    uint64_t feed_complete;      /* every change with a lower number in the feed is in force there */
    uint64_t feed_history;       /* whose numbers these are: feed_position_history(); 0: the present */
    uint64_t platform_revision;
    int64_t started_at_ms, heartbeat_at_ms; /* by that node's clock */
    int64_t since_ms;                       /* only of store_node_list(), which leaves feed_history */
};

/*
 * Writes the row (heartbeat_at_ms and since_ms are ignored) and, when feed_complete is new, a receipt
 * that says when the node had got that far. `is_first`: takes over the name, and forgets what an
 * earlier run had reached. Else ERR_EXISTS when another run has the name now. Of another history of the
 * store than the present one, nothing is in force (a replica that took over gives out numbers again
 * that the node has seen).
 */
int store_node_beat(struct store *store, const struct node_row *node, bool is_first,
                    struct err *err) MUST_CHECK;
/* Takes the row away if it is still this run's. */
int store_node_leave(struct store *store, struct slice name, struct slice run,
                     struct err *err) MUST_CHECK;
/* Takes away the row of a node that was seen silent for long, if it still is as it was read. Nobody
 * goes by the time in it: one node's wrong clock would make all others vanish. */
int store_node_forget(struct store *store, const struct node_row *row, struct err *err) MUST_CHECK;
/*
 * All nodes in order of name. since_ms says since when the change of that number in the feed is in force
 * there, 0: it is not yet. It is exact for five minutes; of older changes it may be the time of a later
 * step. ERR_LIMIT: more than NODES_MAX.
 */
int store_node_list(struct txn *txn, uint64_t number, struct arena *arena, struct node_row **ret,
                    unsigned *ret_count, struct err *err) MUST_CHECK;
/*
 * The latest change of a tenant, also of a deleted one (empty: the platform): its revision and its number
 * in the feed, 0 when nothing was ever changed. ERR_NOT_FOUND: there never was such a tenant.
 */
int store_latest_change(struct txn *txn, struct slice tenant, uint64_t *ret_revision,
                        uint64_t *ret_number, struct err *err) MUST_CHECK;

/* --- token revocations ---------------------------------------------------------------------------- */

struct revocation {
    const char *jti, *note;
    int64_t revoked_at_ms, expires_at_ms; /* when the token would have ended anyway; 0: not known */
};
int store_revocation_put(struct txn *txn, const struct revocation *revocation, bool *ret_created,
                         struct err *err) MUST_CHECK;
int store_revocation_list(struct txn *txn, struct page page, struct arena *arena,
                          struct revocation **ret, unsigned *ret_count, struct err *err) MUST_CHECK;

/* --- audit ----------------------------------------------------------------------------------------- */

struct audit_record {
    uint64_t seq;
    int64_t at_ms;
    const char *tenant; /* "" for platform-wide */
    const char *subject, *role, *request_id, *address;
    const char *action;          /* "rule.create", "tenant.update", … */
    const char *object;          /* id of what changed */
    const char *before, *after;  /* JSON texts, "" for none */
};
/* Newest first; before_seq 0 starts at the end; an empty tenant lists all. */
int store_audit_list(struct txn *txn, struct slice tenant, uint64_t before_seq, unsigned limit,
                     struct arena *arena, struct audit_record **ret, unsigned *ret_count,
                     struct err *err) MUST_CHECK;
/* What was done to one object, oldest first; looks through all records of the tenant ("" platform-wide). */
int store_audit_of(struct txn *txn, struct slice tenant, struct slice object, unsigned limit,
                   struct arena *arena, struct audit_record **ret, unsigned *ret_count,
                   struct err *err) MUST_CHECK;

/* --- idempotency ------------------------------------------------------------------------------------- */

/* The answer kept for a key. `scope` is the tenant or subject the key belongs to. */
struct kept_answer {
    int status;
    const char *headers; /* "ETag: …\nLocation: …", may be "" */
    const char *body;
};
/* ERR_NOT_FOUND: first time. ERR_MISMATCH: the key was used with another fingerprint. */
int store_idempotency_get(struct txn *txn, struct slice scope, struct slice key,
                          uint64_t fingerprint, struct arena *arena, struct kept_answer *ret,
                          struct err *err) MUST_CHECK;
/* In the same transaction as the change. Kept for 24 hours at least, then removed on the way.
 * ERR_BUSY: the key got an answer since store_idempotency_get(); this transaction cannot commit. */
int store_idempotency_put(struct txn *txn, struct slice scope, struct slice key,
                          uint64_t fingerprint, const struct kept_answer *answer,
                          struct err *err) MUST_CHECK;

/* --- attempts ------------------------------------------------------------------------------------------ */

struct attempt {
    int64_t at_ms;
    char decision_id[32];
    char tenant[TENANT_ID_BYTES], account[ACCOUNT_ID_BYTES];
    char number[80]; /* canonical, or as dialed when invalid */
    char kind[16], country[4], action[8], reason[16], rule_id[RULE_ID_BYTES], degraded[8];
    char origin[12], call_id[64], source_ip[48];
    uint64_t revision;
};
struct attempt_count { /* allowed domestic calls: counted, not kept one by one */
    char tenant[TENANT_ID_BYTES], account[ACCOUNT_ID_BYTES];
    int64_t minute_ms;
    uint64_t count;
};
/* One transaction for all of them; counts are added to those stored. */
int store_attempts_add(struct store *store, const struct attempt *attempts, unsigned attempts_count,
                       const struct attempt_count *counts, unsigned counts_count,
                       struct err *err) MUST_CHECK;
/* Newest first, before a moment and decision id (0 and "" start at the end); empty tenant: all. */
struct attempt_page {
    struct slice tenant, account; /* account may be empty: all */
    int64_t before_ms;
    struct slice before_id;
    unsigned limit;
};
int store_attempt_list(struct txn *txn, const struct attempt_page *page, struct arena *arena,
                       struct attempt **ret, unsigned *ret_count, struct err *err) MUST_CHECK;
int store_attempt_counts(struct txn *txn, struct slice tenant, struct slice account,
                         int64_t from_ms, int64_t to_ms, uint64_t *ret, struct err *err) MUST_CHECK;

#endif
