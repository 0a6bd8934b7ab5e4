#include "auth/claims.h"

#include <jansson.h>

#include "auth/credential.h"

static const char name_of_us[] = "sekisho"; /* iss and aud */
enum { AUDIENCES_MAX = 16 };
/* 9999-12-31T23:59:59Z; a larger NumericDate would overflow once in milliseconds */
static const json_int_t seconds_max = 253402300799;

static struct slice text_of(const json_t *string)
{
    return (struct slice){json_string_value(string), json_string_length(string)};
}

static bool is_us(const json_t *value)
{
    return json_is_string(value) && slice_equals_text(text_of(value), name_of_us);
}

static bool is_for_us(const json_t *aud)
{
    bool has_us = is_us(aud);
    if (!json_is_array(aud) || json_array_size(aud) > AUDIENCES_MAX)
        return has_us;
    for (size_t i = 0; i < json_array_size(aud); i++) {
        const json_t *one = json_array_get(aud, i);
        if (!json_is_string(one))
            return false;
        has_us = has_us || is_us(one);
    }
    return has_us;
}

/* A NumericDate; integers only. RFC 7519 would let fractions pass, nobody needs them here. */
static int read_time(const json_t *claims, const char *name, int64_t *ret_ms, struct err *err)
{
    const json_t *value = json_object_get(claims, name);
    if (!value)
        return err_set(err, ERR_FORBIDDEN, "no %s", name);
    json_int_t seconds = json_integer_value(value);
    if (!json_is_integer(value) || seconds <= 0 || seconds > seconds_max)
        return err_set(err, ERR_FORBIDDEN, "%s is not a time", name);
    *ret_ms = (int64_t)seconds * 1000;
    return 0;
}

static int read_times(const json_t *claims, int64_t now_ms, struct credential *ret, struct err *err)
{
    int64_t not_before_ms = 0;
    int rc;
    if ((rc = read_time(claims, "exp", &ret->expires_at_ms, err)) ||
        (rc = read_time(claims, "iat", &ret->issued_at_ms, err)) ||
        (json_object_get(claims, "nbf") && (rc = read_time(claims, "nbf", &not_before_ms, err))))
        return rc;
    if (now_ms >= ret->expires_at_ms)
        return err_set(err, ERR_FORBIDDEN, "expired");
    if (not_before_ms > now_ms + CLAIMS_LEEWAY_MS)
        return err_set(err, ERR_FORBIDDEN, "not valid yet");
    if (ret->issued_at_ms > now_ms + CLAIMS_LEEWAY_MS)
        return err_set(err, ERR_FORBIDDEN, "issued in the future");
    if (ret->expires_at_ms - ret->issued_at_ms > (int64_t)TOKEN_LIFETIME_DAYS_MAX * 86400 * 1000)
        return err_set(err, ERR_FORBIDDEN, "lasts longer than %d days", TOKEN_LIFETIME_DAYS_MAX);
    return 0;
}

/* Copies a string claim that leaves room for its NUL. jansson has refused NULs within. */
static bool copy_text(const json_t *value, char *to, size_t cap)
{
    struct slice text = text_of(value);
    if (!json_is_string(value) || text.n >= cap)
        return false;
    memcpy(to, text.p, text.n);
    to[text.n] = '\0';
    return true;
}

static bool add_tenant(struct credential *ret, const json_t *value)
{
    return json_is_string(value) && credential_add_tenant(ret, text_of(value)) == 0;
}

/* Tenant roles have a string, the others a list: one who mistakes the two is refused, because an
 * absent list means all tenants. */
static bool read_tenants(const json_t *claims, struct credential *ret)
{
    const json_t *one = json_object_get(claims, "tenant"), *list = json_object_get(claims, "tenants");
    if (role_is_of_tenant(ret->role))
        return !list && add_tenant(ret, one);
    if (one)
        return false;
    if (!list)
        return true;
    if (json_array_size(list) == 0) /* no array, too */
        return false;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!add_tenant(ret, json_array_get(list, i)))
            return false;
    return true;
}

static int read_object(const json_t *claims, int64_t now_ms, struct credential *ret, struct err *err)
{
    const json_t *sub = json_object_get(claims, "sub"), *role = json_object_get(claims, "role");
    if (!is_us(json_object_get(claims, "iss")))
        return err_set(err, ERR_FORBIDDEN, "wrong iss");
    if (!is_for_us(json_object_get(claims, "aud")))
        return err_set(err, ERR_FORBIDDEN, "wrong aud");
    int rc = read_times(claims, now_ms, ret, err);
    if (rc)
        return rc;
    if (!json_is_string(role) || role_of(text_of(role), &ret->role) != 0)
        return err_set(err, ERR_FORBIDDEN, "unknown role");
    if (!read_tenants(claims, ret))
        return err_set(err, ERR_FORBIDDEN, "bad tenant or tenants");
    if (!copy_text(json_object_get(claims, "jti"), ret->jti, sizeof ret->jti))
        return err_set(err, ERR_FORBIDDEN, "bad jti");
    if (sub && !copy_text(sub, ret->subject, sizeof ret->subject))
        return err_set(err, ERR_FORBIDDEN, "bad sub");
    const char *fault = credential_fault(ret);
    return fault ? err_set(err, ERR_FORBIDDEN, "%s", fault) : 0;
}

int claims_read(struct slice json, int64_t now_ms, struct credential *ret, struct err *err)
{
    json_t *claims = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    struct credential read;
    credential_init(&read);
    int rc = json_is_object(claims) ? read_object(claims, now_ms, &read, err)
                                    : err_set(err, ERR_FORBIDDEN, "the claims are not an object");
    json_decref(claims);
    if (rc == 0)
        credential_copy(ret, &read);
    return rc;
}

void claims_write(const struct credential *credential, struct buf *out)
{
    int64_t issued_at = credential->issued_at_ms / 1000;
    buf_printf(out, "{\"iss\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,\"nbf\":%lld,\"exp\":%lld", name_of_us,
               name_of_us, (long long)issued_at, (long long)issued_at,
               (long long)(credential->expires_at_ms / 1000));
    buf_printf(out, ",\"jti\":\"%s\",\"role\":\"%s\"", credential->jti, role_word(credential->role));
    if (credential->subject[0]) {
        buf_add_text(out, ",\"sub\":");
        buf_add_json(out, slice_of(credential->subject));
    }
    if (role_is_of_tenant(credential->role)) {
        buf_printf(out, ",\"tenant\":\"%s\"", credential->tenant_ids);
    } else if (credential->tenants_count) {
        const char *id = NULL;
        char before = '[';
        buf_add_text(out, ",\"tenants\":");
        for (; (id = credential_next_tenant(credential, id)); before = ',')
            buf_printf(out, "%c\"%s\"", before, id);
        buf_add_char(out, ']');
    }
    buf_add_char(out, '}');
}
