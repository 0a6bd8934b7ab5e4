#include "core/policy.h"

/* The question, with all that stays the same while its readings and scopes are gone through. */
struct asked {
    const struct policy *policy;
    struct rule_range locks; /* of the platform */
    struct scope_rules {
        const struct ruleset *rules;
        struct rule_range range;
    } scopes[SCOPE_ACCOUNT + 1];
    int64_t now_ms;
    struct explanation *explanation;
    unsigned reading;
    bool is_for_010;
};

/* What one reading comes to. Texts of `match` are borrowed from the rulesets. */
struct finding {
    enum action action;
    enum reason reason;
    enum scope scope;
    struct rule_match match; /* len 0: no rule decided */
};

/* Field by field: a whole one, cleared and then copied, is written and read in different widths, for
 * which the processor waits. */
static void find_without_rule(struct finding *ret, enum action action, enum reason reason)
{
    ret->action = action;
    ret->reason = reason;
    ret->match.len = 0;
}

/* The rule that was found in `scope` decides, so far. */
static void take(struct finding *ret, enum reason reason, enum scope scope)
{
    ret->action = ret->match.action;
    ret->reason = reason;
    ret->scope = scope;
}

static void copy_rule(struct deciding_rule *ret, enum scope scope, const struct rule_match *match)
{
    _Static_assert(RULE_TARGET_BYTES % RULESET_TEXT_STEP == 0 &&
                       RULE_ID_BYTES % RULESET_TEXT_STEP == 0 &&
                       RULE_SOURCE_BYTES % RULESET_TEXT_STEP == 0 &&
                       RULE_DIVERT_BYTES % RULESET_TEXT_STEP == 0,
                   "room for the last step");
    ret->scope = scope;
    ruleset_copy_text(ret->target, match->target);
    ruleset_copy_text(ret->id, match->id);
    ruleset_copy_text(ret->source, match->source);
}

static void note(const struct asked *asked, enum scope scope, bool is_lock, bool took_over,
                 const struct rule_match *match)
{
    struct explanation *explanation = asked->explanation;
    if (!explanation || explanation->steps_count == EXPLAINED_SCOPES_MAX)
        return;
    struct explained_scope *step = &explanation->steps[explanation->steps_count++];
    step->reading = asked->reading;
    step->is_lock = is_lock;
    step->scope = scope;
    step->is_for_010 = asked->is_for_010;
    step->took_over = took_over;
    step->action = match->action;
    copy_rule(&step->rule, scope, match);
}

/*
 * 3 and 4 of api/reading.md. The platform's locks decide if any matches. Else scopes are gone through
 * from wide to narrow: a deny or divert always takes over, an allow unless a deny or divert so far is
 * longer. False, and *ret untouched, when no rule of any scope matches.
 */
static bool find_rule(const struct asked *asked, const struct reading *reading, struct finding *ret)
{
    struct lookup lookup;
    lookup_init(&lookup, asked->policy->numbering, reading);
    if (ruleset_match(asked->policy->platform, asked->locks, &lookup, asked->now_ms, &ret->match)) {
        take(ret, REASON_LOCK, SCOPE_PLATFORM);
        note(asked, SCOPE_PLATFORM, true, true, &ret->match);
        return true;
    }
    struct rule_match another, *match = &ret->match; /* the first one always takes over */
    unsigned longest_restriction = 0;
    for (int scope = SCOPE_PLATFORM; scope <= SCOPE_ACCOUNT; scope++) {
        const struct scope_rules *of = &asked->scopes[scope];
        if (!ruleset_match(of->rules, of->range, &lookup, asked->now_ms, match))
            continue;
        bool restricts = match->action != ACTION_ALLOW;
        bool takes_over = restricts || match->len >= longest_restriction;
        note(asked, (enum scope)scope, false, takes_over, match);
        if (restricts && match->len > longest_restriction)
            longest_restriction = match->len;
        else if (takes_over && !restricts)
            longest_restriction = 0;
        if (takes_over && match == &another)
            ret->match = another;
        if (takes_over)
            take(ret, REASON_RULE, (enum scope)scope);
        match = &another;
    }
    return match == &another;
}

/* 2 g: an unknown number that no rule matches is treated as one abroad. */
static void find_rule_for_010(struct asked *asked, struct finding *ret)
{
    static const struct reading abroad = {.kind = KIND_UNKNOWN, .len = 3, .number = "010"};
    asked->is_for_010 = true;
    find_rule(asked, &abroad, ret);
    asked->is_for_010 = false;
}

static bool begins_with_00(const struct finding *finding)
{
    return finding->match.len && finding->match.target[0] == '0' && finding->match.target[1] == '0';
}

static void judge_reading(struct asked *asked, const struct reading *reading, struct finding *ret)
{
    find_without_rule(ret, ACTION_ALLOW, REASON_DEFAULT);
    if (reading->kind == KIND_EMERGENCY) {
        ret->reason = REASON_EMERGENCY;
    } else if (reading->kind == KIND_INVALID) {
        find_without_rule(ret, ACTION_DENY, REASON_INVALID_NUMBER);
    } else if (!find_rule(asked, reading, ret) && reading->kind == KIND_UNKNOWN) {
        find_rule_for_010(asked, ret);
    }
    if (reading->kind == KIND_UNKNOWN00 && ret->action != ACTION_DENY && !begins_with_00(ret))
        find_without_rule(ret, ACTION_DENY, REASON_UNKNOWN00);
}

static void write_finding(const struct finding *finding, struct verdict *ret)
{
    ret->action = finding->action;
    ret->reason = finding->reason;
    ret->has_rule = finding->match.len != 0;
    ret->divert_to[0] = '\0';
    if (ret->has_rule)
        copy_rule(&ret->rule, finding->scope, &finding->match);
    if (ret->has_rule && finding->action == ACTION_DIVERT)
        ruleset_copy_text(ret->divert_to, finding->match.divert_to);
}

void policy_judge(const struct policy *policy, struct slice account, const struct number *number,
                  int64_t now_ms, struct verdict *ret,
                  struct explanation *explanation)
{
    struct asked asked = {
        .policy = policy,
        .locks = ruleset_locks(policy->platform),
        .scopes = {[SCOPE_PLATFORM] = {policy->platform, ruleset_wide(policy->platform)},
                   [SCOPE_TENANT] = {policy->tenant, ruleset_wide(policy->tenant)},
                   [SCOPE_ACCOUNT] = {policy->tenant, ruleset_account(policy->tenant, account)}},
        .now_ms = now_ms,
        .explanation = explanation,
    };
    struct finding strictest;
    find_without_rule(&strictest, ACTION_DENY, REASON_SUSPENDED);
    /* forwarding to 110 (*21*110#) is not calling it */
    bool is_emergency = number->readings[0].kind == KIND_EMERGENCY && !number->readings[0].service[0];
    if (is_emergency || !ruleset_is_suspended(policy->tenant)) {
        judge_reading(&asked, &number->readings[0], &strictest);
        for (asked.reading = 1; asked.reading < number->readings_count; asked.reading++) {
            struct finding other;
            judge_reading(&asked, &number->readings[asked.reading], &other);
            if (other.action > strictest.action)
                strictest = other;
        }
    }
    write_finding(&strictest, ret);
}

void policy_floor(const struct numbering *numbering, const struct number *number,
                  struct verdict *ret)
{
    const struct reading *first = &number->readings[0];
    struct slice digits = {first->number, first->len};
    bool allows = first->kind == KIND_EMERGENCY ||
                  (number->readings_count == 1 && !first->service[0] && first->is_complete &&
                   numbering_floor_allows(numbering, digits));
    struct finding finding;
    find_without_rule(&finding, allows ? ACTION_ALLOW : ACTION_DENY, REASON_FLOOR);
    write_finding(&finding, ret);
    ret->degraded = DEGRADED_FLOOR;
}
