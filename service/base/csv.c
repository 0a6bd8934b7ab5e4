#include "base/csv.h"

void csv_init(struct csv *csv, struct slice text)
{
    csv->rest = text;
    csv->line = 0;
    csv->count = 0;
    csv->is_before_rows = true;
}

static struct slice take_line(struct csv *csv)
{
    const char *end = csv->rest.n ? memchr(csv->rest.p, '\n', csv->rest.n) : NULL;
    struct slice line = csv->rest;
    if (end)
        line.n = (size_t)(end - line.p);
    size_t taken = line.n + (end != NULL);
    csv->rest.p += taken;
    csv->rest.n -= taken;
    csv->line++;
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

/* Unquotes one field that begins behind a quote at *at; *out grows. False when the quotes do not fit. */
static bool take_quoted(struct slice line, size_t *at, char *unquoted, size_t *out)
{
    for (; *at < line.n; ++*at) {
        if (line.p[*at] != '"') {
            unquoted[(*out)++] = line.p[*at];
        } else if (*at + 1 < line.n && line.p[*at + 1] == '"') {
            unquoted[(*out)++] = '"';
            ++*at;
        } else {
            ++*at;
            return *at == line.n || line.p[*at] == ',';
        }
    }
    return false;
}

int csv_next(struct csv *csv, struct err *err)
{
    struct slice line;
    do {
        if (csv->rest.n == 0)
            return 0;
        line = take_line(csv);
    } while (line.n == 0 || (line.p[0] == '#' && csv->is_before_rows));
    csv->is_before_rows = false;
    if (line.n > CSV_LINE_BYTES_MAX)
        return err_set(err, ERR_INVALID, "line %u is longer than %d bytes", csv->line,
                       CSV_LINE_BYTES_MAX);
    size_t out = 0;
    csv->count = 0;
    for (size_t at = 0;;) {
        if (csv->count == CSV_FIELDS_MAX)
            return err_set(err, ERR_INVALID, "line %u has more than %d fields", csv->line,
                           CSV_FIELDS_MAX);
        struct slice *field = &csv->fields[csv->count++];
        if (at < line.n && line.p[at] == '"') {
            size_t start = out;
            at++;
            if (!take_quoted(line, &at, csv->unquoted, &out))
                return err_set(err, ERR_INVALID, "line %u: quotes do not match", csv->line);
            *field = (struct slice){csv->unquoted + start, out - start};
        } else {
            const char *comma = at < line.n ? memchr(line.p + at, ',', line.n - at) : NULL;
            *field = (struct slice){line.p + at, comma ? (size_t)(comma - line.p) - at : line.n - at};
            at += field->n;
        }
        if (at >= line.n)
            return 1;
        at++; /* the comma; a field follows it, an empty one at the end of the line too */
    }
}
