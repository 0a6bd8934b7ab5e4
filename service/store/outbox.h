/*
 * Messages to people: written in the transaction that made them necessary, sent until they arrive.
 *
 *     outbox_add() ─► waiting ─ outbox_claim() ─► sending ─ outbox_settle() ─► sent
 *                        ▲                           │ │
 *                        ├── not now, later ─────────┘ └──────────────────────► given_up
 *                        └── the lease ended, outbox_release(), outbox_retry()      (retry)
 *
 * So nothing is told that was not done, and nothing is done that is not told, whatever crashes when.
 * Between the moment a message went out and the commit that says so there is a gap that no program can
 * close: a message arrives AT LEAST once. Its id never changes, and goes out as Message-ID or
 * webhook-id, so that who receives it twice can tell.
 *
 * One node at a time has a message: the claim is a lease. `attempts` grows with every claim and is what
 * outbox_settle() compares, so that a node that slept through its lease settles nothing.
 *
 * A message is added once for a `key` of its tenant: a job that is run again doubles nothing.
 */
#ifndef SEKISHO_STORE_OUTBOX_H
#define SEKISHO_STORE_OUTBOX_H

#include "base/ulid.h"
#include "store/store.h"

enum {
    OUTBOX_KEY_BYTES_MAX = 255,
    OUTBOX_MAIL_BYTES_MAX = 254,  /* an address; RFC 5321 section 4.5.3.1.3, without the brackets */
    OUTBOX_URL_BYTES_MAX = 1024,
    OUTBOX_SUBJECT_BYTES_MAX = 400,
    OUTBOX_BODY_BYTES_MAX = 64 * 1024,
    OUTBOX_ABOUT_BYTES_MAX = 80,
    OUTBOX_ERROR_BYTES_MAX = 300,
    OUTBOX_OPEN_MAX = 1000, /* messages of one tenant that are waiting or being sent */
};

enum outbox_channel { OUTBOX_MAIL, OUTBOX_WEBHOOK };
enum outbox_state { OUTBOX_WAITING, OUTBOX_SENDING, OUTBOX_SENT, OUTBOX_GIVEN_UP };
/* "mail", "webhook"; "waiting", "sending", "sent", "given_up": as stored and as the API says. */
extern const char *const outbox_channel_words[], *const outbox_state_words[];

struct outbox_message {
    const char *tenant;
    const char *id;  /* ours: a ULID */
    const char *key; /* the caller's: "campaign:01K…:mail:info@example.com" */
    enum outbox_channel channel;
    const char *address; /* "info@example.com", "https://…" */
    const char *locale;  /* of the text: "ja", "en" */
    const char *subject; /* of a webhook: the type of the event */
    const char *body;    /* plain text; of a webhook: the JSON that is posted, as it is */
    const char *about;   /* "campaign:01K…" */
    enum outbox_state state;
    uint64_t attempts;
    int64_t due_at_ms; /* waiting: not before; sending: when the lease ends */
    int64_t created_at_ms, updated_at_ms;
    const char *last_error; /* "" or why the last attempt failed */
};

/* What is wrong with an address; NULL: nothing. For mail: one mailbox, ASCII, no comments or quotes, nothing
 * that could end a line or a command. For webhooks: http:// or https://, printable ASCII. */
const char *outbox_address_fault(enum outbox_channel channel, struct slice address);

/*
 * In the caller's write transaction: tenant, key, channel, address, locale, subject, body and about; due
 * at once when due_at_ms is 0. *ret_added (may be NULL): false when there was one with this key.
 * ERR_INVALID: address or a text; ERR_LIMIT: too long, or OUTBOX_OPEN_MAX: nothing was written then, and
 * the transaction goes on. Leaves the scope at the tenant.
 */
int outbox_add(struct txn *txn, const struct outbox_message *message, bool *ret_added,
               struct err *err) MUST_CHECK;

/* --- for who sends ------------------------------------------------------------------------------ */

/* Who claims: a node and which start of it. */
struct outbox_claimer {
    const char *node, *run;
};

/*
 * At most `limit` messages of a channel that are due, the longest due first, for lease_ms. Their state
 * is sending and `attempts` counts this one. In a transaction of its own.
 */
int outbox_claim(struct store *store, const struct outbox_claimer *claimer,
                 enum outbox_channel channel, unsigned limit, int64_t lease_ms, struct arena *arena,
                 struct outbox_message **ret, unsigned *ret_count, struct err *err) MUST_CHECK;
/*
 * How a claimed message ended: OUTBOX_SENT, OUTBOX_GIVEN_UP, or OUTBOX_WAITING until due_at_ms; `error` says
 * why ("" when sent). ERR_STALE: it is no longer the claimer's.
 */
int outbox_settle(struct store *store, const struct outbox_claimer *claimer,
                  const struct outbox_message *message, enum outbox_state state, int64_t due_at_ms,
                  const char *error, struct err *err) MUST_CHECK;
/* Claims that earlier runs of the node left behind are due again at once. */
int outbox_release(struct store *store, const struct outbox_claimer *claimer,
                   struct err *err) MUST_CHECK;
/* Removes at most `limit` messages that were sent or given up before a moment, but for those
 * of campaigns that may still be applied; *ret: how many. */
int outbox_purge(struct store *store, int64_t before_ms, unsigned limit, unsigned *ret,
                 struct err *err) MUST_CHECK;

/* --- for people --------------------------------------------------------------------------------- */

struct outbox_filter {
    struct slice tenant, about; /* empty: any */
    int state;                  /* an enum outbox_state, or -1: any */
};
/* In order of id, so in order of making. */
int outbox_list(struct txn *txn, const struct outbox_filter *filter, struct page page,
                struct arena *arena, struct outbox_message **ret, unsigned *ret_count,
                struct err *err) MUST_CHECK;
int outbox_get(struct txn *txn, struct slice id, struct arena *arena, struct outbox_message *ret,
               struct err *err) MUST_CHECK; /* ERR_NOT_FOUND */
/*
 * Due at once, with its attempts forgotten; what was sent is sent again, under the same id. One that is
 * being sent just now is left alone. ERR_NOT_FOUND.
 */
int outbox_retry(struct txn *txn, struct slice id, struct err *err) MUST_CHECK;
/* Gives up what waits for a tenant that goes; in the scope of the transaction. */
int outbox_drop(struct txn *txn, struct slice tenant, const char *why, struct err *err) MUST_CHECK;

/* How many messages are in each state, about one thing (empty: all that are waiting or being sent, which
 * is cheap; the others are then 0). */
struct outbox_counts {
    uint64_t of[OUTBOX_GIVEN_UP + 1]; /* by enum outbox_state */
};
int outbox_count(struct txn *txn, struct slice about, struct outbox_counts *ret,
                 struct err *err) MUST_CHECK;

#endif
