#include "wire/check.h"

#include "wire/rule.h"

enum { NUMBER_INPUT_BYTES_MAX = 256, ACCOUNT_INPUT_BYTES_MAX = 256 };

static int read_draft(json_t *value, const struct field *field, const struct where *where,
                      struct arena *arena, void *record, struct err *err)
{
    const struct rule blank = rule_blank("customer");
    struct check_request *request = record;
    if (!value)
        return 0;
    int rc = rules_read(value, RULE_OF_DRAFT, (unsigned)field->max, &blank, where, arena,
                        &request->rules, &request->rules_count, err);
    request->has_draft = rc == 0;
    return rc;
}

static int read_revision(json_t *value, const struct field *field, const struct where *where,
                         struct arena *arena, void *record, struct err *err)
{
    struct check_request *request = record;
    (void)field, (void)arena;
    if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
        return where_err(where, ERR_INVALID, err, "expected a revision");
    request->min_revision = (uint64_t)json_integer_value(value);
    return 0;
}

static const struct field_type field_revision = {read_revision, NULL};
static const struct field_type field_draft = {read_draft, NULL};

/* clang-format off */
#define AT(member) .offset = offsetof(struct check_request, member)
static const struct field check_fields[] = {
    {"number",       &field_text,     AT(number), FIELD_REQUIRED, .max = NUMBER_INPUT_BYTES_MAX},
    {"account",      &field_text,     AT(account), FIELD_NULL, .max = ACCOUNT_INPUT_BYTES_MAX},
    {"at",           &field_time,     AT(at_ms), FIELD_NULL},
    {"min_revision", &field_revision, AT(min_revision), FIELD_NULL},
    {"rules",        &field_draft,    AT(rules), FIELD_NULL, .max = RULES_PER_TENANT_MAX},
    {0},
};
#undef AT
/* clang-format on */

int check_read(json_t *object, struct arena *arena, struct check_request *ret, struct err *err)
{
    struct check_request read = {.number = "", .account = ""};
    int rc = fields_read(object, check_fields, 0, READ_NEW, NULL, arena, &read, err);
    if (rc == 0)
        *ret = read;
    return rc;
}
