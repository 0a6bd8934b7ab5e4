#include "doors/form.h"

#include "base/utf8.h"

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes to `out` (room for text.n bytes); false when an escape is broken. */
static bool decode(struct slice text, char *out, struct slice *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < text.n ? digit_of(text.p[i + 1]) : -1;
            int low = i + 2 < text.n ? digit_of(text.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        }
        out[n++] = c;
    }
    *ret = (struct slice){out, n};
    return utf8_is_plain_text(out, n);
}

static int read_field(struct slice pair, char *out, struct form_field *ret, struct err *err)
{
    const char *equals = memchr(pair.p, '=', pair.n);
    size_t n = equals ? (size_t)(equals - pair.p) : pair.n;
    struct slice name = {pair.p, n};
    struct slice value = equals ? (struct slice){equals + 1, pair.n - n - 1} : (struct slice){"", 0};
    if (!decode(name, out, &ret->name) || !decode(value, out + n, &ret->value))
        return err_set(err, ERR_INVALID, "the form is not understood");
    return 0;
}

int form_read(struct slice body, struct arena *arena, struct form *ret, struct err *err)
{
    struct form form = {.fields = arena_alloc(arena, FORM_FIELDS_MAX * sizeof *form.fields)};
    char *out = arena_alloc(arena, body.n + 1);
    if (!form.fields || !out)
        return err_set(err, ERR_NOMEM, "out of memory");
    while (body.n) {
        const char *end = memchr(body.p, '&', body.n);
        size_t n = end ? (size_t)(end - body.p) : body.n;
        if (n && form.count == FORM_FIELDS_MAX)
            return err_set(err, ERR_LIMIT, "more than %d fields", FORM_FIELDS_MAX);
        int r = n ? read_field((struct slice){body.p, n}, out, &form.fields[form.count], err) : 0;
        if (r < 0)
            return r;
        form.count += n > 0;
        out += n;
        n += end != NULL;
        body = (struct slice){body.p + n, body.n - n};
    }
    *ret = form;
    return 0;
}

struct slice form_value(const struct form *form, const char *name)
{
    for (unsigned i = 0; i < form->count; i++)
        if (slice_equals_text(form->fields[i].name, name))
            return form->fields[i].value;
    return SLICE_NONE;
}

bool form_has(const struct form *form, const char *name, struct slice value)
{
    for (unsigned i = 0; i < form->count; i++)
        if (slice_equals_text(form->fields[i].name, name) &&
            slice_equals(form->fields[i].value, value))
            return true;
    return false;
}
