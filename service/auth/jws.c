#include "auth/jws.h"

#include <jwt.h>
#include <openssl/err.h>
#include <sodium.h>

/* By its word and at run time: the enum of 1.10 has no EdDSA to name. */
static jwt_alg_t library_algorithm(enum key_algorithm algorithm)
{
    return jwt_str_alg(key_algorithm_word(algorithm));
}

bool jws_can(enum key_algorithm algorithm)
{
    return library_algorithm(algorithm) != JWT_ALG_INVAL;
}

int jws_verify(const struct key *key, const char *token, struct err *err)
{
    jwt_alg_t wanted = library_algorithm(key->algorithm);
    /* a NULL or empty key makes libjwt accept anything, "none" needs no key at all */
    if (!key->bytes || key->n < SECRET_BYTES_MIN || wanted == JWT_ALG_NONE ||
        wanted == JWT_ALG_INVAL)
        return err_set(err, ERR_FORBIDDEN, "no usable key");
    jwt_t *jwt = NULL;
    int failed = jwt_decode(&jwt, token, key->bytes, (int)key->n);
    bool is_good = !failed && jwt && jwt_get_alg(jwt) == wanted;
    if (!failed)
        jwt_free(jwt);
    if (is_good)
        return 0;
    ERR_clear_error(); /* libcurl in this process shares the thread's queue */
    return err_set(err, ERR_FORBIDDEN, "bad signature or claims"); /* it tells not which */
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
