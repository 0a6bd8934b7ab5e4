#include "base/clock.h"
#include "base/csv.h"
#include "wire/list.h"

enum { LINE_BYTES = 4096 };

struct writing {
    struct arena *arena;
    struct recoder recoder;
    char *text;
    size_t n, cap;
};

static int append(struct writing *it, struct slice line, struct err *err)
{
    char recoded[3 * LINE_BYTES];
    int rc = recode(&it->recoder, line, recoded, sizeof recoded, &line, err);
    if (rc)
        return rc;
    if (line.n > it->cap - it->n) {
        size_t cap = 2 * (it->cap + line.n) + LINE_BYTES;
        char *text = arena_alloc(it->arena, cap);
        if (!text)
            return err_set(err, ERR_NOMEM, "out of memory");
        memcpy(text, it->text ? it->text : "", it->n);
        it->text = text;
        it->cap = cap;
    }
    memcpy(it->text + it->n, line.p, line.n);
    it->n += line.n;
    return 0;
}

static void add_cell(struct buf *line, const char *text)
{
    if (line->n)
        buf_add_char(line, ',');
    csv_add(line, slice_of(text));
}

static void add_moment(struct buf *line, int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    add_cell(line, ms ? clock_format(ms, text) : "");
}

static int add_rule(struct writing *it, const struct rule *rule, struct err *err)
{
    char text[LINE_BYTES];
    struct buf line = BUF_OVER(text);
    add_cell(&line, rule->target.text);
    add_cell(&line, action_word(rule->action));
    add_cell(&line, rule->is_exact ? "exact" : "prefix");
    add_cell(&line, rule->divert_to);
    add_cell(&line, rule->note);
    add_moment(&line, rule->starts_at_ms);
    add_moment(&line, rule->expires_at_ms);
    add_cell(&line, rule->source);
    buf_add_text(&line, "\r\n");
    int rc = append(it, buf_slice(&line), err);
    if (rc == ERR_INVALID)
        return err_context(err, "the note of %s", rule->target.text);
    return rc;
}

static int write_all(struct writing *it, const struct rule *rules, unsigned count, struct err *err)
{
    static const enum list_column columns[] = {
        COLUMN_TARGET, COLUMN_ACTION,    COLUMN_MATCH,      COLUMN_DIVERT_TO,
        COLUMN_NOTE,   COLUMN_STARTS_AT, COLUMN_EXPIRES_AT, COLUMN_SHOWN};
    char text[LINE_BYTES];
    struct buf line = BUF_OVER(text);
    for (unsigned i = 0; i < sizeof columns / sizeof *columns; i++)
        add_cell(&line, list_column_word(columns[i]));
    buf_add_text(&line, "\r\n");
    int rc = append(it, buf_slice(&line), err);
    for (unsigned i = 0; i < count && rc == 0; i++)
        rc = add_rule(it, &rules[i], err);
    return rc;
}

int list_write(const struct rule *rules, unsigned count, enum charset charset, bool has_mark,
               struct arena *arena, struct slice *ret, struct err *err)
{
    struct writing it = {.arena = arena};
    int rc = recoder_init(&it.recoder, charset, RECODE_FROM_UTF8, err);
    if (rc)
        return rc;
    if (has_mark && charset != CHARSET_SHIFT_JIS)
        rc = append(&it, SLICE_LIT("\xef\xbb\xbf"), err);
    if (rc == 0)
        rc = write_all(&it, rules, count, err);
    recoder_release(&it.recoder);
    if (rc == 0)
        *ret = (struct slice){it.text, it.n};
    return rc;
}
