#include "wire/fields.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

/* --- where -------------------------------------------------------------------------------------- */

static void add_where(struct buf *out, const struct where *where)
{
    if (!where)
        return;
    add_where(out, where->outer);
    buf_add_char(out, '/');
    if (!where->name) {
        buf_add_uint(out, where->index);
        return;
    }
    for (const char *c = where->name; *c; c++) { /* RFC 6901 section 3 */
        if (*c == '~' || *c == '/')
            buf_add_text(out, *c == '~' ? "~0" : "~1");
        else
            buf_add_char(out, *c);
    }
}

int where_err(const struct where *where, int code, struct err *err, const char *format, ...)
{
    char pointer[sizeof err->field] = "", text[sizeof err->text];
    struct buf out = BUF_OVER(pointer);
    add_where(&out, where);
    if (out.overflowed) /* half a name may be half a character: the outer level then */
        return where_err(where->outer, code, err, "has a member whose name is too long");
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_field(err, code, pointer, "%s", text);
}

/* --- types -------------------------------------------------------------------------------------- */

static void *member_of(void *record, const struct field *field)
{
    return (char *)record + field->offset;
}

static const void *const_member_of(const void *record, const struct field *field)
{
    return (const char *)record + field->offset;
}

static int refuse_type(const struct where *where, const char *wanted, struct err *err)
{
    return where_err(where, ERR_INVALID, err, "must be %s", wanted);
}

int text_read(json_t *value, size_t max, const struct where *where, struct arena *arena,
              const char **ret, struct err *err)
{
    if (!json_is_string(value))
        return refuse_type(where, "a string", err);
    struct slice text = {json_string_value(value), json_string_length(value)};
    if (text.n > max)
        return where_err(where, ERR_INVALID, err, "must be at most %zu bytes long", max);
    if (!utf8_is_plain_text(text.p, text.n))
        return where_err(where, ERR_INVALID, err, "must not have control characters");
    const char *copy = arena_copy(arena, text);
    if (!copy)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = copy;
    return 0;
}

static int read_text(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    const char **text = member_of(record, field);
    if (value)
        return text_read(value, field->max, where, arena, text, err);
    *text = "";
    return 0;
}

/* What came from outside and was recorded as it was may be no UTF-8: it must not spoil the answer. */
static json_t *write_any_bytes(const char *text)
{
    char plain[512];
    struct buf out = BUF_OVER(plain);
    size_t n = strlen(text);
    for (size_t i = 0, len; i < n; i += len ? len : 1) {
        len = utf8_len(text + i, n - i);
        if (out.n + 4 >= out.cap)
            break;
        buf_add(&out, len ? text + i : "\xef\xbf\xbd", len ? len : 3);
    }
    return json_string(plain);
}

static json_t *write_string(const char *text, const struct field *field)
{
    if (!text || !*text)
        return field->flags & FIELD_NULL ? json_null() : json_string("");
    json_t *string = json_string(text);
    return string ? string : write_any_bytes(text);
}

static json_t *write_text(const void *record, const struct field *field)
{
    const char *const *text = const_member_of(record, field);
    return write_string(*text, field);
}

static json_t *write_chars(const void *record, const struct field *field)
{
    return write_string(const_member_of(record, field), field);
}

static int read_bool(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    bool *flag = member_of(record, field);
    (void)arena;
    if (!json_is_boolean(value))
        return refuse_type(where, "true or false", err);
    *flag = json_is_true(value);
    return 0;
}

static json_t *write_bool(const void *record, const struct field *field)
{
    const bool *flag = const_member_of(record, field);
    return json_boolean(*flag);
}

static json_t *write_u64(const void *record, const struct field *field)
{
    const uint64_t *number = const_member_of(record, field);
    return json_integer((json_int_t)*number);
}

static int read_time(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    int64_t *ms = member_of(record, field), parsed;
    (void)arena;
    if (!value) {
        *ms = 0;
        return 0;
    }
    struct slice text = {json_string_value(value), json_string_length(value)};
    if (!json_is_string(value) || !clock_parse(text, &parsed))
        return refuse_type(where, "a time like 2026-12-01T09:00:00+09:00 (RFC 3339)", err);
    *ms = parsed;
    return 0;
}

static json_t *write_time(const void *record, const struct field *field)
{
    const int64_t *ms = const_member_of(record, field);
    char text[CLOCK_TEXT_BYTES];
    return *ms ? json_string(clock_format(*ms, text)) : json_null();
}

static int read_word(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    unsigned *word = member_of(record, field);
    const char *text = json_string_value(value);
    char wanted[160];
    struct buf out = BUF_OVER(wanted);
    (void)arena;
    for (unsigned i = 0; field->words[i]; i++) {
        if (text && strcmp(text, field->words[i]) == 0) {
            *word = i;
            return 0;
        }
        buf_printf(&out, "%s\"%s\"",
                   i == 0                ? ""
                   : field->words[i + 1] ? ", "
                                         : " or ",
                   field->words[i]);
    }
    return refuse_type(where, wanted, err);
}

static json_t *write_word(const void *record, const struct field *field)
{
    const unsigned *word = const_member_of(record, field);
    return json_string(field->words[*word]);
}

const struct field_type field_text = {read_text, write_text};
const struct field_type field_chars = {NULL, write_chars};
const struct field_type field_bool = {read_bool, write_bool};
const struct field_type field_u64 = {NULL, write_u64};
const struct field_type field_time = {read_time, write_time};
const struct field_type field_word = {read_word, write_word};

/* --- tables ------------------------------------------------------------------------------------- */

static bool row_applies(const struct field *field, unsigned kind)
{
    return field->only == 0 || (field->only & kind);
}

static const struct field *find_row(const struct field *fields, unsigned kind, const char *name)
{
    for (; fields->name; fields++)
        if (row_applies(fields, kind) && strcmp(fields->name, name) == 0)
            return fields;
    return NULL;
}

static int pass_read_only(const json_t *value, const struct field *field, enum read_mode mode,
                          const struct where *where, const void *record, struct err *err)
{
    if (mode != READ_WHOLE)
        return where_err(where, ERR_INVALID, err, "is read-only");
    if (!(field->flags & FIELD_SAME))
        return 0;
    json_t *ours = field->type->write(record, field);
    bool is_same = json_equal(ours, value);
    json_decref(ours);
    return is_same ? 0 : where_err(where, ERR_INVALID, err, "is not what the path says");
}

static int read_member(json_t *value, const struct field *field, enum read_mode mode,
                       const struct where *where, struct arena *arena, void *record,
                       struct err *err)
{
    if (field->flags & FIELD_READ_ONLY || !field->type->read)
        return pass_read_only(value, field, mode, where, record, err);
    if (json_is_null(value)) {
        if (!(field->flags & FIELD_NULL))
            return where_err(where, ERR_INVALID, err, "must not be null");
        value = NULL;
    }
    return field->type->read(value, field, where, arena, record, err);
}

int fields_read(json_t *object, const struct field *fields, unsigned kind, enum read_mode mode,
                const struct where *where, struct arena *arena, void *record, struct err *err)
{
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return refuse_type(where, "an object", err);
    json_object_foreach (object, name, value) {
        const struct field *field = find_row(fields, kind, name);
        struct where here = {where, name, 0};
        if (!field)
            return where_err(&here, ERR_INVALID, err, "is not a member of this");
        int rc = read_member(value, field, mode, &here, arena, record, err);
        if (rc)
            return rc;
    }
    for (; mode != READ_MERGE && fields->name; fields++) {
        struct where here = {where, fields->name, 0};
        if (fields->flags & FIELD_REQUIRED && row_applies(fields, kind) &&
            !json_object_get(object, fields->name))
            return where_err(&here, ERR_INVALID, err, "is missing");
    }
    return 0;
}

json_t *fields_write(const struct field *fields, unsigned kind, const void *record)
{
    json_t *object = json_object();
    for (; object && fields->name; fields++) {
        if (!row_applies(fields, kind) || !fields->type->write)
            continue;
        if (json_object_set_new(object, fields->name, fields->type->write(record, fields))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *fields_write_all(const struct field *fields, unsigned kind, const void *records,
                         unsigned count, size_t record_bytes)
{
    const char *record = records;
    json_t *array = json_array();
    for (; array && count; count--, record += record_bytes) {
        if (json_array_append_new(array, fields_write(fields, kind, record))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}
