/* /v1/tenants/{t}/calls/marks: which calls of a tenant were fraud, and so are no history of its own. */
#include "doors/listing.h"
#include "doors/rest.h"
#include "store/marks.h"
#include "wire/fields.h"

/* clang-format off */
#define AT(member) .offset = offsetof(struct call_mark, member)
static const struct field mark_fields[] = {
    {"id",      &field_text, AT(id), FIELD_READ_ONLY},
    {"account", &field_text, AT(account), FIELD_NULL, .max = ACCOUNT_ID_BYTES - 1},
    {"country", &field_text, AT(country), FIELD_NULL, .max = 3},
    {"call_id", &field_text, AT(call_id), FIELD_NULL, .max = CALL_ID_BYTES - 1},
    {"from",    &field_time, AT(from_ms), FIELD_NULL},
    {"to",      &field_time, AT(to_ms), FIELD_NULL},
    {"note",    &field_text, AT(note), FIELD_NULL, .max = CALL_MARK_NOTE_BYTES_MAX},
    {"made_by", &field_text, AT(made_by), FIELD_READ_ONLY},
    {"made_at", &field_time, AT(made_at_ms), FIELD_READ_ONLY},
    {"calls",   &field_u64,  AT(calls), FIELD_READ_ONLY},
    {0},
};
#undef AT
/* clang-format on */

static int answer(struct rest *rest, int status, struct slice id, struct err *err)
{
    struct call_mark mark;
    int rc = store_call_mark_get(rest->txn, rest->tenant, id, rest->arena, &mark, err);
    return rc ? rc : rest_answer(rest, status, fields_write(mark_fields, 0, &mark), 0, err);
}

int rest_mark_get(struct rest *rest, struct err *err)
{
    return answer(rest, 200, rest->id, err);
}

int rest_mark_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct call_mark *marks;
    unsigned found;
    int rc = listing_begin(rest, SLICE_NONE, &listing, err);
    if (rc == 0)
        rc = store_call_mark_list(rest->txn, rest->tenant, listing_page(&listing), rest->arena,
                                  &marks, &found, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? slice_of(marks[count - 1].id) : SLICE_NONE;
    return listing_answer(rest, &listing, "marks",
                          fields_write_all(mark_fields, 0, marks, count, sizeof *marks), last, err);
}

static bool is_country(const char *code)
{
    bool is_code = code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z' && !code[2];
    return !code[0] || is_code || strcmp(code, "001") == 0;
}

int rest_mark_create(struct rest *rest, struct err *err)
{
    struct call_mark mark = {
        .id = "", .account = "", .country = "", .call_id = "", .note = "", .made_by = ""};
    char id[RULE_ID_BYTES];
    int rc = fields_read(rest->body, mark_fields, 0, READ_NEW, NULL, rest->arena, &mark, err);
    if (rc == 0 && mark.account[0] && !account_id_is_valid(slice_of(mark.account)))
        rc = err_field(err, ERR_INVALID, "/account", "is no account's id");
    if (rc == 0 && !is_country(mark.country))
        rc = err_field(err, ERR_INVALID, "/country", "expected a code of ISO 3166-1, such as SO");
    if (rc == 0)
        rc = store_call_mark_create(rest->txn, rest->tenant, &mark, id, err);
    if (rc == 0)
        rc = rest_location(rest, err, "/v1/tenants/%.*s/calls/marks/%s", SLICE_ARG(rest->tenant), id);
    return rc ? rc : answer(rest, 201, slice_of(id), err);
}

int rest_mark_delete(struct rest *rest, struct err *err)
{
    int rc = store_call_mark_delete(rest->txn, rest->tenant, rest->id, err);
    rest->response->status = 204;
    return rc;
}
