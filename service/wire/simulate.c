#include "wire/simulate.h"

#include "wire/rule.h"

static int read_rules(json_t *value, const struct field *field, const struct where *where,
                      struct arena *arena, void *record, struct err *err)
{
    const struct rule blank = rule_blank("customer");
    struct simulate_request *request = record;
    bool is_whole = field->offset == offsetof(struct simulate_request, rules);
    int rc = rules_read(value, RULE_OF_DRAFT, (unsigned)field->max, &blank, where, arena,
                        is_whole ? &request->rules : &request->add,
                        is_whole ? &request->rules_count : &request->add_count, err);
    if (rc == 0 && is_whole)
        request->has_rules = true;
    else if (rc == 0)
        request->has_changes = true;
    return rc;
}

static int read_ids(json_t *value, const struct field *field, const struct where *where,
                    struct arena *arena, void *record, struct err *err)
{
    struct simulate_request *request = record;
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return where_err(where, ERR_INVALID, err, "expected an array of ids");
    if (count > field->max)
        return where_err(where, ERR_LIMIT, err, "more than %zu", field->max);
    request->remove = arena_alloc(arena, (count + 1) * sizeof *request->remove);
    if (!request->remove)
        return where_err(where, ERR_NOMEM, err, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct where here = {where, NULL, i};
        int rc = text_read(json_array_get(value, i), RULE_ID_BYTES - 1, &here, arena,
                           &request->remove[i], err);
        if (rc)
            return rc;
    }
    request->remove_count = (unsigned)count;
    request->has_changes = true;
    return 0;
}

static int read_days(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    struct simulate_request *request = record;
    json_int_t days = json_integer_value(value);
    (void)field, (void)arena;
    if (!json_is_integer(value) || days < 1 || days > SIMULATE_DAYS_MAX)
        return where_err(where, ERR_INVALID, err, "expected a number from 1 to %d",
                         SIMULATE_DAYS_MAX);
    request->days = (int)days;
    return 0;
}

static const struct field_type field_rules = {read_rules, NULL}, field_ids = {read_ids, NULL},
                               field_days = {read_days, NULL};

/* clang-format off */
#define AT(member) .offset = offsetof(struct simulate_request, member)
static const struct field simulate_fields[] = {
    {"days",   &field_days,  AT(days)},
    {"rules",  &field_rules, AT(rules), .max = RULES_PER_TENANT_MAX},
    {"add",    &field_rules, AT(add), .max = RULES_PER_TENANT_MAX},
    {"remove", &field_ids,   AT(remove), .max = RULES_PER_TENANT_MAX},
    {0},
};
#undef AT
/* clang-format on */

int simulate_read(json_t *object, struct arena *arena, struct simulate_request *ret,
                  struct err *err)
{
    struct simulate_request read = {.days = SIMULATE_DAYS};
    int rc = fields_read(object, simulate_fields, 0, READ_NEW, NULL, arena, &read, err);
    if (rc)
        return rc;
    if (read.has_rules == read.has_changes)
        return err_set(err, ERR_INVALID,
                       read.has_rules ? "give all rules, or what to add and remove; not both"
                                      : "give rules, or what to add or remove");
    *ret = read;
    return 0;
}
