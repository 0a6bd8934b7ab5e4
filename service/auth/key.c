#include "auth/key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "auth/base64.h"

static const struct {
    const char *word, *suffix;
} algorithms[] = {
    [KEY_HS256] = {"HS256", ".hs256"},
    [KEY_RS256] = {"RS256", ".rs256.pem"},
    [KEY_ES256] = {"ES256", ".es256.pem"},
    [KEY_EDDSA] = {"EdDSA", ".eddsa.pem"},
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

const char *key_algorithm_word(enum key_algorithm algorithm)
{
    return algorithms[algorithm].word;
}

static bool kid_is_valid(struct slice kid)
{
    if (kid.n == 0 || kid.n >= KID_BYTES || kid.p[0] == '.')
        return false;
    for (size_t i = 0; i < kid.n; i++) {
        char c = kid.p[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

int key_of_name(struct slice name, struct key *ret, struct err *err)
{
    for (int i = 0; i < ALGORITHMS; i++) {
        struct slice suffix = slice_of(algorithms[i].suffix);
        if (name.n <= suffix.n)
            continue;
        struct slice kid = {name.p, name.n - suffix.n};
        if (!slice_equals((struct slice){name.p + kid.n, suffix.n}, suffix))
            continue;
        if (!kid_is_valid(kid))
            return err_set(err, ERR_INVALID, "the key id is not 1 to 64 of A-Z a-z 0-9 . _ -");
        *ret = (struct key){.algorithm = (enum key_algorithm)i};
        memcpy(ret->kid, kid.p, kid.n);
        return 0;
    }
    return err_set(err, ERR_INVALID,
                   "not <kid>.hs256, <kid>.rs256.pem, <kid>.es256.pem or <kid>.eddsa.pem");
}

static int copy_bytes(struct key *key, const void *bytes, size_t n, struct err *err)
{
    if (!(key->bytes = malloc(n)))
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(key->bytes, bytes, n);
    key->n = n;
    return 0;
}

static int read_secret(struct key *key, struct slice content, struct err *err)
{
    while (content.n && (content.p[content.n - 1] == '\n' || content.p[content.n - 1] == '\r'))
        content.n--;
    unsigned char secret[SECRET_BYTES_MAX];
    size_t n;
    if (!base64_decode(content, BASE64_URL, secret, sizeof secret, &n))
        return err_set(err, ERR_INVALID, "not %d to %d bytes in base64url without padding",
                       SECRET_BYTES_MIN, SECRET_BYTES_MAX);
    int rc = n < SECRET_BYTES_MIN
                 ? err_set(err, ERR_INVALID, "%zu bytes are too short for HS256, which needs %d", n,
                           SECRET_BYTES_MIN)
                 : copy_bytes(key, secret, n, err);
    sodium_memzero(secret, sizeof secret);
    return rc;
}

/* What is wrong with a public key for the algorithm; NULL when nothing is. */
static const char *public_key_fault(const EVP_PKEY *pkey, enum key_algorithm algorithm)
{
    char group[32] = "";
    switch (algorithm) {
    case KEY_RS256:
        if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
            return "not an RSA key";
        if (EVP_PKEY_get_bits(pkey) < RSA_BITS_MIN || EVP_PKEY_get_bits(pkey) > RSA_BITS_MAX)
            return "an RSA key must have 2048 to 8192 bits";
        return NULL;
    case KEY_ES256:
        if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_EC ||
            !EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) ||
            strcmp(group, "prime256v1") != 0)
            return "not a key of the curve P-256";
        return NULL;
    case KEY_EDDSA:
        return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519 ? NULL : "not an Ed25519 key";
    default:
        return "not a public key algorithm";
    }
}

static int no_passphrase(char *buf, int size, int rwflag, void *data)
{
    (void)buf, (void)size, (void)rwflag, (void)data;
    return -1; /* instead of libcrypto's own, which asks on the terminal */
}

/* Written anew by us: what else the file may hold never reaches libjwt. */
static int write_public_key(struct key *key, EVP_PKEY *pkey, struct err *err)
{
    int rc = ERR_NOMEM;
    char *pem = NULL;
    unsigned char raw[crypto_sign_PUBLICKEYBYTES];
    size_t raw_n = sizeof raw;
    BIO *out = BIO_new(BIO_s_mem());
    if (key->algorithm == KEY_EDDSA && EVP_PKEY_get_raw_public_key(pkey, raw, &raw_n)) {
        rc = copy_bytes(key, raw, raw_n, err);
    } else if (out && PEM_write_bio_PUBKEY(out, pkey)) {
        long n = BIO_get_mem_data(out, &pem);
        rc = copy_bytes(key, pem, (size_t)n, err);
    } else {
        err_set(err, rc, "out of memory");
    }
    BIO_free(out);
    return rc;
}

static int read_public_key(struct key *key, struct slice content, struct err *err)
{
    int rc = ERR_NOMEM;
    EVP_PKEY *pkey = NULL;
    BIO *in = BIO_new_mem_buf(content.p, (int)content.n);
    if (!in) {
        err_set(err, rc, "out of memory");
        goto out;
    }
    pkey = PEM_read_bio_PUBKEY(in, NULL, no_passphrase, NULL);
    const char *fault = pkey ? public_key_fault(pkey, key->algorithm)
                             : "no public key in PEM (BEGIN PUBLIC KEY)";
    if (fault)
        rc = err_set(err, ERR_INVALID, "%s", fault);
    else
        rc = write_public_key(key, pkey, err);
out:
    EVP_PKEY_free(pkey);
    BIO_free(in);
    ERR_clear_error(); /* libcurl in this process shares the thread's queue */
    return rc;
}

int key_read(struct key *key, struct slice content, struct err *err)
{
    if (key->algorithm == KEY_HS256)
        return read_secret(key, content, err);
    return read_public_key(key, content, err);
}

void key_release(struct key *key)
{
    if (key->bytes)
        sodium_memzero(key->bytes, key->n);
    free(key->bytes);
    *key = (struct key){0};
}

size_t key_make_secret(char text[SECRET_TEXT_BYTES])
{
    unsigned char secret[SECRET_BYTES_MIN];
    randombytes_buf(secret, sizeof secret);
    sodium_bin2base64(text, SECRET_TEXT_BYTES, secret, sizeof secret,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(secret, sizeof secret);
    size_t n = strlen(text);
    text[n++] = '\n';
    text[n] = '\0';
    return n;
}
