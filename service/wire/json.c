#include "wire/json.h"

#include <stdbool.h>
#include <string.h>

#include "base/buf.h"

/* Where a walk over the text stands: the members and elements that are open. */
struct level {
    bool is_array, wants_key;
    size_t index;
    struct slice key; /* as written, escapes and all */
};

struct walk {
    struct level levels[JSON_DEPTH_MAX];
    unsigned depth;
    bool is_too_deep;
};

/* The string that starts at text.p[at] (a quote): its inside; *end is just behind it. */
static struct slice take_string(struct slice text, size_t at, size_t *end)
{
    size_t i = at + 1;
    while (i < text.n && text.p[i] != '"')
        i += text.p[i] == '\\' ? 2 : 1;
    if (i > text.n)
        i = text.n;
    *end = i < text.n ? i + 1 : i;
    return (struct slice){text.p + at + 1, i - at - 1};
}

static void walk_open(struct walk *walk, bool is_array)
{
    if (walk->depth == JSON_DEPTH_MAX) {
        walk->is_too_deep = true;
        return;
    }
    walk->levels[walk->depth++] = (struct level){.is_array = is_array, .wants_key = !is_array};
}

static void walk_comma(struct level *level)
{
    level->index++;
    level->wants_key = !level->is_array;
    level->key = SLICE_NONE;
}

/* Follows nesting only, up to text.n or the level too many; what is no JSON is jansson's to refuse. */
static void walk_text(struct walk *walk, struct slice text)
{
    for (size_t i = 0; i < text.n && !walk->is_too_deep;) {
        struct level *level = walk->depth ? &walk->levels[walk->depth - 1] : NULL;
        char c = text.p[i];
        if (c == '"') {
            struct slice string = take_string(text, i, &i);
            if (level && level->wants_key) {
                level->key = string;
                level->wants_key = false;
            }
            continue;
        }
        if (c == '{' || c == '[')
            walk_open(walk, c == '[');
        else if ((c == '}' || c == ']') && level)
            walk->depth--;
        else if (c == ',' && level)
            walk_comma(level);
        i++;
    }
}

/* The JSON Pointer (RFC 6901) of the place a walk stands at. */
static void walk_pointer(const struct walk *walk, struct buf *out)
{
    for (unsigned i = 0; i < walk->depth; i++) {
        const struct level *level = &walk->levels[i];
        if (level->is_array) {
            buf_add_char(out, '/');
            buf_add_uint(out, level->index);
        } else if (level->key.p) {
            buf_add_char(out, '/');
            buf_add(out, level->key.p, level->key.n);
        }
    }
}

static int refuse(struct slice text, size_t position, const char *what, const json_error_t *at,
                  struct err *err)
{
    struct walk walk = {0};
    char pointer[sizeof err->field] = "";
    struct buf out = BUF_OVER(pointer);
    text.n = position < text.n ? position : text.n;
    walk_text(&walk, text);
    walk_pointer(&walk, &out);
    if (out.overflowed) /* half a name may be half a character: better none */
        pointer[0] = '\0';
    if (at)
        return err_field(err, ERR_INVALID, pointer, "%s (line %d, column %d)", what, at->line,
                         at->column);
    return err_field(err, ERR_INVALID, pointer, "%s", what);
}

static int refuse_syntax(struct slice text, json_error_t *error, struct err *err)
{
    size_t position = error->position > 0 ? (size_t)error->position : 0;
    if (json_error_code(error) == json_error_out_of_memory)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (json_error_code(error) == json_error_duplicate_key)
        return refuse(text, position, "the member is there twice", error, err);
    /* jansson quotes the text it stopped at: that may be anything, so it stays out of the answer */
    char *near = strstr(error->text, " near ");
    if (near)
        *near = '\0';
    char what[sizeof error->text + 16];
    snprintf(what, sizeof what, "not JSON: %s", error->text);
    return refuse(text, position, what, error, err);
}

int json_read(struct slice text, json_t **ret, struct err *err)
{
    struct walk walk = {0};
    json_error_t error;
    if (slice_is_empty(text))
        return err_set(err, ERR_INVALID, "a JSON object is needed as body");
    walk_text(&walk, text);
    if (walk.is_too_deep)
        return refuse(text, 0, "nested more than 32 levels deep", NULL, err);
    json_t *value = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    if (!value)
        return refuse_syntax(text, &error, err);
    if (!json_is_object(value)) {
        json_decref(value);
        return err_set(err, ERR_INVALID, "the body must be a JSON object");
    }
    *ret = value;
    return 0;
}
