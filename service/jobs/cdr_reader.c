#include "jobs/cdr_reader.h"

#include "wire/json.h"

void cdr_reader_init(struct cdr_reader *reader, enum cdr_format format,
                     const struct cdr_layout *layout, struct slice text, bool is_open)
{
    reader->format = format;
    reader->layout = layout;
    reader->text = text;
    reader->is_open = is_open;
    reader->at = 0;
    reader->line = 1;
    reader->object = NULL;
    reader->detail[0] = '\0';
    csv_init(&reader->csv, text);
    reader->csv.is_open = is_open;
}

void cdr_reader_release(struct cdr_reader *reader)
{
    json_decref(reader->object);
    reader->object = NULL;
}

size_t cdr_reader_consumed(const struct cdr_reader *reader)
{
    if (reader->format == CDR_NDJSON)
        return reader->at;
    return reader->text.n - reader->csv.rest.n;
}

unsigned cdr_reader_lines(const struct cdr_reader *reader)
{
    return (reader->format == CDR_NDJSON ? reader->line : reader->csv.next_line) - 1;
}

/* --- CSV ---------------------------------------------------------------------------------------- */

static enum cdr_reason take_columns(struct cdr_reader *reader, struct cdr *ret)
{
    const struct cdr_layout *layout = reader->layout;
    if (reader->csv.count != layout->columns) {
        snprintf(reader->detail, sizeof reader->detail, "%u columns, not %u", reader->csv.count,
                 layout->columns);
        return CDR_BAD_COLUMNS;
    }
    memset(ret->fields, 0, sizeof ret->fields);
    for (unsigned i = 0; i < layout->columns; i++)
        if (layout->field_of[i] >= 0)
            ret->fields[layout->field_of[i]] = reader->csv.fields[i];
    return CDR_TAKEN;
}

static bool is_header(const struct cdr *cdr)
{
    return cdr_field_of(cdr->fields[CDR_START]) == CDR_START &&
           cdr_field_of(cdr->fields[CDR_DST]) == CDR_DST;
}

static int next_csv(struct cdr_reader *reader, struct cdr *ret, enum cdr_reason *ret_reason)
{
    struct csv *csv = &reader->csv;
    for (;;) {
        int r = csv_next(csv, NULL);
        if (r == 0)
            return 0;
        ret->line = csv->line;
        ret->offset = (size_t)(csv->record.p - reader->text.p);
        ret->bytes = (size_t)(csv->rest.p - csv->record.p);
        reader->detail[0] = '\0';
        *ret_reason = r < 0 ? CDR_BAD_QUOTES : take_columns(reader, ret);
        if (*ret_reason != CDR_TAKEN || !is_header(ret))
            return 1;
    }
}

/* --- NDJSON ------------------------------------------------------------------------------------- */

/* A line without its end; false: there is none, or no whole one. */
static bool take_line(struct cdr_reader *reader, struct slice *ret)
{
    struct slice rest = {reader->text.p + reader->at, reader->text.n - reader->at};
    const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
    if (rest.n == 0 || (!end && reader->is_open && rest.n <= CDR_LINE_BYTES_MAX))
        return false;
    size_t n = end ? (size_t)(end - rest.p) : rest.n;
    reader->at += n + (end != NULL);
    reader->line++;
    if (n && rest.p[n - 1] == '\r')
        n--;
    *ret = (struct slice){rest.p, n};
    return true;
}

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t')
            return false;
    return true;
}

static enum cdr_reason take_members(struct cdr_reader *reader, struct cdr *ret)
{
    const char *name;
    json_t *value;
    memset(ret->fields, 0, sizeof ret->fields);
    json_object_foreach(reader->object, name, value) {
        int field = cdr_field_of(slice_of(name));
        if (field < 0 || ret->fields[field].n)
            continue; /* what others write beside is not ours to judge */
        if (json_is_string(value)) {
            ret->fields[field] = (struct slice){json_string_value(value), json_string_length(value)};
        } else if (json_is_integer(value)) {
            snprintf(reader->numbers[field], sizeof reader->numbers[field], "%lld",
                     (long long)json_integer_value(value));
            ret->fields[field] = slice_of(reader->numbers[field]);
        } else if (!json_is_null(value)) {
            snprintf(reader->detail, sizeof reader->detail, "%s is no text and no whole number",
                     cdr_field_name((enum cdr_field)field));
            return CDR_BAD_JSON;
        }
    }
    return CDR_TAKEN;
}

static int next_json(struct cdr_reader *reader, struct cdr *ret, enum cdr_reason *ret_reason)
{
    struct slice line;
    struct err err = {0};
    do {
        ret->offset = reader->at;
        ret->line = reader->line;
        if (!take_line(reader, &line))
            return 0;
    } while (is_blank(line));
    ret->bytes = reader->at - ret->offset;
    reader->detail[0] = '\0';
    cdr_reader_release(reader);
    *ret_reason = CDR_BAD_JSON;
    if (line.n > CDR_LINE_BYTES_MAX)
        snprintf(reader->detail, sizeof reader->detail, "longer than %d bytes", CDR_LINE_BYTES_MAX);
    else if (json_read(line, &reader->object, &err) < 0)
        snprintf(reader->detail, sizeof reader->detail, "%.60s", err.text);
    else
        *ret_reason = take_members(reader, ret);
    return 1;
}

int cdr_reader_next(struct cdr_reader *reader, struct cdr *ret, enum cdr_reason *ret_reason)
{
    return reader->format == CDR_CSV ? next_csv(reader, ret, ret_reason)
                                     : next_json(reader, ret, ret_reason);
}
