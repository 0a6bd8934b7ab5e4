#include "wire/profile.h"

#include "wire/rule.h"

enum { NAME_BYTES_MAX = 200 };

static int read_rules(json_t *value, const struct field *field, const struct where *where,
                      struct arena *arena, void *record, struct err *err)
{
    const struct rule blank = rule_blank("onboarding"); /* what they are once copied to a tenant */
    struct profile *profile = record;
    struct rule *rules;
    unsigned count;
    int rc = rules_read(value, RULE_OF_PROFILE, (unsigned)field->max, &blank, where, arena, &rules,
                        &count, err);
    if (rc)
        return rc;
    for (unsigned i = 0; i < count; i++)
        rules[i].source = "";
    profile->rules = rules;
    profile->rules_count = count;
    return 0;
}

static json_t *write_rules(const void *record, const struct field *field)
{
    const struct profile *profile = record;
    (void)field;
    return rules_write(profile->rules, profile->rules_count, RULE_OF_PROFILE);
}

static const struct field_type field_rules = {read_rules, write_rules};

/* clang-format off */
#define AT(member) .offset = offsetof(struct profile, member)
static const struct field profile_fields[] = {
    {"id",         &field_text,  AT(id), FIELD_READ_ONLY | FIELD_SAME},
    {"name",       &field_text,  AT(name), .max = NAME_BYTES_MAX},
    {"default",    &field_bool,  AT(is_default)},
    {"builtin",    &field_bool,  AT(is_builtin), FIELD_READ_ONLY},
    {"rules",      &field_rules, AT(rules), .max = PROFILE_RULES_MAX},
    {"created_at", &field_time,  AT(created_at_ms), FIELD_READ_ONLY},
    {"updated_at", &field_time,  AT(updated_at_ms), FIELD_READ_ONLY},
    {"version",    &field_u64,   AT(version), FIELD_READ_ONLY},
    {0},
};
#undef AT
/* clang-format on */

int profile_read(json_t *object, enum read_mode mode, struct arena *arena, struct profile *profile,
                 struct err *err)
{
    return fields_read(object, profile_fields, 0, mode, NULL, arena, profile, err);
}

json_t *profile_write(const struct profile *profile)
{
    return fields_write(profile_fields, 0, profile);
}

json_t *profiles_write(const struct profile *profiles, unsigned count)
{
    return fields_write_all(profile_fields, 0, profiles, count, sizeof *profiles);
}
