#include "auth/verify.h"

#include <jansson.h>
#include <strings.h>

#include "auth/base64.h"
#include "auth/claims.h"
#include "auth/credential.h"
#include "auth/jws.h"
#include "auth/keyring.h"
#include "auth/remembered.h"

struct auth {
    const struct keyring *keyring;
    const struct revocations *revocations;
    struct remembered *remembered;
};

/* The three parts of the compact form (RFC 7515 section 7.1), each not empty. */
struct parts {
    struct slice header, payload, signature;
};

static bool split(struct slice token, struct parts *ret)
{
    const char *dot = memchr(token.p, '.', token.n);
    if (!dot)
        return false;
    const char *rest = dot + 1, *end = token.p + token.n;
    const char *second = memchr(rest, '.', (size_t)(end - rest));
    if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
        return false;
    ret->header = (struct slice){token.p, (size_t)(dot - token.p)};
    ret->payload = (struct slice){rest, (size_t)(second - rest)};
    ret->signature = (struct slice){second + 1, (size_t)(end - second - 1)};
    return ret->header.n && ret->payload.n && ret->signature.n;
}

/* libjwt's own decoder takes many spellings of the same bytes; this comes before it. */
static bool decode(struct slice part, char bytes[TOKEN_BYTES_MAX], struct slice *ret)
{
    ret->p = bytes;
    return base64_decode(part, BASE64_URL, bytes, TOKEN_BYTES_MAX, &ret->n);
}

/*
 * The key that the header names, if the header asks for that key's own algorithm. Other members
 * (jku, x5u, jwk, x5c: keys that the token brings along) are not looked at; crit asks us to
 * understand something that we do not (RFC 7515 section 4.1.11).
 */
static const struct key *key_of_header(const struct keyring *keyring, const json_t *header,
                                       struct err *err)
{
    const json_t *kid = json_object_get(header, "kid"), *alg = json_object_get(header, "alg"),
                 *typ = json_object_get(header, "typ");
    const struct key *key = NULL;
    if (!json_is_object(header) || !json_is_string(alg) || json_object_get(header, "crit"))
        err_set(err, ERR_FORBIDDEN, "bad header");
    /* at+jwt (RFC 9068) is refused by libjwt, whatever its signature */
    else if (!json_is_string(typ) || strcasecmp(json_string_value(typ), "JWT") != 0)
        err_set(err, ERR_FORBIDDEN, "wrong typ");
    else if (!json_is_string(kid))
        err_set(err, ERR_FORBIDDEN, "no kid");
    else if (!(key = keyring_find(
                   keyring, (struct slice){json_string_value(kid), json_string_length(kid)})))
        err_set(err, ERR_FORBIDDEN, "unknown key");
    else if (strcmp(json_string_value(alg), key_algorithm_word(key->algorithm)) != 0) {
        err_set(err, ERR_FORBIDDEN, "another algorithm than the key's");
        key = NULL;
    }
    return key;
}

static const struct key *find_key(const struct keyring *keyring, struct slice header,
                                  struct err *err)
{
    json_t *json = json_loadb(header.p, header.n, JSON_REJECT_DUPLICATES, NULL);
    const struct key *key = key_of_header(keyring, json, err);
    json_decref(json);
    return key;
}

int verify_token(const struct keyring *keyring, struct slice token, int64_t now_ms,
                 struct credential *ret, struct err *err)
{
    struct parts parts;
    struct slice part;
    char bytes[TOKEN_BYTES_MAX], text[TOKEN_BYTES_MAX];
    if (token.n == 0 || token.n >= TOKEN_BYTES_MAX)
        return err_set(err, ERR_FORBIDDEN, "empty or too long");
    if (!split(token, &parts) || !decode(parts.signature, bytes, &part) ||
        !decode(parts.header, bytes, &part))
        return err_set(err, ERR_FORBIDDEN, "malformed");
    const struct key *key = find_key(keyring, part, err);
    if (!key)
        return ERR_FORBIDDEN;
    if (!decode(parts.payload, bytes, &part))
        return err_set(err, ERR_FORBIDDEN, "malformed");
    memcpy(text, token.p, token.n);
    text[token.n] = '\0';
    int rc = jws_verify(key, text, err);
    return rc ? rc : claims_read(part, now_ms, ret, err);
}

int auth_verify(struct auth *auth, struct slice token, int64_t now_ms, struct credential *ret,
                struct err *err)
{
    struct credential found;
    bool is_remembered = remembered_find(auth->remembered, token, &found);
    if (!is_remembered) {
        int rc = verify_token(auth->keyring, token, now_ms, &found, err);
        if (rc)
            return rc;
    } else if (now_ms >= found.expires_at_ms) {
        return err_set(err, ERR_FORBIDDEN, "expired");
    }
    if (revocations_has(auth->revocations, slice_of(found.jti)))
        return err_set(err, ERR_FORBIDDEN, "revoked");
    if (!is_remembered)
        remembered_add(auth->remembered, token, &found, now_ms);
    credential_copy(ret, &found);
    return 0;
}

int auth_new(const struct keyring *keyring, const struct revocations *revocations,
             struct auth **ret, struct err *err)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (!auth || !(auth->remembered = remembered_new())) {
        free(auth);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    auth->keyring = keyring;
    auth->revocations = revocations;
    *ret = auth;
    return 0;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    remembered_free(auth->remembered);
    free(auth);
}
