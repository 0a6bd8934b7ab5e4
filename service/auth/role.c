#include "auth/auth.h"

static const struct {
    enum role role;
    const char *word;
} roles[] = {
    {ROLE_OPERATOR, "operator"},         {ROLE_TENANT_ADMIN, "tenant_admin"},
    {ROLE_TENANT_VIEWER, "tenant_viewer"}, {ROLE_PROVISIONING, "provisioning"},
    {ROLE_PBX, "pbx"},
};
enum { ROLES = sizeof roles / sizeof *roles };

const char *role_word(enum role role)
{
    for (int i = 0; i < ROLES; i++)
        if (roles[i].role == role)
            return roles[i].word;
    return "none";
}

int role_of(struct slice word, enum role *ret)
{
    for (int i = 0; i < ROLES; i++) {
        if (slice_equals_text(word, roles[i].word)) {
            *ret = roles[i].role;
            return 0;
        }
    }
    return ERR_INVALID;
}

bool role_is_of_tenant(enum role role)
{
    return role == ROLE_TENANT_ADMIN || role == ROLE_TENANT_VIEWER;
}
