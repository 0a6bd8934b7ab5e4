/*
 * Claims: the payload of a token as JSON (RFC 7519 section 4), read into a credential and written from
 * one. Only what was signed comes here; pure, time is an argument. For auth/ only.
 *
 *     iss "sekisho", aud "sekisho" (or an array that has it), jti, iat, exp: required; nbf, sub: optional
 *     role                        one of auth.h
 *     tenant  "acme"              tenant_admin, tenant_viewer: required
 *     tenants ["acme","globex"]   pbx, provisioning: optional, absent means all; never an empty list
 */
#ifndef SEKISHO_AUTH_CLAIMS_H
#define SEKISHO_AUTH_CLAIMS_H

#include <stdint.h>

#include "auth/auth.h"
#include "base/buf.h"

enum { CLAIMS_LEEWAY_MS = 60 * 1000 }; /* of clocks, for iat and nbf */

/* ERR_FORBIDDEN with what is wrong. A member twice, a number that is no integer, a string with a
 * NUL: all refused. */
int claims_read(struct slice json, int64_t now_ms, struct credential *ret, struct err *err) MUST_CHECK;

/* The claims that claims_read() reads back as `credential`; nbf is issued_at. */
void claims_write(const struct credential *credential, struct buf *out);

#endif
