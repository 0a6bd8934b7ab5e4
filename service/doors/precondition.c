#include "doors/precondition.h"

static void skip_space(struct slice *text)
{
    while (text->n && (text->p[0] == ' ' || text->p[0] == '\t')) {
        text->p++;
        text->n--;
    }
}

/* The number inside the quotes; 0, which no version is, when it is none of ours. */
static uint64_t version_of(struct slice opaque)
{
    uint64_t version = 0;
    if (opaque.n == 0 || opaque.n > 19 || opaque.p[0] == '0')
        return 0;
    for (size_t i = 0; i < opaque.n; i++) {
        if (opaque.p[i] < '0' || opaque.p[i] > '9')
            return 0;
        version = version * 10 + (uint64_t)(opaque.p[i] - '0');
    }
    return version;
}

/* entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE; false when there is none at the front of *text. */
static bool take_etag(struct slice *text, uint64_t *ret_version)
{
    bool is_weak = slice_starts_with(*text, SLICE_LIT("W/\""));
    size_t first = is_weak ? 3 : 1;
    if (!is_weak && (text->n == 0 || text->p[0] != '"'))
        return false;
    const char *quote = memchr(text->p + first, '"', text->n - first);
    if (!quote)
        return false;
    struct slice opaque = {text->p + first, (size_t)(quote - text->p) - first};
    *ret_version = is_weak ? 0 : version_of(opaque);
    text->n -= (size_t)(quote + 1 - text->p);
    text->p = quote + 1;
    return true;
}

static int parse_list(struct slice text, const char *header, struct precondition *precondition,
                      struct err *err)
{
    for (;;) {
        uint64_t version;
        skip_space(&text);
        if (!take_etag(&text, &version))
            return err_set(err, ERR_INVALID, "%s must be * or an ETag in quotes, such as \"7\"",
                           header);
        if (version && precondition->count == ETAGS_MAX)
            return err_set(err, ERR_LIMIT, "%s names more than %d ETags", header, ETAGS_MAX);
        if (version)
            precondition->versions[precondition->count++] = version;
        skip_space(&text);
        if (text.n == 0)
            return 0;
        if (text.p[0] != ',')
            return err_set(err, ERR_INVALID, "%s: a comma must stand between ETags", header);
        text.p++;
        text.n--;
    }
}

int precondition_parse(struct slice if_match, struct slice if_none_match, struct precondition *ret,
                       struct err *err)
{
    struct precondition parsed = {.kind = PRECONDITION_NONE};
    int rc = 0;
    if (if_match.p && if_none_match.p)
        return err_set(err, ERR_INVALID, "If-Match and If-None-Match exclude each other");
    if (slice_equals_text(if_match, "*")) {
        parsed.kind = PRECONDITION_EXISTS;
    } else if (slice_equals_text(if_none_match, "*")) {
        parsed.kind = PRECONDITION_ABSENT;
    } else if (if_match.p) {
        parsed.kind = PRECONDITION_ONE_OF;
        rc = parse_list(if_match, "If-Match", &parsed, err);
    } else if (if_none_match.p) {
        parsed.kind = PRECONDITION_NONE_OF;
        rc = parse_list(if_none_match, "If-None-Match", &parsed, err);
    }
    if (rc == 0)
        *ret = parsed;
    return rc;
}

static bool names(const struct precondition *precondition, uint64_t version)
{
    for (unsigned i = 0; i < precondition->count; i++)
        if (version && precondition->versions[i] == version)
            return true;
    return false;
}

int precondition_resolve(const struct precondition *precondition, uint64_t version,
                         struct condition *ret, struct err *err)
{
    struct condition condition = {.kind = COND_NONE};
    switch (precondition->kind) {
    case PRECONDITION_NONE: break;
    case PRECONDITION_EXISTS:
        if (!version)
            return err_set(err, ERR_STALE, "it does not exist");
        condition.kind = COND_EXISTS;
        break;
    case PRECONDITION_ABSENT:
        if (version)
            return err_set(err, ERR_STALE, "it exists already");
        condition.kind = COND_ABSENT;
        break;
    case PRECONDITION_ONE_OF:
        if (!names(precondition, version))
            return err_set(err, ERR_STALE, "If-Match names another version than the present one");
        condition = (struct condition){COND_VERSION, version};
        break;
    case PRECONDITION_NONE_OF:
        if (names(precondition, version))
            return err_set(err, ERR_STALE, "If-None-Match names the present version");
        break;
    }
    *ret = condition;
    return 0;
}
