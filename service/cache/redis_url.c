#include "cache/redis_url.h"

#include "base/slice.h"

enum { REDIS_PORT = 6379, SENTINEL_PORT = 26379 };

#define HOW "redis://[user:password@]host[:port][/db]"
#define HOW_SENTINEL "redis+sentinel://[user:password@]host:port,…/MASTER[/db]"

/* Takes what stands before the first `c` off `rest`, and the `c`; all of it when there is none. */
static struct slice take_before(struct slice *rest, char c)
{
    struct slice head = *rest;
    const char *end = rest->n ? memchr(rest->p, c, rest->n) : NULL;
    if (end)
        head.n = (size_t)(end - rest->p);
    size_t taken = head.n + (end != NULL);
    *rest = taken ? (struct slice){rest->p + taken, rest->n - taken} : *rest;
    return head;
}

static int hex_digit(char c)
{
    char lower = c | 32;
    return c >= '0' && c <= '9' ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* False when it is too long, badly encoded, or has a NUL in it. */
static bool decode(struct slice text, char out[REDIS_WORD_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '%') {
            int high = i + 2 < text.n ? hex_digit(text.p[i + 1]) : -1;
            int low = i + 2 < text.n ? hex_digit(text.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        if (c == '\0' || n + 1 == REDIS_WORD_BYTES)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static bool parse_number(struct slice text, unsigned max, unsigned *ret)
{
    unsigned value = 0;
    if (text.n == 0 || text.n > 5 || !slice_is_digits(text))
        return false;
    for (size_t i = 0; i < text.n; i++)
        value = value * 10 + (unsigned)(text.p[i] - '0');
    *ret = value;
    return value <= max;
}

/* "host", "host:port", "[::1]:port" */
static int parse_host(struct slice text, uint16_t default_port, struct redis_host *ret,
                      struct err *err)
{
    unsigned port = default_port;
    const char *end = text.p + text.n;
    bool is_bracketed = text.n && *text.p == '[';
    if (is_bracketed)
        text = (struct slice){text.p + 1, text.n - 1};
    struct slice name = take_before(&text, is_bracketed ? ']' : ':');
    const char *after = name.p + name.n + is_bracketed; /* the colon, when there is one */
    if (is_bracketed && after < end && *after == ':')
        text = (struct slice){text.p + 1, text.n - 1};
    else if (is_bracketed && after != end)
        return err_set(err, ERR_INVALID, "expected [address]:port");
    if (after < end && (!parse_number(text, 65535, &port) || port == 0))
        return err_set(err, ERR_INVALID, "expected a port from 1 to 65535 (and IPv6 in brackets)");
    if (name.n == 0 || name.n >= sizeof ret->name || memchr(name.p, ',', name.n))
        return err_set(err, ERR_INVALID, "expected a host name or address");
    memcpy(ret->name, name.p, name.n);
    ret->name[name.n] = '\0';
    ret->port = (uint16_t)port;
    return 0;
}

static int parse_user(struct slice text, struct redis_url *ret, struct err *err)
{
    if (!memchr(text.p, ':', text.n))
        return err_set(err, ERR_INVALID, "a user needs a password: user:password@host, or "
                       ":password@host without a user");
    struct slice user = take_before(&text, ':');
    ret->has_password = true;
    if (!decode(user, ret->user) || !decode(text, ret->password))
        return err_set(err, ERR_INVALID, "user or password too long, or has a %% that is no %%XX");
    if (user.n == 0 && text.n == 0)
        return err_set(err, ERR_INVALID, "user and password are empty");
    return 0;
}

static int parse_hosts(struct slice text, bool is_sentinel, struct redis_url *ret, struct err *err)
{
    do {
        struct slice one = is_sentinel ? take_before(&text, ',') : text;
        if (ret->hosts_count == REDIS_HOSTS_MAX)
            return err_set(err, ERR_INVALID, "more than %d Sentinels", REDIS_HOSTS_MAX);
        int rc = parse_host(one, is_sentinel ? SENTINEL_PORT : REDIS_PORT,
                            &ret->hosts[ret->hosts_count++], err);
        if (rc)
            return rc;
    } while (is_sentinel && text.n);
    return 0;
}

static int parse(struct slice text, struct redis_url *ret, struct err *err)
{
    bool is_sentinel = slice_starts_with(text, SLICE_LIT("redis+sentinel://"));
    if (!is_sentinel && !slice_starts_with(text, SLICE_LIT("redis://")))
        return err_set(err, ERR_INVALID, "expected " HOW " or " HOW_SENTINEL);
    take_before(&text, '/');
    take_before(&text, '/');
    /* a password may hold an @ (and passwords made by programs do), so it ends at the last one */
    const char *at = text.n ? memrchr(text.p, '@', text.n) : NULL;
    int rc = 0;
    if (at) {
        size_t n = (size_t)(at - text.p);
        rc = parse_user((struct slice){text.p, n}, ret, err);
        text = (struct slice){at + 1, text.n - n - 1};
    }
    rc = rc ? rc : parse_hosts(take_before(&text, '/'), is_sentinel, ret, err);
    if (!rc && is_sentinel && (!decode(take_before(&text, '/'), ret->master) || !*ret->master))
        rc = err_set(err, ERR_INVALID, "expected the master's name: " HOW_SENTINEL);
    if (!rc && text.n && !parse_number(text, REDIS_DB_MAX, &ret->db))
        rc = err_set(err, ERR_INVALID, "expected the number of a database at the end");
    return rc;
}

int redis_url_parse(const char *text, struct redis_url *ret, struct err *err)
{
    struct redis_url url = {0};
    int rc = parse(slice_of(text), &url, err);
    if (!rc)
        *ret = url;
    explicit_bzero(&url, sizeof url);
    return rc;
}
