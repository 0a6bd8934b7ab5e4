/*
 * Request targets, from any bytes. What must hold: a part of the result lies within the text, no
 * two parameters have one name, the path has only whole escapes, nothing decodes to NUL, and a
 * query that is written out again from its parts reads the same.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "doors/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(struct slice part, const char *text, size_t n)
{
    assert(part.p && part.p >= text && part.p + part.n <= text + n);
    assert(!memchr(part.p, '\0', part.n));
}

static void check_params(const struct uri *uri, const char *text, size_t n)
{
    assert(uri->params_count <= URI_PARAMS_MAX);
    for (unsigned i = 0; i < uri->params_count; i++) {
        check_part(uri->params[i].name, text, n);
        check_part(uri->params[i].value, text, n);
        assert(uri->params[i].name.n > 0);
        for (unsigned k = 0; k < i; k++)
            assert(!slice_equals(uri->params[i].name, uri->params[k].name));
    }
}

/* The same query, every byte that is not plain escaped. */
static void check_again(const struct uri *uri, size_t n)
{
    size_t cap = n * 3 + 64;
    char *text = malloc(cap);
    struct uri again;
    assert(text);
    struct buf buf = {text, 0, cap, false};
    buf_add(&buf, "/?", 2);
    for (unsigned i = 0; i < uri->params_count; i++) {
        buf_add(&buf, "&", i > 0);
        buf_add_form(&buf, uri->params[i].name);
        buf_add_char(&buf, '=');
        buf_add_form(&buf, uri->params[i].value);
    }
    assert(!buf.overflowed && uri_split(text, buf.n, &again, NULL) == 0);
    assert(again.params_count == uri->params_count);
    for (unsigned i = 0; i < uri->params_count; i++) {
        assert(slice_equals(again.params[i].name, uri->params[i].name));
        assert(slice_equals(again.params[i].value, uri->params[i].value));
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *out = malloc(size + 1);
    struct uri uri;
    assert(text && out);
    memcpy(text, data, size);
    if (uri_split(text, size, &uri, NULL) == 0) {
        check_part(uri.path, text, size);
        struct slice decoded = uri_decode_segment(uri.path, out);
        assert(decoded.n <= uri.path.n && !memchr(decoded.p, '\0', decoded.n));
        check_params(&uri, text, size);
        check_again(&uri, size);
    }
    free(out);
    free(text);
    return 0;
}
