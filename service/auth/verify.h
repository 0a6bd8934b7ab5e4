/* One token, checked from its bytes to its claims, with nothing remembered; for auth/ only. */
#ifndef SEKISHO_AUTH_VERIFY_H
#define SEKISHO_AUTH_VERIFY_H

#include "auth/auth.h"

/* auth_verify() without memory and revocations. ERR_FORBIDDEN. */
int verify_token(const struct keyring *keyring, struct slice token, int64_t now_ms,
                 struct credential *ret, struct err *err) MUST_CHECK;

#endif
