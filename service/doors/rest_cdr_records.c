/* /v1/cdrs/terms, /v1/cdrs/unmapped and /v1/cdrs/follows: what stands beside the call records. */
#include "base/clock.h"
#include "doors/listing.h"
#include "doors/rest.h"
#include "store/call_imports.h"
#include "wire/fields.h"

/* --- terms -------------------------------------------------------------------------------------- */

static json_t *write_terms(const struct call_terms *terms)
{
    char at[CLOCK_TEXT_BYTES];
    return json_pack("{ss, si, ss, ss}", "purpose", terms->purpose, "retention_days",
                     terms->retention_days, "stated_at", clock_format(terms->stated_at_ms, at),
                     "stated_by", terms->stated_by);
}

int rest_cdr_terms_get(struct rest *rest, struct err *err)
{
    struct call_terms terms;
    int rc = store_call_terms_get(rest->txn, &terms, err);
    return rc ? rc : rest_answer(rest, 200, write_terms(&terms), 0, err);
}

static int read_days(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    (void)field, (void)arena;
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > CALL_RETENTION_DAYS_MAX)
        return where_err(where, ERR_INVALID, err, "expected 1 to %d", CALL_RETENTION_DAYS_MAX);
    *(int *)((char *)record + field->offset) = (int)json_integer_value(value);
    return 0;
}

int rest_cdr_terms_put(struct rest *rest, struct err *err)
{
    static const struct field_type field_days = {read_days, NULL};
    struct said {
        const char *purpose;
        int retention_days;
    } said = {"", 0};
    const struct field fields[] = {
        {"purpose", &field_text, .offset = offsetof(struct said, purpose), FIELD_REQUIRED,
         .max = CALL_PURPOSE_BYTES - 1},
        {"retention_days", &field_days, .offset = offsetof(struct said, retention_days), FIELD_REQUIRED},
        {"stated_at", &field_time, .offset = 0, FIELD_READ_ONLY},
        {"stated_by", &field_text, .offset = 0, FIELD_READ_ONLY},
        {0},
    };
    struct call_terms terms = {0};
    int rc = fields_read(rest->body, fields, 0, READ_WHOLE, NULL, rest->arena, &said, err);
    if (rc)
        return rc;
    snprintf(terms.purpose, sizeof terms.purpose, "%s", said.purpose);
    terms.retention_days = said.retention_days;
    rc = store_call_terms_put(rest->txn, &terms, err);
    if (rc == 0)
        rc = store_call_terms_get(rest->txn, &terms, err);
    return rc ? rc : rest_answer(rest, 200, write_terms(&terms), 0, err);
}

/* --- what could not be mapped ------------------------------------------------------------------- */

/* clang-format off */
#define AT(member) .offset = offsetof(struct call_unmapped, member)
static const struct field unmapped_fields[] = {
    {"source",   &field_chars, AT(source)},
    {"reason",   &field_chars, AT(reason)},
    {"value",    &field_chars, AT(value), FIELD_NULL},
    {"records",  &field_u64,   AT(records)},
    {"first_at", &field_time,  AT(first_at_ms)},
    {"last_at",  &field_time,  AT(last_at_ms)},
    {0},
};
#undef AT
#define AT(member) .offset = offsetof(struct call_follow, member)
static const struct field follow_fields[] = {
    {"source",     &field_chars, AT(source)},
    {"file",       &field_chars, AT(file)},
    {"mark",       &field_chars, AT(mark)},
    {"position",   &field_u64,   AT(position)},
    {"version",    &field_u64,   AT(version)},
    {"updated_at", &field_time,  AT(updated_at_ms)},
    {0},
};
#undef AT
/* clang-format on */

/* "pbx1\tno_tenant\tvalue": a cursor's position; ids and reasons have no tab. */
static void seek(struct slice position, struct call_unmapped *ret)
{
    char *const places[] = {ret->source, ret->reason, ret->value};
    const size_t caps[] = {sizeof ret->source, sizeof ret->reason, sizeof ret->value};
    for (int i = 0; i < 3; i++) {
        const char *tab = i < 2 && position.n ? memchr(position.p, '\t', position.n) : NULL;
        struct slice part = {position.p, tab ? (size_t)(tab - position.p) : position.n};
        snprintf(places[i], caps[i], "%.*s", SLICE_ARG(part));
        position.p += part.n + (tab != NULL);
        position.n -= part.n + (tab != NULL);
    }
}

int rest_cdr_unmapped(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct call_unmapped after = {0}, *found;
    unsigned found_count;
    struct slice source = request_query(rest->request, "source"), last = SLICE_NONE;
    int rc = listing_begin(rest, source, &listing, err);
    if (rc == 0 && listing.after.p)
        seek(listing.after, &after);
    if (rc == 0)
        rc = store_unmapped_list(rest->txn, source, listing.after.p ? &after : NULL,
                                 listing.limit + 1, rest->arena, &found, &found_count, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found_count);
    if (found_count > count)
        last = slice_of(arena_printf(rest->arena, "%s\t%s\t%s", found[count - 1].source,
                                     found[count - 1].reason, found[count - 1].value));
    json_t *array = fields_write_all(unmapped_fields, 0, found, count, sizeof *found);
    return listing_answer(rest, &listing, "unmapped", array, last, err);
}

int rest_cdr_unmapped_clear(struct rest *rest, struct err *err)
{
    uint64_t removed = 0;
    int rc = store_unmapped_clear(rest->txn, request_query(rest->request, "source"), &removed, err);
    return rc ? rc : rest_answer(rest, 200, json_pack("{sI}", "removed", (json_int_t)removed), 0, err);
}

/* --- how far files were read -------------------------------------------------------------------- */

int rest_cdr_follows(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct call_follow *found;
    unsigned found_count;
    int rc = listing_begin(rest, SLICE_NONE, &listing, err);
    if (rc)
        return rc;
    struct slice source = listing.after, file = SLICE_NONE, last = SLICE_NONE;
    const char *tab = source.n ? memchr(source.p, '\t', source.n) : NULL;
    if (tab) {
        file = (struct slice){tab + 1, (size_t)(source.p + source.n - tab - 1)};
        source.n = (size_t)(tab - source.p);
    }
    rc = store_follow_list(rest->txn, source, file, listing.limit + 1, rest->arena, &found,
                           &found_count, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found_count);
    if (found_count > count)
        last = slice_of(arena_printf(rest->arena, "%s\t%s", found[count - 1].source,
                                     found[count - 1].file));
    json_t *array = fields_write_all(follow_fields, 0, found, count, sizeof *found);
    return listing_answer(rest, &listing, "follows", array, last, err);
}
