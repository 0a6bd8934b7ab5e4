#include "doors/agi_script.h"

#include <string.h>

enum query_key { Q_TENANT, Q_ACCOUNT, Q_ORIGIN, Q_MIN_REVISION, Q_SOURCE_IP, Q_COUNT };

static const char *const query_names[Q_COUNT] = {
    [Q_TENANT] = "tenant",
    [Q_ACCOUNT] = "account",
    [Q_ORIGIN] = "origin",
    [Q_MIN_REVISION] = "min_revision",
    [Q_SOURCE_IP] = "source_ip",
};

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `+` stays what it is: a form's space has no place in an address. False: a bad escape or a byte that
 * may not be in a value, such as the line break that %0a hides. */
static bool decode(char *text, size_t n, struct slice *ret)
{
    size_t out = 0;
    for (size_t in = 0; in < n; in++) {
        char c = text[in];
        if (c == '%') {
            int high = n - in > 2 ? hex_of(text[in + 1]) : -1;
            int low = n - in > 2 ? hex_of(text[in + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            in += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return false;
        text[out++] = c;
    }
    *ret = (struct slice){text, out};
    return true;
}

static int take_pair(char *text, size_t n, struct slice values[Q_COUNT], struct err *err)
{
    char *equals = memchr(text, '=', n);
    if (!equals)
        return err_set(err, ERR_INVALID, "query without key=value");
    struct slice name = {text, (size_t)(equals - text)};
    for (enum query_key key = 0; key < Q_COUNT; key++) {
        if (!slice_equals_text(name, query_names[key]))
            continue;
        if (values[key].p)
            return err_set(err, ERR_INVALID, "%s twice in the query", query_names[key]);
        if (!decode(equals + 1, (size_t)(text + n - equals) - 1, &values[key]))
            return err_set(err, ERR_INVALID, "bad encoding of %s in the query", query_names[key]);
        return 0;
    }
    return err_set(err, ERR_INVALID, "unknown key in the query");
}

static bool read_revision(struct slice digits, uint64_t *ret)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.n; i++) {
        char c = digits.p[i];
        if (c < '0' || c > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(c - '0');
    }
    *ret = value;
    return true;
}

static int make_script(const struct slice values[Q_COUNT], struct agi_script *ret, struct err *err)
{
    struct agi_script script = {
        .tenant = values[Q_TENANT],
        .account = values[Q_ACCOUNT],
        .source_ip = values[Q_SOURCE_IP],
    };
    if (slice_is_empty(script.tenant))
        return err_set(err, ERR_INVALID, "no tenant in the query");
    if (!origin_of(values[Q_ORIGIN], &script.origin))
        return err_set(err, ERR_INVALID, "unknown origin in the query");
    if (!read_revision(values[Q_MIN_REVISION], &script.min_revision))
        return err_set(err, ERR_INVALID, "min_revision in the query is no number");
    *ret = script;
    return 0;
}

int agi_script_read(char *text, size_t n, struct agi_script *ret, struct err *err)
{
    static const struct slice path = SLICE_LIT("authorize");
    struct slice values[Q_COUNT] = {0};
    char *query = n ? memchr(text, '?', n) : NULL;
    if (!slice_equals((struct slice){text, query ? (size_t)(query - text) : n}, path))
        return err_set(err, ERR_INVALID, "script is not authorize");
    char *end = text + n;
    for (char *at = query ? query + 1 : end; at < end;) {
        char *amp = memchr(at, '&', (size_t)(end - at));
        char *pair_end = amp ? amp : end;
        int failed = take_pair(at, (size_t)(pair_end - at), values, err);
        if (failed)
            return failed;
        at = pair_end + 1;
    }
    return make_script(values, ret, err);
}
