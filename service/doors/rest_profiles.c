/* /v1/profiles and /v1/profiles/{p} */
#include "doors/listing.h"
#include "doors/rest.h"
#include "doors/rule_origin.h"
#include "wire/profile.h"

static int answer(struct rest *rest, int status, struct err *err)
{
    struct profile profile;
    int rc = store_profile_get(rest->txn, rest->id, rest->arena, &profile, err);
    return rc ? rc : rest_answer(rest, status, profile_write(&profile), profile.version, err);
}

int rest_profile_get(struct rest *rest, struct err *err)
{
    return answer(rest, 200, err);
}

int rest_profile_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct profile *profiles;
    unsigned found;
    int rc = listing_begin(rest, SLICE_NONE, &listing, err);
    if (rc == 0)
        rc = store_profile_list(rest->txn, listing_page(&listing), rest->arena, &profiles, &found,
                                err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? slice_of(profiles[count - 1].id) : SLICE_NONE;
    return listing_answer(rest, &listing, "profiles", profiles_write(profiles, count), last, err);
}

/* --- changes ------------------------------------------------------------------------------------ */

/* The stored profile, or an empty one of that name. */
static int find_or_blank(struct rest *rest, struct profile *ret, bool *ret_exists, struct err *err)
{
    struct err why = {0};
    const char *id = rest_text(rest, rest->id);
    if (!id)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = store_profile_get(rest->txn, rest->id, rest->arena, ret, &why);
    *ret_exists = rc == 0;
    if (rc == 0)
        return 0;
    if (rc != ERR_NOT_FOUND)
        return err_set(err, rc, "%s", why.text);
    *ret = (struct profile){.id = id, .name = id};
    return 0;
}

static int check_targets(struct rest *rest, const struct profile *profile, struct err *err)
{
    const struct where in_rules = {NULL, "rules", 0};
    for (unsigned i = 0; i < profile->rules_count; i++) {
        struct where here = {&in_rules, NULL, i};
        int rc = rule_target_check(rest->app, &profile->rules[i], &here, err);
        if (rc)
            return rc;
    }
    return 0;
}

int rest_profile_put(struct rest *rest, struct err *err)
{
    struct profile profile;
    struct condition condition;
    bool exists = false, created = false;
    if (!tenant_id_is_valid(rest->id))
        return err_set(err, ERR_INVALID,
                       "a profile's id is 1 to 63 of a-z, 0-9, - and _, first a letter or digit");
    int rc = find_or_blank(rest, &profile, &exists, err);
    if (rc == 0)
        rc = rest_condition(rest, exists ? profile.version : 0, &condition, err);
    if (rc == 0)
        rc = profile_read(rest->body, READ_WHOLE, rest->arena, &profile, err);
    if (rc == 0)
        rc = check_targets(rest, &profile, err);
    if (rc == 0)
        rc = store_profile_put(rest->txn, &profile, &condition, &created, err);
    if (rc == 0 && created)
        rc = rest_location(rest, err, "/v1/profiles/%s", profile.id);
    return rc ? rc : answer(rest, created ? 201 : 200, err);
}

int rest_profile_delete(struct rest *rest, struct err *err)
{
    struct profile profile;
    struct condition condition;
    int rc = store_profile_get(rest->txn, rest->id, rest->arena, &profile, err);
    if (rc == 0)
        rc = rest_condition(rest, profile.version, &condition, err);
    if (rc == 0)
        rc = store_profile_delete(rest->txn, rest->id, &condition, err);
    rest->response->status = 204;
    return rc;
}
