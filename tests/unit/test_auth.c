/*
 * Signatures and headers of tokens: what libjwt lets through (RFC 8725 and our own trials of 1.10 and
 * 1.17), and what a token can be mutated into. One good token of each algorithm stands beside the bad
 * ones, so that "refused" never just means that nothing works.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "auth/jws.h"
#include "verifying.h"

static const char hs_header[] = HEADER("HS256", "k1");

static void each_algorithm_is_accepted_with_its_own_key(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    accepts(hs256(token, pbx(payload)));
    accepts(mint_signed(token, HEADER("RS256", "rsa"), payload, world.rsa));
    accepts(mint_signed(token, HEADER("ES256", "ec"), payload, world.ec));
    accepts(mint_signed(token, HEADER("EdDSA", "ed"), payload,
                        world.ed));
}

static void a_public_key_is_no_shared_secret(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    const char *pem = world.rsa_pem;
    (void)state;
    pbx(payload);
    refuses(mint_hs256(token, HEADER("HS256", "rsa"), payload, pem,
                       strlen(pem)), "another algorithm");
    refuses(mint_hs256(token, HEADER("RS256", "rsa"), payload, pem,
                       strlen(pem)), "bad signature");
    refuses(mint_hs256(token, hs_header, payload, pem, strlen(pem)), "bad signature");
    refuses(mint_hs256(token, HEADER("HS256", "ec"), payload,
                       world.ec_pem, strlen(world.ec_pem)), "another algorithm");
}

static void an_empty_key_signs_nothing(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    static const unsigned char zeros[32];
    (void)state;
    refuses(mint_hs256(token, hs_header, pbx(payload), "", 0), "bad signature");
    refuses(mint_hs256(token, hs_header, payload, zeros, sizeof zeros), "bad signature");
    struct key none = {.kid = "k1", .algorithm = KEY_HS256};
    struct err err = {0};
    assert_int_equal(jws_verify(&none, token, &err), ERR_FORBIDDEN);
}

static void alg_none_is_refused_in_every_spelling(void **state)
{
    static const char *const words[] = {"none", "None", "NONE", "nOnE", "", "none ", "\\u006eone"};
    char payload[MINT_BYTES], token[MINT_BYTES], header[128];
    (void)state;
    pbx(payload);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        snprintf(header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"k1\",\"typ\":\"JWT\"}", words[i]);
        refuses(mint_hs256(token, header, payload, verifying_secret, 32), "another algorithm");
        size_t n = mint_unsigned(token, header, payload);
        refuses(token, "malformed"); /* two parts */
        token[n] = '.', token[n + 1] = '\0';
        refuses(token, "malformed"); /* an empty signature */
        memcpy(token + n + 1, "AA", 3);
        refuses(token, "another algorithm");
    }
}

static void the_algorithm_is_the_keys(void **state)
{
    static const char *const headers[] = {
        HEADER("HS384", "k1"), HEADER("hs256", "k1"),
        HEADER("RS256", "k1"), HEADER("HS256", "ec"),
        HEADER("HS256 ", "k1"), HEADER("HS256\\u0020", "k1"),
    };
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    pbx(payload);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        refuses(mint_hs256(token, headers[i], payload, verifying_secret, 32), "another algorithm");
    refuses(mint_signed(token, HEADER("RS256", "ec"), payload, world.rsa),
            "another algorithm");
    refuses(mint_signed(token, HEADER("ES256", "ec"), payload, world.rsa),
            "bad signature");
    refuses(mint_signed(token, HEADER("RS256", "rsa"), payload, world.ec),
            "bad signature");
}

static void the_kid_must_name_a_key_of_ours(void **state)
{
    static const char *const kids[] = {
        "\"k2\"", "\"\"", "\"K1\"", "\"k1 \"", "\"../k1\"", "\"./k1\"", "\"/etc/passwd\"",
        "\"k1.hs256\"", "\"../../../dev/null\"", "\"k1' OR 1=1\"", "\"k1\\n\"", "\"%6b1\"",
    };
    static const char *const no_kids[] = {
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "{\"alg\":\"HS256\",\"kid\":null,\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":1,\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"kid\":[\"k1\"],\"typ\":\"JWT\"}",
    };
    char payload[MINT_BYTES], token[MINT_BYTES], header[128];
    (void)state;
    pbx(payload);
    for (size_t i = 0; i < sizeof kids / sizeof *kids; i++) {
        snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":%s,\"typ\":\"JWT\"}", kids[i]);
        refuses(mint_hs256(token, header, payload, verifying_secret, 32), "unknown key");
    }
    for (size_t i = 0; i < sizeof no_kids / sizeof *no_kids; i++)
        refuses(mint_hs256(token, no_kids[i], payload, verifying_secret, 32), "no kid");
    refuses(mint_hs256(token, "{\"alg\":\"HS256\",\"kid\":\"k1\\u0000\",\"typ\":\"JWT\"}", payload,
                       verifying_secret, 32), "bad header"); /* a NUL is no JSON string of ours */
}

static void odd_headers_are_refused(void **state)
{
    static const struct {
        const char *header, *why;
    } rows[] = {
        {"{\"alg\":\"HS256\",\"kid\":\"k1\"}", "typ"},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWE\"}", "typ"},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}", "typ"},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":1}", "typ"},
        {"{\"kid\":\"k1\",\"typ\":\"JWT\"}", "bad header"},
        {"{\"alg\":256,\"kid\":\"k1\",\"typ\":\"JWT\"}", "bad header"},
        {"{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}", "bad header"},
        {"{\"alg\":\"none\",\"kid\":\"k1\",\"typ\":\"JWT\",\"alg\":\"HS256\"}", "bad header"},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}", "bad header"},
        {"[\"HS256\"]", "bad header"},
        {"\"HS256\"", "bad header"},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"", "bad header"},
        {"{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"} x", "bad header"},
    };
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    pbx(payload);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refuses(mint_hs256(token, rows[i].header, payload, verifying_secret, 32), rows[i].why);
    accepts(mint_hs256(token, "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"jwt\"}", payload,
                       verifying_secret, 32));
}

static void keys_that_a_token_brings_along_are_not_looked_at(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES], header[512];
    static const unsigned char theirs[32] = "ffffffffffffffffffffffffffffffff";
    (void)state;
    pbx(payload);
    snprintf(header, sizeof header,
             "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\",\"jku\":\"http://127.0.0.1:1/\","
             "\"x5u\":\"http://127.0.0.1:1/\",\"jwk\":{\"kty\":\"oct\",\"k\":\"%s\"}}",
             "ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY");
    refuses(mint_hs256(token, header, payload, theirs, sizeof theirs), "bad signature");
    accepts(mint_hs256(token, header, payload, verifying_secret, 32));
}

static void refuses_every_flipped_bit(char *token)
{
    struct credential credential;
    struct err err;
    accepts(token);
    for (size_t i = 0, n = strlen(token); i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            token[i] = (char)(token[i] ^ 1 << bit);
            if (auth_verify(world.auth, (struct slice){token, n}, now_ms, &credential, &err) !=
                ERR_FORBIDDEN)
                fail_msg("accepted with bit %d of byte %zu flipped: %s", bit, i, token);
            token[i] = (char)(token[i] ^ 1 << bit);
        }
    }
}

static void every_flipped_bit_is_refused(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    refuses_every_flipped_bit(hs256(token, pbx(payload)));
    refuses_every_flipped_bit(mint_signed(
        token, HEADER("RS256", "rsa"), payload, world.rsa));
    refuses_every_flipped_bit(mint_signed(
        token, HEADER("ES256", "ec"), payload, world.ec));
    refuses_every_flipped_bit(mint_signed(
        token, HEADER("EdDSA", "ed"), payload, world.ed));
}

static void every_cut_and_every_addition_is_refused(void **state)
{
    static const char *const added[] = {".", "..", ".AAAA", " ", "\n", "=", "==", "A", "%00", "\""};
    char payload[MINT_BYTES], token[MINT_BYTES], other[MINT_BYTES];
    (void)state;
    size_t n = strlen(hs256(token, pbx(payload)));
    for (size_t i = 0; i < n; i++)
        refuses_slice((struct slice){token, i}, NULL);
    for (size_t i = 1; i <= n; i++)
        refuses_slice((struct slice){token + i, n - i}, NULL);
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        snprintf(other, sizeof other, "%s%s", token, added[i]);
        refuses(other, NULL);
        snprintf(other, sizeof other, "%s%s", added[i], token);
        refuses(other, NULL);
    }
    refuses_slice((struct slice){token, n + 1}, NULL); /* with its NUL */
    refuses("", NULL);
    refuses("..", "malformed");
    refuses("a.b.c", NULL);
}

/* Signed by our own key, and yet: one token has one spelling. libjwt would take these. */
static void base64url_has_one_spelling(void **state)
{
    static const char *const added[] = {"=", "==", "\n", " ", "A", "+", "%3D"};
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    pbx(payload);
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        size_t n = mint_unsigned(token, hs_header, payload), more = strlen(added[i]);
        memcpy(token + n, added[i], more);
        refuses(mint_hs256_text(token, n + more, verifying_secret, 32), NULL);
    }
    accepts(hs256(token, payload));
}

static void a_long_token_is_refused_unread(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES], filler[TOKEN_BYTES_MAX];
    (void)state;
    memset(filler, 'x', sizeof filler);
    hs256(token, claims(payload, "\"role\":\"pbx\",\"x\":\"%.*s\",", 2700, filler));
    assert_in_range(strlen(token), 3000, TOKEN_BYTES_MAX - 1);
    accepts(token);
    hs256(token, claims(payload, "\"role\":\"pbx\",\"x\":\"%.*s\",", 3200, filler));
    assert_true(strlen(token) >= TOKEN_BYTES_MAX);
    refuses(token, "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_is_accepted_with_its_own_key),
        cmocka_unit_test(a_public_key_is_no_shared_secret),
        cmocka_unit_test(an_empty_key_signs_nothing),
        cmocka_unit_test(alg_none_is_refused_in_every_spelling),
        cmocka_unit_test(the_algorithm_is_the_keys),
        cmocka_unit_test(the_kid_must_name_a_key_of_ours),
        cmocka_unit_test(odd_headers_are_refused),
        cmocka_unit_test(keys_that_a_token_brings_along_are_not_looked_at),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(every_cut_and_every_addition_is_refused),
        cmocka_unit_test(base64url_has_one_spelling),
        cmocka_unit_test(a_long_token_is_refused_unread),
    };
    return cmocka_run_group_tests(tests, verifying_set_up, verifying_tear_down);
}
