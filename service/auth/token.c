/* Issuing: who gets what for how long, as a signed token. */
#include <sodium.h>

#include "auth/claims.h"
#include "auth/credential.h"
#include "auth/jws.h"
#include "auth/keyring.h"

static const int64_t day_ms = 24 * 3600 * 1000;

int64_t token_ttl_max_ms(enum role role)
{
    return role == ROLE_PBX ? TOKEN_LIFETIME_DAYS_MAX * day_ms : day_ms;
}

/* A ULID: 48 bits of time, 80 of chance, in Crockford's base 32, so that tokens sort by their age. */
static void make_jti(int64_t now_ms, char jti[JTI_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    enum { TIME_DIGITS = 10, CHANCE_DIGITS = 16 };
    unsigned char chance[CHANCE_DIGITS];
    randombytes_buf(chance, sizeof chance);
    uint64_t time = (uint64_t)now_ms;
    for (int i = TIME_DIGITS - 1; i >= 0; i--, time >>= 5)
        jti[i] = digits[time & 31];
    for (int i = 0; i < CHANCE_DIGITS; i++)
        jti[TIME_DIGITS + i] = digits[chance[i] & 31];
    jti[TIME_DIGITS + CHANCE_DIGITS] = '\0';
}

static int add_tenants(const struct token_request *request, struct credential *credential,
                       struct err *err)
{
    for (unsigned i = 0; i < request->tenants_count; i++) {
        struct slice id = slice_of(request->tenants[i]);
        int rc = credential_add_tenant(credential, id);
        if (rc == ERR_LIMIT)
            return err_field(err, rc, "/tenants", "more than %d tenants", TOKEN_TENANTS_MAX);
        if (rc)
            return err_field(err, rc, "/tenants", "not a tenant id: %.*s", SLICE_ARG(id));
    }
    return 0;
}

static int make_credential(const struct token_request *request, int64_t now_ms,
                           struct credential *credential, struct err *err)
{
    struct slice subject = slice_of(request->subject);
    credential_init(credential);
    if (request->ttl_ms < 1000 || request->ttl_ms > TOKEN_LIFETIME_DAYS_MAX * day_ms)
        return err_field(err, ERR_INVALID, "/ttl", "a token lasts from 1 second to %d days",
                         TOKEN_LIFETIME_DAYS_MAX);
    if (subject.n >= sizeof credential->subject)
        return err_field(err, ERR_INVALID, "/subject", "longer than %d bytes", SUBJECT_BYTES - 1);
    if (subject.n)
        memcpy(credential->subject, subject.p, subject.n);
    credential->role = request->role;
    credential->issued_at_ms = now_ms / 1000 * 1000; /* claims are in whole seconds */
    credential->expires_at_ms = credential->issued_at_ms + request->ttl_ms / 1000 * 1000;
    make_jti(now_ms, credential->jti);
    int rc = add_tenants(request, credential, err);
    const char *fault = rc ? NULL : credential_fault(credential);
    return fault ? err_set(err, ERR_INVALID, "%s", fault) : rc;
}

int token_issue(const struct keyring *keyring, const struct token_request *request, int64_t now_ms,
                char ret[TOKEN_BYTES_MAX], struct credential *ret_credential, struct err *err)
{
    struct credential credential;
    char claims[TOKEN_BYTES_MAX];
    struct buf out = BUF_OVER(claims);
    const struct key *key = keyring_signer(keyring);
    if (!key)
        return err_set(err, ERR_NOT_FOUND, "no HS256 key to sign with");
    int rc = make_credential(request, now_ms, &credential, err);
    if (rc)
        return rc;
    claims_write(&credential, &out);
    if (out.overflowed)
        return err_set(err, ERR_LIMIT, "the token would be longer than %d bytes", TOKEN_BYTES_MAX - 1);
    if ((rc = jws_sign(key, claims, ret, err)) == 0 && ret_credential)
        credential_copy(ret_credential, &credential);
    return rc;
}
