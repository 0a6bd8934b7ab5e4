#include "doors/listing.h"

int listing_begin(struct rest *rest, struct slice filter, struct listing *ret, struct err *err)
{
    struct slice cursor = request_query(rest->request, "cursor");
    struct listing listing = {.after = SLICE_NONE};
    int rc = page_limit_parse(request_query(rest->request, "limit"), &listing.limit, err);
    if (rc)
        return rc;
    char *name = arena_printf(rest->arena, "%s %.*s %.*s", rest->request->route->pattern,
                              SLICE_ARG(rest->tenant), SLICE_ARG(filter));
    if (!name)
        return err_set(err, ERR_NOMEM, "out of memory");
    listing.name = slice_of(name);
    if (cursor.p)
        rc = cursor_open(rest->app->cursor_key, listing.name, cursor, rest->arena, &listing.after,
                         err);
    if (rc == 0)
        *ret = listing;
    return rc;
}

int listing_answer(struct rest *rest, const struct listing *listing, const char *member,
                   json_t *array, struct slice last, struct err *err)
{
    const char *next = NULL;
    if (last.p) {
        next = cursor_sign(rest->app->cursor_key, listing->name, last, rest->arena);
        if (!next) {
            json_decref(array);
            return err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    /* "o" takes the array, also when packing fails; "s?" writes null for NULL */
    return rest_answer(rest, 200,
                       array ? json_pack("{s:o,s:s?}", member, array, "next", next) : NULL, 0, err);
}

int listing_revision(struct rest *rest, struct err *err)
{
    struct response *response = rest->response;
    int rc = store_revision(rest->txn, rest->tenant, &response->revision, err);
    if (rc)
        return rc;
    response->has_revision = true;
    if (json_object_set_new(response->json, "revision",
                            json_integer((json_int_t)response->revision)))
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

struct slice listing_owner(const struct rest *rest)
{
    return slice_is_empty(rest->tenant) ? request_query(rest->request, "tenant") : rest->tenant;
}
