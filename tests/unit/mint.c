#include "mint.h"

#include <fcntl.h>
#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns the length. */
static size_t add_base64(char *to, const void *bytes, size_t n)
{
    /* libsodium fills all the room it is given */
    size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_bin2base64(to, room, bytes, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return room - 1;
}

size_t mint_unsigned(char to[MINT_BYTES], const char *header, const char *payload)
{
    size_t n = add_base64(to, header, strlen(header));
    to[n++] = '.';
    return n + add_base64(to + n, payload, strlen(payload));
}

static char *add_signature(char *to, size_t n, const void *signature, size_t signature_n)
{
    to[n++] = '.';
    add_base64(to + n, signature, signature_n);
    return to;
}

char *mint_hs256_text(char to[MINT_BYTES], size_t n, const void *key, size_t key_n)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, key_n);
    crypto_auth_hmacsha256_update(&state, (unsigned char *)to, n);
    crypto_auth_hmacsha256_final(&state, mac);
    return add_signature(to, n, mac, sizeof mac);
}

char *mint_hs256(char to[MINT_BYTES], const char *header, const char *payload, const void *key,
                 size_t key_n)
{
    return mint_hs256_text(to, mint_unsigned(to, header, payload), key, key_n);
}

/* DER to the two numbers side by side that JWS wants (RFC 7518 section 3.4). */
static size_t raw_ecdsa(unsigned char *signature, size_t n)
{
    const unsigned char *der = signature;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + 32, 32);
    ECDSA_SIG_free(parsed);
    return 64;
}

char *mint_signed(char to[MINT_BYTES], const char *header, const char *payload, EVP_PKEY *key)
{
    unsigned char signature[1024];
    size_t signature_n = sizeof signature, n = mint_unsigned(to, header, payload);
    bool is_ed = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(context, NULL, is_ed ? NULL : EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &signature_n, (unsigned char *)to, n) != 1)
        abort();
    EVP_MD_CTX_free(context);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
        signature_n = raw_ecdsa(signature, signature_n);
    return add_signature(to, n, signature, signature_n);
}

static char *take_pem(char pem[MINT_PEM_BYTES], BIO *out)
{
    int n = BIO_read(out, pem, MINT_PEM_BYTES - 1);
    pem[n < 0 ? 0 : n] = '\0';
    BIO_free(out);
    return pem;
}

char *mint_public_pem(char pem[MINT_PEM_BYTES], EVP_PKEY *key)
{
    BIO *out = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(out, key);
    return take_pem(pem, out);
}

char *mint_private_pem(char pem[MINT_PEM_BYTES], EVP_PKEY *key)
{
    BIO *out = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    return take_pem(pem, out);
}

char *mint_folder(char path[MINT_PATH_BYTES])
{
    snprintf(path, MINT_PATH_BYTES, "/tmp/sekisho-test.XXXXXX");
    if (!mkdtemp(path))
        abort();
    return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

void mint_remove_folder(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void mint_file(const char *folder, const char *name, const char *content, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content) ||
        fchmod(fd, mode) != 0)
        abort();
    close(fd);
}

void mint_secret_file(const char *folder, const char *name, const void *secret, size_t n)
{
    char text[512];
    add_base64(text, secret, n);
    mint_file(folder, name, text, 0400);
}
