#include "verifying.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>

struct verifying world;
const int64_t now_s = 1800000000, now_ms = 1800000000000;
const unsigned char verifying_secret[32] = "0123456789abcdef0123456789abcdef";

int verifying_set_up(void **state)
{
    char folder[MINT_PATH_BYTES], pem[MINT_PEM_BYTES];
    struct err err = {0};
    (void)state;
    mint_folder(folder);
    world.rsa = EVP_RSA_gen(2048);
    world.ec = EVP_EC_gen("P-256");
    world.ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    mint_secret_file(folder, "k1.hs256", verifying_secret, 32);
    mint_file(folder, "rsa.rs256.pem", mint_public_pem(world.rsa_pem, world.rsa), 0444);
    mint_file(folder, "ec.es256.pem", mint_public_pem(world.ec_pem, world.ec), 0444);
    mint_file(folder, "ed.eddsa.pem", mint_public_pem(pem, world.ed), 0444);
    int rc = keyring_load(folder, false, &world.keyring, &err);
    mint_remove_folder(folder);
    if (rc)
        fail_msg("%s", err.text);
    assert_int_equal(revocations_new(&world.revocations, &err), 0);
    assert_int_equal(auth_new(world.keyring, world.revocations, &world.auth, &err), 0);
    return 0;
}

int verifying_tear_down(void **state)
{
    (void)state;
    auth_free(world.auth);
    revocations_free(world.revocations);
    keyring_free(world.keyring);
    EVP_PKEY_free(world.rsa);
    EVP_PKEY_free(world.ec);
    EVP_PKEY_free(world.ed);
    return 0;
}

int verify_at(struct slice token, int64_t at_ms, struct credential *ret, struct err *err)
{
    struct credential first, again;
    struct err second = {0};
    *err = (struct err){0};
    int rc = auth_verify(world.auth, token, at_ms, &first, err);
    assert_int_equal(rc, auth_verify(world.auth, token, at_ms, &again, &second));
    assert_string_equal(err->text, second.text);
    if (rc == 0) {
        size_t n = offsetof(struct credential, tenant_ids) + first.tenant_ids_bytes;
        assert_memory_equal(&first, &again, n);
        memcpy(ret, &first, n);
    }
    return rc;
}

void accepts_slice(struct slice token, struct credential *ret)
{
    struct err err;
    if (verify_at(token, now_ms, ret, &err) != 0)
        fail_msg("refused (%s): %.*s", err.text, SLICE_ARG(token));
}

void accepts(const char *token)
{
    struct credential credential;
    accepts_slice(slice_of(token), &credential);
}

void refuses_slice(struct slice token, const char *why)
{
    struct credential credential;
    struct err err;
    if (verify_at(token, now_ms, &credential, &err) != ERR_FORBIDDEN)
        fail_msg("accepted: %.*s", SLICE_ARG(token));
    if (why && !strstr(err.text, why))
        fail_msg("refused because \"%s\", not \"%s\": %.*s", err.text, why, SLICE_ARG(token));
}

void refuses(const char *token, const char *why)
{
    refuses_slice(slice_of(token), why);
}

char *claims(char to[MINT_BYTES], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = snprintf(to, MINT_BYTES, "{");
    n += vsnprintf(to + n, (size_t)(MINT_BYTES - n), format, args);
    va_end(args);
    snprintf(to + n, (size_t)(MINT_BYTES - n),
             "\"iss\":\"sekisho\",\"aud\":\"sekisho\",\"jti\":\"J1\",\"iat\":%lld,\"exp\":%lld}",
             (long long)now_s - 10, (long long)now_s + 600);
    return to;
}

char *pbx(char to[MINT_BYTES])
{
    return claims(to, "\"role\":\"pbx\",");
}

char *hs256(char to[MINT_BYTES], const char *payload)
{
    return mint_hs256(to, HEADER("HS256", "k1"), payload, verifying_secret, 32);
}
