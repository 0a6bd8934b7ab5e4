/* /v1/tenants/{t}/accounts and /v1/tenants/{t}/accounts/{a} */
#include "doors/listing.h"
#include "doors/rest.h"
#include "wire/tenant.h"

static int answer(struct rest *rest, int status, struct err *err)
{
    struct account account;
    int rc = store_account_get(rest->txn, rest->tenant, rest->id, rest->arena, &account, err);
    return rc ? rc : rest_answer(rest, status, account_write(&account), account.version, err);
}

int rest_account_get(struct rest *rest, struct err *err)
{
    return answer(rest, 200, err);
}

int rest_account_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct account *accounts;
    unsigned found;
    int rc = listing_begin(rest, SLICE_NONE, &listing, err);
    if (rc == 0)
        rc = store_account_list(rest->txn, rest->tenant, listing_page(&listing), rest->arena,
                                &accounts, &found, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? slice_of(accounts[count - 1].id) : SLICE_NONE;
    rc = listing_answer(rest, &listing, "accounts", accounts_write(accounts, count), last, err);
    return rc ? rc : listing_revision(rest, err);
}

/* --- changes ------------------------------------------------------------------------------------ */

/* The stored account, or an empty one and *ret_exists false. */
static int find_or_blank(struct rest *rest, struct account *ret, bool *ret_exists, struct err *err)
{
    struct err why = {0};
    const char *tenant = rest_text(rest, rest->tenant), *id = rest_text(rest, rest->id);
    if (!tenant || !id)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = store_account_get(rest->txn, rest->tenant, rest->id, rest->arena, ret, &why);
    *ret_exists = rc == 0;
    if (rc == 0)
        return 0;
    if (rc != ERR_NOT_FOUND)
        return err_set(err, rc, "%s", why.text);
    *ret = (struct account){.tenant = tenant, .id = id, .display_name = "", .profile = ""};
    return 0;
}

int rest_account_save(struct rest *rest, enum rest_saved *ret, struct err *err)
{
    struct account stored, account;
    struct condition condition;
    bool exists = false, created = false;
    if (!account_id_is_valid(rest->id))
        return err_set(err, ERR_INVALID,
                       "an account's id is 1 to 63 of A-Z, a-z, 0-9, ., - and _, "
                       "first a letter or digit");
    int rc = find_or_blank(rest, &stored, &exists, err);
    if (rc == 0)
        rc = rest_condition(rest, exists ? stored.version : 0, &condition, err);
    account = stored;
    if (rc == 0)
        rc = account_read(rest->body, READ_WHOLE, rest->arena, &account, err);
    if (rc == 0)
        rc = store_account_put(rest->txn, &account, &condition, &created, err);
    if (rc == 0)
        *ret = created                                                  ? SAVED_CREATED
               : strcmp(account.display_name, stored.display_name) == 0 ? SAVED_UNCHANGED
                                                                        : SAVED_UPDATED;
    return rc;
}

int rest_account_put(struct rest *rest, struct err *err)
{
    enum rest_saved saved;
    int rc = rest_account_save(rest, &saved, err);
    if (rc == 0 && saved == SAVED_CREATED)
        rc = rest_location(rest, err, "/v1/tenants/%.*s/accounts/%.*s", SLICE_ARG(rest->tenant),
                           SLICE_ARG(rest->id));
    return rc ? rc : answer(rest, saved == SAVED_CREATED ? 201 : 200, err);
}

int rest_account_patch(struct rest *rest, struct err *err)
{
    struct account account;
    struct condition condition;
    bool created = false;
    if (rest->request->credential->role == ROLE_TENANT_ADMIN && rest_has(rest, "profile"))
        return err_field(err, ERR_FORBIDDEN, "/profile", "is the operator's to change");
    int rc = store_account_get(rest->txn, rest->tenant, rest->id, rest->arena, &account, err);
    if (rc == 0)
        rc = rest_condition(rest, account.version, &condition, err);
    if (rc == 0)
        rc = account_read(rest->body, READ_MERGE, rest->arena, &account, err);
    if (rc == 0)
        rc = store_account_put(rest->txn, &account, &condition, &created, err);
    return rc ? rc : answer(rest, 200, err);
}

int rest_account_delete(struct rest *rest, struct err *err)
{
    struct account account;
    struct condition condition;
    int rc = store_account_get(rest->txn, rest->tenant, rest->id, rest->arena, &account, err);
    if (rc == 0)
        rc = rest_condition(rest, account.version, &condition, err);
    if (rc == 0)
        rc = store_account_delete(rest->txn, rest->tenant, rest->id, &condition, err);
    rest->response->status = 204;
    return rc;
}
