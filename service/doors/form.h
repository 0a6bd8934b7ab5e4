/*
 * A body of application/x-www-form-urlencoded, as a browser sends a form: name=value&name=value.
 *
 * Not libmicrohttpd's post processor, which calls back with pieces and takes what it cannot read for
 * text. Here the whole is read or refused. A name may come more than once (boxes that are ticked).
 */
#ifndef SEKISHO_DOORS_FORM_H
#define SEKISHO_DOORS_FORM_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum { FORM_FIELDS_MAX = 256 };

struct form {
    unsigned count;
    struct form_field {
        struct slice name, value; /* decoded, in the arena */
    } *fields;
};

/* ERR_INVALID: a broken escape, a control character, or no UTF-8; ERR_LIMIT: more than FORM_FIELDS_MAX. */
int form_read(struct slice body, struct arena *arena, struct form *ret, struct err *err) MUST_CHECK;
/* The first value of that name; p == NULL when there is none. */
struct slice form_value(const struct form *form, const char *name);
/* Is there a field with that name and value? */
bool form_has(const struct form *form, const char *name, struct slice value);

#endif
