/*
 * What each allow opens: every destination of the numbering data is judged, as any call of the account
 * would be, and put down to the rule that lets it pass. Then it is compared with what the author meant: the
 * country that the prefix names, and those that the note does.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/policy.h"
#include "jobs/lint_data.h"

enum { COUNTRIES_MAX = 256, NAMES_SHOWN = 6, DENIES_MAX = 40 };

/* A set of countries, and how many area codes or codes they were met by. */
struct places {
    unsigned areas, count;
    char countries[COUNTRIES_MAX][4];
};

enum part { PART_CARIBBEAN, PART_US_TERRITORIES, PART_OTHERS, PART_RISKY, PARTS };
static const char premium[] = "premium-international";
static const char *const groups[PARTS] = {"nanp-caribbean", "us-territories", NULL, "high-risk"};

struct opening {
    struct places *parts[PARTS]; /* NULL: none */
    unsigned destinations, risky;
    bool has_premium;
    bool is_named[PARTS]; /* some of the group stand in the note, so that the group is not the fix */
};

struct opens {
    struct lint *lint;
    struct opening *openings; /* of each rule */
    const char *account;      /* whose calls are judged */
};

/* --- asking --------------------------------------------------------------------------------------- */

static bool is_in_group(const struct lint *lint, struct slice number, const char *group)
{
    struct group_match matches[GROUP_MATCHES_MAX];
    unsigned count = numbering_groups(lint->in->numbering, number, matches);
    uint64_t key = group_key(slice_of(group));
    for (unsigned i = 0; i < count; i++)
        if (matches[i].key == key)
            return true;
    return false;
}

static void note_place(struct opens *opens, struct places **ret, const char country[4])
{
    if (!*ret)
        *ret = arena_alloc(opens->lint->arena, sizeof **ret);
    struct places *places = *ret;
    opens->lint->is_full |= !places;
    if (!places)
        return;
    places->areas++;
    for (unsigned i = 0; i < places->count; i++)
        if (strcmp(places->countries[i], country) == 0)
            return;
    if (places->count < COUNTRIES_MAX)
        memcpy(places->countries[places->count++], country, sizeof places->countries[0]);
}

static unsigned count_of(const struct opening *opening, enum part part)
{
    return opening->parts[part] ? opening->parts[part]->count : 0;
}

/* Is `country` what the prefix of the rule itself names? */
static bool is_meant(const struct lint *lint, const struct rule *rule, const char *country)
{
    struct slice target = slice_of(rule->target.text);
    if (rule->target.type != TARGET_PREFIX || target.n <= 3)
        return rule->target.type != TARGET_PREFIX;
    struct slice digits = {target.p + 3, target.n - 3};
    struct country_fact fact = numbering_country(lint->in->numbering, digits);
    if (fact.len && fact.country[0])
        return strcmp(fact.country, country) == 0;
    /* +1 alone: who opens it means the two large countries */
    return digits.p[0] == '1' && (strcmp(country, "US") == 0 || strcmp(country, "CA") == 0);
}

static bool has_word(const char *note, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = note; n && (at = strcasestr(at, word)) != NULL; at++) {
        bool is_alone = (at == note || !isalpha((unsigned char)at[-1])) &&
                        !isalpha((unsigned char)at[n]);
        if (is_alone)
            return true;
    }
    return false;
}

static bool is_in_note(const struct lint *lint, const struct rule *rule, const char *country)
{
    struct slice code = slice_of(country);
    const char *in_english = numbering_country_name(lint->in->numbering, code, false);
    const char *in_japanese = numbering_country_name(lint->in->numbering, code, true);
    return has_word(rule->note, in_english) || (*in_japanese && strstr(rule->note, in_japanese)) ||
           (*country && strstr(rule->note, country) && has_word(rule->note, country));
}

static void put_down(struct opens *opens, const struct rule *rule, const struct reading *reading)
{
    struct lint *lint = opens->lint;
    struct opening *opening = &opens->openings[rule - lint->in->rules];
    struct slice number = {reading->number, reading->len};
    opening->destinations++;
    if (is_in_group(lint, number, groups[PART_RISKY])) {
        opening->risky++;
        note_place(opens, &opening->parts[PART_RISKY], reading->country);
    }
    if (!reading->country[0]) { /* and not what the prefix itself says */
        opening->has_premium |= is_in_group(lint, number, premium) &&
                                !is_in_group(lint, slice_of(rule->target.text), premium);
        return;
    }
    if (is_meant(lint, rule, reading->country))
        return;
    enum part part = is_in_group(lint, number, groups[PART_CARIBBEAN])        ? PART_CARIBBEAN
                     : is_in_group(lint, number, groups[PART_US_TERRITORIES]) ? PART_US_TERRITORIES
                                                                              : PART_OTHERS;
    if (is_in_note(lint, rule, reading->country))
        opening->is_named[part] = true;
    else
        note_place(opens, &opening->parts[part], reading->country);
}

static int by_id(const void *id, const void *rule)
{
    return strcmp(id, ((const struct rule *)rule)->id);
}

/* numbering_destination_fn: a number of that destination, judged. */
static void ask(void *context, struct slice digits, uint8_t min_digits)
{
    struct opens *opens = context;
    const struct lint_input *in = opens->lint->in;
    char number[NUMBER_DIALED_BYTES_MAX + 1];
    struct verdict verdict;
    int written = snprintf(number, sizeof number, "010%.*s", SLICE_ARG(digits));
    while (written < min_digits + 3 && written < NUMBER_DIALED_BYTES_MAX)
        number[written++] = '2';
    if (!lint_judge(opens->lint, slice_of(opens->account), (struct slice){number, (size_t)written},
                    &verdict) ||
        verdict.action != ACTION_ALLOW || !verdict.has_rule ||
        verdict.rule.scope != (*opens->account ? SCOPE_ACCOUNT : SCOPE_TENANT))
        return;
    const struct reading *reading = &verdict.number.readings[0];
    const struct rule *rule =
        bsearch(verdict.rule.id, in->rules, in->count, sizeof *in->rules, by_id);
    if (rule && reading->country_len <= digits.n + 3) /* not one that a longer row tells */
        put_down(opens, rule, reading);
}

/* --- telling -------------------------------------------------------------------------------------- */

/* "Bahamas, Barbados and 16 more" */
static const char *names(struct lint *lint, const struct places *places, bool in_japanese)
{
    const char *text = "";
    unsigned shown = 0;
    for (; shown < places->count && shown < NAMES_SHOWN; shown++) {
        const char *name = numbering_country_name(lint->in->numbering,
                                                  slice_of(places->countries[shown]), in_japanese);
        text = arena_printf(lint->arena, "%s%s%s", text,
                            shown == 0    ? ""
                            : in_japanese ? "、"
                                          : ", ",
                            *name ? name : places->countries[shown]);
        if (!text) {
            lint->is_full = true;
            return "";
        }
    }
    if (places->count == shown)
        return text;
    text = arena_printf(lint->arena, in_japanese ? "%sほか%u" : "%s and %u more", text,
                        places->count - shown);
    lint->is_full |= !text;
    return text ? text : "";
}

static void add_to(struct lint *lint, const char **text, const char *separator, const char *more)
{
    *text = **text ? arena_printf(lint->arena, "%s%s%s", *text, separator, more) : more;
    if (!*text) {
        lint->is_full = true;
        *text = "";
    }
}

static void describe_beyond(struct lint *lint, struct lint_finding *finding,
                            const struct opening *opening)
{
    static const char *const in_english[] = {"%u area codes in %u territories (%s)",
                                             "%u area codes in %u US territories (%s)",
                                             "%u destinations in %u countries (%s)"};
    static const char *const in_japanese[] = {"%u市外局番・%u地域(%s)", "米国領の%u市外局番・%u地域(%s)",
                                              "%u宛先・%uか国(%s)"};
    const char *text = "", *text_ja = "";
    for (unsigned part = 0; part <= PART_OTHERS; part++) {
        const struct places *places = opening->parts[part];
        if (!places)
            continue;
        const char *more = arena_printf(lint->arena, in_english[part], places->areas, places->count,
                                        names(lint, places, false));
        const char *more_ja = arena_printf(lint->arena, in_japanese[part], places->areas,
                                           places->count, names(lint, places, true));
        add_to(lint, &text, "; ", more);
        add_to(lint, &text_ja, "、", more_ja);
    }
    if (opening->has_premium) {
        add_to(lint, &text, "; ", "premium rate (such as 900)");
        add_to(lint, &text_ja, "、", "情報料課金番号(900など)");
    }
    finding->text = arena_printf(lint->arena, "%s opens more than it says: %s",
                                 lint_name(lint, finding->rule), text);
    finding->text_ja = arena_printf(lint->arena, "許可 %s は意図より広く開放しています:%s",
                                    finding->rule->target.text, text_ja);
}

static void fix_beyond(struct lint *lint, struct lint_finding *finding, const struct opening *opening)
{
    if (count_of(opening, PART_OTHERS) > DENIES_MAX) {
        lint_fix_expire(lint, finding);
        return;
    }
    for (unsigned part = 0; part <= PART_OTHERS; part++) {
        const struct places *places = opening->parts[part];
        char target[RULE_TARGET_BYTES];
        if (places && groups[part] && !opening->is_named[part]) {
            snprintf(target, sizeof target, "group:%s", groups[part]);
            lint_fix_add(lint, finding, ACTION_DENY, target);
            continue;
        }
        for (unsigned i = 0; i < count_of(opening, part); i++) {
            snprintf(target, sizeof target, "country:%s", places->countries[i]);
            lint_fix_add(lint, finding, ACTION_DENY, target);
        }
    }
    if (opening->has_premium)
        lint_fix_add(lint, finding, ACTION_DENY, "group:premium-international");
}

/* Where all that the fix would add is there already, and does not help: it ends, or is meant. */
static void settle(struct lint *lint, struct lint_finding *finding)
{
    if (finding->fix.text || lint->is_full)
        return;
    if (finding->rule->expires_at_ms)
        lint->count--; /* it is the last */
    else
        lint_fix_expire(lint, finding);
}

static void tell_beyond(struct lint *lint, const struct rule *rule, const struct opening *opening)
{
    unsigned count = 0;
    for (unsigned part = 0; part <= PART_OTHERS; part++)
        count += count_of(opening, part);
    if (!count && !opening->has_premium)
        return;
    if (count_of(opening, PART_OTHERS) > DENIES_MAX && rule->expires_at_ms)
        return; /* it ends already, and not at our date */
    struct lint_finding *finding = lint_add(lint, LINT_OPENS_BEYOND_NOTE, LINT_WARNING, rule);
    if (!finding)
        return;
    describe_beyond(lint, finding, opening);
    fix_beyond(lint, finding, opening);
    settle(lint, finding);
}

static void tell_risky(struct lint *lint, const struct rule *rule, const struct opening *opening)
{
    const struct places *risky = opening->parts[PART_RISKY];
    if (!risky || rule->expires_at_ms)
        return;
    struct lint_finding *finding = lint_add(lint, LINT_OPENS_HIGH_RISK, LINT_WARNING, rule);
    if (!finding)
        return;
    finding->text = arena_printf(lint->arena, "%s opens destinations known for fraud: %s",
                                 lint_name(lint, rule), names(lint, risky, false));
    finding->text_ja = arena_printf(lint->arena, "許可 %s は不正利用の多い宛先を開放しています:%s",
                                    rule->target.text, names(lint, risky, true));
    if (opening->risky == opening->destinations) /* meant so: then for a while */
        lint_fix_expire(lint, finding);
    else
        lint_fix_add(lint, finding, ACTION_DENY, "group:high-risk");
    settle(lint, finding);
}

/* --- all of it -------------------------------------------------------------------------------------- */

static void ask_for(struct opens *opens, const char *account)
{
    const struct lint_input *in = opens->lint->in;
    opens->account = account;
    numbering_each_destination(in->numbering, ask, opens);
    for (unsigned i = 0; i < in->count; i++) { /* targets longer than any destination */
        struct slice target = slice_of(in->rules[i].target.text);
        if (in->rules[i].action == ACTION_ALLOW && strcmp(in->rules[i].account, account) == 0 &&
            lint_is_prefix(&in->rules[i]) && target.n > 3 && strncmp(target.p, "010", 3) == 0) {
            struct slice digits = {target.p + 3, target.n - 3};
            struct country_fact fact = numbering_country(in->numbering, digits);
            if (fact.len && fact.len < digits.n)
                ask(opens, (struct slice){digits.p, digits.n}, fact.min_digits);
        }
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The tenant as such (""), and each account with an allow of its own. */
static void ask_for_all(struct opens *opens)
{
    const struct lint_input *in = opens->lint->in;
    const char **accounts = arena_alloc(opens->lint->arena, (in->count + 1) * sizeof *accounts);
    unsigned count = 0, asked = 0;
    opens->lint->is_full |= !accounts;
    if (!accounts)
        return;
    for (unsigned i = 0; i < in->count; i++)
        if (in->rules[i].action == ACTION_ALLOW && *in->rules[i].account)
            accounts[count++] = in->rules[i].account;
    qsort(accounts, count, sizeof *accounts, by_text);
    ask_for(opens, "");
    for (unsigned i = 0; i < count && asked < LINT_ACCOUNTS_MAX; i++) {
        if (i && strcmp(accounts[i], accounts[i - 1]) == 0)
            continue;
        ask_for(opens, accounts[i]);
        asked++;
    }
}

void lint_opens(struct lint *lint)
{
    struct opens opens = {
        .lint = lint,
        .openings = arena_alloc(lint->arena, (lint->in->count + 1) * sizeof *opens.openings)};
    lint->is_full |= !opens.openings;
    if (!opens.openings)
        return;
    ask_for_all(&opens);
    for (unsigned i = 0; i < lint->in->count; i++) {
        tell_beyond(lint, &lint->in->rules[i], &opens.openings[i]);
        tell_risky(lint, &lint->in->rules[i], &opens.openings[i]);
    }
}
