/*
 * Tokens and keys for tests, made without the code under test and without libjwt, so that any header,
 * any claims and any signature can be put together.
 */
#ifndef SEKISHO_TESTS_MINT_H
#define SEKISHO_TESTS_MINT_H

#include <fcntl.h>
#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MINT_BYTES = 16384 };

static inline size_t mint_base64(char *to, const void *bytes, size_t n)
{
    /* it fills all the room it is given */
    size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_bin2base64(to, room, bytes, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return room - 1;
}

/* "<header>.<payload>" in base64url. Returns its length. */
static inline size_t mint_input(char *to, const char *header, const char *payload)
{
    size_t n = mint_base64(to, header, strlen(header));
    to[n++] = '.';
    return n + mint_base64(to + n, payload, strlen(payload));
}

/* Signs header and payload by HMAC-SHA-256 with any bytes as key. */
static inline char *mint_hs256(char to[MINT_BYTES], const char *header, const char *payload,
                               const void *key, size_t key_n)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    size_t n = mint_input(to, header, payload);
    crypto_auth_hmacsha256_init(&state, key, key_n);
    crypto_auth_hmacsha256_update(&state, (unsigned char *)to, n);
    crypto_auth_hmacsha256_final(&state, mac);
    to[n++] = '.';
    mint_base64(to + n, mac, sizeof mac);
    return to;
}

/* DER to the two numbers side by side that JWS wants (RFC 7518 section 3.4). */
static inline size_t mint_raw_ecdsa(unsigned char *signature, size_t n)
{
    const unsigned char *der = signature;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + 32, 32);
    ECDSA_SIG_free(parsed);
    return 64;
}

/* Signs with a private RSA, P-256 or Ed25519 key. */
static inline char *mint_signed(char to[MINT_BYTES], const char *header, const char *payload,
                                EVP_PKEY *key)
{
    unsigned char signature[1024];
    size_t signature_n = sizeof signature, n = mint_input(to, header, payload);
    bool is_ed = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(context, NULL, is_ed ? NULL : EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &signature_n, (unsigned char *)to, n) != 1)
        abort();
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        signature_n = mint_raw_ecdsa(signature, signature_n);
    to[n++] = '.';
    mint_base64(to + n, signature, signature_n);
    return to;
}

/* A folder of its own, mode 0700. */
static inline char *mint_folder(char path[64])
{
    snprintf(path, 64, "/tmp/test_auth.XXXXXX");
    if (!mkdtemp(path))
        abort();
    return path;
}

static inline int mint_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static inline void mint_remove_folder(const char *path)
{
    nftw(path, mint_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void mint_file(const char *folder, const char *name, const char *content, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content) ||
        fchmod(fd, mode) != 0)
        abort();
    close(fd);
}

/* The 32 bytes as a file of an HS256 key. */
static inline void mint_secret_file(const char *folder, const char *name,
                                    const unsigned char secret[32])
{
    char text[64];
    sodium_bin2base64(text, sizeof text, secret, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    mint_file(folder, name, text, 0400);
}

static inline char *mint_public_pem(char pem[4096], EVP_PKEY *key)
{
    BIO *out = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(out, key);
    int n = BIO_read(out, pem, 4095);
    pem[n < 0 ? 0 : n] = '\0';
    BIO_free(out);
    return pem;
}

static inline char *mint_private_pem(char pem[4096], EVP_PKEY *key)
{
    BIO *out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    int n = BIO_read(out, pem, 4095);
    pem[n < 0 ? 0 : n] = '\0';
    BIO_free(out);
    return pem;
}

#endif
