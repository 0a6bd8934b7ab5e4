#include "cli/cutter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024, TEXT_BYTES = CUT_BYTES + 2 * BUFFER_BYTES };

/* --- bytes of the file ------------------------------------------------------------------------ */

/* Moves what is left to the front and reads behind it. */
static int refill(struct cutter *cutter, struct err *err)
{
    struct slice rest = cutter->csv.rest;
    if (rest.n)
        memmove(cutter->buffer, rest.p, rest.n);
    ssize_t n;
    do
        n = read(cutter->fd, cutter->buffer + rest.n, BUFFER_BYTES - rest.n);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    cutter->is_end = n == 0;
    cutter->csv.is_open = n != 0;
    csv_refill(&cutter->csv, (struct slice){cutter->buffer, rest.n + (size_t)n});
    return 0;
}

static void append(struct cutter *cutter, struct slice bytes)
{
    memcpy(cutter->text + cutter->text_n, bytes.p ? bytes.p : "", bytes.n);
    cutter->text_n += bytes.n;
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool begins_with_brace(struct slice text)
{
    while (text.n && memchr(" \t\r\n", text.p[0], 4))
        text.p++, text.n--;
    return text.n && text.p[0] == '{';
}

/* Fills the buffer, as far as a pipe gives it. */
static int read_start(struct cutter *cutter, struct err *err)
{
    int rc = 0;
    while (rc == 0 && !cutter->is_end && cutter->csv.rest.n < CSV_RECORD_BYTES_MAX + 2)
        rc = refill(cutter, err);
    if (rc)
        return rc;
    if (charset_is_utf16(cutter->csv.rest))
        return err_set(err, ERR_INVALID, "is UTF-16: save it as UTF-8 or Shift_JIS");
    size_t before = cutter->csv.rest.n;
    cutter->csv.rest = charset_skip_mark(cutter->csv.rest);
    cutter->bytes_taken += before - cutter->csv.rest.n;
    return 0;
}

static int read_header(struct cutter *cutter, struct err *err)
{
    size_t before = cutter->csv.rest.n;
    cutter->csv.is_open = !cutter->is_end;
    int rc = csv_next(&cutter->csv, err);
    if (rc < 0)
        return err_context(err, "line %u", cutter->csv.line);
    if (rc == 0)
        return err_set(err, ERR_INVALID, "has no header line");
    cutter->bytes_taken += before - cutter->csv.rest.n;
    append(cutter, cutter->csv.record);
    append(cutter, SLICE_LIT("\n"));
    cutter->header_bytes = cutter->text_n;
    cutter->header_lines = cutter->csv.next_line - cutter->csv.line;
    return 0;
}

int cutter_open(struct cutter *cutter, const char *path, const enum bulk_format *format,
                struct err *err)
{
    memset(cutter, 0, offsetof(struct cutter, csv));
    csv_init(&cutter->csv, SLICE_NONE);
    cutter->fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (cutter->fd < 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    cutter->buffer = malloc(BUFFER_BYTES);
    cutter->text = malloc(TEXT_BYTES);
    if (!cutter->buffer || !cutter->text)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = read_start(cutter, err);
    if (rc)
        return rc;
    cutter->format = format                                  ? *format
                     : begins_with_brace(cutter->csv.rest) ? BULK_NDJSON
                                                             : BULK_CSV;
    return cutter->format == BULK_CSV ? read_header(cutter, err) : 0;
}

void cutter_close(struct cutter *cutter)
{
    if (cutter->fd > STDIN_FILENO)
        close(cutter->fd);
    free(cutter->buffer);
    free(cutter->text);
    cutter->buffer = cutter->text = NULL;
}

uint64_t cutter_file_bytes(const struct cutter *cutter)
{
    struct stat stat;
    bool is_file = fstat(cutter->fd, &stat) == 0 && S_ISREG(stat.st_mode);
    return is_file && stat.st_size > 0 ? (uint64_t)stat.st_size : 0;
}

/* --- cutting ---------------------------------------------------------------------------------- */

/* As csv_next() for lines. What is longer than a line may be is cut short, and so refused. */
static int next_line(struct csv *csv)
{
    struct slice rest = csv->rest;
    const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
    size_t n = end ? (size_t)(end - rest.p) : rest.n;
    bool was_skipping = csv->is_skipping;
    if (!end && csv->is_open && !was_skipping && n <= BULK_LINE_BYTES_MAX)
        return 0;
    if (n == 0 && !end)
        return 0;
    csv->is_skipping = !end && csv->is_open;
    csv->rest.p += n + (end != NULL);
    csv->rest.n -= n + (end != NULL);
    if (was_skipping)
        return 0;
    csv->line = csv->next_line++;
    return 1;
}

/*
 * Takes the next record, with blank lines before it, to *ret: 1; or 0 and what could be taken
 * without one. Of a line that is too long, and still coming in, only the beginning is taken: what
 * comes later is left out, whichever piece it would have been in.
 */
static int next_record(struct cutter *cutter, struct slice *ret)
{
    struct csv *csv = &cutter->csv;
    struct slice bytes = csv->rest;
    struct err ignored = {0}; /* of a line that is wrong; the daemon will say so */
    bool was_skipping = csv->is_skipping;
    int rc = cutter->format == BULK_CSV ? csv_next(csv, &ignored) : next_line(csv);
    bytes.n -= csv->rest.n;
    cutter->bytes_taken += bytes.n;
    if (was_skipping) {
        const char *end = bytes.n ? memchr(bytes.p, '\n', bytes.n) : NULL;
        size_t n = end ? (size_t)(end + 1 - bytes.p) : bytes.n;
        bytes.p += n;
        bytes.n -= n;
    }
    *ret = bytes;
    return rc != 0;
}

static void append_record(struct cutter *cutter, struct slice bytes)
{
    const char *last = bytes.n ? memrchr(bytes.p, '\n', bytes.n) : NULL;
    size_t whole = last ? (size_t)(last + 1 - bytes.p) : 0;
    if (cutter->csv.is_skipping && bytes.n > whole + BULK_LINE_BYTES_MAX + 1)
        bytes.n = whole + BULK_LINE_BYTES_MAX + 1;
    append(cutter, bytes);
    if (cutter->csv.is_skipping && bytes.n > whole)
        append(cutter, SLICE_LIT("\n"));
}

int cutter_next(struct cutter *cutter, unsigned after, struct err *err)
{
    struct csv *csv = &cutter->csv;
    struct slice bytes;
    cutter->text_n = cutter->header_bytes;
    cutter->records = 0;
    while (cutter->records < CUT_RECORDS && cutter->text_n < CUT_BYTES) {
        unsigned line = csv->next_line;
        int is_record = next_record(cutter, &bytes);
        bool is_wanted = is_record ? csv->line > after : csv->next_line > after + 1;
        if (bytes.n && is_wanted) {
            if (cutter->text_n == cutter->header_bytes)
                cutter->piece_line = line;
            append_record(cutter, bytes);
            cutter->records += (unsigned)is_record;
        }
        if (is_record)
            continue;
        if (cutter->is_end)
            break;
        int rc = refill(cutter, err);
        if (rc)
            return rc;
    }
    cutter->piece = (struct slice){cutter->text, cutter->text_n};
    return cutter->records > 0;
}
