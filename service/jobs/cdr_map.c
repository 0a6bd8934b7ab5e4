#include "jobs/cdr_map.h"

#include "core/rule.h"

static const char *const what_words[CDR_GIVES] = {"tenant", "account", "number"};

/* --- patterns ----------------------------------------------------------------------------------- */

enum { WILDS_MAX = 6, WILD_ANYTHING = CDR_GIVES };

/* One pattern, cut up: literal[0] wild[0] literal[1] … wild[n-1] literal[n]. */
struct pattern {
    unsigned wilds;
    int wild[WILDS_MAX]; /* enum cdr_what, or WILD_ANYTHING */
    struct slice literal[WILDS_MAX + 1];
};

/* What begins at text.p; *ret_n is its length, 0: no wild. -1: braces that hold no name. */
static int wild_at(struct slice text, size_t *ret_n)
{
    *ret_n = 0;
    if (text.p[0] == '*') {
        *ret_n = 1;
        return WILD_ANYTHING;
    }
    if (text.p[0] != '{')
        return 0;
    for (int i = 0; i < CDR_GIVES; i++) {
        size_t n = strlen(what_words[i]);
        if (text.n >= n + 2 && memcmp(text.p + 1, what_words[i], n) == 0 && text.p[n + 1] == '}') {
            *ret_n = n + 2;
            return i;
        }
    }
    return -1;
}

static int cut(struct slice text, struct pattern *ret, struct err *err)
{
    struct pattern pattern = {.literal = {{text.p, 0}}};
    for (size_t at = 0, n; at < text.n;) {
        int wild = wild_at((struct slice){text.p + at, text.n - at}, &n);
        if (wild < 0)
            return err_set(err, ERR_INVALID, "in braces only {tenant}, {account} and {number} may stand");
        if (n == 0) {
            pattern.literal[pattern.wilds].n++;
            at++;
            continue;
        }
        if (pattern.wilds == WILDS_MAX)
            return err_set(err, ERR_INVALID, "more than %d of {…} and *", WILDS_MAX);
        if (pattern.wilds && pattern.literal[pattern.wilds].n == 0)
            return err_set(err, ERR_INVALID, "something must stand between two of {…} and *");
        pattern.wild[pattern.wilds++] = wild;
        at += n;
        pattern.literal[pattern.wilds] = (struct slice){text.p + at, 0};
    }
    *ret = pattern;
    return 0;
}

/* Where `part` stands last in text before `end`; -1: nowhere. */
static ptrdiff_t last_of(struct slice text, size_t end, struct slice part)
{
    for (size_t at = end < part.n ? 0 : end - part.n + 1; at-- > 0;)
        if (memcmp(text.p + at, part.p, part.n) == 0)
            return (ptrdiff_t)at;
    return -1;
}

/* From the end: each literal where it stands last, so that the first wild gets the most. `got` has what
 * stands at each wild. */
static bool match(const struct pattern *pattern, struct slice text, struct slice got[WILDS_MAX])
{
    struct slice first = pattern->literal[0], last = pattern->literal[pattern->wilds];
    if (pattern->wilds == 0)
        return slice_equals(text, first);
    if (text.n < first.n + last.n || !slice_starts_with(text, first) ||
        (last.n && memcmp(text.p + text.n - last.n, last.p, last.n) != 0))
        return false;
    size_t end = text.n - last.n;
    for (unsigned i = pattern->wilds - 1; i > 0; i--) {
        struct slice literal = pattern->literal[i];
        ptrdiff_t at = end ? last_of(text, end - 1, literal) : -1;
        if (at < (ptrdiff_t)first.n)
            return false;
        got[i] = (struct slice){text.p + at + literal.n, end - (size_t)at - literal.n};
        end = (size_t)at;
    }
    got[0] = (struct slice){text.p + first.n, end - first.n};
    return end > first.n;
}

/* --- reading the map ---------------------------------------------------------------------------- */

static int what_of(struct slice word)
{
    for (int i = 0; i < CDR_GIVES; i++)
        if (slice_equals_text(word, what_words[i]))
            return i;
    return -1;
}

static bool is_good(enum cdr_what what, struct slice text)
{
    return what == CDR_GIVES_TENANT    ? tenant_id_is_valid(text)
           : what == CDR_GIVES_ACCOUNT ? account_id_is_valid(text)
                                       : text.n > 0;
}

static int read_field(struct cdr_map_item *item, int what, struct slice value, struct err *err)
{
    int field = cdr_field_of(value);
    if (field < 0)
        return err_set(err, ERR_INVALID, "no field is called \"%.*s\"", SLICE_ARG(value));
    item->kind = CDR_MAP_FIELD;
    item->what = (enum cdr_what)what;
    item->field = (enum cdr_field)field;
    return 0;
}

static int read_pattern(struct cdr_map_item *item, struct slice name, struct slice value,
                        struct err *err)
{
    struct pattern pattern;
    int field = cdr_field_of(name), r = cut(value, &pattern, err);
    if (r < 0)
        return r;
    if (slice_equals_text(name, "context")) {
        item->kind = CDR_MAP_CONTEXT;
        return 0;
    }
    if (slice_equals_text(name, "context!")) {
        item->kind = CDR_MAP_NOT_CONTEXT;
        return 0;
    }
    if (field < 0)
        return err_set(err, ERR_INVALID, "no field is called \"%.*s\"", SLICE_ARG(name));
    bool gives = false;
    for (unsigned i = 0; i < pattern.wilds; i++)
        gives = gives || pattern.wild[i] != WILD_ANYTHING;
    if (!gives)
        return err_set(err, ERR_INVALID, "a pattern over a field needs {tenant}, {account} or {number}");
    item->kind = CDR_MAP_PATTERN;
    item->field = (enum cdr_field)field;
    return 0;
}

static int read_fixed(struct cdr_map_item *item, struct slice name, struct slice value,
                      struct err *err)
{
    int what = what_of(name);
    if (what < 0 || what == CDR_GIVES_NUMBER || !is_good((enum cdr_what)what, value))
        return err_set(err, ERR_INVALID, "expected tenant:ID or account:ID");
    item->kind = CDR_MAP_FIXED;
    item->what = (enum cdr_what)what;
    return 0;
}

static int read_item(struct cdr_map *map, struct slice text, struct err *err)
{
    struct cdr_map_item item = {0};
    size_t n = 0;
    while (n < text.n && text.p[n] != '=' && text.p[n] != ':')
        n++;
    struct slice name = {text.p, n};
    if (n + 1 >= text.n)
        return err_set(err, ERR_INVALID, "expected NAME=FIELD, FIELD=PATTERN or NAME:ID");
    struct slice value = {text.p + n + 1, text.n - n - 1};
    int what = what_of(name), r;
    if (text.p[n] == ':')
        r = read_fixed(&item, name, value, err);
    else if (what >= 0 && !memchr(value.p, '{', value.n))
        r = read_field(&item, what, value, err);
    else
        r = read_pattern(&item, name, value, err);
    item.at = (size_t)(value.p - map->text);
    item.n = value.n;
    map->has_contexts = map->has_contexts || item.kind == CDR_MAP_CONTEXT;
    if (r == 0)
        map->items[map->count++] = item;
    return r;
}

int cdr_map_parse(struct slice text, struct cdr_map *ret, struct err *err)
{
    *ret = (struct cdr_map){0};
    if (text.n >= sizeof ret->text)
        return err_set(err, ERR_INVALID, "longer than %zu characters", sizeof ret->text - 1);
    memcpy(ret->text, text.p ? text.p : "", text.n);
    for (size_t at = 0; at < text.n;) {
        size_t n = strcspn(ret->text + at, " \t\n;");
        struct slice item = {ret->text + at, n};
        if (n && ret->count == CDR_MAP_ITEMS_MAX)
            return err_set(err, ERR_INVALID, "more than %d items", CDR_MAP_ITEMS_MAX);
        if (n && read_item(ret, item, err) < 0)
            return err_context(err, "%.*s", (int)(n < 80 ? n : 80), item.p);
        at += n + 1;
    }
    return 0;
}

/* --- applying it -------------------------------------------------------------------------------- */

struct slice cdr_endpoint(struct slice channel)
{
    const char *slash = channel.n ? memchr(channel.p, '/', channel.n) : NULL;
    const char *dash = channel.n ? memrchr(channel.p, '-', channel.n) : NULL;
    if (!slash || !dash || dash <= slash + 1 || slice_starts_with(channel, SLICE_LIT("Local/")))
        return SLICE_NONE;
    return (struct slice){slash + 1, (size_t)(dash - slash - 1)};
}

static bool is_context(const struct cdr_map *map, const struct cdr_map_item *item,
                       struct slice context)
{
    struct pattern pattern;
    struct slice got[WILDS_MAX];
    return cut((struct slice){map->text + item->at, item->n}, &pattern, NULL) == 0 &&
           match(&pattern, context, got);
}

static bool is_wanted(const struct cdr_map *map, const struct cdr *cdr)
{
    bool is_named = false;
    for (unsigned i = 0; i < map->count; i++) {
        const struct cdr_map_item *item = &map->items[i];
        bool names = item->kind == CDR_MAP_CONTEXT || item->kind == CDR_MAP_NOT_CONTEXT;
        if (!names || !is_context(map, item, cdr->fields[CDR_DCONTEXT]))
            continue;
        if (item->kind == CDR_MAP_NOT_CONTEXT)
            return false;
        is_named = true;
    }
    return is_named || !map->has_contexts;
}

static struct slice *place(struct cdr_names *names, enum cdr_what what)
{
    return what == CDR_GIVES_TENANT    ? &names->tenant
           : what == CDR_GIVES_ACCOUNT ? &names->account
                                       : &names->number;
}

static void give(struct cdr_names *names, enum cdr_what what, struct slice text)
{
    struct slice *to = place(names, what);
    if (to->n == 0 && is_good(what, text))
        *to = text;
}

static void apply_pattern(const struct cdr_map *map, const struct cdr_map_item *item,
                          const struct cdr *cdr, struct cdr_names *names)
{
    struct pattern pattern;
    struct slice got[WILDS_MAX];
    if (cut((struct slice){map->text + item->at, item->n}, &pattern, NULL) < 0 ||
        !match(&pattern, cdr->fields[item->field], got))
        return;
    for (unsigned i = 0; i < pattern.wilds; i++) /* all of them, or none: they belong together */
        if (pattern.wild[i] != WILD_ANYTHING && !is_good((enum cdr_what)pattern.wild[i], got[i]))
            return;
    for (unsigned i = 0; i < pattern.wilds; i++)
        if (pattern.wild[i] != WILD_ANYTHING)
            give(names, (enum cdr_what)pattern.wild[i], got[i]);
}

bool cdr_map_apply(const struct cdr_map *map, const struct cdr *cdr, struct cdr_names *ret)
{
    struct cdr_names names = {0};
    if (!is_wanted(map, cdr))
        return false;
    for (unsigned i = 0; i < map->count; i++) {
        const struct cdr_map_item *item = &map->items[i];
        struct slice fixed = {map->text + item->at, item->n}, text = cdr->fields[item->field];
        if (item->kind == CDR_MAP_FIXED)
            give(&names, item->what, fixed);
        else if (item->kind == CDR_MAP_PATTERN)
            apply_pattern(map, item, cdr, &names);
        else if (item->kind == CDR_MAP_FIELD)
            give(&names, item->what,
                 item->field == CDR_CHANNEL && item->what != CDR_GIVES_NUMBER ? cdr_endpoint(text)
                                                                              : text);
    }
    if (names.number.n == 0)
        names.number = cdr->fields[CDR_DST];
    *ret = names;
    return true;
}
