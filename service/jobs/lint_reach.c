/*
 * Rules that can decide no call: behind a lock of the platform, covered whole by longer ones of the same
 * scope, or written for digits that are taken off before rules are asked. Says nothing where it is not
 * sure: targets that are countries or groups, and what only wider scopes' longer denies keep from it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "jobs/lint_data.h"

static void tell(struct lint *lint, const struct rule *rule, const char *why, const char *why_ja)
{
    struct lint_finding *finding = lint_add(lint, LINT_UNREACHABLE, LINT_WARNING, rule);
    if (!finding)
        return;
    finding->text = arena_printf(lint->arena, "%s decides no call: %s", lint_name(lint, rule), why);
    finding->text_ja = arena_printf(lint->arena, "規則 %s が適用される通話はありません:%s",
                                    rule->target.text, why_ja);
    lint_fix_remove(lint, finding);
}

/* --- locks ---------------------------------------------------------------------------------------- */

/* One digit more than the target: an exact lock of the target itself is not one of all behind it. Nor
 * does one count that will end. */
static bool is_locked(const struct lint *lint, const struct rule *rule, const char **ret_target)
{
    const struct ruleset *platform = lint->in->platform;
    struct reading reading = {.kind = KIND_UNKNOWN};
    struct lookup lookup;
    struct rule_match match, later;
    size_t n = strlen(rule->target.text);
    int written = snprintf(reading.number, sizeof reading.number, "%s%s", rule->target.text,
                           rule->is_exact ? "" : "2");
    if (written < 0 || (size_t)written >= sizeof reading.number)
        return false;
    reading.len = (uint8_t)written;
    lookup_init(&lookup, lint->in->numbering, &reading);
    if (!ruleset_match(platform, ruleset_locks(platform), &lookup, lint->in->now_ms, &match) ||
        !ruleset_match(platform, ruleset_locks(platform), &lookup, INT64_MAX, &later) ||
        match.len > n || later.len > n)
        return false;
    *ret_target = match.target;
    return true;
}

/* --- digits that are taken off ---------------------------------------------------------------------- */

static bool is_taken_off(const struct lint *lint, const struct rule *rule, const char **ret_prefix)
{
    enum { PREFIXES_MAX = 8 };
    const struct dial_prefix *prefixes[PREFIXES_MAX];
    struct slice target = slice_of(rule->target.text);
    unsigned count = numbering_prefixes(lint->in->numbering, target, prefixes, PREFIXES_MAX);
    for (unsigned i = 0; i < count && i < PREFIXES_MAX; i++) {
        struct slice rest = {target.p + prefixes[i]->len, target.n - prefixes[i]->len};
        if (rest.n == 0) /* dialed alone it is a number like any other */
            continue;
        if (prefixes[i]->before == BEFORE_ANY || slice_starts_with(rest, SLICE_LIT("010"))) {
            *ret_prefix = prefixes[i]->prefix;
            return true;
        }
    }
    return false;
}

/* --- longer ones of the same scope ------------------------------------------------------------------ */

static int by_place(const void *a, const void *b)
{
    const struct rule *const *one = a, *const *other = b;
    int order = strcmp((*one)->account, (*other)->account);
    return order ? order : strcmp((*one)->target.text, (*other)->target.text);
}

static void sort_by_place(struct lint *lint)
{
    lint->by_place = arena_alloc(lint->arena, (lint->in->count + 1) * sizeof *lint->by_place);
    lint->is_full |= !lint->by_place;
    for (unsigned i = 0; lint->by_place && i < lint->in->count; i++) {
        const struct rule *rule = &lint->in->rules[i];
        /* what ends leaves the shorter rule to decide again */
        if (lint_is_prefix(rule) && lint_is_in_force(lint, rule) && !rule->expires_at_ms)
            lint->by_place[lint->by_place_count++] = rule;
    }
    if (lint->by_place_count)
        qsort(lint->by_place, lint->by_place_count, sizeof *lint->by_place, by_place);
}

/* Do the sorted rules, which all share `depth` characters, leave no number with these uncovered? */
static bool cover(const struct rule *const *rules, unsigned count, unsigned depth)
{
    unsigned at = 0;
    if (count == 0)
        return false;
    if (!rules[0]->target.text[depth])
        return true;
    for (char digit = '0'; digit <= '9'; digit++) {
        unsigned from = at;
        while (at < count && rules[at]->target.text[depth] == digit)
            at++;
        if (!cover(rules + from, at - from, depth + 1))
            return false;
    }
    return true;
}

/* Can the digits of the target alone be a call? 104 can; and 010 is asked for unknown numbers, too. */
static bool is_a_call(const struct lint *lint, const struct rule *rule)
{
    struct folded folded;
    struct number number;
    if (strcmp(rule->target.text, "010") == 0 || number_fold(slice_of(rule->target.text), &folded))
        return true;
    number_read(lint->in->numbering, &folded, "", &number, NULL);
    const struct reading *reading = &number.readings[0];
    return reading->kind == KIND_UNKNOWN || (reading->kind != KIND_INVALID && reading->is_complete);
}

/* The rules right behind `at` that begin with its digits and go on. */
static bool is_covered(const struct lint *lint, unsigned at)
{
    const struct rule *rule = lint->by_place[at];
    size_t n = strlen(rule->target.text);
    unsigned from = at + 1, to;
    while (from < lint->by_place_count && by_place(&lint->by_place[from], &lint->by_place[at]) == 0)
        from++; /* dated ones of the same place */
    for (to = from; to < lint->by_place_count; to++) {
        const struct rule *longer = lint->by_place[to];
        if (strcmp(longer->account, rule->account) != 0 ||
            strncmp(longer->target.text, rule->target.text, n) != 0)
            break;
    }
    return to > from && !is_a_call(lint, rule) &&
           cover(&lint->by_place[from], to - from, (unsigned)n);
}

void lint_reach(struct lint *lint)
{
    const char *what = "";
    sort_by_place(lint);
    for (unsigned i = 0; i < lint->in->count; i++) {
        const struct rule *rule = &lint->in->rules[i];
        if (rule->target.type != TARGET_PREFIX || !lint_is_in_force(lint, rule))
            continue;
        if (is_locked(lint, rule, &what))
            tell(lint, rule, arena_printf(lint->arena, "the platform's lock %s comes first", what),
                 arena_printf(lint->arena, "事業者の固定規則 %s が優先されます", what));
        else if (is_taken_off(lint, rule, &what))
            tell(lint, rule,
                 arena_printf(lint->arena, "%s is taken off before rules are asked", what),
                 arena_printf(lint->arena, "%s は判定の前に取り除かれます", what));
    }
    for (unsigned i = 0; i < lint->by_place_count; i++)
        if (is_covered(lint, i))
            tell(lint, lint->by_place[i], "longer rules of the same scope cover all of it",
                 "同じ範囲のより長い規則がすべてを含んでいます");
}
