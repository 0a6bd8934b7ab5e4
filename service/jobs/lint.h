/*
 * The linter: what a tenant's rules do that their author may not have meant. Each finding has a fix of one
 * step, as rules to remove, add or let expire, which the API can apply as one change.
 *
 *     rules ─► compiled ─► asked for every destination of the numbering data ─► what each allow opens
 *
 * Nothing is guessed from the text of a rule where it can be asked: the same policy_judge() that decides
 * calls says which rule decides. Pure but for its arena: rules, hits and the time are arguments.
 */
#ifndef SEKISHO_JOBS_LINT_H
#define SEKISHO_JOBS_LINT_H

#include "base/arena.h"
#include "core/ruleset.h"

enum lint_code {
    LINT_EXPIRED,           /* its time is over */
    LINT_UNREACHABLE,       /* it can decide no call */
    LINT_LEAVES_0100_OPEN,  /* 0102 to 0109 are denied one by one, 0100 is not */
    LINT_OPENS_BEYOND_NOTE, /* an allow opens countries that its note does not name */
    LINT_OPENS_HIGH_RISK,   /* an allow opens destinations known for fraud, without end */
    LINT_TOUCHES_EMERGENCY, /* a deny of 110, 118 or 119, which always pass */
    LINT_NEVER_HIT,         /* an allow that no call of the history needed */
    LINT_CODES
};
const char *lint_code_word(enum lint_code code);

enum lint_level { LINT_INFO, LINT_WARNING };

enum { LINT_ID_BYTES = 17, LINT_HISTORY_DAYS_MIN = 30, LINT_ACCOUNTS_MAX = 1000 };

struct lint_fix {
    const char *text;         /* "deny group:nanp-caribbean" */
    const char *const *remove; /* ids */
    const struct rule *add;
    unsigned remove_count, add_count;
    int64_t expires_at_ms; /* not 0: the finding's rule ends then */
};

struct lint_finding {
    char id[LINT_ID_BYTES]; /* the same for the same finding about the same rules */
    enum lint_code code;
    enum lint_level level;
    const struct rule *rule; /* borrowed from the input */
    const char *text, *text_ja;
    struct lint_fix fix;
};

struct lint_input { /* all borrowed, also by the findings */
    const struct numbering *numbering;
    const struct ruleset *platform, *tenant; /* `tenant` compiled from `rules` */
    const struct rule *rules; /* in order of id, as the store lists them */
    unsigned count;
    const uint64_t *hits; /* calls that each rule decided in the history; NULL: not known */
    int history_days;     /* that `hits` covers */
    int64_t now_ms;
};

/*
 * All findings, in order of the rules they are about; texts and fixes live in `arena`. Of a tenant with
 * more than LINT_ACCOUNTS_MAX accounts with rules, the accounts' allows beyond that are not asked for
 * what they open. ERR_NOMEM.
 */
int lint_run(const struct lint_input *input, struct arena *arena, struct lint_finding **ret,
             unsigned *ret_count, struct err *err) MUST_CHECK;

#endif
