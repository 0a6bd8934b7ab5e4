/* The keys of a directory; for auth/ only. */
#ifndef SEKISHO_AUTH_KEYRING_H
#define SEKISHO_AUTH_KEYRING_H

#include "auth/auth.h"
#include "auth/key.h"

enum { KEYS_MAX = 64, KEY_FILE_BYTES_MAX = 16384, FINGERPRINT_BYTES = 33 };

struct keyring {
    struct key keys[KEYS_MAX]; /* in byte order of kid */
    unsigned count;
    char fingerprint[FINGERPRINT_BYTES];
};

/* By kid, in memory: a kid never becomes part of a path. NULL when unknown. */
const struct key *keyring_find(const struct keyring *keyring, struct slice kid);

/* The HS256 key that signs; NULL when the ring has public keys only. */
const struct key *keyring_signer(const struct keyring *keyring);

/* Makes "k1.hs256" in a directory without keys. Two processes may do so at once: both end up with the
 * same key. */
int keyring_make_first(int dir_fd, struct err *err) MUST_CHECK;

#endif
