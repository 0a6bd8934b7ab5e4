/* What verification and issuing share about a credential; for auth/ only. */
#ifndef SEKISHO_AUTH_CREDENTIAL_H
#define SEKISHO_AUTH_CREDENTIAL_H

#include "auth/auth.h"

/* Empties everything but the unused rest of tenant_ids, which may be 3 kB. */
void credential_init(struct credential *credential);

/* Copies what is used. */
void credential_copy(struct credential *to, const struct credential *from);

/* What is wrong with role, tenants, jti and subject taken together; NULL when nothing is. */
const char *credential_fault(const struct credential *credential);

#endif
