#include <stdarg.h>

#include "base/clock.h"
#include "base/csv.h"
#include "wire/list.h"

enum { DETAIL_BYTES = 200, SHOWN_BYTES = 40, IGNORED_BYTES = 400 };

/* A list while it is read. */
struct reading_list {
    struct list *list;
    struct arena *arena;
    struct recoder recoder;
    enum action fallback;
    enum list_column columns[CSV_FIELDS_MAX];
    unsigned columns_count; /* 0: not known yet */
    struct csv csv;
    struct slice cells[CSV_FIELDS_MAX]; /* of the record, decoded */
    char decoded[3 * CSV_RECORD_BYTES_MAX];
};

/* Why a row is refused: `column` and the text, in `detail`. */
struct fault {
    enum list_column column;
    char detail[DETAIL_BYTES];
};

static int fault(struct fault *fault, enum list_column column, const char *format, ...)
    PRINTF_LIKE(3, 4);
static int fault(struct fault *fault, enum list_column column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(fault->detail, sizeof fault->detail, format, args);
    va_end(args);
    fault->column = column;
    return ERR_INVALID;
}

/* --- cells ------------------------------------------------------------------------------------ */

/* At most so much of what somebody wrote as an error repeats, cut between characters. */
static struct slice shown(struct slice text)
{
    if (text.n > SHOWN_BYTES) {
        text.n = SHOWN_BYTES;
        while (text.n && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
            text.n--;
    }
    return text;
}

static int decode(struct reading_list *it, struct fault *why)
{
    char *room = it->decoded;
    for (unsigned i = 0; i < it->csv.count; i++) {
        struct err err = {0};
        size_t left = (size_t)(it->decoded + sizeof it->decoded - room);
        int rc = recode(&it->recoder, it->csv.fields[i], room, left, &it->cells[i], &err);
        enum list_column column = i < it->columns_count ? it->columns[i] : COLUMN_UNKNOWN;
        if (rc)
            return fault(why, column, "%s", err.text);
        if (it->cells[i].p == room)
            room += it->cells[i].n;
        it->cells[i] = csv_plain(it->cells[i]);
    }
    return 0;
}

/*
 * What spreadsheets and people put around a prefix: ="010" and '010 keep the zero that would be
 * lost, and 010* says that more follows.
 */
static struct slice strip_target(struct slice text)
{
    text = list_trim(text);
    if (text.n >= 3 && memcmp(text.p, "=\"", 2) == 0 && text.p[text.n - 1] == '"')
        text = (struct slice){text.p + 2, text.n - 3};
    if (text.n && text.p[0] == '\'')
        text = (struct slice){text.p + 1, text.n - 1};
    if (text.n > 1 && text.p[text.n - 1] == '*')
        text.n--;
    return text;
}

static int read_target(struct list_row *row, struct slice cell, struct fault *why)
{
    struct err err = {0};
    if (list_trim(cell).n == 0)
        return fault(why, COLUMN_TARGET, "is missing");
    if (target_parse(strip_target(cell), &row->rule.target, &err))
        return fault(why, COLUMN_TARGET, "%s", err.text);
    return 0;
}

static int read_action(struct reading_list *it, struct list_row *row, struct slice cell,
                       struct fault *why)
{
    struct slice divert_to;
    if (list_trim(cell).n == 0)
        return fault(why, COLUMN_ACTION, "says neither allow nor deny");
    if (!list_action_of(cell, &row->rule.action, &divert_to))
        return fault(why, COLUMN_ACTION, "\"%.*s\" is neither allow nor deny",
                     SLICE_ARG(shown(list_trim(cell))));
    if (divert_to.n && !(row->rule.divert_to = arena_copy(it->arena, divert_to)))
        return ERR_NOMEM;
    return 0;
}

/* Of an allow and a deny column: exactly one may be marked; one that says no means the other. */
static int read_marks(enum list_mark allow, enum list_mark deny, struct list_row *row,
                      struct fault *why)
{
    if (allow == MARK_ODD || deny == MARK_ODD)
        return fault(why, allow == MARK_ODD ? COLUMN_ALLOW : COLUMN_DENY,
                     "is neither marked nor empty");
    if (allow != MARK_NONE && allow == deny)
        return fault(why, COLUMN_ALLOW, "says the same as the deny column");
    if (allow == MARK_NONE && deny == MARK_NONE)
        return fault(why, COLUMN_ALLOW, "is empty, as the deny column is");
    row->rule.action = allow == MARK_YES || deny == MARK_NO ? ACTION_ALLOW : ACTION_DENY;
    return 0;
}

/* A note is one line of text: a line break inside a cell becomes a blank. */
static const char *copy_note(struct arena *arena, struct slice cell)
{
    char *note = arena_copy(arena, cell);
    for (char *c = note; c && *c; c++)
        if (*c == '\n' || *c == '\r' || *c == '\t')
            *c = ' ';
    if (note && memchr(cell.p ? cell.p : "", '\0', cell.n))
        note[0] = '\1'; /* would be cut there: rule_check() refuses it */
    return note;
}

static int read_moment(struct slice cell, enum list_column column, int64_t *ret, struct fault *why)
{
    cell = list_trim(cell);
    if (cell.n && !clock_parse(cell, ret))
        return fault(why, column, "is no moment such as 2026-12-01T09:00:00+09:00");
    return 0;
}

static int read_cell(struct reading_list *it, struct list_row *row, unsigned i, struct fault *why)
{
    struct slice cell = it->cells[i];
    struct rule *rule = &row->rule;
    switch (it->columns[i]) {
    case COLUMN_TARGET: return read_target(row, cell, why);
    case COLUMN_ACTION: return read_action(it, row, cell, why);
    case COLUMN_MATCH:
        if (list_trim(cell).n && !list_match_of(cell, &rule->is_exact))
            return fault(why, COLUMN_MATCH, "is neither prefix nor exact");
        return 0;
    case COLUMN_DIVERT_TO:
        if (list_trim(cell).n && !(rule->divert_to = arena_copy(it->arena, list_trim(cell))))
            return ERR_NOMEM;
        return 0;
    case COLUMN_NOTE: return (rule->note = copy_note(it->arena, cell)) ? 0 : ERR_NOMEM;
    case COLUMN_STARTS_AT: return read_moment(cell, COLUMN_STARTS_AT, &rule->starts_at_ms, why);
    case COLUMN_EXPIRES_AT: return read_moment(cell, COLUMN_EXPIRES_AT, &rule->expires_at_ms, why);
    case COLUMN_ACCOUNT: /* forgotten, it would be a rule for everybody */
        return list_trim(cell).n ? fault(why, COLUMN_ACCOUNT, "a list is of the tenant or of one "
                                         "account: split the file, and leave this column out")
                                 : 0;
    case COLUMN_ALLOW:
    case COLUMN_DENY: /* read_marks() looks at both */
    case COLUMN_SHOWN:
    case COLUMN_UNKNOWN: break;
    }
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Fewer cells than there are columns, or more: torn, or two lines in one. */
static int check_count(const struct reading_list *it, struct fault *why)
{
    bool is_more = false;
    for (unsigned i = it->columns_count; i < it->csv.count; i++)
        is_more = is_more || list_trim(it->cells[i]).n;
    if (is_more || it->csv.count < it->columns_count)
        return fault(why, COLUMN_UNKNOWN, "has %u cells where %u are expected", it->csv.count,
                     it->columns_count);
    return 0;
}

static int read_row(struct reading_list *it, struct list_row *row, struct fault *why)
{
    const struct list *list = it->list;
    enum list_mark allow = MARK_NONE, deny = MARK_NONE;
    int rc = check_count(it, why);
    row->rule.action = it->fallback;
    for (unsigned i = 0; i < it->columns_count && rc == 0; i++) {
        if (it->columns[i] == COLUMN_ALLOW)
            allow = list_mark_of(it->cells[i]);
        if (it->columns[i] == COLUMN_DENY)
            deny = list_mark_of(it->cells[i]);
        rc = read_cell(it, row, i, why);
    }
    if (rc == 0 && !list->has[COLUMN_ACTION] && (list->has[COLUMN_ALLOW] || list->has[COLUMN_DENY]))
        rc = read_marks(allow, deny, row, why);
    return rc;
}

/* --- the header ------------------------------------------------------------------------------- */

static bool is_header(const struct reading_list *it)
{
    struct target target;
    bool has_target = false;
    for (unsigned i = 0; i < it->csv.count; i++)
        has_target = has_target || list_column_of(it->cells[i]) == COLUMN_TARGET;
    return has_target && target_parse(strip_target(it->cells[0]), &target, NULL) != 0;
}

static int add_ignored(struct reading_list *it, struct slice title)
{
    char text[IGNORED_BYTES];
    struct buf buf = BUF_OVER(text);
    if (title.n == 0)
        return 0;
    buf_printf(&buf, "%s%s%.*s", it->list->ignored, *it->list->ignored ? ", " : "",
               SLICE_ARG(shown(title)));
    it->list->ignored = buf.overflowed ? it->list->ignored
                                       : arena_copy(it->arena, buf_slice(&buf));
    return it->list->ignored ? 0 : ERR_NOMEM;
}

/* A column that is there twice is read once, and the other is ignored. */
static int read_header(struct reading_list *it)
{
    it->columns_count = it->csv.count;
    it->list->has_header = true;
    for (unsigned i = 0; i < it->csv.count; i++) {
        enum list_column column = list_column_of(it->cells[i]);
        bool is_new = column == COLUMN_SHOWN || !it->list->has[column];
        it->columns[i] = is_new ? column : COLUMN_UNKNOWN;
        it->list->has[column] = true;
        if ((!is_new || column == COLUMN_UNKNOWN) && add_ignored(it, list_trim(it->cells[i])))
            return ERR_NOMEM;
    }
    return 0;
}

/* Without a header: prefix, what to do, note; as many as the first row has. */
static void assume_columns(struct reading_list *it)
{
    static const enum list_column usual[] = {COLUMN_TARGET, COLUMN_ACTION, COLUMN_NOTE};
    unsigned count = it->csv.count;
    while (count > 1 && list_trim(it->cells[count - 1]).n == 0)
        count--;
    it->columns_count = count < 3 ? count : 3;
    for (unsigned i = 0; i < it->columns_count; i++) {
        it->columns[i] = usual[i];
        it->list->has[usual[i]] = true;
    }
}

static void forget_columns(struct reading_list *it)
{
    it->columns_count = 0;
    memset(it->list->has, 0, sizeof it->list->has);
}

/* --- the whole -------------------------------------------------------------------------------- */

static bool is_blank(const struct reading_list *it)
{
    for (unsigned i = 0; i < it->csv.count; i++)
        if (list_trim(it->cells[i]).n)
            return false;
    return true;
}

/* The record as a row, behind those that are there. *ret_is_row: it was no header. */
static int take_record(struct reading_list *it, struct list_row *row, bool *ret_is_row,
                       struct fault *why)
{
    bool is_first = it->columns_count == 0;
    int rc = decode(it, why);
    *ret_is_row = true;
    if (rc)
        return rc;
    if (is_blank(it)) { /* ",,," as spreadsheets write an empty row */
        *ret_is_row = false;
        return 0;
    }
    if (is_first && is_header(it)) {
        *ret_is_row = false;
        return read_header(it);
    }
    if (is_first)
        assume_columns(it);
    rc = read_row(it, row, why);
    if (rc && is_first) /* perhaps a title above the list: the next one may be the header */
        forget_columns(it);
    return rc;
}

static int take_line(struct reading_list *it, int found, const struct err *bad, struct err *err)
{
    struct list *list = it->list;
    struct list_row *row = &list->rows[list->rows_count];
    struct fault why = {.column = COLUMN_UNKNOWN};
    bool is_row = true;
    *row = (struct list_row){.line = it->csv.line,
                             .rule = {.id = "", .account = "", .divert_to = "", .note = "",
                                      .source = ""}};
    int rc = found < 0 ? fault(&why, COLUMN_UNKNOWN, "%s", bad->text)
                       : take_record(it, row, &is_row, &why);
    if (rc == ERR_NOMEM)
        return err_set(err, rc, "out of memory");
    list->rows_count += is_row;
    if (is_row && rc == 0)
        list->no_zero += row->rule.target.type == TARGET_PREFIX && row->rule.target.text[0] != '0';
    return rc ? list_refuse(list, it->arena, row, why.column, why.detail, err) : 0;
}

/* By the first line that is no comment; a comma wins. */
static char separator_of(struct slice text)
{
    while (text.n && (text.p[0] == '#' || text.p[0] == '\n' || text.p[0] == '\r')) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end + 1 - text.p) : text.n;
        text = (struct slice){text.p + n, text.n - n};
    }
    const char *end = text.n ? memchr(text.p, '\n', text.n) : NULL;
    size_t n = end ? (size_t)(end - text.p) : text.n;
    for (const char *c = ",\t;"; n && *c; c++)
        if (memchr(text.p, *c, n))
            return *c;
    return ',';
}

static int begin(struct reading_list *it, struct slice text, struct err *err)
{
    struct list *list = it->list;
    size_t lines = 1;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    if (lines > LIST_LINES_MAX + 1)
        return err_set(err, ERR_LIMIT, "more than %d lines", LIST_LINES_MAX);
    list->rows = arena_alloc(it->arena, lines * sizeof *list->rows);
    list->refused = arena_alloc(it->arena, lines * sizeof *list->refused);
    if (!list->rows || !list->refused)
        return err_set(err, ERR_NOMEM, "out of memory");
    list->separator = separator_of(text);
    csv_init(&it->csv, text);
    it->csv.separator = list->separator;
    it->csv.has_comments = true;
    return recoder_init(&it->recoder, list->charset, RECODE_TO_UTF8, err);
}

int list_read(struct slice text, const struct list_options *options, struct arena *arena,
              struct list *ret, struct err *err)
{
    struct reading_list *it = arena_alloc(arena, sizeof *it);
    *ret = (struct list){.ignored = ""};
    if (!it)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (charset_is_utf16(text))
        return err_set(err, ERR_INVALID, "this is UTF-16: save it as UTF-8 or Shift_JIS");
    text = charset_skip_mark(text);
    *it = (struct reading_list){.list = ret, .arena = arena, .fallback = options->fallback};
    ret->charset = options->charset == CHARSET_AUTO ? charset_detect(text) : options->charset;
    int rc = begin(it, text, err);
    if (rc)
        return rc;
    struct err bad = {0};
    for (int found; rc == 0 && (found = csv_next(&it->csv, &bad)) != 0; bad = (struct err){0})
        rc = take_line(it, found, &bad, err);
    recoder_release(&it->recoder);
    return rc;
}
