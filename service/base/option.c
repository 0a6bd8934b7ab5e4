#include "base/option.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"

struct unit {
    const char *suffix;
    int64_t factor;
};
static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {0}};
static const struct unit sizes[] = {{"", 1}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {0}};
static const struct unit numbers[] = {{"", 1}, {0}};

static void *field_of(const struct option *option, void *target)
{
    return (char *)target + option->offset;
}

const struct option *option_find(const struct option *table, const char *name)
{
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0 && !(table->flags & OPTION_POSITIONAL))
            return table;
    return NULL;
}

const struct option *option_nearest(const struct option *table, const char *name)
{
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (const struct option *option = table; option->name; option++)
        if (!(option->flags & OPTION_POSITIONAL))
            nearest_offer(&nearest, option->name);
    return nearest.best ? option_find(table, nearest.best) : NULL;
}

/* --- from text ------------------------------------------------------------------------------------ */

static const struct unit *units_of(enum option_kind kind)
{
    return kind == OPTION_DURATION ? durations : kind == OPTION_SIZE ? sizes : numbers;
}

/* Digits, then one of the suffixes; "0" needs none. False when it is none or does not fit. */
static bool parse_quantity(const char *text, const struct unit *units, int64_t *ret)
{
    int64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *p - '0', &value))
            return false;
    if (p == text)
        return false;
    if (value == 0 && *p == '\0') {
        *ret = 0;
        return true;
    }
    for (; units->suffix; units++)
        if (strcmp(units->suffix, p) == 0)
            return !__builtin_mul_overflow(value, units->factor, ret);
    return false;
}

static void print_quantity(int64_t value, const struct unit *units, struct buf *out)
{
    const struct unit *best = units;
    for (; units->suffix; units++)
        if (value && value % units->factor == 0)
            best = units;
    buf_printf(out, "%lld%s", (long long)(value / best->factor), value ? best->suffix : "");
}

static int set_quantity(const struct option *option, const char *text, int64_t *field,
                        struct err *err)
{
    const struct unit *units = units_of(option->kind);
    int64_t value;
    if (!parse_quantity(text, units, &value)) {
        const char *expected = option->kind == OPTION_DURATION ? "a duration such as 30s, 15m or 7d"
                               : option->kind == OPTION_SIZE   ? "a size such as 64k or 16M"
                                                               : "a whole number";
        return err_set(err, ERR_INVALID, "expected %s, got \"%s\"", expected, text);
    }
    if ((option->min || option->max) && (value < option->min || value > option->max)) {
        char bounds[64];
        struct buf out = BUF_OVER(bounds);
        print_quantity(option->min, units, &out);
        buf_add_text(&out, " to ");
        print_quantity(option->max, units, &out);
        return err_set(err, ERR_INVALID, "%s is out of bounds, %s", text, bounds);
    }
    *field = value;
    return 0;
}

/* The word number `index` of "error|warn|info"; empty when there are fewer. */
static struct slice choice_word(const char *words, int index)
{
    while (index-- > 0) {
        words = strchr(words, '|');
        if (!words)
            return SLICE_NONE;
        words++;
    }
    return (struct slice){words, strcspn(words, "|")};
}

static int set_choice(const struct option *option, const char *text, int *field, struct err *err)
{
    struct slice word;
    for (int i = 0; !slice_is_empty(word = choice_word(option->value, i)); i++) {
        if (slice_equals_text(word, text)) {
            *field = i;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "expected one of %s, got \"%s\"", option->value, text);
}

static int set_flag(const char *text, bool *field, struct err *err)
{
    static const char *const words[] = {"no", "yes", "false", "true", "0", "1", "off", "on"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0) {
            *field = i % 2;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "expected yes or no, got \"%s\"", text);
}

static int add_to_list(const struct option *option, const char *text, struct option_list *list,
                       struct arena *arena, struct err *err)
{
    const char *between = option->flags & OPTION_WHOLE ? "" : ", \t";
    unsigned more = 0;
    for (const char *p = text + strspn(text, between); *p; p += strspn(p, between), more++)
        p += strcspn(p, between);
    if (more == 0)
        return 0;
    const char **items = arena_alloc(arena, (list->count + more) * sizeof *items);
    if (!items)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    unsigned count = list->count;
    for (const char *p = text + strspn(text, between); *p; p += strspn(p, between)) {
        size_t n = strcspn(p, between);
        items[count] = arena_copy(arena, (struct slice){p, n});
        if (!items[count++])
            return err_set(err, ERR_NOMEM, "out of memory");
        p += n;
    }
    *list = (struct option_list){count, items};
    return 0;
}

int option_set(const struct option *option, const char *text, void *target, struct arena *arena,
               struct err *err)
{
    void *field = field_of(option, target);
    switch (option->kind) {
    case OPTION_PATH:
        if (!*text)
            return err_set(err, ERR_INVALID, "expected a path");
        __attribute__((fallthrough));
    case OPTION_TEXT:
        *(const char **)field = text;
        return 0;
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_INT: return set_quantity(option, text, field, err);
    case OPTION_CHOICE: return set_choice(option, text, field, err);
    case OPTION_FLAG: return set_flag(text, field, err);
    case OPTION_LIST: return add_to_list(option, text, field, arena, err);
    }
    return err_set(err, ERR_INVALID, "unknown kind of option");
}

/* --- to text -------------------------------------------------------------------------------------- */

/* scheme://user:password@host and ?password=password, with "***" for the password */
static void print_secret_url(const char *url, struct buf *out)
{
    static const char parameter[] = "password=";
    const char *authority = strstr(url, "://");
    const char *at = authority ? strrchr(authority, '@') : NULL;
    const char *colon = at ? memchr(authority + 3, ':', (size_t)(at - authority - 3)) : NULL;
    if (colon) {
        buf_add(out, url, (size_t)(colon - url));
        buf_add_text(out, ":***");
        url = at;
    }
    for (const char *password; (password = strstr(url, parameter));) { /* sslpassword, too */
        password += sizeof parameter - 1;
        buf_add(out, url, (size_t)(password - url));
        buf_add_text(out, "***");
        url = password + strcspn(password, "&");
    }
    buf_add_text(out, url);
}

void option_print(const struct option *option, const void *target, struct buf *out)
{
    const void *field = (const char *)target + option->offset;
    switch (option->kind) {
    case OPTION_TEXT:
    case OPTION_PATH: {
        const char *text = *(const char *const *)field;
        if (text && option->flags & OPTION_SECRET)
            print_secret_url(text, out);
        else if (text)
            buf_add_text(out, text);
        break;
    }
    case OPTION_DURATION:
    case OPTION_SIZE:
    case OPTION_INT: print_quantity(*(const int64_t *)field, units_of(option->kind), out); break;
    case OPTION_CHOICE: {
        struct slice word = choice_word(option->value, *(const int *)field);
        buf_add(out, word.p, word.n);
        break;
    }
    case OPTION_FLAG: buf_add_text(out, *(const bool *)field ? "yes" : "no"); break;
    case OPTION_LIST: {
        const struct option_list *list = field;
        for (unsigned i = 0; i < list->count; i++)
            buf_printf(out, "%s%s", i ? ", " : "", list->items[i]);
    }
    }
}

void option_print_usage(const struct option *option, struct buf *out)
{
    if (option->flags & OPTION_POSITIONAL) {
        bool may_lack = option->flags & OPTION_OPTIONAL;
        bool is_list = option->kind == OPTION_LIST;
        buf_printf(out, "%s%s%s", may_lack ? "[" : "", option->name, is_list ? "…" : "");
        if (option->unless)
            buf_printf(out, "|--%s", option->unless);
        buf_add_text(out, may_lack ? "]" : "");
    } else if (option->kind == OPTION_FLAG) {
        buf_printf(out, "--%s", option->name);
    } else {
        buf_printf(out, "--%s %s", option->name, option->value);
    }
}
