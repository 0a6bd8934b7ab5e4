#include "auth/jws.h"

#include <jwt.h>
#include <openssl/err.h>

#include "auth/base64.h"

static bool libjwt_verifies(const struct key *key, const char *token)
{
    jwt_alg_t wanted = jwt_str_alg(key_algorithm_word(key->algorithm));
    jwt_t *jwt = NULL;
    /* with a NULL or empty key libjwt accepts anything, with "none" there is nothing to check */
    if (!key->bytes || key->n < SECRET_BYTES_MIN || wanted == JWT_ALG_NONE || wanted == JWT_ALG_INVAL)
        return false;
    if (jwt_decode(&jwt, token, key->bytes, (int)key->n) != 0 || !jwt) {
        ERR_clear_error(); /* libcurl in this process shares the thread's queue */
        return false;
    }
    bool is_wanted = jwt_get_alg(jwt) == wanted;
    jwt_free(jwt);
    return is_wanted;
}

/* RFC 8037 section 3.1: the signature is over "<header>.<payload>" as it stands. */
static bool ed25519_verifies(const struct key *key, const char *token)
{
    unsigned char signature[crypto_sign_BYTES];
    size_t n;
    const char *dot = strrchr(token, '.');
    if (!dot || key->n != crypto_sign_PUBLICKEYBYTES ||
        !base64_decode(slice_of(dot + 1), BASE64_URL, signature, sizeof signature, &n) ||
        n != sizeof signature)
        return false;
    return crypto_sign_verify_detached(signature, (const unsigned char *)token,
                                       (unsigned long long)(dot - token), key->bytes) == 0;
}

int jws_verify(const struct key *key, const char *token, struct err *err)
{
    bool is_good = key->algorithm == KEY_EDDSA ? ed25519_verifies(key, token)
                                               : libjwt_verifies(key, token);
    /* libjwt does not tell whether the signature or the JSON is at fault */
    return is_good ? 0 : err_set(err, ERR_FORBIDDEN, "bad signature or claims");
}

int jws_sign(const struct key *key, const char *claims, char ret[TOKEN_BYTES_MAX], struct err *err)
{
    jwt_t *jwt = NULL;
    char *text = NULL;
    int rc = ERR_NOMEM;
    if (jwt_new(&jwt) != 0 || jwt_add_grants_json(jwt, claims) != 0 ||
        jwt_add_header(jwt, "kid", key->kid) != 0 ||
        jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes, (int)key->n) != 0 ||
        !(text = jwt_encode_str(jwt))) {
        err_set(err, rc, "libjwt could not sign");
        goto out;
    }
    size_t n = strlen(text);
    if (n >= TOKEN_BYTES_MAX) {
        rc = err_set(err, ERR_LIMIT, "the token would be longer than %d bytes", TOKEN_BYTES_MAX - 1);
        goto out;
    }
    memcpy(ret, text, n + 1);
    rc = 0;
out:
    if (text)
        sodium_memzero(text, strlen(text));
    free(text); /* jwt_free_str() is not in 1.10; both versions take it from malloc */
    jwt_free(jwt);
    return rc;
}
