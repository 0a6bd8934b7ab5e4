#include "base/csv.h"

void csv_init(struct csv *csv, struct slice text)
{
    csv->rest = text;
    csv->line = 0;
    csv->next_line = 1;
    csv->count = 0;
    csv->separator = ',';
    csv->is_open = csv->has_comments = false;
    csv->is_before_records = true;
    csv->is_skipping = false;
    csv->record = SLICE_NONE;
}

/* --- records in the text ---------------------------------------------------------------------- */

/* How the text goes on at some place. */
enum found { FOUND_RECORD, FOUND_BAD_QUOTES, FOUND_TOO_LONG, FOUND_NOT_WHOLE };

/* Where the first line of `text` ends: at its '\n', or at the end of the text. */
static size_t line_end(struct slice text)
{
    const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    return end ? (size_t)(end - text.p) : text.n;
}

/* Is that which stands behind a closing quote the end of the field? *at is moved past a CR
 * before LF. */
static bool is_field_end(const struct csv *csv, struct slice text, size_t at)
{
    if (at == text.n || text.p[at] == csv->separator || text.p[at] == '\n')
        return true;
    return text.p[at] == '\r' && (at + 1 == text.n || text.p[at + 1] == '\n');
}

/* Past the closing quote of a field whose opening one is at `at`; text.n + 1 when there is none. */
static size_t quoted_end(struct slice text, size_t at)
{
    for (at++; at < text.n; at++) {
        const char *quote = memchr(text.p + at, '"', text.n - at);
        if (!quote)
            break;
        at = (size_t)(quote - text.p) + 1;
        if (at == text.n || text.p[at] != '"')
            return at;
    }
    return text.n + 1;
}

/* The record at the start of csv->rest: where its last line ends, in *ret. */
static enum found find_record(const struct csv *csv, size_t *ret)
{
    struct slice text = csv->rest;
    bool is_cut = text.n > CSV_RECORD_BYTES_MAX; /* what is behind cannot belong to it */
    if (is_cut)
        text.n = CSV_RECORD_BYTES_MAX + 1;
    size_t at = 0;
    for (;;) {
        if (at < text.n && text.p[at] == '"') {
            at = quoted_end(text, at);
            if (at > text.n) /* no closing quote in sight */
                return is_cut          ? FOUND_TOO_LONG
                       : csv->is_open ? FOUND_NOT_WHOLE
                                      : FOUND_BAD_QUOTES;
            if (!is_field_end(csv, text, at))
                return FOUND_BAD_QUOTES;
        }
        while (at < text.n && text.p[at] != csv->separator && text.p[at] != '\n')
            at++;
        if (at == text.n || text.p[at] == '\n')
            break;
        at++;
    }
    if (at == text.n && (is_cut || csv->is_open))
        return is_cut ? FOUND_TOO_LONG : FOUND_NOT_WHOLE;
    *ret = at;
    return FOUND_RECORD;
}

static unsigned count_lines(struct slice text)
{
    unsigned lines = 0;
    for (const char *p; text.n && (p = memchr(text.p, '\n', text.n)); lines++) {
        text.n -= (size_t)(p + 1 - text.p);
        text.p = p + 1;
    }
    return lines;
}

/* Takes `n` bytes and the line break behind them off csv->rest. */
static void take(struct csv *csv, size_t n)
{
    struct slice record = {csv->rest.p, n};
    bool has_end = n < csv->rest.n;
    csv->line = csv->next_line;
    csv->next_line += count_lines(record) + 1;
    csv->rest.p += n + has_end;
    csv->rest.n -= n + has_end;
    if (record.n && record.p[record.n - 1] == '\r')
        record.n--;
    csv->record = record;
}

static int refuse(enum found found, struct err *err)
{
    if (found == FOUND_TOO_LONG)
        return err_set(err, ERR_INVALID, "longer than %d bytes, or a quote does not end",
                       CSV_RECORD_BYTES_MAX);
    return err_set(err, ERR_INVALID, "quotes do not match");
}

/* --- fields ----------------------------------------------------------------------------------- */

/* What stands between the quotes, the doubled ones as one; `out` is where in csv->unquoted. */
static struct slice unquote(struct csv *csv, struct slice quoted, size_t *out)
{
    struct slice field = {csv->unquoted + *out, 0};
    for (size_t i = 1; i + 1 < quoted.n; i++) {
        csv->unquoted[*out + field.n++] = quoted.p[i];
        i += quoted.p[i] == '"';
    }
    *out += field.n;
    return field;
}

static int split(struct csv *csv, struct err *err)
{
    struct slice record = csv->record;
    size_t out = 0;
    csv->count = 0;
    for (size_t at = 0;; at++) {
        size_t start = at;
        bool is_quoted = at < record.n && record.p[at] == '"';
        if (csv->count == CSV_FIELDS_MAX)
            return err_set(err, ERR_INVALID, "more than %d fields", CSV_FIELDS_MAX);
        if (is_quoted)
            at = quoted_end(record, at);
        while (at < record.n && record.p[at] != csv->separator)
            at++;
        struct slice field = {record.p + start, at - start};
        csv->fields[csv->count++] = is_quoted ? unquote(csv, field, &out) : field;
        if (at >= record.n)
            return 1;
    }
}

/* The rest of a line that was refused while it was still coming in; false: there is more of it. */
static bool skip_line(struct csv *csv)
{
    size_t n = line_end(csv->rest);
    bool has_end = n < csv->rest.n;
    csv->rest.p += n + has_end;
    csv->rest.n -= n + has_end;
    csv->is_skipping = !has_end;
    return has_end;
}

/* Takes a line of which more may come. */
static void take_line(struct csv *csv, size_t n)
{
    csv->is_skipping = n == csv->rest.n && csv->is_open;
    take(csv, n);
}

/* Takes off what is no record: empty lines and comments. False: the text is not whole, or at its
 * end. */
static bool skip(struct csv *csv)
{
    if (csv->is_skipping && !skip_line(csv))
        return false;
    while (csv->rest.n) {
        struct slice text = csv->rest;
        size_t n = line_end(text);
        bool is_blank = n == 0 || (n == 1 && text.p[0] == '\r');
        bool is_comment = text.p[0] == '#' && (csv->has_comments || csv->is_before_records);
        if (!is_blank && !is_comment)
            return true;
        if (n == text.n && csv->is_open && n <= CSV_RECORD_BYTES_MAX)
            return false;
        take_line(csv, n);
    }
    return false;
}

int csv_next(struct csv *csv, struct err *err)
{
    size_t n = 0;
    if (!skip(csv))
        return 0;
    enum found found = find_record(csv, &n);
    if (found == FOUND_NOT_WHOLE)
        return 0;
    if (found != FOUND_RECORD) {
        n = line_end(csv->rest);
        if (n == csv->rest.n && csv->is_open && n <= CSV_RECORD_BYTES_MAX)
            return 0; /* to be refused, once its line is whole */
    }
    csv->is_before_records = false;
    if (found == FOUND_RECORD) {
        take(csv, n);
        return split(csv, err);
    }
    take_line(csv, n);
    return refuse(found, err);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Does it begin with what makes a spreadsheet calculate? */
static bool is_formula(struct slice field)
{
    static const char *const wide[] = {"＝", "＋", "－", "＠"};
    if (field.n && memchr("=+-@\t\r", field.p[0], 6))
        return true;
    for (unsigned i = 0; i < sizeof wide / sizeof *wide; i++)
        if (slice_starts_with(field, slice_of(wide[i])))
            return true;
    return false;
}

static bool is_marked(struct slice field)
{
    return field.n && field.p[0] == '\'';
}

void csv_add(struct buf *buf, struct slice field)
{
    bool needs_mark = is_marked(field) || is_formula(field), needs_quotes = false;
    for (size_t i = 0; i < field.n; i++)
        needs_quotes = needs_quotes || (field.p[i] && strchr(",\"\r\n\t;#", field.p[i]));
    needs_quotes = needs_quotes || (field.n && (field.p[0] == ' ' || field.p[field.n - 1] == ' '));
    if (needs_quotes)
        buf_add_char(buf, '"');
    if (needs_mark)
        buf_add_char(buf, '\'');
    for (size_t i = 0; i < field.n; i++) {
        if (field.p[i] == '"')
            buf_add_char(buf, '"');
        buf_add_char(buf, field.p[i]);
    }
    if (needs_quotes)
        buf_add_char(buf, '"');
}

struct slice csv_plain(struct slice field)
{
    struct slice plain = {field.p + 1, field.n - 1};
    return is_marked(field) && (is_marked(plain) || is_formula(plain)) ? plain : field;
}
