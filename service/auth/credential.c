#include "auth/credential.h"

#include "base/utf8.h"

void credential_init(struct credential *credential)
{
    memset(credential, 0, offsetof(struct credential, tenant_ids) + 1);
}

void credential_copy(struct credential *to, const struct credential *from)
{
    memcpy(to, from, offsetof(struct credential, tenant_ids) + from->tenant_ids_bytes);
    if (from->tenant_ids_bytes == 0)
        to->tenant_ids[0] = '\0';
}

const char *credential_next_tenant(const struct credential *credential, const char *before)
{
    const char *next = before ? before + strlen(before) + 1 : credential->tenant_ids;
    return next < credential->tenant_ids + credential->tenant_ids_bytes ? next : NULL;
}

bool credential_covers(const struct credential *credential, struct slice tenant)
{
    /* a credential that nobody filled in has role 0 and covers nothing */
    if (credential->tenants_count == 0)
        return credential->role && !role_is_of_tenant(credential->role);
    const char *id = credential->tenant_ids, *end = id + credential->tenant_ids_bytes;
    for (size_t n; id < end; id += n + 1) {
        n = strlen(id);
        if (n == tenant.n && memcmp(id, tenant.p, n) == 0)
            return true;
    }
    return false;
}

int credential_add_tenant(struct credential *credential, struct slice tenant)
{
    if (!tenant_id_is_valid(tenant))
        return ERR_INVALID;
    size_t room = sizeof credential->tenant_ids - credential->tenant_ids_bytes;
    if (credential->tenants_count == TOKEN_TENANTS_MAX || tenant.n >= room)
        return ERR_LIMIT;
    char *end = credential->tenant_ids + credential->tenant_ids_bytes;
    memcpy(end, tenant.p, tenant.n);
    end[tenant.n] = '\0';
    credential->tenant_ids_bytes += (unsigned)tenant.n + 1;
    credential->tenants_count++;
    return 0;
}

bool jti_is_valid(struct slice jti)
{
    if (jti.n == 0 || jti.n >= JTI_BYTES)
        return false;
    for (size_t i = 0; i < jti.n; i++) {
        char c = jti.p[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

const char *credential_fault(const struct credential *credential)
{
    unsigned count = credential->tenants_count;
    enum role known;
    if (role_of(slice_of(role_word(credential->role)), &known) != 0)
        return "unknown role";
    if (role_is_of_tenant(credential->role) && count != 1)
        return "this role needs exactly one tenant";
    if (credential->role == ROLE_OPERATOR && count != 0)
        return "an operator is not limited to tenants";
    if (!jti_is_valid(slice_of(credential->jti)))
        return "jti is not 1 to 39 of A-Z a-z 0-9 . _ -";
    if (!utf8_is_plain_text(credential->subject, strlen(credential->subject)))
        return "the subject is not plain text";
    return NULL;
}
