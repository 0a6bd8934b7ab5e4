#include "doors/provision.h"

#include "doors/problem.h"
#include "wire/fields.h"

const char *const provision_columns[] = {
    "tenant",       "account",       "name",          "display_name", "profile", "outside_line",
    "locale",       "time_zone",     "status",        "contact_name", "contact_email",
    "contact_phone", "contact_webhook", NULL};

/* --- what the line is about ------------------------------------------------------------------- */

/* Takes a member that must be a text out of the object; "" when it is not there. */
static int take_text(struct rest *rest, json_t *object, const char *member, const char **ret,
                     struct err *err)
{
    struct where here = {NULL, member, 0};
    json_t *value = json_object_get(object, member);
    *ret = "";
    if (!value || json_is_null(value))
        return json_object_del(object, member), 0;
    int rc = text_read(value, TENANT_ID_BYTES, &here, rest->arena, ret, err);
    json_object_del(object, member);
    return rc;
}

/* Cells of CSV become the member that the API has. */
static int gather_contact(json_t *object, struct err *err)
{
    static const char *const parts[][2] = {
        {"contact_name", "name"}, {"contact_email", "email"}, {"contact_phone", "phone"},
        {"contact_webhook", "webhook"}};
    json_t *contact = NULL;
    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_t *value = json_object_get(object, parts[i][0]);
        if (!value)
            continue;
        contact = contact ? contact : json_object();
        json_object_set(contact, parts[i][1], value);
        json_object_del(object, parts[i][0]);
    }
    if (!contact)
        return 0;
    if (json_object_get(object, "contacts")) {
        json_decref(contact);
        return err_field(err, ERR_INVALID, "/contacts",
                         "stands beside a contact_… that says it, too");
    }
    json_t *contacts = json_pack("[o]", contact); /* takes it, also when it fails */
    if (!contacts || json_object_set_new(object, "contacts", contacts))
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

/* A header has one `name` for both; an account's is its display_name. */
static void rename_name(json_t *object)
{
    json_t *name = json_object_get(object, "name");
    if (name && !json_object_get(object, "display_name"))
        json_object_set(object, "display_name", name);
    if (name)
        json_object_del(object, "name");
}

/* --- doing it --------------------------------------------------------------------------------- */

/* One text for what is missing and for what is not yours, as everywhere. */
static int no_such_tenant(struct err *err)
{
    return err_field(err, ERR_NOT_FOUND, "/tenant", "there is no such tenant, or it is not yours");
}

static int check_ids(const struct rest *rest, const struct provisioned *it, struct err *err)
{
    if (!*it->tenant)
        return err_field(err, ERR_INVALID, "/tenant", "is missing");
    if (!tenant_id_is_valid(slice_of(it->tenant)))
        return err_field(err, ERR_INVALID, "/tenant",
                         "a tenant's id is 1 to 63 of a-z, 0-9, - and _, first a letter or digit");
    if (*it->account && !account_id_is_valid(slice_of(it->account)))
        return err_field(err, ERR_INVALID, "/account",
                         "an account's id is 1 to 63 of A-Z, a-z, 0-9, ., - and _, first a "
                         "letter or digit");
    if (!credential_covers(rest->request->credential, slice_of(it->tenant)))
        return no_such_tenant(err);
    return 0;
}

static int save(struct rest *rest, json_t *object, struct provisioned *it, struct err *err)
{
    struct rest line = *rest;
    line.body = object;
    line.tenant = slice_of(it->tenant);
    line.id = slice_of(*it->account ? it->account : it->tenant);
    if (!*it->account)
        return rest_tenant_save(&line, &it->saved, err);
    rename_name(object);
    int rc = rest_account_save(&line, &it->saved, err);
    if (rc == ERR_NOT_FOUND && !err->field[0]) {
        *err = (struct err){0};
        return no_such_tenant(err);
    }
    return rc;
}

static int do_line(struct rest *rest, struct slice tenant, json_t *object, struct provisioned *it,
                   struct err *err)
{
    int rc = take_text(rest, object, "tenant", &it->tenant, err);
    if (rc == 0)
        rc = take_text(rest, object, "account", &it->account, err);
    if (rc == 0 && tenant.n && *it->tenant && !slice_equals_text(tenant, it->tenant))
        rc = err_field(err, ERR_INVALID, "/tenant", "is another one than ?tenant= says");
    if (rc == 0 && !*it->tenant && tenant.n && !(it->tenant = rest_text(rest, tenant))) {
        it->tenant = "";
        rc = err_set(err, ERR_NOMEM, "out of memory");
    }
    if (rc == 0)
        rc = check_ids(rest, it, err);
    if (rc == 0)
        rc = gather_contact(object, err);
    return rc ? rc : save(rest, object, it, err);
}

/* Is it the store that failed, so that other lines would fare no better? */
static bool is_failure(int rc)
{
    return rc && problem_facts(problem_of(rc))->status >= 500;
}

int provision_line(struct rest *rest, struct slice tenant, json_t *object, struct provisioned *ret,
                   struct err *err)
{
    struct provisioned it = {.line = ret->line, .tenant = "", .account = ""};
    int rc = store_savepoint(rest->txn, err);
    if (rc)
        return rc;
    it.rc = do_line(rest, tenant, object, &it, &it.err);
    rc = store_savepoint_end(rest->txn, it.rc == 0, err);
    if (rc == 0 && is_failure(it.rc))
        rc = err_set(err, it.rc, "%s", it.err.text);
    if (it.rc == ERR_NOT_FOUND && strcmp(it.err.field, "/tenant") != 0)
        it.rc = ERR_INVALID; /* of what the line names, as in rest.c */
    *ret = it;
    return rc;
}

void provision_write(const struct provisioned *result, const char *problem_base, struct buf *buf)
{
    static const char *const words[] = {
        [SAVED_CREATED] = "created", [SAVED_UPDATED] = "updated", [SAVED_UNCHANGED] = "unchanged"};
    buf_printf(buf, "{\"line\":%u,\"status\":\"%s\"", result->line,
               result->rc ? "refused" : words[result->saved]);
    if (*result->tenant) {
        buf_add_text(buf, ",\"tenant\":");
        buf_add_json(buf, slice_of(result->tenant));
    }
    if (*result->account) {
        buf_add_text(buf, ",\"account\":");
        buf_add_json(buf, slice_of(result->account));
    }
    if (result->rc) {
        buf_add_text(buf, ",\"problem\":");
        problem_render(problem_of(result->rc), problem_base, "", &result->err, buf);
    }
    buf_add_text(buf, "}\n");
}
