/*
 * One key: its kid, the one algorithm that it is for, and its bytes. For auth/ only.
 *
 * A shared secret and a public key are told apart by the name of the file and then by its content: a
 * PEM file is never taken for an HS256 secret, which would let anyone who knows the public key sign.
 */
#ifndef SEKISHO_AUTH_KEY_H
#define SEKISHO_AUTH_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/slice.h"

enum key_algorithm { KEY_HS256, KEY_RS256, KEY_ES256, KEY_EDDSA };

enum {
    KID_BYTES = 65,
    SECRET_BYTES_MIN = 32, /* RFC 7518 section 3.2: as long as the hash */
    SECRET_BYTES_MAX = 64, /* longer ones are hashed down by HMAC, which helps nobody */
    RSA_BITS_MIN = 2048,   /* RFC 7518 section 3.3 */
    RSA_BITS_MAX = 8192,   /* verification grows with the square */
};

struct key {
    char kid[KID_BYTES];
    enum key_algorithm algorithm;
    unsigned char *bytes; /* the secret, or the public key: as PEM of our own making, for EdDSA raw */
    size_t n;
};

/* The word of RFC 7518 and RFC 8037: "HS256". */
const char *key_algorithm_word(enum key_algorithm algorithm);

/* kid and algorithm of a file name; ERR_INVALID when it is not <kid>.<algorithm>[.pem] with a kid of
 * [A-Za-z0-9._-]{1,64} that does not begin with a dot. */
int key_of_name(struct slice name, struct key *ret, struct err *err) MUST_CHECK;

/* Reads the file's content into key->bytes by key->algorithm. ERR_INVALID: not such a key, too short,
 * a private key, another curve. */
int key_read(struct key *key, struct slice content, struct err *err) MUST_CHECK;

void key_release(struct key *key); /* wipes */

/* A fresh HS256 secret as its file's content, with a line end. Returns its length. */
enum { SECRET_TEXT_BYTES = 64 };
size_t key_make_secret(char text[SECRET_TEXT_BYTES]);

#endif
