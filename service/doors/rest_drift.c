/*
 * /v1/profiles/{p}/drift and /reapply: where tenants and accounts have drifted from the profile
 * they were made with, and making it good. A page of those that have drifted is one transaction, so
 * a run over all of them is a row of short ones that may stop and go on anywhere.
 */
#include "doors/listing.h"
#include "doors/problem.h"
#include "doors/rest.h"

struct drift_request {
    struct drift_query query;
    struct listing listing;
    struct drift after;
    bool has_after, is_dry_run;
};

/* --- query ------------------------------------------------------------------------------------ */

static int read_flag(const struct rest *rest, const char *name, bool *ret, struct err *err)
{
    struct slice value = request_query(rest->request, name);
    *ret = slice_equals_text(value, "true");
    if (value.p && !*ret && !slice_equals_text(value, "false"))
        return err_set(err, ERR_INVALID, "%s must be true or false", name);
    return 0;
}

/* Where the page before ended: "acme" or "acme 1001", as place_of() wrote it. */
static int read_after(struct rest *rest, struct drift_request *it, struct err *err)
{
    struct slice after = it->listing.after;
    const char *blank = after.n ? memchr(after.p, ' ', after.n) : NULL;
    size_t n = blank ? (size_t)(blank - after.p) : after.n;
    it->has_after = after.n != 0;
    it->after.tenant = rest_text(rest, (struct slice){after.p, n});
    it->after.account = blank ? rest_text(rest, (struct slice){blank + 1, after.n - n - 1}) : "";
    return it->after.tenant && it->after.account ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int read_request(struct rest *rest, struct drift_request *it, struct err *err)
{
    struct slice tenant = request_query(rest->request, "tenant");
    *it = (struct drift_request){.query = {.profile = rest->id, .tenant = tenant}};
    int rc = read_flag(rest, "extra", &it->query.with_extra, err);
    if (rc == 0)
        rc = read_flag(rest, "restore_deleted", &it->query.restores_deleted, err);
    if (rc == 0)
        rc = read_flag(rest, "dry_run", &it->is_dry_run, err);
    if (rc == 0 && tenant.p && !tenant_id_is_valid(tenant))
        rc = err_set(err, ERR_INVALID, "tenant is no tenant's id");
    if (rc)
        return rc;
    char *filter = arena_printf(rest->arena, "%.*s %.*s %d", SLICE_ARG(rest->id), SLICE_ARG(tenant),
                                it->query.with_extra);
    if (!filter)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = listing_begin(rest, slice_of(filter), &it->listing, err);
    return rc ? rc : read_after(rest, it, err);
}

static struct slice place_of(struct rest *rest, const struct drift *drift)
{
    char *text = arena_printf(rest->arena, "%s%s%s", drift->tenant, *drift->account ? " " : "",
                              drift->account);
    return text ? slice_of(text) : SLICE_NONE;
}

/* --- answers ---------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *write_wanted(const struct rule *rule)
{
    return json_pack("{s:s,s:o}", "action", action_word(rule->action), "divert_to",
                     text_or_null(rule->divert_to));
}

static json_t *write_found(const struct rule *rule)
{
    return json_pack("{s:s,s:s,s:o,s:s}", "id", rule->id, "action", action_word(rule->action),
                     "divert_to", text_or_null(rule->divert_to), "source", rule->source);
}

static json_t *write_item(const struct drift_item *item)
{
    static const char *const words[] = {"missing", "changed", "extra"};
    static const char *const mends[] = {"keep", "add", "replace"};
    const struct rule *rule = item->what == DRIFT_EXTRA ? &item->found : &item->wanted;
    return json_pack(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:s}", "what", words[item->what], "target", rule->target.text,
        "match", rule->is_exact ? "exact" : "prefix", "wanted",
        item->what == DRIFT_EXTRA ? json_null() : write_wanted(&item->wanted), "found",
        item->what == DRIFT_MISSING ? json_null() : write_found(&item->found), "deleted_by",
        text_or_null(item->deleted_by), "reapply", mends[item->mend]);
}

static json_t *write_drift(const struct drift *drift)
{
    json_t *rules = json_array();
    for (unsigned i = 0; rules && i < drift->count; i++) {
        if (json_array_append_new(rules, write_item(&drift->items[i]))) {
            json_decref(rules);
            return NULL;
        }
    }
    return json_pack("{s:s,s:o,s:o}", "tenant", drift->tenant, "account",
                     text_or_null(drift->account), "rules", rules);
}

static int append(json_t *array, json_t *object, struct err *err)
{
    return json_array_append_new(array, object) ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

/* --- the list --------------------------------------------------------------------------------- */

static int find(struct rest *rest, struct drift_request *it, struct drift **ret,
                unsigned *ret_count, struct slice *ret_last, struct err *err)
{
    bool has_more;
    int rc = store_drift_list(rest->txn, &it->query, it->has_after ? &it->after : NULL,
                              it->listing.limit, rest->arena, ret, ret_count, &has_more, err);
    if (rc)
        return rc;
    *ret_last = has_more ? place_of(rest, &(*ret)[*ret_count - 1]) : SLICE_NONE;
    return has_more && !ret_last->p ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

int rest_drift_list(struct rest *rest, struct err *err)
{
    struct drift_request it;
    struct drift *list;
    struct slice last;
    unsigned count;
    json_t *array = json_array();
    int rc = read_request(rest, &it, err);
    if (rc == 0)
        rc = find(rest, &it, &list, &count, &last, err);
    for (unsigned i = 0; rc == 0 && i < count; i++)
        rc = append(array, write_drift(&list[i]), err);
    if (rc) {
        json_decref(array);
        return rc;
    }
    return listing_answer(rest, &it.listing, "drift", array, last, err);
}

/* --- making it good --------------------------------------------------------------------------- */

/* One of them; who cannot be helped is told so and hinders nobody. */
static int mend(struct rest *rest, const struct drift_request *it, struct drift *drift,
                json_t *array, struct err *err)
{
    struct err why = {0}, ignored = {0};
    int rc = it->is_dry_run ? 0 : store_savepoint(rest->txn, err);
    if (rc)
        return rc;
    if (!it->is_dry_run) {
        rc = store_drift_mend(rest->txn, &it->query, drift, rest->arena, &why);
        int end = store_savepoint_end(rest->txn, rc == 0, rc ? &ignored : err);
        if (rc == 0 && end)
            return end;
    }
    if (rc == ERR_NOT_FOUND)
        return 0; /* deleted in the meantime */
    if (rc && rc != ERR_LIMIT)
        return err_set(err, rc, "%s", why.text);
    json_t *object = write_drift(drift);
    json_t *problem = rc ? json_string(why.text) : json_null();
    if (json_object_set_new(object, "problem", problem)) { /* NULL is fine for both */
        json_decref(object);
        object = NULL;
    }
    return append(array, object, err);
}

int rest_drift_mend(struct rest *rest, struct err *err)
{
    struct drift_request it;
    struct drift *list;
    struct slice last;
    unsigned count;
    json_t *array = json_array();
    int rc = read_request(rest, &it, err);
    if (rc == 0)
        rc = find(rest, &it, &list, &count, &last, err);
    for (unsigned i = 0; rc == 0 && i < count; i++)
        rc = mend(rest, &it, &list[i], array, err);
    if (rc) {
        json_decref(array);
        return rc;
    }
    return listing_answer(rest, &it.listing, "reapplied", array, last, err);
}
