/*
 * Campaigns in the store: one rule for many tenants or accounts, chosen by what they called.
 *
 *     planning ─► planned ─► notifying ─► notified ─► applying ─► applied ─► undoing ─► undone
 *                    │            │           │           │
 *                    └────────────┴───────────┴───────────┴──► canceled (what was applied can be undone)
 *
 * What ends in -ing is a job: any node takes it up (campaigns_job.h), in small transactions that move the
 * accounts and say how far it is, all in one; so each account is done exactly once, whoever dies when.
 * Each account of the selection has a row that says whether it is in, why not, what became of it, and
 * which rule was made:
 *
 *     out                                    (called abroad, too young, a rule of the customer's own, …)
 *     planned ─► notified ─► answered        (somebody said: leave it open)
 *         └─────────┴─► applied ─► undone    or kept: the customer changed the rule, so it stays
 *                   ├─► skipped              (called abroad meanwhile, gone, made anew, …)
 *                   └─► failed               (the store refused; tried again by the next apply)
 */
#ifndef SEKISHO_STORE_CAMPAIGNS_H
#define SEKISHO_STORE_CAMPAIGNS_H

#include "base/ulid.h"
#include "store/store.h"

enum {
    CAMPAIGN_NAME_BYTES = 200,
    CAMPAIGN_RATE_MAX = 100000,  /* accounts a second */
    CAMPAIGN_GRACE_DAYS_MAX = 366,
    CAMPAIGN_WHO_BYTES = 200,
    CAMPAIGN_RUN_BYTES = 160, /* "node/ULID" */
};

enum campaign_state {
    CAMPAIGN_PLANNING,
    CAMPAIGN_PLANNED,
    CAMPAIGN_NOTIFYING,
    CAMPAIGN_NOTIFIED,
    CAMPAIGN_APPLYING,
    CAMPAIGN_APPLIED,
    CAMPAIGN_UNDOING,
    CAMPAIGN_UNDONE,
    CAMPAIGN_CANCELED,
};
extern const char *const campaign_state_words[]; /* as stored and as the API says; ends with NULL */
bool campaign_is_job(enum campaign_state state); /* planning, notifying, applying, undoing */

enum campaign_level { CAMPAIGN_OF_TENANTS, CAMPAIGN_OF_ACCOUNTS };
extern const char *const campaign_level_words[];

/* What an account's row says. */
enum member_state {
    MEMBER_OUT,
    MEMBER_PLANNED,
    MEMBER_NOTIFIED,
    MEMBER_ANSWERED,
    MEMBER_SKIPPED,
    MEMBER_FAILED,
    MEMBER_APPLIED,
    MEMBER_UNDONE,
    MEMBER_KEPT,
    MEMBER_STATES
};
extern const char *const member_state_words[];

/* Why it is out, was skipped, failed or is kept; MEMBER_NEVER and the two after it: why it is in. */
enum member_reason {
    MEMBER_NEVER,          /* never called abroad */
    MEMBER_TOO_YOUNG,      /* made too lately to tell */
    MEMBER_LITTLE_HISTORY, /* too few days with records */
    MEMBER_CALLED,         /* called abroad */
    MEMBER_ATTEMPTED,      /* was allowed to call abroad since the plan */
    MEMBER_EXCLUDED,       /* on the exclusion list */
    MEMBER_BLOCKED,        /* has such a rule already, itself or by its tenant */
    MEMBER_CUSTOMER_RULE,  /* the customer set a rule on the target */
    MEMBER_OPERATOR_RULE,  /* an operator or the guard did */
    MEMBER_LEAVE_OPEN,     /* answered so */
    MEMBER_GONE,           /* deleted */
    MEMBER_REMADE,         /* deleted and made again */
    MEMBER_NO_ROOM,        /* the tenant has as many rules as it may */
    MEMBER_REFUSED,        /* the store did not take it */
    MEMBER_RULE_CHANGED,   /* the rule was changed since */
    MEMBER_RULE_DELETED,   /* the rule was deleted since */
    MEMBER_NOT_TOLD,       /* no notice was sent to it, and was not forced; a forced apply takes it up again */
    MEMBER_REASONS
};
extern const char *const member_reason_words[];

struct campaign {
    char id[RULE_ID_BYTES];
    const char *name;
    enum campaign_state state;
    bool is_paused;
    bool is_forced;  /* applied before its date, or to who was not told */
    bool is_of_some; /* when it is made: chosen among named tenants, so its size is not known */
    const char *selection; /* JSON, as wire/campaign.h reads and writes it */
    enum campaign_level level;
    struct target target;
    enum action action;
    const char *divert_to, *note;
    int64_t since_ms;    /* of the selection: overseas calls from then on count */
    int64_t apply_at_ms; /* not applied before, unless forced; it is what notices tell */
    int64_t grace_ms;    /* an order to notify puts that off until so long after it */
    int64_t rate;        /* accounts a second, 0: as fast as it goes */
    const char *last_error;
    char after_tenant[TENANT_ID_BYTES], after_account[ACCOUNT_ID_BYTES]; /* done up to here */
    uint64_t done, total;                                                /* of the job */
    char run[CAMPAIGN_RUN_BYTES];
    int64_t run_until_ms;
    struct actor actor; /* who asked for the job */
    uint64_t counts[MEMBER_STATES];
    const char *created_by;
    int64_t created_at_ms, planned_at_ms, notified_at_ms, started_at_ms, applied_at_ms, undone_at_ms;
    int64_t updated_at_ms;
};

/* Begins as planning. Reads name, selection, level, target, action, divert_to, note, dates and rate. */
int store_campaign_create(struct txn *txn, const struct campaign *campaign,
                          char ret_id[RULE_ID_BYTES], struct err *err) MUST_CHECK;
int store_campaign_get(struct txn *txn, struct slice id, struct arena *arena, struct campaign *ret,
                       struct err *err) MUST_CHECK; /* ERR_NOT_FOUND */
/* Newest first: ids before page.after. */
int store_campaign_list(struct txn *txn, struct page page, struct arena *arena,
                        struct campaign **ret, unsigned *ret_count, struct err *err) MUST_CHECK;

enum campaign_verb {
    CAMPAIGN_NOTIFY,
    CAMPAIGN_APPLY,
    CAMPAIGN_PAUSE,
    CAMPAIGN_RESUME,
    CAMPAIGN_CANCEL,
    CAMPAIGN_UNDO,
};
struct campaign_order {
    enum campaign_verb verb;
    bool is_forced;   /* apply before its date, or to who was not told */
    bool has_rate;
    int64_t rate;     /* of apply: from now on */
    int64_t apply_at_ms; /* of notify: the date to tell, 0: as planned */
};
/* ERR_NOT_FOUND. ERR_WRONG_STATE: not in this state; the text says which it is in, or from when on. */
int store_campaign_order(struct txn *txn, struct slice id, const struct campaign_order *order,
                         struct err *err) MUST_CHECK;

/* --- its accounts --------------------------------------------------------------------------------- */

struct campaign_member {
    const char *tenant, *account; /* account "": the tenant itself */
    enum member_state state;
    enum member_reason reason;
    int64_t days_covered, days_wanted, calls, overseas_calls; /* within the period, at the plan */
    int64_t last_overseas_ms;
    const char *rule;     /* id of the rule that is to be made or was made; "" when it is out */
    const char *replaced; /* id of the rule whose place it took, or "" */
    int64_t notified_at_ms, applied_at_ms, undone_at_ms;
    uint64_t revision, undone_revision; /* of the tenant, by applying and undoing; 0: not yet */
    /* the answer that counts for it, if any */
    const char *answer, *answer_by, *answer_via, *answer_address;
    int64_t answered_at_ms;
};

struct member_filter {
    struct slice tenant; /* empty: all */
    int state, reason;   /* -1: any */
    struct slice after_tenant, after_account;
    unsigned limit;
};
/* In order of (tenant, account). ERR_NOT_FOUND: no such campaign. */
int store_campaign_members(struct txn *txn, struct slice id, const struct member_filter *filter,
                           struct arena *arena, struct campaign_member **ret, unsigned *ret_count,
                           struct err *err) MUST_CHECK;

struct member_count {
    enum member_state state;
    enum member_reason reason;
    uint64_t accounts;
};
/* How many accounts are in which state for which reason; counts the rows. */
int store_campaign_reasons(struct txn *txn, struct slice id, struct arena *arena,
                           struct member_count **ret, unsigned *ret_count,
                           struct err *err) MUST_CHECK;

/* --- answers -------------------------------------------------------------------------------------- */

enum campaign_answer_word { ANSWER_LEAVE_OPEN, ANSWER_AGREE };
extern const char *const campaign_answer_words[];

struct campaign_answer {
    const char *tenant, *account; /* account "": for all of the tenant's */
    enum campaign_answer_word answer;
    const char *said_by; /* name or address, as far as known */
    const char *via;     /* "link", "operator" */
    const char *address; /* where it came from */
    int64_t said_at_ms;  /* filled in */
};
/*
 * Records it, and takes the accounts out of the campaign or back in: as long as they are not applied.
 * Whoever answers again changes the answer. ERR_NOT_FOUND: no such campaign, or nothing of the tenant (or
 * not that account) is in it; ERR_WRONG_STATE: too late, it is applied, undone or canceled (or done for all the
 * accounts that the answer is about).
 */
int store_campaign_answer(struct txn *txn, struct slice id, const struct campaign_answer *answer,
                          struct err *err) MUST_CHECK;
/* What a tenant sees of a campaign: how many of its accounts are in which state, and its own answer. */
struct campaign_share {
    uint64_t counts[MEMBER_STATES];
    bool is_answered;
    struct campaign_answer answer; /* for all of the tenant's */
};
int store_campaign_share(struct txn *txn, struct slice id, struct slice tenant, struct arena *arena,
                         struct campaign_share *ret, struct err *err) MUST_CHECK;

#endif
