/*
 * Signatures: the only door to libjwt, and only to what versions 1.10 and 1.17 both have; Ed25519, which
 * neither knows, is libsodium's.
 *
 * libjwt is given one key of known algorithm and asked one question; it never chooses a key, and what
 * it says about the algorithm is compared with the key's (RFC 8725 section 3.1). For auth/ only.
 */
#ifndef SEKISHO_AUTH_JWS_H
#define SEKISHO_AUTH_JWS_H

#include "auth/auth.h"
#include "auth/key.h"

/* ERR_FORBIDDEN unless `token` (NUL-terminated, three parts, header alg as the key's) is signed by
 * `key`. */
int jws_verify(const struct key *key, const char *token, struct err *err) MUST_CHECK;

/* Signs `claims` (a JSON object) with an HS256 key. ERR_LIMIT: longer than TOKEN_BYTES_MAX. */
int jws_sign(const struct key *key, const char *claims, char ret[TOKEN_BYTES_MAX],
             struct err *err) MUST_CHECK;

#endif
