/*
 * Restricted-number lists as operators keep them, in spreadsheets and text files: api/lists.md.
 *
 *     010              010,×              prefix,action,note        規制番号,許可,拒否
 *     0570             0101,○             010,deny,all abroad       010,,○
 *                                                                   0101,○,
 *
 * With or without a header line; UTF-8 or Shift_JIS; commas, tabs or semicolons; lines that begin
 * with # are comments. What the file is, is found out and said. A line that is not understood is
 * refused by its number, and none is lost: each line is a rule, refused, a repetition, blank, a
 * comment or the header.
 */
#ifndef SEKISHO_WIRE_LIST_H
#define SEKISHO_WIRE_LIST_H

#include "base/arena.h"
#include "base/charset.h"
#include "core/rule.h"
#include "wire/list_words.h"

enum { LIST_LINES_MAX = 50000 };

struct list_row {
    unsigned line;
    bool is_refused;
    unsigned repeats;  /* the line that says the same already; 0: none */
    struct rule rule;  /* id, account and source are ""; not yet checked with rule_check() */
};

struct list_refused {
    unsigned line;
    enum list_column column; /* COLUMN_UNKNOWN: the line as a whole */
    const char *detail;
};

struct list {
    /* what was found out */
    enum charset charset;
    char separator;
    bool has_header;
    bool has[COLUMN_SHOWN + 1]; /* by enum list_column */
    const char *ignored;        /* titles of columns that nobody knows, "a, b"; "" for none */
    /* what it says */
    struct list_row *rows; /* by line */
    unsigned rows_count;
    struct list_refused *refused; /* in no order until list_settle() */
    unsigned refused_count;
    unsigned no_zero; /* targets that do not begin with 0: a spreadsheet may have taken it away */
};

struct list_options {
    enum charset charset;
    enum action fallback; /* of a list that has prefixes only */
};

/* Everything in *ret is arena memory. ERR_INVALID: UTF-16; ERR_LIMIT: more than LIST_LINES_MAX
 * lines. */
int list_read(struct slice text, const struct list_options *options, struct arena *arena,
              struct list *ret, struct err *err) MUST_CHECK;

/* Refuses a row, once; `detail` is copied. ERR_NOMEM. */
int list_refuse(struct list *list, struct arena *arena, struct list_row *row,
                enum list_column column, const char *detail, struct err *err) MUST_CHECK;

/*
 * When all rows that are wrong by themselves were refused: finds those that stand in the place of
 * another one. What says the same is a repetition, what says something else is refused. Sorts
 * list->refused.
 */
int list_settle(struct list *list, struct arena *arena, struct err *err) MUST_CHECK;

/*
 * The rules as CSV: a header, then a line for each, ended by CR LF as spreadsheets want it.
 * list_read() reads it back as it was. ERR_INVALID: a note that the charset cannot hold.
 */
int list_write(const struct rule *rules, unsigned count, enum charset charset, bool has_mark,
               struct arena *arena, struct slice *ret, struct err *err) MUST_CHECK;

#endif
