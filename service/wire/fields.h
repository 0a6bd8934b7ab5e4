/*
 * JSON objects to records and back, by table: one row says a member's name, its type, where it lives in
 * the struct and how long it may be, and both directions follow it.
 *
 *     static const struct field account_fields[] = {
 *         {"id", &field_text, .offset = offsetof(…, id), FIELD_READ_ONLY},
 *         {"display_name", &field_text, .offset = offsetof(…, display_name), .max = 200},
 *         {0},
 *     };
 *
 * Why a table: a member that is checked by hand is a member that is checked differently. A row cannot
 * forget the length, the control characters or the JSON Pointer of its error, and a member without a
 * row does not exist: it is refused (OWASP API3).
 *
 * Reading goes over a record that holds the stored or default values, so what is left out stays as it
 * is; that is all a merge needs. Texts read are copied into the arena.
 */
#ifndef SEKISHO_WIRE_FIELDS_H
#define SEKISHO_WIRE_FIELDS_H

#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* The way down to a value, for the JSON Pointer of an error: a member's name, or else an index. */
struct where {
    const struct where *outer;
    const char *name;
    size_t index;
};

/* ERR_* `code` at `where` (NULL: the whole body). */
int where_err(const struct where *where, int code, struct err *err, const char *format, ...)
    PRINTF_LIKE(4, 5);

enum field_flags {
    FIELD_REQUIRED = 1,  /* in READ_NEW and READ_WHOLE */
    FIELD_NULL = 2,      /* null clears it, and an empty one is written as null */
    FIELD_READ_ONLY = 4, /* ours to say: ignored in READ_WHOLE, else refused */
    FIELD_SAME = 8,      /* with FIELD_READ_ONLY: in READ_WHOLE it must say what the record says */
};

enum read_mode {
    READ_NEW,   /* POST */
    READ_WHOLE, /* PUT: people send back what they got */
    READ_MERGE, /* PATCH: RFC 7396, null clears */
};

struct field;

struct field_type {
    /* `value` is NULL for a null that the row allows. NULL: such members are written only. */
    int (*read)(json_t *value, const struct field *field, const struct where *where,
                struct arena *arena, void *record, struct err *err);
    /* Returns new; NULL when out of memory. */
    json_t *(*write)(const void *record, const struct field *field);
};

struct field {
    const char *name; /* NULL ends a table */
    const struct field_type *type;
    size_t offset;
    unsigned flags;
    size_t max;               /* bytes of a text, elements of an array */
    unsigned only;            /* set of record kinds that have the member; 0: all */
    const char *const *words; /* for field_word: indexed by the enum's values, ends with NULL */
};

extern const struct field_type field_text;  /* const char *: plain text, "" when empty */
extern const struct field_type field_chars; /* char []: written only */
extern const struct field_type field_bool;  /* bool */
extern const struct field_type field_u64;   /* uint64_t: written only */
extern const struct field_type field_time;  /* int64_t, Unix milliseconds; RFC 3339; 0 is null */
extern const struct field_type field_word;  /* an enum: one of `words` */

/*
 * Reads `object` over *record. `kind` is the one bit of a record kind that rows' `only` is asked for.
 * ERR_INVALID with the JSON Pointer: unknown, missing or read-only member, wrong type, null where it
 * has no meaning, too long, control characters. ERR_NOMEM: the arena is full.
 */
int fields_read(json_t *object, const struct field *fields, unsigned kind, enum read_mode mode,
                const struct where *where, struct arena *arena, void *record,
                struct err *err) MUST_CHECK;

/* The record as an object, members in the order of the table. Returns new; NULL: out of memory. */
json_t *fields_write(const struct field *fields, unsigned kind, const void *record);

/* An array of `count` records, `record_bytes` apart. Returns new; NULL: out of memory. */
json_t *fields_write_all(const struct field *fields, unsigned kind, const void *records,
                         unsigned count, size_t record_bytes);

/* A text that is a JSON string of at most `max` bytes without control characters; copied. */
int text_read(json_t *value, size_t max, const struct where *where, struct arena *arena,
              const char **ret, struct err *err) MUST_CHECK;

#endif
