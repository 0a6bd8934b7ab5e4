#include "wire/rule.h"

/* as people write it, with separators and full-width forms; stored it is at most RULE_TARGET_BYTES */
enum { TARGET_INPUT_BYTES_MAX = 160 };

/* --- types of members that only rules have ------------------------------------------------------ */

static int read_target(json_t *value, const struct field *field, const struct where *where,
                       struct arena *arena, void *record, struct err *err)
{
    struct rule *rule = record;
    struct target target;
    struct err why = {0};
    const char *text;
    if (!value) /* the other name carries it */
        return 0;
    int rc = text_read(value, TARGET_INPUT_BYTES_MAX, where, arena, &text, err);
    if (rc)
        return rc;
    rc = target_parse(slice_of(text), &target, &why);
    if (rc)
        return where_err(where, rc, err, "%s", why.text);
    if (slice_equals_text(slice_of(field->name), "prefix") && target.type != TARGET_PREFIX)
        return where_err(where, ERR_INVALID, err, "is no prefix: name it as \"target\"");
    rule->target = target;
    return 0;
}

static json_t *write_target(const void *record, const struct field *field)
{
    const struct rule *rule = record;
    (void)field;
    return json_string(rule->target.text);
}

static json_t *write_prefix(const void *record, const struct field *field)
{
    const struct rule *rule = record;
    return rule->target.type == TARGET_PREFIX ? write_target(record, field) : json_null();
}

static const char *const match_words[] = {"prefix", "exact", NULL};

static int read_match(json_t *value, const struct field *field, const struct where *where,
                      struct arena *arena, void *record, struct err *err)
{
    struct rule *rule = record;
    unsigned word = 0;
    struct field row = *field;
    row.offset = 0;
    int rc = field_word.read(value, &row, where, arena, &word, err);
    if (rc == 0)
        rule->is_exact = word == 1;
    return rc;
}

static json_t *write_match(const void *record, const struct field *field)
{
    const struct rule *rule = record;
    return json_string(field->words[rule->is_exact]);
}

static const struct field_type field_target = {read_target, write_target};
static const struct field_type field_prefix = {read_target, write_prefix};
static const struct field_type field_match = {read_match, write_match};

/* --- the table ---------------------------------------------------------------------------------- */

static const char *const action_words[] = {
    [ACTION_ALLOW] = "allow", [ACTION_DIVERT] = "divert", [ACTION_DENY] = "deny", NULL};

enum {
    STORED = RULE_OF_TENANT | RULE_OF_PLATFORM |
             RULE_OF_DRAFT, /* a draft may be a list as it was got */
    OWNED = RULE_OF_TENANT | RULE_OF_DRAFT,
};

#define AT(member) .offset = offsetof(struct rule, member)

/* clang-format off */
static const struct field rule_fields[] = {
    {"id",         &field_text,   AT(id), FIELD_READ_ONLY, .only = STORED},
    {"account",    &field_text,   AT(account), FIELD_NULL, .max = ACCOUNT_ID_BYTES - 1, .only = OWNED},
    {"target",     &field_target, AT(target), FIELD_NULL},
    {"prefix",     &field_prefix, AT(target), FIELD_NULL},
    {"action",     &field_word,   AT(action), FIELD_REQUIRED, .words = action_words},
    {"match",      &field_match,  AT(is_exact), .words = match_words},
    {"divert_to",  &field_text,   AT(divert_to), FIELD_NULL, .max = RULE_DIVERT_BYTES - 1},
    {"note",       &field_text,   AT(note), FIELD_NULL, .max = RULE_NOTE_CHARS_MAX},
    {"source",     &field_text,   AT(source), .max = RULE_SOURCE_BYTES - 1, .only = STORED},
    {"locked",     &field_bool,   AT(is_locked), .only = RULE_OF_PLATFORM},
    {"starts_at",  &field_time,   AT(starts_at_ms), FIELD_NULL, .only = STORED},
    {"expires_at", &field_time,   AT(expires_at_ms), FIELD_NULL, .only = STORED},
    {"created_at", &field_time,   AT(created_at_ms), FIELD_READ_ONLY, .only = STORED},
    {"updated_at", &field_time,   AT(updated_at_ms), FIELD_READ_ONLY, .only = STORED},
    {"version",    &field_u64,    AT(version), FIELD_READ_ONLY, .only = STORED},
    {0},
};
/* clang-format on */

/* --- reading ------------------------------------------------------------------------------------ */

static bool is_given(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return value && !json_is_null(value);
}

/* Of a rule that names its target twice, both must mean the same ("+1" and "0101" do). */
static int check_one_target(json_t *object, const struct where *where, struct arena *arena,
                            struct err *err)
{
    static const struct field row = {"target", &field_target, .max = TARGET_INPUT_BYTES_MAX};
    struct rule by_target, by_prefix;
    struct where here = {where, "target", 0}, there = {where, "prefix", 0};
    int rc = read_target(json_object_get(object, "target"), &row, &here, arena, &by_target, err);
    if (rc == 0)
        rc = read_target(json_object_get(object, "prefix"), &row, &there, arena, &by_prefix, err);
    if (rc)
        return rc;
    if (strcmp(by_target.target.text, by_prefix.target.text) != 0)
        return where_err(&there, ERR_INVALID, err, "says another target than \"target\"");
    return 0;
}

/* rule_check() names a member of the rule; here it gets the way to the rule before it. */
static int check_whole(const struct rule *rule, const struct where *where, struct err *err)
{
    struct err why = {0};
    int rc = rule_check(rule, &why);
    if (rc == 0)
        return 0;
    struct where here = {where, why.field[0] ? why.field + 1 : "", 0};
    return where_err(why.field[0] ? &here : where, rc, err, "%s", why.text);
}

int rule_read(json_t *object, enum rule_kind kind, enum read_mode mode, const struct where *where,
              struct arena *arena, struct rule *rule, struct err *err)
{
    struct rule read = *rule;
    bool has_target = is_given(object, "target"), has_prefix = is_given(object, "prefix");
    int rc = fields_read(object, rule_fields, kind, mode, where, arena, &read, err);
    if (rc == 0 && has_target && has_prefix)
        rc = check_one_target(object, where, arena, err);
    if (rc)
        return rc;
    if (mode != READ_MERGE && !has_target && !has_prefix) {
        struct where here = {where, "prefix", 0};
        return where_err(&here, ERR_INVALID, err, "is missing (or \"target\")");
    }
    if (read.action != ACTION_DIVERT && !is_given(object, "divert_to"))
        read.divert_to = "";
    rc = check_whole(&read, where, err);
    if (rc == 0)
        *rule = read;
    return rc;
}

int rules_read(json_t *array, enum rule_kind kind, unsigned max, const struct rule *blank,
               const struct where *where, struct arena *arena, struct rule **ret,
               unsigned *ret_count, struct err *err)
{
    if (!json_is_array(array))
        return where_err(where, ERR_INVALID, err, "must be an array of rules");
    size_t count = json_array_size(array);
    if (count > max)
        return where_err(where, ERR_LIMIT, err, "has %zu rules; %u are the most", count, max);
    struct rule *rules = arena_alloc(arena, (count ? count : 1) * sizeof *rules);
    if (!rules)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct where here = {where, NULL, i};
        rules[i] = *blank;
        int rc = rule_read(json_array_get(array, i), kind, READ_WHOLE, &here, arena, &rules[i],
                           err);
        if (rc)
            return rc;
    }
    *ret = rules;
    *ret_count = (unsigned)count;
    return 0;
}

/* --- writing ------------------------------------------------------------------------------------ */

json_t *rule_write(const struct rule *rule, enum rule_kind kind)
{
    return fields_write(rule_fields, kind, rule);
}

json_t *rules_write(const struct rule *rules, unsigned count, enum rule_kind kind)
{
    return fields_write_all(rule_fields, kind, rules, count, sizeof *rules);
}
