/*
 * May a campaign's rule be made here, for all that other rules say? The same question when it is planned
 * and when it is applied.
 *
 * What a customer set is never overwritten or overridden: one rule of theirs on the target, or on what
 * covers it, that says otherwise (or is dated) is enough, of the account itself or of its tenant; and
 * when it is for the tenant, an allow of one of its accounts that is shorter. What an
 * operator or the guard set on the target stays, too. A rule that came with a profile or from another
 * campaign gives way, and is kept for the undo. Where such a rule is in force already there is nothing
 * to do.
 */
#ifndef SEKISHO_STORE_CAMPAIGNS_JUDGE_H
#define SEKISHO_STORE_CAMPAIGNS_JUDGE_H

#include "store/campaigns_batch.h"

/*
 * A rule on the campaign's target or on a prefix of it; and, when the target is a country or a group,
 * any abroad that may meet it there.
 */
struct seen_rule {
    const char *tenant, *account, *id, *source;
    size_t target_bytes; /* of its target: how much of the campaign's it says */
    bool covers; /* all of the campaign's target, for sure */
    enum action action;
    int64_t starts_at_ms, expires_at_ms;
};

/* Such rules of the tenants from `first` to `last`, in order of (tenant, account). */
struct seen_rules {
    struct seen_rule *list;
    unsigned count;
};
int judge_read_rules(struct batch *batch, const char *first, const char *last,
                     struct seen_rules *ret, struct err *err) MUST_CHECK;

/* MEMBER_NEVER: it may. *ret_replaced: the rule that gives way, or NULL. */
enum member_reason judge_rules(const struct campaign *campaign, const struct seen_rules *rules,
                               const char *tenant, const char *account, int64_t now_ms,
                               const struct seen_rule **ret_replaced);

#endif
