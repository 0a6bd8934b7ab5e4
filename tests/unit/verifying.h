/*
 * Verification against one ring of keys of every algorithm, at one moment, for tests: what is accepted
 * and what is refused, each asked twice, so that being remembered makes no difference.
 */
#ifndef SEKISHO_TESTS_VERIFYING_H
#define SEKISHO_TESTS_VERIFYING_H

#include "auth/auth.h"
#include "mint.h"

/* HS256 "k1", RS256 "rsa", ES256 "ec", EdDSA "ed" */
struct verifying {
    EVP_PKEY *rsa, *ec, *ed;
    char rsa_pem[MINT_PEM_BYTES], ec_pem[MINT_PEM_BYTES];
    struct keyring *keyring;
    struct revocations *revocations;
    struct auth *auth;
};
extern struct verifying world;
extern const unsigned char verifying_secret[32]; /* of k1 */
extern const int64_t now_s, now_ms;

int verifying_set_up(void **state);
int verifying_tear_down(void **state);

#define HEADER(alg, kid) "{\"alg\":\"" alg "\",\"kid\":\"" kid "\",\"typ\":\"JWT\"}"

int verify_at(struct slice token, int64_t at_ms, struct credential *ret, struct err *err);
void accepts(const char *token);
void accepts_slice(struct slice token, struct credential *ret);
/* `why` is part of the error's text; NULL: any. */
void refuses(const char *token, const char *why);
void refuses_slice(struct slice token, const char *why);

/* A payload that is good but for what `format` adds, which must end in a comma. Returns `to`. */
char *claims(char to[MINT_BYTES], const char *format, ...) PRINTF_LIKE(2, 3);
/* A good payload of role pbx. */
char *pbx(char to[MINT_BYTES]);
/* Signed by k1. */
char *hs256(char to[MINT_BYTES], const char *payload);

#endif
