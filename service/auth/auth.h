/*
 * Who is asking: bearer tokens (JWT, RFC 7519) checked behind one wrapper around libjwt, which by
 * itself defends against little (pitfalls C.3).
 *
 * Keys live in a directory, one file a key, named <kid>.<algorithm>: "k1.hs256" (32 random bytes in
 * base64url, mode 0400), "idp.rs256.pem", "idp.es256.pem", "idp.eddsa.pem" (public keys). The algorithm
 * is the key's, never the token's: a token whose header names another is refused.
 *
 * A verified token is remembered (by a keyed hash of its bytes) until it expires, so that a call does
 * not pay for a signature; revocation and expiry are still checked each time.
 */
#ifndef SEKISHO_AUTH_AUTH_H
#define SEKISHO_AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/rule.h"

enum role { /* bits, so that a route names a set of them */
    ROLE_OPERATOR = 1,
    ROLE_TENANT_ADMIN = 2,
    ROLE_TENANT_VIEWER = 4,
    ROLE_PROVISIONING = 8,
    ROLE_PBX = 16,
};
const char *role_word(enum role role);
int role_of(struct slice word, enum role *ret) MUST_CHECK;

enum { TOKEN_BYTES_MAX = 4096, TOKEN_TENANTS_MAX = 64, JTI_BYTES = 40 };

struct credential {
    enum role role;
    char jti[JTI_BYTES];
    char subject[64];             /* claim sub; "" when none */
    int64_t issued_at_ms, expires_at_ms;
    unsigned tenants_count;       /* 0: all tenants (operator, provisioning, pbx) */
    char tenants[TOKEN_TENANTS_MAX][TENANT_ID_BYTES]; /* tenant roles: exactly one */
};
bool credential_covers(const struct credential *credential, struct slice tenant);

struct keyring;     /* immutable once loaded */
struct revocations; /* jti set; feed.c adds, verification asks; any thread */
struct auth;        /* keyring + revocations + remembered tokens; any thread */

/* Loads the directory; with `make_first_key` creates the directory and an HS256 key when it is empty.
 * ERR_INVALID: a file that others can read, a key too short, an unknown algorithm. */
int keyring_load(const char *dir, bool make_first_key, struct keyring **ret,
                 struct err *err) MUST_CHECK;
void keyring_free(struct keyring *keyring);
/* Hash over all kids and keys, in hex: nodes of a cluster compare it. */
const char *keyring_fingerprint(const struct keyring *keyring);

int revocations_new(struct revocations **ret, struct err *err) MUST_CHECK;
void revocations_free(struct revocations *revocations);
int revocations_add(struct revocations *revocations, struct slice jti, struct err *err) MUST_CHECK;
bool revocations_has(const struct revocations *revocations, struct slice jti);

/* Borrows both. */
int auth_new(const struct keyring *keyring, const struct revocations *revocations,
             struct auth **ret, struct err *err) MUST_CHECK;
void auth_free(struct auth *auth);

/*
 * Verifies one token at `now_ms`: known kid, algorithm of the key, signature, iss and aud "sekisho",
 * typ, exp (required), nbf, iat not in the future, role, tenants, not revoked. 60 s leeway for nbf and
 * iat, none for exp. ERR_FORBIDDEN with a text for the log ("expired", "unknown key" …; the client is
 * told no more than invalid_token). Any thread.
 */
int auth_verify(struct auth *auth, struct slice token, int64_t now_ms, struct credential *ret,
                struct err *err) MUST_CHECK;

/* The token of an Authorization header: "Bearer <token>", or Basic with the token as password (decoded
 * into `scratch`). Empty slice when there is none. */
struct slice auth_token_of_header(struct slice authorization, char scratch[TOKEN_BYTES_MAX]);

struct token_request {
    enum role role;
    const char *const *tenants;
    unsigned tenants_count;
    int64_t ttl_ms; /* at most 400 days for pbx, 24 h for others unless allowed longer by the caller */
    const char *subject;
};
/* Signs with the newest HS256 key of the ring. `ret` is NUL-terminated; `ret_credential` may be NULL. */
int token_issue(const struct keyring *keyring, const struct token_request *request, int64_t now_ms,
                char ret[TOKEN_BYTES_MAX], struct credential *ret_credential,
                struct err *err) MUST_CHECK;

#endif
