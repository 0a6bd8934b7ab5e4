/*
 * Verification of tokens: what libjwt lets through (RFC 8725 and our own trials of 1.10 and 1.17), and
 * what a token can be mutated into. One good token of each algorithm stands beside the bad ones, so
 * that "refused" never just means that nothing works.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

#include "auth/auth.h"
#include "auth/jws.h"
#include "mint.h"

static const int64_t now_s = 1800000000, now_ms = 1800000000000;
static const unsigned char secret[32] = "0123456789abcdef0123456789abcdef";
static const char hs_header[] = "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}";

static struct {
    EVP_PKEY *rsa, *ec, *ed;
    char rsa_pem[MINT_PEM_BYTES], ec_pem[MINT_PEM_BYTES];
    struct keyring *keyring;
    struct revocations *revocations;
    struct auth *auth;
} world;

static int set_up(void **state)
{
    char folder[MINT_PATH_BYTES], pem[MINT_PEM_BYTES];
    struct err err = {0};
    (void)state;
    mint_folder(folder);
    world.rsa = EVP_RSA_gen(2048);
    world.ec = EVP_EC_gen("P-256");
    world.ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    mint_secret_file(folder, "k1.hs256", secret, sizeof secret);
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

static int tear_down(void **state)
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

/* Twice, so that remembering makes no difference. */
static int verify_at(struct slice token, int64_t at_ms, struct credential *ret, struct err *err)
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

static void accepts_slice(struct slice token, struct credential *ret)
{
    struct err err;
    if (verify_at(token, now_ms, ret, &err) != 0)
        fail_msg("refused (%s): %.*s", err.text, SLICE_ARG(token));
}

static void accepts(const char *token)
{
    struct credential credential;
    accepts_slice(slice_of(token), &credential);
}

static void refuses_slice(struct slice token, const char *why)
{
    struct credential credential;
    struct err err;
    if (verify_at(token, now_ms, &credential, &err) != ERR_FORBIDDEN)
        fail_msg("accepted: %.*s", SLICE_ARG(token));
    if (why && !strstr(err.text, why))
        fail_msg("refused because \"%s\", not \"%s\": %.*s", err.text, why, SLICE_ARG(token));
}

static void refuses(const char *token, const char *why)
{
    refuses_slice(slice_of(token), why);
}

/* A payload that is good but for what `format` adds, which must end in a comma. */
static char *claims(char to[MINT_BYTES], const char *format, ...) PRINTF_LIKE(2, 3);
static char *claims(char to[MINT_BYTES], const char *format, ...)
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

static char *pbx(char to[MINT_BYTES])
{
    return claims(to, "\"role\":\"pbx\",");
}

static char *hs256(char to[MINT_BYTES], const char *payload)
{
    return mint_hs256(to, hs_header, payload, secret, sizeof secret);
}

static void each_algorithm_is_accepted_with_its_own_key(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    accepts(hs256(token, pbx(payload)));
    accepts(mint_signed(token, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}", payload, world.rsa));
    accepts(mint_signed(token, "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"JWT\"}", payload, world.ec));
    accepts(mint_signed(token, "{\"alg\":\"EdDSA\",\"kid\":\"ed\",\"typ\":\"JWT\"}", payload,
                        world.ed));
}

static void a_public_key_is_no_shared_secret(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    const char *pem = world.rsa_pem;
    (void)state;
    pbx(payload);
    refuses(mint_hs256(token, "{\"alg\":\"HS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}", payload, pem,
                       strlen(pem)), "another algorithm");
    refuses(mint_hs256(token, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}", payload, pem,
                       strlen(pem)), "bad signature");
    refuses(mint_hs256(token, hs_header, payload, pem, strlen(pem)), "bad signature");
    refuses(mint_hs256(token, "{\"alg\":\"HS256\",\"kid\":\"ec\",\"typ\":\"JWT\"}", payload,
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
        refuses(mint_hs256(token, header, payload, secret, sizeof secret), "another algorithm");
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
        "{\"alg\":\"HS384\",\"kid\":\"k1\",\"typ\":\"JWT\"}", "{\"alg\":\"hs256\",\"kid\":\"k1\",\"typ\":\"JWT\"}",
        "{\"alg\":\"RS256\",\"kid\":\"k1\",\"typ\":\"JWT\"}", "{\"alg\":\"HS256\",\"kid\":\"ec\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256 \",\"kid\":\"k1\",\"typ\":\"JWT\"}", "{\"alg\":\"HS256\\u0020\",\"kid\":\"k1\",\"typ\":\"JWT\"}",
    };
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    pbx(payload);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        refuses(mint_hs256(token, headers[i], payload, secret, sizeof secret), "another algorithm");
    refuses(mint_signed(token, "{\"alg\":\"RS256\",\"kid\":\"ec\",\"typ\":\"JWT\"}", payload, world.rsa),
            "another algorithm");
    refuses(mint_signed(token, "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"JWT\"}", payload, world.rsa),
            "bad signature");
    refuses(mint_signed(token, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}", payload, world.ec),
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
        "{\"alg\":\"HS256\",\"kid\":1,\"typ\":\"JWT\"}", "{\"alg\":\"HS256\",\"kid\":[\"k1\"],\"typ\":\"JWT\"}",
    };
    char payload[MINT_BYTES], token[MINT_BYTES], header[128];
    (void)state;
    pbx(payload);
    for (size_t i = 0; i < sizeof kids / sizeof *kids; i++) {
        snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":%s,\"typ\":\"JWT\"}", kids[i]);
        refuses(mint_hs256(token, header, payload, secret, sizeof secret), "unknown key");
    }
    for (size_t i = 0; i < sizeof no_kids / sizeof *no_kids; i++)
        refuses(mint_hs256(token, no_kids[i], payload, secret, sizeof secret), "no kid");
    refuses(mint_hs256(token, "{\"alg\":\"HS256\",\"kid\":\"k1\\u0000\",\"typ\":\"JWT\"}", payload,
                       secret, sizeof secret), "bad header"); /* a NUL is no JSON string of ours */
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
        refuses(mint_hs256(token, rows[i].header, payload, secret, sizeof secret), rows[i].why);
    accepts(mint_hs256(token, "{\"alg\":\"HS256\",\"kid\":\"k1\",\"typ\":\"jwt\"}", payload, secret,
                       sizeof secret));
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
    accepts(mint_hs256(token, header, payload, secret, sizeof secret));
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
        token, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}", payload, world.rsa));
    refuses_every_flipped_bit(mint_signed(
        token, "{\"alg\":\"ES256\",\"kid\":\"ec\",\"typ\":\"JWT\"}", payload, world.ec));
    refuses_every_flipped_bit(mint_signed(
        token, "{\"alg\":\"EdDSA\",\"kid\":\"ed\",\"typ\":\"JWT\"}", payload, world.ed));
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

static void bad_claims_are_refused(void **state)
{
    static const struct {
        const char *payload, *why;
    } rows[] = {
        /* each lacks only what it shows */
        {"{\"iss\":\"sekisho\",\"aud\":\"sekisho\",\"jti\":\"j\",\"iat\":1799999990,\"role\":\"pbx\"}", "no exp"},
        {"{\"iss\":\"sekisho\",\"aud\":\"sekisho\",\"jti\":\"j\",\"exp\":1800000600,\"role\":\"pbx\"}", "no iat"},
        {"{\"iss\":\"sekisho\",\"aud\":\"sekisho\",\"iat\":1799999990,\"exp\":1800000600,\"role\":\"pbx\"}", "jti"},
        {"{\"iss\":\"sekisho\",\"jti\":\"j\",\"iat\":1799999990,\"exp\":1800000600,\"role\":\"pbx\"}", "aud"},
        {"{\"aud\":\"sekisho\",\"jti\":\"j\",\"iat\":1799999990,\"exp\":1800000600,\"role\":\"pbx\"}", "iss"},
        {"{\"iss\":\"sekisho\",\"aud\":\"sekisho\",\"jti\":\"j\",\"iat\":1799999990,\"exp\":1800000600}", "role"},
        {"[]", "not an object"},
        {"null", "not an object"},
        {"{}", "iss"},
        {"{\"iss\":\"sekisho\"", "not an object"},
        {"", "malformed"},
    };
    char token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refuses(hs256(token, rows[i].payload), i < 6 ? rows[i].why : NULL);
}

/* One claim of a good payload replaced by `value`, which is JSON. */
static char *with(char to[MINT_BYTES], const char *claim, const char *value)
{
    static const struct {
        const char *name, *good;
    } all[] = {
        {"iss", "\"sekisho\""}, {"aud", "\"sekisho\""}, {"role", "\"pbx\""}, {"jti", "\"J1\""},
        {"iat", "1799999990"},  {"exp", "1800000600"},  {"nbf", NULL},       {"sub", NULL},
        {"tenant", NULL},       {"tenants", NULL},
    };
    char payload[MINT_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const char *json = strcmp(all[i].name, claim) == 0 ? value : all[i].good;
        if (json)
            n += (size_t)snprintf(payload + n, sizeof payload - n, "%c\"%s\":%s", n ? ',' : '{',
                                  all[i].name, json);
    }
    snprintf(payload + n, sizeof payload - n, "}");
    return hs256(to, payload);
}

static void a_claim_of_another_value_is_refused(void **state)
{
    static const struct {
        const char *claim, *value, *why;
    } rows[] = {
        {"exp", "1800000000", "expired"}, /* now: no leeway */
        {"exp", "1799999999", "expired"},
        {"exp", "1", "expired"},
        {"exp", "0", "exp"},
        {"exp", "-1", "exp"},
        {"exp", "\"1800000600\"", "exp"},
        {"exp", "1800000600.0", "exp"},
        {"exp", "1.8e9", "exp"},
        {"exp", "null", "exp"},
        {"exp", "true", "exp"},
        {"exp", "[1800000600]", "exp"},
        {"exp", "253402300800", "exp"},
        {"exp", "9223372036854775807", "exp"},
        {"exp", "9223372036854775808", NULL}, /* no JSON to jansson, which has 64 bits */
        {"exp", "1e400", NULL},
        {"exp", "1834560000", "lasts longer"}, /* 400 days after now, so more after iat */
        {"nbf", "1800000061", "not valid yet"},
        {"nbf", "\"1\"", "nbf"},
        {"nbf", "null", "nbf"},
        {"iat", "1800000061", "future"},
        {"iat", "1.5", "iat"},
        {"iat", "-5", "iat"},
        {"iat", "1", "lasts longer"},
        {"iss", "\"Sekisho\"", "iss"},
        {"iss", "\"sekisho \"", "iss"},
        {"iss", "[\"sekisho\"]", "iss"},
        {"aud", "\"other\"", "aud"},
        {"aud", "[]", "aud"},
        {"aud", "[\"other\"]", "aud"},
        {"aud", "[\"sekisho\",1]", "aud"},
        {"aud", "[[\"sekisho\"]]", "aud"},
        {"aud", "{\"sekisho\":1}", "aud"},
        {"role", "\"root\"", "role"},
        {"role", "\"PBX\"", "role"},
        {"role", "\"\"", "role"},
        {"role", "[\"pbx\"]", "role"},
        {"role", "16", "role"},
        {"jti", "\"\"", "jti"},
        {"jti", "7", "jti"},
        {"jti", "\"a/b\"", "jti"},
        {"jti", "\"a b\"", "jti"},
        {"jti", "\"0123456789012345678901234567890123456789\"", "jti"},
        {"sub", "5", "sub"},
        {"sub", "null", "sub"},
        {"sub", "\"a\\nb\"", "subject"},
        {"sub", "\"0123456789012345678901234567890123456789012345678901234567890123\"", "sub"},
        {"tenant", "\"acme\"", "tenant"}, /* pbx has tenants */
        {"tenants", "[]", "tenant"},      /* an empty list is not "all" */
        {"tenants", "{}", "tenant"},
        {"tenants", "null", "tenant"},
        {"tenants", "\"acme\"", "tenant"},
        {"tenants", "[\"acme\",1]", "tenant"},
        {"tenants", "[\"ACME\"]", "tenant"},
        {"tenants", "[\"\"]", "tenant"},
        {"tenants", "[\"a/b\"]", "tenant"},
    };
    char token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        refuses(with(token, rows[i].claim, rows[i].value), rows[i].why);
}

static void a_claim_at_the_edge_is_accepted(void **state)
{
    static const struct {
        const char *claim, *value;
    } rows[] = {
        {"exp", "1800000001"},
        {"exp", "1834559990"}, /* exactly 400 days after iat */
        {"nbf", "1800000060"},
        {"iat", "1800000060"},
        {"aud", "[\"other\",\"sekisho\"]"},
        {"jti", "\"012345678901234567890123456789012345678\""},
        {"sub", "\"山田 太郎\""},
        {"sub", "\"012345678901234567890123456789012345678901234567890123456789012\""},
        {"role", "\"provisioning\""},
        {"role", "\"operator\""},
    };
    char token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        accepts(with(token, rows[i].claim, rows[i].value));
}

static void a_claim_twice_is_refused(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    refuses(hs256(token, claims(payload, "\"role\":\"pbx\",\"role\":\"operator\",")), "not an object");
    refuses(hs256(token, claims(payload, "\"role\":\"pbx\",\"exp\":1900000000,")), "not an object");
    refuses(hs256(token, claims(payload, "\"role\":\"pbx\",\"r\\u006fle\":\"operator\",")),
            "not an object");
}

static void tenants_fit_the_role(void **state)
{
    static const struct {
        const char *claims, *why; /* why NULL: accepted */
    } rows[] = {
        {"\"role\":\"tenant_admin\",\"tenant\":\"acme\",", NULL},
        {"\"role\":\"tenant_viewer\",\"tenant\":\"acme\",", NULL},
        {"\"role\":\"tenant_admin\",", "tenant"},
        {"\"role\":\"tenant_admin\",\"tenants\":[\"acme\"],", "tenant"},
        {"\"role\":\"tenant_admin\",\"tenant\":\"acme\",\"tenants\":[\"acme\"],", "tenant"},
        {"\"role\":\"tenant_admin\",\"tenant\":[\"acme\"],", "tenant"},
        {"\"role\":\"tenant_viewer\",\"tenant\":\"\",", "tenant"},
        {"\"role\":\"operator\",\"tenant\":\"acme\",", "tenant"},
        {"\"role\":\"operator\",\"tenants\":[\"acme\"],", "operator"},
        {"\"role\":\"provisioning\",\"tenants\":[\"acme\",\"globex\"],", NULL},
    };
    char payload[MINT_BYTES], token[MINT_BYTES];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hs256(token, claims(payload, "%s", rows[i].claims));
        if (rows[i].why)
            refuses(token, rows[i].why);
        else
            accepts(token);
    }
}

static void what_a_token_covers(void **state)
{
    char payload[MINT_BYTES], token[MINT_BYTES];
    struct credential c;
    (void)state;
    accepts_slice(slice_of(hs256(token, claims(payload, "\"role\":\"pbx\",\"sub\":\"tokyo-1\","
                                               "\"tenants\":[\"acme\",\"globex\"],"))), &c);
    assert_int_equal(c.role, ROLE_PBX);
    assert_int_equal(c.tenants_count, 2);
    assert_string_equal(c.subject, "tokyo-1");
    assert_string_equal(c.jti, "J1");
    assert_int_equal(c.expires_at_ms, now_ms + 600000);
    assert_int_equal(c.issued_at_ms, now_ms - 10000);
    assert_true(credential_covers(&c, SLICE_LIT("acme")));
    assert_true(credential_covers(&c, SLICE_LIT("globex")));
    assert_false(credential_covers(&c, SLICE_LIT("glob")));
    assert_false(credential_covers(&c, SLICE_LIT("acme\0globex")));
    assert_false(credential_covers(&c, SLICE_NONE));
    assert_null(credential_tenant(&c));

    accepts_slice(slice_of(hs256(token, claims(payload, "\"role\":\"tenant_viewer\",\"tenant\":\"acme\","))), &c);
    assert_string_equal(credential_tenant(&c), "acme");
    assert_false(credential_covers(&c, SLICE_LIT("globex")));

    accepts_slice(slice_of(hs256(token, pbx(payload))), &c);
    assert_true(credential_covers(&c, SLICE_LIT("anyone")));
    assert_null(credential_next_tenant(&c, NULL));

    struct credential nobody = {0};
    assert_false(credential_covers(&nobody, SLICE_LIT("acme")));
}

static void sixty_four_tenants_fit_and_no_more(void **state)
{
    char list[4096], payload[MINT_BYTES], token[MINT_BYTES];
    struct credential credential;
    (void)state;
    for (int count = 64; count <= 65; count++) {
        size_t n = 0;
        for (int i = 0; i < count; i++)
            n += (size_t)snprintf(list + n, sizeof list - n, "%c\"tenant-number-%02d\"",
                                  i ? ',' : '[', i);
        hs256(token, claims(payload, "\"role\":\"pbx\",\"tenants\":%s],", list));
        if (count == 65) {
            refuses(token, "tenant");
            continue;
        }
        accepts_slice(slice_of(token), &credential);
        assert_int_equal(credential.tenants_count, 64);
        assert_true(credential_covers(&credential, SLICE_LIT("tenant-number-00")));
        assert_true(credential_covers(&credential, SLICE_LIT("tenant-number-63")));
        assert_false(credential_covers(&credential, SLICE_LIT("tenant-number-64")));
    }
}

static void an_expiry_holds_for_a_remembered_token(void **state)
{
    char token[MINT_BYTES];
    struct credential credential;
    struct err err = {0};
    (void)state;
    with(token, "jti", "\"EXPIRES\"");
    accepts(token);
    assert_int_equal(verify_at(slice_of(token), now_ms + 599999, &credential, &err), 0);
    assert_int_equal(verify_at(slice_of(token), now_ms + 600000, &credential, &err), ERR_FORBIDDEN);
    assert_string_equal(err.text, "expired");
}

static void a_revocation_holds_for_a_remembered_token(void **state)
{
    char token[MINT_BYTES], other[MINT_BYTES];
    struct err err = {0};
    (void)state;
    with(token, "jti", "\"GONE\"");
    with(other, "jti", "\"STAYS\"");
    accepts(token);
    assert_int_equal(revocations_add(world.revocations, SLICE_LIT("GONE"), &err), 0);
    refuses(token, "revoked");
    accepts(other);
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
        cmocka_unit_test(a_long_token_is_refused_unread),
        cmocka_unit_test(bad_claims_are_refused),
        cmocka_unit_test(a_claim_of_another_value_is_refused),
        cmocka_unit_test(a_claim_at_the_edge_is_accepted),
        cmocka_unit_test(a_claim_twice_is_refused),
        cmocka_unit_test(tenants_fit_the_role),
        cmocka_unit_test(what_a_token_covers),
        cmocka_unit_test(sixty_four_tenants_fit_and_no_more),
        cmocka_unit_test(an_expiry_holds_for_a_remembered_token),
        cmocka_unit_test(a_revocation_holds_for_a_remembered_token),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
