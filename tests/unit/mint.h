/*
 * Tokens and keys for tests, made without the code under test and without libjwt, so that any header,
 * any claims and any signature can be put together.
 */
#ifndef SEKISHO_TESTS_MINT_H
#define SEKISHO_TESTS_MINT_H

#include <openssl/evp.h>
#include <stddef.h>
#include <sys/types.h>

enum { MINT_BYTES = 16384, MINT_PEM_BYTES = 4096, MINT_PATH_BYTES = 64 };

/* "<header>.<payload>" in base64url. Returns its length. */
size_t mint_unsigned(char to[MINT_BYTES], const char *header, const char *payload);

/* Signed by HMAC-SHA-256 with any bytes as key. Returns `to`. */
char *mint_hs256(char to[MINT_BYTES], const char *header, const char *payload, const void *key,
                 size_t key_n);

/* The same for the `n` bytes that `to` begins with, whatever they are. */
char *mint_hs256_text(char to[MINT_BYTES], size_t n, const void *key, size_t key_n);

/* Signed by a private RSA, P-256 or Ed25519 key. Returns `to`. */
char *mint_signed(char to[MINT_BYTES], const char *header, const char *payload, EVP_PKEY *key);

char *mint_public_pem(char pem[MINT_PEM_BYTES], EVP_PKEY *key);
char *mint_private_pem(char pem[MINT_PEM_BYTES], EVP_PKEY *key);

/* A new folder, mode 0700, and its end. */
char *mint_folder(char path[MINT_PATH_BYTES]);
void mint_remove_folder(const char *path);

void mint_file(const char *folder, const char *name, const char *content, mode_t mode);
/* The bytes in base64url, mode 0400. */
void mint_secret_file(const char *folder, const char *name, const void *secret, size_t n);

#endif
