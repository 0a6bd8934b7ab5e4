#include "jobs/lint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "core/policy.h"
#include "jobs/lint_data.h"

enum { FIX_ADDS_MAX = 64, EXPIRE_DAYS = 7, DAY_MS = 24 * 60 * 60 * 1000 };

const char *lint_code_word(enum lint_code code)
{
    static const char *const words[LINT_CODES] = {
        [LINT_EXPIRED] = "expired",
        [LINT_UNREACHABLE] = "unreachable",
        [LINT_LEAVES_0100_OPEN] = "leaves_0100_open",
        [LINT_OPENS_BEYOND_NOTE] = "opens_beyond_note",
        [LINT_OPENS_HIGH_RISK] = "opens_high_risk",
        [LINT_TOUCHES_EMERGENCY] = "touches_emergency",
        [LINT_NEVER_HIT] = "never_hit",
    };
    return words[code];
}

/* --- what the checks share ----------------------------------------------------------------------- */

bool lint_is_in_force(const struct lint *lint, const struct rule *rule)
{
    return rule->starts_at_ms <= lint->in->now_ms &&
           (!rule->expires_at_ms || lint->in->now_ms < rule->expires_at_ms);
}

bool lint_is_prefix(const struct rule *rule)
{
    return rule->target.type == TARGET_PREFIX && !rule->is_exact;
}

const char *lint_name(struct lint *lint, const struct rule *rule)
{
    const char *name = arena_printf(lint->arena, "%s %s%s%s", action_word(rule->action),
                                    rule->target.text, *rule->account ? " of account " : "",
                                    rule->account);
    lint->is_full |= !name;
    return name ? name : "";
}

struct lint_finding *lint_add(struct lint *lint, enum lint_code code, enum lint_level level,
                              const struct rule *rule)
{
    if (lint->count == lint->cap) {
        unsigned cap = lint->cap ? 2 * lint->cap : 32;
        struct lint_finding *more = arena_alloc(lint->arena, cap * sizeof *more);
        lint->is_full |= !more;
        if (!more)
            return NULL;
        if (lint->count)
            memcpy(more, lint->findings, lint->count * sizeof *more);
        lint->findings = more;
        lint->cap = cap;
    }
    struct lint_finding *finding = &lint->findings[lint->count++];
    *finding = (struct lint_finding){.code = code, .level = level, .rule = rule};
    return finding;
}

void lint_fix_remove(struct lint *lint, struct lint_finding *finding)
{
    const char **ids = arena_alloc(lint->arena, sizeof *ids);
    if (ids)
        ids[0] = finding->rule->id;
    finding->fix.remove = ids;
    finding->fix.remove_count = ids != NULL;
    if (!finding->fix.text)
        finding->fix.text = arena_printf(lint->arena, "remove %s", lint_name(lint, finding->rule));
    lint->is_full |= !ids || !finding->fix.text;
}

/* A week from now, or when another rule of the same place begins; 0: one is there now. */
static int64_t end_of(const struct lint *lint, const struct rule *rule)
{
    int64_t end_ms = (lint->in->now_ms / DAY_MS + EXPIRE_DAYS) * DAY_MS;
    for (unsigned i = 0; i < lint->in->count; i++) {
        const struct rule *other = &lint->in->rules[i];
        if (other == rule || !rule_is_dated(other) || !rule_is_same_place(other, rule) ||
            (other->expires_at_ms && other->expires_at_ms <= rule->starts_at_ms) ||
            other->starts_at_ms >= end_ms)
            continue;
        end_ms = other->starts_at_ms > lint->in->now_ms ? other->starts_at_ms : 0;
    }
    return end_ms;
}

void lint_fix_expire(struct lint *lint, struct lint_finding *finding)
{
    char until[CLOCK_TEXT_BYTES];
    finding->fix.expires_at_ms = end_of(lint, finding->rule);
    if (finding->fix.expires_at_ms == 0) {
        lint_fix_remove(lint, finding);
        return;
    }
    finding->fix.text = arena_printf(lint->arena, "let %s end at %s",
                                     lint_name(lint, finding->rule),
                                     clock_format(finding->fix.expires_at_ms, until));
    lint->is_full |= !finding->fix.text;
}

void lint_fix_add(struct lint *lint, struct lint_finding *finding, enum action action,
                  const char *target)
{
    struct lint_fix *fix = &finding->fix;
    struct rule *list = (struct rule *)fix->add;
    struct target parsed;
    if (!list)
        fix->add = list = arena_alloc(lint->arena, FIX_ADDS_MAX * sizeof *list);
    if (!list || fix->add_count == FIX_ADDS_MAX || target_parse(slice_of(target), &parsed, NULL)) {
        lint->is_full |= !list;
        return;
    }
    const struct rule *like = finding->rule;
    bool has_begun = rule_is_dated(like) && like->starts_at_ms < lint->in->now_ms;
    const struct rule added = {
        .id = "",
        .account = like->account,
        .target = parsed,
        .action = action,
        .divert_to = action == ACTION_DIVERT ? like->divert_to : "",
        .note = action == like->action ? like->note : "",
        .source = "customer",
        .starts_at_ms = action != like->action ? 0
                        : has_begun            ? lint->in->now_ms /* not in the way of what is over */
                                               : like->starts_at_ms,
        .expires_at_ms = action == like->action ? like->expires_at_ms : 0,
    };
    for (unsigned i = 0; i < lint->in->count; i++)
        if (rule_collides(&added, &lint->in->rules[i]))
            return; /* somebody has said what happens there */
    list[fix->add_count++] = added;
    const char *before = fix->text ? fix->text : "add";
    fix->text = arena_printf(lint->arena, "%s%s %s %s", before, fix->add_count > 1 ? "," : "",
                             action_word(action), parsed.text);
    lint->is_full |= !fix->text;
}

bool lint_judge(const struct lint *lint, struct slice account, struct slice dialed,
                struct verdict *ret)
{
    struct folded folded;
    const struct policy policy = {lint->in->numbering, lint->in->platform, lint->in->tenant};
    if (number_fold(dialed, &folded))
        return false;
    number_read(lint->in->numbering, &folded, "", &ret->number, NULL);
    policy_judge(&policy, account, &ret->number, lint->in->now_ms, ret, NULL);
    return true;
}

/* --- the small checks ---------------------------------------------------------------------------- */

void lint_expired(struct lint *lint, const struct rule *rule)
{
    char at[CLOCK_TEXT_BYTES];
    if (!rule->expires_at_ms || rule->expires_at_ms > lint->in->now_ms)
        return;
    struct lint_finding *finding = lint_add(lint, LINT_EXPIRED, LINT_INFO, rule);
    if (!finding)
        return;
    clock_format(rule->expires_at_ms, at);
    finding->text = arena_printf(lint->arena, "%s ended at %s", lint_name(lint, rule), at);
    finding->text_ja = arena_printf(lint->arena, "%s の期限は %s に切れています", rule->target.text, at);
    lint_fix_remove(lint, finding);
}

/* Does a longer rule of the same scope decide there, now and always? */
static bool is_said(const struct lint *lint, const struct rule *rule, const char *longer)
{
    for (unsigned i = 0; i < lint->in->count; i++) {
        const struct rule *other = &lint->in->rules[i];
        size_t n = strlen(other->target.text);
        if (lint_is_prefix(other) && strcmp(other->account, rule->account) == 0 &&
            !rule_is_dated(other) && n > strlen(rule->target.text) &&
            strncmp(other->target.text, longer, n) == 0)
            return true;
    }
    return false;
}

/*
 * A deny of 1 or 11 cannot keep anybody from 110, 118 and 119, and says that it does. The fix says what
 * it really does: every other continuation, so that nothing else is opened by it.
 */
static void spell_out(struct lint *lint, struct lint_finding *finding, const char *prefix)
{
    static const char *const emergencies[] = {"110", "118", "119"};
    for (char digit = '0'; digit <= '9'; digit++) {
        char longer[8];
        bool is_emergency = false, leads_to_one = false;
        snprintf(longer, sizeof longer, "%s%c", prefix, digit);
        for (unsigned i = 0; i < 3; i++) {
            is_emergency |= strcmp(longer, emergencies[i]) == 0;
            leads_to_one |= strncmp(longer, emergencies[i], strlen(longer)) == 0;
        }
        if (is_emergency)
            continue;
        if (leads_to_one)
            spell_out(lint, finding, longer);
        else if (!is_said(lint, finding->rule, longer))
            lint_fix_add(lint, finding, finding->rule->action, longer);
    }
}

void lint_emergency(struct lint *lint, const struct rule *rule)
{
    static const char *const emergencies[] = {"110", "118", "119"};
    const char *prefix = rule->target.text;
    bool is_whole = false, touches = false;
    if (rule->action == ACTION_ALLOW || rule->target.type != TARGET_PREFIX)
        return;
    for (unsigned i = 0; i < 3; i++) {
        is_whole |= strcmp(prefix, emergencies[i]) == 0;
        touches |= !rule->is_exact && strncmp(prefix, emergencies[i], strlen(prefix)) == 0;
    }
    if (!is_whole && !touches)
        return;
    struct lint_finding *finding = lint_add(lint, LINT_TOUCHES_EMERGENCY, LINT_WARNING, rule);
    if (!finding)
        return;
    finding->text = arena_printf(lint->arena, "%s has no effect on 110, 118 and 119: emergency calls "
                                 "always pass", lint_name(lint, rule));
    finding->text_ja = arena_printf(lint->arena, "緊急通報(110・118・119)は常に発信できるため、%s は"
                                    "これらに効きません", prefix);
    if (!is_whole)
        spell_out(lint, finding, prefix);
    lint_fix_remove(lint, finding);
}

void lint_never_hit(struct lint *lint, const struct rule *rule, unsigned at)
{
    const struct lint_input *in = lint->in;
    if (!in->hits || in->hits[at] || in->history_days < LINT_HISTORY_DAYS_MIN ||
        rule->action != ACTION_ALLOW || rule->expires_at_ms || !lint_is_in_force(lint, rule))
        return;
    struct lint_finding *finding = lint_add(lint, LINT_NEVER_HIT, LINT_INFO, rule);
    if (!finding)
        return;
    finding->text = arena_printf(lint->arena, "no call of the last %d days needed %s",
                                 in->history_days, lint_name(lint, rule));
    finding->text_ja = arena_printf(lint->arena, "過去%d日間、許可 %s を必要とした通話はありません",
                                    in->history_days, rule->target.text);
    lint_fix_remove(lint, finding);
}

/* Lists of 0102 to 0109 were written by people who know that 0101 is America and forgot that numbers
 * abroad may be dialed with a 0 after 010. */
static void look_at_0100(struct lint *lint, const char *account)
{
    enum { MANY = 4 };
    const struct rule *first = NULL;
    unsigned count = 0;
    struct verdict verdict;
    for (unsigned i = 0; i < lint->in->count; i++) {
        const struct rule *rule = &lint->in->rules[i];
        const char *text = rule->target.text;
        if (strcmp(rule->account, account) != 0 || !lint_is_prefix(rule) ||
            rule->action == ACTION_ALLOW || !lint_is_in_force(lint, rule) ||
            strncmp(text, "010", 3) != 0 || strlen(text) != 4 || text[3] < '2')
            continue;
        first = first ? first : rule;
        count++;
    }
    if (count < MANY || !lint_judge(lint, slice_of(account), SLICE_LIT("0100442079460000"), &verdict) ||
        verdict.action != ACTION_ALLOW)
        return;
    struct lint_finding *finding = lint_add(lint, LINT_LEAVES_0100_OPEN, LINT_WARNING, first);
    if (!finding)
        return;
    finding->text = "0102 to 0109 are denied one by one, but 0100 is open: 010 0 44 … still passes";
    finding->text_ja = "0102〜0109 は個別に規制されていますが、0100 が規制されていません"
                       "(010 0 44 … は発信できます)";
    lint_fix_add(lint, finding, ACTION_DENY, "0100");
    if (!finding->fix.text && !lint->is_full)
        lint->count--; /* somebody opened 0100 by name */
}

void lint_0100(struct lint *lint)
{
    look_at_0100(lint, "");
    for (unsigned i = 0; i < lint->in->count; i++) {
        const struct rule *rule = &lint->in->rules[i];
        /* once for each account: at its 0102 or, without one, never */
        if (*rule->account && lint_is_prefix(rule) && strcmp(rule->target.text, "0102") == 0)
            look_at_0100(lint, rule->account);
    }
}

/* --- all of it ------------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, const char *text)
{
    return (hash ^ hash_slice(slice_of(text))) * 0x9e3779b97f4a7c15u;
}

/* Over what is found and what the fix would do: a fix that was looked at is the one applied, or none. */
static void name_finding(struct lint_finding *finding)
{
    uint64_t hash = mix((uint64_t)finding->code + 1, finding->rule->id);
    hash = mix(hash, finding->fix.text);
    snprintf(finding->id, sizeof finding->id, "%016llx", (unsigned long long)hash);
}

static int by_rule(const void *a, const void *b)
{
    const struct lint_finding *one = a, *other = b;
    int order = strcmp(one->rule->id, other->rule->id);
    return order ? order : (int)one->code - (int)other->code;
}

int lint_run(const struct lint_input *input, struct arena *arena, struct lint_finding **ret,
             unsigned *ret_count, struct err *err)
{
    struct lint lint = {.in = input, .arena = arena};
    for (unsigned i = 0; i < input->count; i++) {
        lint_expired(&lint, &input->rules[i]);
        lint_emergency(&lint, &input->rules[i]);
        lint_never_hit(&lint, &input->rules[i], i);
    }
    lint_0100(&lint);
    lint_reach(&lint);
    lint_opens(&lint);
    for (unsigned i = 0; i < lint.count; i++) {
        const struct lint_finding *finding = &lint.findings[i];
        lint.is_full |= !finding->text || !finding->text_ja || !finding->fix.text;
    }
    if (lint.is_full)
        return err_set(err, ERR_NOMEM, "too many findings for the memory of one request");
    for (unsigned i = 0; i < lint.count; i++)
        name_finding(&lint.findings[i]);
    if (lint.count)
        qsort(lint.findings, lint.count, sizeof *lint.findings, by_rule);
    *ret = lint.findings;
    *ret_count = lint.count;
    return 0;
}
