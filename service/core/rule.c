#include "core/rule.h"

#include <stdio.h>

#include "base/utf8.h"
#include "core/number.h"

static const char *const action_words[] = {"allow", "divert", "deny"};
static const char *const scope_words[] = {"platform", "tenant", "account"};

const char *action_word(enum action action)
{
    return action_words[action];
}

int action_of(struct slice word, enum action *ret)
{
    for (int i = 0; i < 3; i++) {
        if (slice_equals_text(word, action_words[i])) {
            *ret = (enum action)i;
            return 0;
        }
    }
    return ERR_INVALID;
}

const char *scope_word(enum scope scope)
{
    return scope_words[scope];
}

/* --- names ----------------------------------------------------------------------------------------- */

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One alphanumeric, then alphanumerics and `more`; n from 1 to max. */
static bool is_name(struct slice s, size_t max, const char *more, bool upper)
{
    if (s.n == 0 || s.n > max || !is_alnum(s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(is_alnum(c) && (upper || c < 'A' || c > 'Z')) && (c == '\0' || !strchr(more, c)))
            return false;
    }
    return true;
}

bool tenant_id_is_valid(struct slice id)
{
    return is_name(id, TENANT_ID_BYTES - 1, "_-", false);
}

bool account_id_is_valid(struct slice id)
{
    return is_name(id, ACCOUNT_ID_BYTES - 1, "._-", true);
}

/* --- targets ----------------------------------------------------------------------------------------- */

static int parse_country(struct slice code, struct target *ret, struct err *err)
{
    bool is_global = slice_equals_text(code, "001");
    if (!is_global && (code.n != 2 || !is_name(code, 2, "", true) || code.p[0] < 'A' || code.p[1] < 'A'))
        return err_set(err, ERR_INVALID, "a country is two letters (ISO 3166-1), such as country:US");
    ret->type = TARGET_COUNTRY;
    snprintf(ret->text, sizeof ret->text, "country:%.*s", SLICE_ARG(code));
    for (char *c = ret->text + 8; *c; c++)
        if (*c >= 'a')
            *c = (char)(*c - 'a' + 'A');
    return 0;
}

static int parse_group(struct slice name, struct target *ret, struct err *err)
{
    if (!is_name(name, 32, "-", false))
        return err_set(err, ERR_INVALID, "a group is 1 to 32 characters of a-z, 0-9 and -");
    ret->type = TARGET_GROUP;
    snprintf(ret->text, sizeof ret->text, "group:%.*s", SLICE_ARG(name));
    return 0;
}

/* Digits as stored, from what people write; "+1" is 0101, "+813" is 03. */
static int parse_prefix(struct slice text, struct target *ret, struct err *err)
{
    struct folded folded;
    if (number_fold(text, &folded) || folded.was_cut)
        return err_set(err, ERR_INVALID, "a prefix is digits, with a leading + or as dialed; others are country:US and group:NAME");
    struct slice digits = {folded.s, folded.len};
    const char *before = "";
    if (digits.p[0] == '+') {
        digits = (struct slice){digits.p + 1, digits.n - 1u};
        bool is_japan = slice_starts_with(digits, SLICE_LIT("81"));
        if (is_japan)
            digits = (struct slice){digits.p + 2, digits.n - 2};
        if (is_japan && digits.n == 0)
            return err_set(err, ERR_INVALID, "+81 is Japan itself: name the national prefix, such as 03");
        if (digits.n == 0)
            return err_set(err, ERR_INVALID, "no digits behind the +; all of abroad is 010");
        before = !is_japan ? "010" : digits.p[0] == '0' ? "" : "0";
    }
    for (size_t i = 0; i < digits.n; i++)
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return err_set(err, ERR_INVALID, "a prefix is digits, with a leading + or as dialed; others are country:US and group:NAME");
    if (strlen(before) + digits.n > RULE_PREFIX_DIGITS_MAX)
        return err_set(err, ERR_INVALID, "a prefix has at most %d digits", RULE_PREFIX_DIGITS_MAX);
    ret->type = TARGET_PREFIX;
    snprintf(ret->text, sizeof ret->text, "%s%.*s", before, SLICE_ARG(digits));
    return 0;
}

int target_parse(struct slice text, struct target *ret, struct err *err)
{
    const struct slice country = SLICE_LIT("country:"), group = SLICE_LIT("group:");
    if (slice_starts_with(text, country))
        return parse_country((struct slice){text.p + country.n, text.n - country.n}, ret, err);
    if (slice_starts_with(text, group))
        return parse_group((struct slice){text.p + group.n, text.n - group.n}, ret, err);
    return parse_prefix(text, ret, err);
}

/* --- rules --------------------------------------------------------------------------------------------- */

static bool is_source(struct slice source)
{
    const char *colon = source.n ? memchr(source.p, ':', source.n) : NULL;
    struct slice word = {source.p, colon ? (size_t)(colon - source.p) : source.n};
    if (!is_name(word, 20, "", false) || source.n >= RULE_SOURCE_BYTES)
        return false;
    return !colon || is_name((struct slice){colon + 1, source.n - word.n - 1}, 63, "._-", true);
}

int rule_check(const struct rule *rule, struct err *err)
{
    struct slice divert_to = slice_of(rule->divert_to), note = slice_of(rule->note);
    bool is_divert = rule->action == ACTION_DIVERT;
    if (is_divert && !is_name(divert_to, RULE_DIVERT_BYTES - 1, "._-", true))
        return err_field(err, ERR_INVALID, "/divert_to",
                         "divert needs a destination of 1 to %d characters of A-Z, a-z, 0-9, . _ -",
                         RULE_DIVERT_BYTES - 1);
    if (!is_divert && divert_to.n)
        return err_field(err, ERR_INVALID, "/divert_to", "only an action of divert has a destination");
    if (rule->is_exact && rule->target.type != TARGET_PREFIX)
        return err_field(err, ERR_INVALID, "/match", "a country or group cannot be matched exactly");
    if (note.n > RULE_NOTE_CHARS_MAX || !utf8_is_plain_text(note.p, note.n))
        return err_field(err, ERR_INVALID, "/note",
                         "a note is plain text without control characters, at most %d bytes",
                         RULE_NOTE_CHARS_MAX);
    if (!is_source(slice_of(rule->source)))
        return err_field(err, ERR_INVALID, "/source", "a source is a word such as customer or operator");
    if (rule->starts_at_ms < 0 || rule->expires_at_ms < 0)
        return err_field(err, ERR_INVALID, "/expires_at", "a moment before 1970");
    if (rule->expires_at_ms && rule->expires_at_ms <= rule->starts_at_ms)
        return err_field(err, ERR_INVALID, "/expires_at", "the rule would expire before it starts");
    return 0;
}

bool rule_is_same_place(const struct rule *a, const struct rule *b)
{
    return a->is_exact == b->is_exact && a->is_locked == b->is_locked &&
           strcmp(a->account, b->account) == 0 && strcmp(a->target.text, b->target.text) == 0;
}

bool rule_collides(const struct rule *a, const struct rule *b)
{
    if (!rule_is_same_place(a, b) || rule_is_dated(a) != rule_is_dated(b))
        return false;
    bool a_is_over = a->expires_at_ms && a->expires_at_ms <= b->starts_at_ms;
    bool b_is_over = b->expires_at_ms && b->expires_at_ms <= a->starts_at_ms;
    return !rule_is_dated(a) || (!a_is_over && !b_is_over);
}
