/* /v1/tenants/{t}/accounts and /v1/tenants/{t}/accounts/{a} */
#include "doors/listing.h"
#include "doors/rest.h"
#include "wire/tenant.h"

static int answer(struct exchange *x, int status, struct err *err)
{
    struct account account;
    int rc = store_account_get(x->txn, x->tenant, x->id, x->arena, &account, err);
    return rc ? rc : exchange_answer(x, status, account_write(&account), account.version, err);
}

int rest_account_get(struct exchange *x, struct err *err)
{
    return answer(x, 200, err);
}

int rest_account_list(struct exchange *x, struct err *err)
{
    struct listing listing;
    struct account *accounts;
    unsigned found;
    int rc = listing_begin(x, SLICE_NONE, &listing, err);
    if (rc == 0)
        rc = store_account_list(x->txn, x->tenant, listing_page(&listing), x->arena, &accounts,
                                &found, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? slice_of(accounts[count - 1].id) : SLICE_NONE;
    rc = listing_answer(x, &listing, "accounts", accounts_write(accounts, count), last, err);
    return rc ? rc : listing_revision(x, err);
}

/* --- changes ------------------------------------------------------------------------------------ */

/* The stored account, or an empty one and *ret_exists false. */
static int find_or_blank(struct exchange *x, struct account *ret, bool *ret_exists, struct err *err)
{
    struct err why = {0};
    const char *tenant = exchange_text(x, x->tenant), *id = exchange_text(x, x->id);
    if (!tenant || !id)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = store_account_get(x->txn, x->tenant, x->id, x->arena, ret, &why);
    *ret_exists = rc == 0;
    if (rc == 0)
        return 0;
    if (rc != ERR_NOT_FOUND)
        return err_set(err, rc, "%s", why.text);
    *ret = (struct account){.tenant = tenant, .id = id, .display_name = "", .profile = ""};
    return 0;
}

int rest_account_put(struct exchange *x, struct err *err)
{
    struct account account;
    struct condition condition;
    bool exists = false, created = false;
    if (!account_id_is_valid(x->id))
        return err_set(err, ERR_INVALID, "an account's id is 1 to 63 of A-Z, a-z, 0-9, ., - and _, "
                                         "first a letter or digit");
    int rc = find_or_blank(x, &account, &exists, err);
    if (rc == 0)
        rc = exchange_condition(x, exists ? account.version : 0, &condition, err);
    if (rc == 0)
        rc = account_read(x->body, READ_WHOLE, x->arena, &account, err);
    if (rc == 0)
        rc = store_account_put(x->txn, &account, &condition, &created, err);
    if (rc == 0 && created)
        rc = exchange_location(x, err, "/v1/tenants/%s/accounts/%s", account.tenant, account.id);
    return rc ? rc : answer(x, created ? 201 : 200, err);
}

int rest_account_patch(struct exchange *x, struct err *err)
{
    struct account account;
    struct condition condition;
    bool created = false;
    if (x->request->credential->role == ROLE_TENANT_ADMIN && exchange_has(x, "profile"))
        return err_field(err, ERR_FORBIDDEN, "/profile", "is the operator's to change");
    int rc = store_account_get(x->txn, x->tenant, x->id, x->arena, &account, err);
    if (rc == 0)
        rc = exchange_condition(x, account.version, &condition, err);
    if (rc == 0)
        rc = account_read(x->body, READ_MERGE, x->arena, &account, err);
    if (rc == 0)
        rc = store_account_put(x->txn, &account, &condition, &created, err);
    return rc ? rc : answer(x, 200, err);
}

int rest_account_delete(struct exchange *x, struct err *err)
{
    struct account account;
    struct condition condition;
    int rc = store_account_get(x->txn, x->tenant, x->id, x->arena, &account, err);
    if (rc == 0)
        rc = exchange_condition(x, account.version, &condition, err);
    if (rc == 0)
        rc = store_account_delete(x->txn, x->tenant, x->id, &condition, err);
    x->response->status = 204;
    return rc;
}
