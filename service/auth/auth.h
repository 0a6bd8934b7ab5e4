/*
 * Who is asking: bearer tokens (JWT, RFC 7519) checked behind one wrapper around libjwt, which by
 * itself defends against little (it lets a public key pass for a shared secret, does not look
 * at exp, and takes anything when the key is NULL).
 *
 *     Authorization ─► header.c ─► remembered.c ──hit──► expiry, revocation ─► struct credential
 *                                      │miss
 *                                      └► verify.c ─► keyring (kid) ─► jws.c (libjwt) ─► claims.c
 *
 * Keys live in a directory, one file a key, named <kid>.<algorithm>: "k1.hs256" (32 random bytes in
 * base64url, mode 0400), "idp.rs256.pem", "idp.es256.pem", "idp.eddsa.pem" (public keys). The algorithm
 * is the key's, never the token's: a token whose header names another is refused.
 *
 * A verified token is remembered until it expires, so that a call does not pay for a signature;
 * revocation and expiry are still checked each time.
 */
#ifndef SEKISHO_AUTH_AUTH_H
#define SEKISHO_AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
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
int role_of(struct slice word, enum role *ret) MUST_CHECK; /* ERR_INVALID */
bool role_is_of_tenant(enum role role); /* tenant_admin, tenant_viewer: exactly one tenant */

enum {
    TOKEN_BYTES_MAX = 4096,
    TOKEN_TENANTS_MAX = 64,
    TENANT_IDS_BYTES = 3072, /* what fits into a token cannot be more */
    JTI_BYTES = 40,
    SUBJECT_BYTES = 64,
};

/* The ids of the tenants stand one behind the other, each with its NUL, so that only what is used has
 * to be copied; the rest of `tenant_ids` is not initialised. */
struct credential {
    enum role role;
    unsigned tenants_count;    /* 0: all tenants (operator, provisioning, pbx) */
    unsigned tenant_ids_bytes; /* used of tenant_ids */
    int64_t issued_at_ms, expires_at_ms;
    char jti[JTI_BYTES];
    char subject[SUBJECT_BYTES]; /* claim sub; "" when none */
    char tenant_ids[TENANT_IDS_BYTES];
};

/* May it ask for this tenant? Of an empty or malformed id: only when it may for all. */
bool credential_covers(const struct credential *credential, struct slice tenant);

/* The next of its tenants after `before` (NULL: the first); NULL at the end, or when it has all. */
const char *credential_next_tenant(const struct credential *credential, const char *before);

/* The one tenant of tenant_admin and tenant_viewer; NULL for the other roles. */
static inline const char *credential_tenant(const struct credential *credential)
{
    return role_is_of_tenant(credential->role) ? credential->tenant_ids : NULL;
}

/* Appends an id; ERR_LIMIT when there are too many, ERR_INVALID when it is none. */
int credential_add_tenant(struct credential *credential, struct slice tenant) MUST_CHECK;

struct keyring;     /* immutable once loaded */
struct revocations; /* jti set; feed.c adds, verification asks; any thread */
struct auth;        /* keyring + revocations + remembered tokens; any thread */

/* Loads the directory; with `make_first_key` creates the directory and an HS256 key when it is empty.
 * ERR_INVALID: a private file that others can read, a file or directory that others can write, a
 * symbolic link, a key too short, an unknown algorithm, a kid twice. ERR_NOT_FOUND: no key at all. */
int keyring_load(const char *dir, bool make_first_key, struct keyring **ret,
                 struct err *err) MUST_CHECK;
void keyring_free(struct keyring *keyring);
/* Hash over all kids and keys, in hex: nodes of a cluster compare it. */
const char *keyring_fingerprint(const struct keyring *keyring);

/* A secret for another purpose, the same on every node that shares the directory (by keyed BLAKE2b from
 * the HS256 key that signs); random when there is none. */
enum { KEYRING_DERIVED_BYTES = 32 };
void keyring_derive(const struct keyring *keyring, const char *purpose,
                    unsigned char out[KEYRING_DERIVED_BYTES]);
/* The same from every HS256 key, the signing one first: for what must stay good when a new key signs.
 * Returns how many, at most `max`; 0 when there is no such key. */
unsigned keyring_derive_all(const struct keyring *keyring, const char *purpose,
                            unsigned char (*out)[KEYRING_DERIVED_BYTES], unsigned max);

int revocations_new(struct revocations **ret, struct err *err) MUST_CHECK;
void revocations_free(struct revocations *revocations);
/* Again is no error. ERR_INVALID: not a jti. In force for every verification that begins later. */
int revocations_add(struct revocations *revocations, struct slice jti, struct err *err) MUST_CHECK;
bool revocations_has(const struct revocations *revocations, struct slice jti); /* takes no lock */

/* [A-Za-z0-9._-]{1,39}: what verification accepts as jti, so what can be revoked. */
bool jti_is_valid(struct slice jti);

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

enum { TOKEN_LIFETIME_DAYS_MAX = 400 };

struct token_request {
    enum role role;
    const char *const *tenants;
    unsigned tenants_count;
    int64_t ttl_ms; /* 1 s to 400 days; token_ttl_max_ms() is for the caller to keep or not */
    const char *subject; /* or NULL */
};

/* How long tokens of a role should last at most: 400 days for pbx, 24 h for the others. */
int64_t token_ttl_max_ms(enum role role);

/*
 * Signs with the HS256 key whose kid is last in version order (k9 before k10), which is the same on
 * every node, as modification times are not. `ret` is NUL-terminated; `ret_credential` may be NULL.
 * ERR_INVALID: tenants that the role may not have, a bad id, subject or ttl. ERR_LIMIT: the token would
 * be too long. ERR_NOT_FOUND: no HS256 key.
 */
int token_issue(const struct keyring *keyring, const struct token_request *request, int64_t now_ms,
                char ret[TOKEN_BYTES_MAX], struct credential *ret_credential,
                struct err *err) MUST_CHECK;

#endif
