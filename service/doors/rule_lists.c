#include "doors/rule_lists.h"

int rule_filter_of(struct rest *rest, struct rule_filter *ret, struct slice *ret_name,
                   struct err *err)
{
    struct slice account = request_query(rest->request, "account");
    struct slice scope = request_query(rest->request, "scope");
    const char *name = scope.p ? "scope=tenant" : "";
    *ret = (struct rule_filter){.tenant = rest->tenant, .which = RULES_ALL};
    if (account.p && scope.p)
        return err_set(err, ERR_INVALID, "account and scope exclude each other");
    if (scope.p && !slice_equals_text(scope, "tenant"))
        return err_set(err, ERR_INVALID, "scope must be tenant");
    if (account.p && !account_id_is_valid(account))
        return err_set(err, ERR_INVALID, "account is no account's id");
    if (scope.p)
        ret->which = RULES_TENANT_SCOPE;
    if (account.p) {
        ret->which = RULES_OF_ACCOUNT;
        ret->account = account;
        name = arena_printf(rest->arena, "account=%.*s", SLICE_ARG(account));
    }
    *ret_name = slice_of(name);
    return name ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

uint64_t rule_list_etag(uint64_t version)
{
    return version + 1;
}

int rule_list_check_version(struct rest *rest, const struct rule_filter *filter,
                            struct condition *ret, struct err *err)
{
    const struct rule_filter all = {.tenant = rest->tenant, .which = RULES_ALL};
    uint64_t version, version_of_all;
    struct condition ignored;
    int rc = store_rules_version(rest->txn, filter, &version, err);
    if (rc == 0)
        rc = store_rules_version(rest->txn, &all, &version_of_all, err);
    if (rc)
        return rc;
    *ret = (struct condition){.kind = COND_NONE}; /* compared here, inside the transaction */
    if (precondition_resolve(&rest->precondition, rule_list_etag(version_of_all), &ignored,
                             NULL) == 0)
        return 0;
    return rest_condition(rest, rule_list_etag(version), &ignored, err);
}

int rule_list_check_owner(struct rest *rest, const struct rule_filter *filter, struct err *err)
{
    struct tenant tenant;
    struct account account;
    int rc = 0;
    if (!slice_is_empty(rest->tenant))
        rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc == 0 && filter->which == RULES_OF_ACCOUNT)
        rc = store_account_get(rest->txn, rest->tenant, filter->account, rest->arena, &account,
                               err);
    return rc;
}
