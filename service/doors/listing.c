#include "doors/listing.h"

int listing_begin(struct exchange *x, struct slice filter, struct listing *ret, struct err *err)
{
    struct slice cursor = request_query(x->request, "cursor");
    struct listing listing = {.after = SLICE_NONE};
    int rc = page_limit_parse(request_query(x->request, "limit"), &listing.limit, err);
    if (rc)
        return rc;
    char *name = arena_printf(x->arena, "%s %.*s %.*s", x->request->route->pattern,
                              SLICE_ARG(x->tenant), SLICE_ARG(filter));
    if (!name)
        return err_set(err, ERR_NOMEM, "out of memory");
    listing.name = slice_of(name);
    if (cursor.p)
        rc = cursor_open(x->app->cursor_key, listing.name, cursor, x->arena, &listing.after, err);
    if (rc == 0)
        *ret = listing;
    return rc;
}

int listing_answer(struct exchange *x, const struct listing *listing, const char *member,
                   json_t *array, struct slice last, struct err *err)
{
    const char *next = NULL;
    if (last.p) {
        next = cursor_sign(x->app->cursor_key, listing->name, last, x->arena);
        if (!next) {
            json_decref(array);
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    /* "o" takes the array, also when packing fails; "s?" writes null for NULL */
    return exchange_answer(x, 200, array ? json_pack("{s:o,s:s?}", member, array, "next", next) : NULL,
                           0, err);
}

int listing_revision(struct exchange *x, struct err *err)
{
    struct response *response = x->response;
    int rc = store_revision(x->txn, x->tenant, &response->revision, err);
    if (rc)
        return rc;
    response->has_revision = true;
    if (json_object_set_new(response->json, "revision",
                            json_integer((json_int_t)response->revision)))
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

struct slice listing_owner(const struct exchange *x)
{
    return slice_is_empty(x->tenant) ? request_query(x->request, "tenant") : x->tenant;
}
