/* /v1/audit and /v1/tenants/{t}/audit: who changed what, newest first. */
#include <inttypes.h>

#include "doors/listing.h"
#include "doors/rest.h"
#include "wire/fields.h"

/* The store keeps what was there before and after as JSON text; here it becomes part of the answer. */
static json_t *write_json_text(const void *record, const struct field *field)
{
    const char *const *text = (const void *)((const char *)record + field->offset);
    json_t *value = **text ? json_loads(*text, JSON_DECODE_ANY, NULL) : NULL;
    return value ? value : json_null();
}

static const struct field_type field_json = {NULL, write_json_text};

/* clang-format off */
#define AT(member) .offset = offsetof(struct audit_record, member)
static const struct field audit_fields[] = {
    {"seq",        &field_u64,  AT(seq)},
    {"at",         &field_time, AT(at_ms)},
    {"tenant",     &field_text, AT(tenant), FIELD_NULL},
    {"subject",    &field_text, AT(subject)},
    {"role",       &field_text, AT(role)},
    {"request_id", &field_text, AT(request_id), FIELD_NULL},
    {"address",    &field_text, AT(address), FIELD_NULL},
    {"action",     &field_text, AT(action)},
    {"object",     &field_text, AT(object)},
    {"before",     &field_json, AT(before)},
    {"after",      &field_json, AT(after)},
    {0},
};
#undef AT
/* clang-format on */

int rest_audit_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct audit_record *records;
    struct tenant tenant;
    unsigned found;
    int rc = listing_begin(rest, listing_owner(rest), &listing, err);
    if (rc == 0 && !slice_is_empty(rest->tenant))
        rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc)
        return rc;
    uint64_t before = listing.after.p ? strtoull(listing.after.p, NULL, 10) : 0;
    rc = store_audit_list(rest->txn, listing_owner(rest), before, listing.limit + 1, rest->arena,
                          &records, &found, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = SLICE_NONE;
    if (found > count)
        last = slice_of(arena_printf(rest->arena, "%" PRIu64, records[count - 1].seq));
    json_t *array = fields_write_all(audit_fields, 0, records, count, sizeof *records);
    return listing_answer(rest, &listing, "records", array, last, err);
}
