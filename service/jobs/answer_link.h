/*
 * The signed link in a notice: who opens it may answer for one tenant, or one account of it, in one
 * campaign, until a moment. No login: the link is the credential, and it is good for nothing else.
 *
 *     https://PUBLIC_URL/a/TOKEN     TOKEN = base64url( version, expiry, campaign, tenant, account, MAC )
 *
 * The MAC is checked before anything of the token is believed, in constant time. Its key is derived from
 * the keyring's HS256 keys: links that an older key made stay good while that key is in the ring, and
 * end when it is taken out. A ring without such a key can make no links.
 */
#ifndef SEKISHO_JOBS_ANSWER_LINK_H
#define SEKISHO_JOBS_ANSWER_LINK_H

#include "auth/auth.h"
#include "base/ulid.h"
#include "core/rule.h"

enum {
    ANSWER_TOKEN_BYTES = 320, /* with the NUL */
    ANSWER_KEYS_MAX = 64,
};

struct answer_link {
    char campaign[ULID_BYTES];
    char tenant[TENANT_ID_BYTES];
    char account[ACCOUNT_ID_BYTES]; /* "": all accounts of the tenant that the campaign names */
    int64_t expires_at_ms;
};

/* The derived keys; the first one signs. */
struct answer_keys {
    unsigned count;
    unsigned char keys[ANSWER_KEYS_MAX][KEYRING_DERIVED_BYTES];
};
void answer_keys_init(struct answer_keys *keys, const struct keyring *keyring);

/* ERR_UNAVAILABLE: the ring has no HS256 key. ERR_INVALID: an id that is none, or no expiry. */
int answer_link_make(const struct answer_keys *keys, const struct answer_link *link,
                     char token[ANSWER_TOKEN_BYTES], struct err *err) MUST_CHECK;
/* ERR_INVALID: forged or torn; ERR_STALE: expired, and *ret says what it was for. */
int answer_link_check(const struct answer_keys *keys, struct slice token, int64_t now_ms,
                      struct answer_link *ret, struct err *err) MUST_CHECK;

#endif
