/*
 * /v1/tokens/revoked: bearer tokens that are refused from now on, by their jti. A token's own end needs
 * no revocation; `expires_at` lets the list forget it after that.
 */
#include "base/clock.h"
#include "doors/listing.h"
#include "doors/rest.h"
#include "wire/fields.h"

enum { NOTE_BYTES_MAX = 200 };

/* clang-format off */
#define AT(member) .offset = offsetof(struct revocation, member)
static const struct field revocation_fields[] = {
    {"jti",        &field_text, AT(jti), FIELD_READ_ONLY | FIELD_SAME},
    {"note",       &field_text, AT(note), FIELD_NULL, .max = NOTE_BYTES_MAX},
    {"expires_at", &field_time, AT(expires_at_ms), FIELD_NULL},
    {"revoked_at", &field_time, AT(revoked_at_ms), FIELD_READ_ONLY},
    {0},
};
#undef AT
/* clang-format on */

int rest_revoked_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct revocation *found;
    unsigned found_count;
    int rc = listing_begin(rest, SLICE_NONE, &listing, err);
    if (rc == 0)
        rc = store_revocation_list(rest->txn, listing_page(&listing), rest->arena, &found,
                                   &found_count, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found_count);
    struct slice last = found_count > count ? slice_of(found[count - 1].jti) : SLICE_NONE;
    json_t *array = fields_write_all(revocation_fields, 0, found, count, sizeof *found);
    return listing_answer(rest, &listing, "revoked", array, last, err);
}

int rest_revoked_put(struct rest *rest, struct err *err)
{
    struct revocation revocation = {.note = "", .revoked_at_ms = clock_now_ms()};
    bool created = false;
    if (!jti_is_valid(rest->id))
        return err_set(err, ERR_INVALID, "a jti is 1 to %d of A-Z, a-z, 0-9, - _ and .",
                       JTI_BYTES - 1);
    revocation.jti = rest_text(rest, rest->id);
    if (!revocation.jti)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = fields_read(rest->body, revocation_fields, 0, READ_WHOLE, NULL, rest->arena,
                         &revocation, err);
    if (rc == 0)
        rc = store_revocation_put(rest->txn, &revocation, &created, err);
    return rc ? rc
              : rest_answer(rest, created ? 201 : 200,
                            fields_write(revocation_fields, 0, &revocation), 0, err);
}
