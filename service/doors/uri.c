#include "doors/uri.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%XX" at `p` stands for; negative when it is no escape, or one of NUL. */
static int escape_value(const char *p, const char *end)
{
    if (end - p < 3)
        return -1;
    int high = hex_value(p[1]), low = hex_value(p[2]);
    int value = high < 0 || low < 0 ? -1 : high * 16 + low;
    return value ? value : -1;
}

/* What a byte of a target may be; everything else is plain. */
enum { PLAIN, ESCAPE, PLUS, AMPERSAND, EQUALS, QUESTION, REFUSED };
static const unsigned char class_of[256] = {
    [0 ... ' '] = REFUSED, [0x7f] = REFUSED, ['#'] = REFUSED, ['%'] = ESCAPE, ['+'] = PLUS,
    ['&'] = AMPERSAND,     ['='] = EQUALS,   ['?'] = QUESTION,
};

static unsigned char class_at(const char *p)
{
    return class_of[(unsigned char)*p];
}

static int malformed(struct err *err)
{
    return err_set(err, ERR_INVALID, "malformed URI");
}

/* Finds the end of the path; what is in it must be clean, so that decoding later cannot fail. */
static int take_path(char **p, const char *end, struct slice *ret, struct err *err)
{
    char *at = *p, *start = at;
    if (start == end || *start != '/')
        return malformed(err);
    for (; at < end; at++) {
        unsigned char class = class_at(at);
        if (class == QUESTION)
            break;
        if (class == REFUSED || (class == ESCAPE && escape_value(at, end) < 0))
            return malformed(err);
    }
    *p = at;
    *ret = (struct slice){start, (size_t)(at - start)};
    return 0;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The byte that stands at *p, which is not plain; moves *p to its last character. Negative:
 * refused. */
static int decode_one(char **p, const char *end, bool may_be_plus)
{
    switch (class_at(*p)) {
    case ESCAPE: {
        int value = escape_value(*p, end);
        *p += 2;
        return value;
    }
    case PLUS: return may_be_plus && end - *p > 1 && is_digit((*p)[1]) ? '+' : ' ';
    case REFUSED: return -1;
    default: return (unsigned char)**p;
    }
}

/* Decodes a name (up to =) or a value, up to &, where it stands: decoded text is never longer. */
static bool take_text(char **p, const char *end, bool is_name, struct slice *ret)
{
    char *at = *p, *start = at, *to = at;
    for (;; at++) {
        char *run = at;
        while (at < end && class_at(at) == PLAIN)
            at++;
        if (to != run)
            memmove(to, run, (size_t)(at - run));
        to += at - run;
        if (at == end || class_at(at) == AMPERSAND || (is_name && class_at(at) == EQUALS))
            break;
        int value = decode_one(&at, end, !is_name && at == start);
        if (value < 0)
            return false;
        *to++ = (char)value;
    }
    *p = at;
    *ret = (struct slice){start, (size_t)(to - start)};
    return true;
}

static int take_param(char **p, const char *end, struct uri *uri, struct err *err)
{
    struct slice name, value;
    if (!take_text(p, end, true, &name))
        return malformed(err);
    *p += *p < end && **p == '=';
    if (!take_text(p, end, false, &value)) /* without = the name ended at & or the end: empty */
        return malformed(err);
    if (name.n == 0)
        return err_set(err, ERR_INVALID, "a query parameter without a name");
    for (unsigned i = 0; i < uri->params_count; i++)
        if (slice_equals(uri->params[i].name, name))
            return err_set(err, ERR_INVALID, "a query parameter is there twice");
    if (uri->params_count == URI_PARAMS_MAX)
        return err_set(err, ERR_LIMIT, "more than %d query parameters", URI_PARAMS_MAX);
    uri->params[uri->params_count++] = (struct uri_param){name, value};
    return 0;
}

int uri_split(char *text, size_t n, struct uri *ret, struct err *err)
{
    char *p = text;
    const char *end = text + n;
    ret->params_count = 0;
    int rc = take_path(&p, end, &ret->path, err);
    if (rc || p == end)
        return rc;
    p++; /* the ? */
    while (p < end && !rc) {
        rc = take_param(&p, end, ret, err);
        p += !rc && p < end; /* the & */
    }
    return rc;
}

struct slice uri_param(const struct uri *uri, const char *name)
{
    for (unsigned i = 0; i < uri->params_count; i++)
        if (slice_equals_text(uri->params[i].name, name))
            return uri->params[i].value;
    return SLICE_NONE;
}

struct slice uri_decode_segment(struct slice segment, char *out)
{
    char *to = out;
    for (size_t i = 0; i < segment.n; i++) {
        bool is_escape = segment.p[i] == '%';
        *to++ = is_escape ? (char)escape_value(segment.p + i, segment.p + segment.n) : segment.p[i];
        i += is_escape ? 2 : 0;
    }
    return (struct slice){out, (size_t)(to - out)};
}
