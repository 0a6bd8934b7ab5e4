/*
 * sekisho cdr import --table: call records that cdr_adaptive_odbc, cdr_pgsql or cdr_sqlite3_custom wrote.
 *
 *     watermark (kept by the daemon) ─► rows from a little before it on ─► CSV ─► POST, in pieces
 *
 * Rows are read in the order of a number that the table gives them (id, rowid), else of their end, else of
 * their start. One may come in late behind others: a call ends long after it began, batches are written
 * every five minutes, sequences are committed in any order. So each run begins --overlap before where the
 * last one ended; what was there already does not count again.
 */
#include <inttypes.h>
#include <strings.h>

#include "base/clock.h"
#include "cli/cdr_send.h"
#include "cli/table.h"

enum { IDS_OVERLAP = 1000, VALUE_BYTES = 64, ROW_BYTES_MAX = 64 * 1024, SAMPLE_ROWS = 500 };
#define DAY_MS INT64_C(86400000)

struct import {
    struct cdr_send send;
    const struct cdr_options *options;
    const struct table_driver *driver;
    struct table *table;
    struct table_columns columns;
    unsigned order; /* the column that rows are read by */
    bool is_number, is_start;
    struct cdr_place place; /* mark: the greatest value of that column that was read */
    struct buf piece;
    unsigned rows;          /* in the piece */
    char last[VALUE_BYTES]; /* of the last of them */
};

/* --- which rows --------------------------------------------------------------------------------- */

static bool find_column(const struct table_columns *columns, const char *name, unsigned *ret)
{
    for (unsigned i = 0; i < columns->count; i++)
        if (strcasecmp(columns->names[i], name) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

static int choose_order(struct import *it)
{
    static const char *const numbers[] = {"id", "cdr_id", "rowid"}, *const starts[] = {"start", "calldate"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (find_column(&it->columns, numbers[i], &it->order)) {
            it->is_number = true;
            return EXIT_OK;
        }
    if (find_column(&it->columns, "end", &it->order))
        return EXIT_OK;
    it->is_start = true;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (find_column(&it->columns, starts[i], &it->order))
            return EXIT_OK;
    return cli_trouble(it->send.cli, "--table-name %s: has no column id, end, start or calldate to read it by",
                       it->options->table_name);
}

/* A little before the watermark; "" from the start. */
static void begin_value(const struct import *it, char from[VALUE_BYTES])
{
    char text[CLOCK_TEXT_BYTES];
    int64_t ms, overlap_ms = it->options->overlap_ms;
    from[0] = '\0';
    if (it->place.version == 0)
        return;
    if (it->is_number) {
        long long id = strtoll(it->place.mark, NULL, 10) - IDS_OVERLAP;
        if (id > 0)
            snprintf(from, VALUE_BYTES, "%lld", id);
        return;
    }
    if (it->is_start && overlap_ms < DAY_MS)
        overlap_ms = DAY_MS; /* calls may last for hours */
    snprintf(text, sizeof text, "%.10sT%.8sZ", it->place.mark,
             strlen(it->place.mark) > 11 ? it->place.mark + 11 : "");
    if (!clock_parse(slice_of(text), &ms))
        return;
    clock_format(ms - overlap_ms, text);
    snprintf(from, VALUE_BYTES, "%.10s %.8s", text, text + 11);
}

static int load_watermark(struct import *it)
{
    json_t *answer, *row;
    size_t i;
    int status = rest_list(it->send.cli, "/v1/cdrs/follows", "follows", 0, &answer);
    if (status)
        return status;
    json_array_foreach(json_object_get(answer, "follows"), i, row) {
        const char *source = json_text(row, "source"), *file = json_text(row, "file");
        if (!source || !file || strcmp(source, it->send.source) != 0 || strcmp(file, it->place.file) != 0)
            continue;
        snprintf(it->place.mark, sizeof it->place.mark, "%s", json_text(row, "mark"));
        it->place.version = (uint64_t)json_integer_value(json_object_get(row, "version"));
    }
    json_decref(answer);
    return EXIT_OK;
}

/* --- rows to pieces ----------------------------------------------------------------------------- */

static void add_field(struct buf *out, struct slice text, bool is_first)
{
    buf_add_text(out, is_first ? "\"" : ",\"");
    for (const char *quote; text.n && (quote = memchr(text.p, '"', text.n));) {
        size_t n = (size_t)(quote - text.p) + 1;
        buf_add(out, text.p, n);
        buf_add_char(out, '"');
        text.p += n;
        text.n -= n;
    }
    buf_add(out, text.p, text.n);
    buf_add_char(out, '"');
}

static void add_row(struct import *it, const struct slice *values)
{
    size_t before = it->piece.n;
    for (unsigned i = 0; i < it->columns.count; i++)
        add_field(&it->piece, values[i], i == 0);
    buf_add_char(&it->piece, '\n');
    if (it->piece.n - before > ROW_BYTES_MAX) { /* the daemon would refuse it, too: let it say so, in short */
        it->piece.n = before;
        buf_add_text(&it->piece, "\"too long\"\n");
    }
    snprintf(it->last, sizeof it->last, "%.*s", SLICE_ARG(values[it->order]));
    it->rows++;
}

static int send_rows(struct import *it)
{
    struct slice rest = {it->piece.p, it->piece.n};
    int status = EXIT_OK;
    snprintf(it->place.mark, sizeof it->place.mark, "%s", it->last[0] ? it->last : "0");
    while (status == EXIT_OK && rest.n) {
        size_t taken = 0;
        it->place.position = 0;
        status = cdr_send_piece(&it->send, rest, true, it->options->dry_run ? NULL : &it->place, &taken);
        if (status == EXIT_OK && (taken == 0 || taken > rest.n))
            status = cli_trouble(it->send.cli, "nothing of %zu bytes was taken", rest.n);
        rest.p += taken;
        rest.n -= taken;
    }
    it->piece.n = 0;
    it->rows = 0;
    progress_set(&it->send.progress, it->send.records, 0);
    return status;
}

/* The names of the columns and the first rows tell what is what. */
static int detect(struct import *it)
{
    struct buf *piece = &it->piece;
    char names[TABLE_COLUMNS_MAX * (TABLE_NAME_BYTES + 4)];
    struct buf header = BUF_OVER(names);
    for (unsigned i = 0; i < it->columns.count; i++)
        add_field(&header, slice_of(it->columns.names[i]), i == 0);
    buf_add_char(&header, '\n');
    char *sample = malloc(header.n + piece->n);
    if (!sample)
        return cli_trouble(it->send.cli, "out of memory");
    memcpy(sample, header.p, header.n);
    memcpy(sample + header.n, piece->p, piece->n);
    int status = cdr_send_detect(&it->send, (struct slice){sample, header.n + piece->n});
    free(sample);
    return status;
}

static int read_rows(struct import *it)
{
    struct slice values[TABLE_COLUMNS_MAX];
    struct err err = {0};
    bool is_known = false;
    int status = EXIT_OK, r;
    while (status == EXIT_OK && (r = it->driver->next(it->table, values, &err)) == 1) {
        add_row(it, values);
        bool is_full = it->piece.n > CDR_PIECE_BYTES - 2 * ROW_BYTES_MAX;
        if (!is_known && (is_full || it->rows == SAMPLE_ROWS)) {
            status = detect(it);
            is_known = true;
        }
        if (status == EXIT_OK && is_full)
            status = send_rows(it);
    }
    if (status)
        return status;
    if (r < 0)
        return cli_trouble(it->send.cli, "--table: %s", err.text);
    if (!is_known && it->rows)
        status = detect(it);
    return status || !it->rows ? status : send_rows(it);
}

/* --- the command -------------------------------------------------------------------------------- */

static int open_table(struct import *it)
{
    const struct cdr_options *options = it->options;
    struct err err = {0};
    bool is_sqlite = strncmp(options->table, "sqlite:", 7) == 0;
    if (!is_sqlite && strncmp(options->table, "postgres://", 11) != 0 &&
        strncmp(options->table, "postgresql://", 13) != 0)
        return cli_trouble(it->send.cli, "--table: expected sqlite:FILE or postgres://…");
    if (!table_name_is_valid(options->table_name))
        return cli_trouble(it->send.cli, "--table-name: expected letters, digits and _, perhaps SCHEMA.NAME");
    it->driver = is_sqlite ? &table_sqlite : &table_postgres;
    if (it->driver->open(options->table, options->table_name, &it->table, &err) ||
        it->driver->columns(it->table, &it->columns, &err))
        return cli_trouble(it->send.cli, "--table: %s", err.text);
    return choose_order(it);
}

static int run(struct import *it)
{
    char from[VALUE_BYTES];
    struct err err = {0};
    int status = open_table(it);
    snprintf(it->place.file, sizeof it->place.file, "table:%s", it->options->table_name);
    if (status == EXIT_OK)
        status = load_watermark(it);
    if (status)
        return status;
    begin_value(it, from);
    if (it->driver->select(it->table, &it->columns, it->columns.names[it->order], from, it->is_number, &err))
        return cli_trouble(it->send.cli, "--table: %s", err.text);
    progress_begin(&it->send.progress, it->send.cli, "records", 0);
    status = read_rows(it);
    if (status)
        progress_clear(&it->send.progress);
    else
        progress_end(&it->send.progress);
    return status ? status : cdr_send_say(&it->send);
}

int cdr_table_run(struct cli *cli, const struct cdr_options *options)
{
    struct import *it = arena_alloc(&cli->arena, sizeof *it);
    if (!it)
        return cli_trouble(cli, "out of memory");
    it->options = options;
    int status = cdr_send_begin(&it->send, cli, options);
    it->send.name = options->table_name;
    it->piece = (struct buf){.p = malloc(CDR_PIECE_BYTES), .cap = CDR_PIECE_BYTES};
    if (status == EXIT_OK && !it->piece.p)
        status = cli_trouble(cli, "out of memory");
    if (status == EXIT_OK)
        status = run(it);
    if (it->table)
        it->driver->close(it->table);
    free(it->piece.p);
    cdr_send_release(&it->send);
    return status;
}
