#include "wire/bulk.h"

#include <strings.h>

#include "wire/json.h"

/* --- NDJSON ----------------------------------------------------------------------------------- */

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
            return false;
    return true;
}

static struct slice take_line(struct bulk *bulk)
{
    const char *end = memchr(bulk->rest.p, '\n', bulk->rest.n);
    struct slice line = {bulk->rest.p, end ? (size_t)(end - bulk->rest.p) : bulk->rest.n};
    size_t taken = line.n + (end != NULL);
    bulk->rest.p += taken;
    bulk->rest.n -= taken;
    bulk->line = bulk->next_line++;
    return line;
}

static int next_of_ndjson(struct bulk *bulk, json_t **ret, struct err *err)
{
    struct slice line = SLICE_NONE;
    while (is_blank(line)) {
        if (bulk->rest.n == 0)
            return 0;
        line = take_line(bulk);
    }
    if (line.n > BULK_LINE_BYTES_MAX)
        return err_set(err, ERR_INVALID, "the line is longer than %d bytes", BULK_LINE_BYTES_MAX);
    int rc = json_read(line, ret, err);
    return rc ? rc : 1;
}

/* --- CSV -------------------------------------------------------------------------------------- */

static struct slice trim(struct slice text)
{
    while (text.n && text.p[0] == ' ')
        text.p++, text.n--;
    while (text.n && text.p[text.n - 1] == ' ')
        text.n--;
    return text;
}

static bool is_word(struct slice text, const char *word)
{
    return text.n == strlen(word) && strncasecmp(text.p, word, text.n) == 0;
}

/* Which titles there are is said, too: people have no other way to guess them. */
static int refuse_title(struct bulk *bulk, struct slice title, const char *const *columns,
                        struct err *err)
{
    char room[128], known[192] = "";
    struct buf list = BUF_OVER(known);
    if (title.n > 32 || recode(&bulk->recoder, title, room, sizeof room, &title, NULL))
        title = SLICE_LIT("…");
    for (const char *const *column = columns; *column; column++)
        buf_printf(&list, "%s%s", column == columns ? "" : ", ", *column);
    return err_set(err, ERR_INVALID, "no column \"%.*s\" is known here; known are %s",
                   SLICE_ARG(title), known);
}

static int read_header(struct bulk *bulk, const char *const *columns, struct err *err)
{
    int rc = csv_next(&bulk->csv, err);
    if (rc < 0)
        return err_context(err, "the header");
    if (rc == 0)
        return err_set(err, ERR_INVALID, "there is no header line");
    for (unsigned i = 0; i < bulk->csv.count; i++) {
        struct slice title = trim(bulk->csv.fields[i]);
        const char *const *column = columns;
        while (*column && !is_word(title, *column))
            column++;
        if (!*column)
            return refuse_title(bulk, title, columns, err);
        for (unsigned j = 0; j < i; j++)
            if (bulk->columns[j] == *column)
                return err_set(err, ERR_INVALID, "column \"%s\" is there twice", *column);
        bulk->columns[i] = *column;
    }
    bulk->columns_count = bulk->csv.count;
    return 0;
}

/* Cells behind the last column must be empty, and none may be missing: the line may have been
 * torn. */
static int check_count(const struct bulk *bulk, struct err *err)
{
    const struct csv *csv = &bulk->csv;
    bool is_more = false;
    for (unsigned i = bulk->columns_count; i < csv->count; i++)
        is_more = is_more || csv->fields[i].n;
    if (is_more || csv->count < bulk->columns_count)
        return err_set(err, ERR_INVALID, "the line has %u cells, the header %u", csv->count,
                       bulk->columns_count);
    return 0;
}

static int add_cell(struct bulk *bulk, unsigned i, char **room, json_t *object, struct err *err)
{
    struct slice cell = bulk->csv.fields[i];
    char field[96];
    snprintf(field, sizeof field, "/%s", bulk->columns[i]);
    if (cell.n == 0)
        return 0;
    struct err why = {0};
    int rc = recode(&bulk->recoder, cell, *room, (size_t)(bulk->text + sizeof bulk->text - *room),
                    &cell, &why);
    if (rc)
        return err_field(err, ERR_INVALID, field, "%s", why.text);
    if (cell.p == *room)
        *room += cell.n;
    cell = csv_plain(cell);
    if (json_object_set_new(object, bulk->columns[i], json_stringn(cell.p, cell.n)))
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

static int next_of_csv(struct bulk *bulk, json_t **ret, struct err *err)
{
    char *room = bulk->text;
    int rc = csv_next(&bulk->csv, err);
    if (rc)
        bulk->line = bulk->csv.line;
    if (rc <= 0)
        return rc;
    rc = check_count(bulk, err);
    if (rc)
        return rc;
    json_t *object = json_object();
    if (!object)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < bulk->columns_count && rc == 0; i++)
        rc = add_cell(bulk, i, &room, object, err);
    if (rc) {
        json_decref(object);
        return rc;
    }
    *ret = object;
    return 1;
}

/* --- both ------------------------------------------------------------------------------------- */

int bulk_init(struct bulk *bulk, enum bulk_format format, struct slice text, enum charset charset,
              const char *const *columns, struct err *err)
{
    bulk->format = format;
    bulk->line = 0;
    bulk->next_line = 1;
    bulk->columns_count = 0;
    bulk->rest = text = charset_skip_mark(text);
    if (format == BULK_NDJSON) /* is UTF-8 by definition */
        charset = CHARSET_UTF8;
    else if (charset == CHARSET_AUTO)
        charset = charset_detect(text);
    int rc = recoder_init(&bulk->recoder, charset, RECODE_TO_UTF8, err);
    if (rc)
        return rc;
    if (charset_is_utf16(text))
        return err_set(err, ERR_INVALID, "this is UTF-16: save it as UTF-8 or Shift_JIS");
    csv_init(&bulk->csv, text);
    return format == BULK_CSV ? read_header(bulk, columns, err) : 0;
}

void bulk_release(struct bulk *bulk)
{
    recoder_release(&bulk->recoder);
}

int bulk_next(struct bulk *bulk, json_t **ret, struct err *err)
{
    return bulk->format == BULK_CSV ? next_of_csv(bulk, ret, err)
                                    : next_of_ndjson(bulk, ret, err);
}
