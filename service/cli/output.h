/*
 * What people read: aligned tables and records from JSON, colour on a terminal.
 *
 * Everything printed here may have been typed by somebody else, so control characters and broken UTF-8
 * are shown as "?": a note must not be able to drive the reader's terminal. Alignment counts columns,
 * not bytes: Japanese takes two a character (Unicode UAX #11), combining marks none.
 */
#ifndef SEKISHO_CLI_OUTPUT_H
#define SEKISHO_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/slice.h"

enum output_color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct output {
    FILE *file;
    bool is_color;
};

/* COLOR_AUTO: on a terminal, unless NO_COLOR is set (no-color.org) or TERM is dumb. */
void output_init(struct output *output, FILE *file, enum output_color color);

enum style { STYLE_PLAIN, STYLE_STRONG, STYLE_FAINT, STYLE_GREEN, STYLE_RED, STYLE_YELLOW };

/* Columns that `text` takes on a terminal once cleaned. */
unsigned output_columns(struct slice text);

/* `text`, cleaned, in `style`, padded with blanks to `width` columns (0: not padded). */
void output_text(struct output *output, enum style style, const char *text, unsigned width);

/* The style of "allow", "deny" or "divert"; STYLE_PLAIN for other words. */
enum style output_verdict_style(const char *word);

/* "2026-12-01T00:00:00Z" as local time with its offset, "2026-12-01 09:00 +09:00" (seconds only when not
 * zero); other texts as they are. */
enum { MOMENT_BYTES = 64 };
const char *output_moment(const char *rfc3339, char text[MOMENT_BYTES]);

/* 151606 as "151,606". */
enum { NUMBER_BYTES = 32 };
const char *output_number(uint64_t number, char text[NUMBER_BYTES]);

/* One column of a table, or line of a record. */
struct column {
    const char *title; /* NULL ends a list */
    const char *path;  /* member of the object, "rule.target" for one inside */
    enum { CELL_TEXT, CELL_VERDICT, CELL_MOMENT } kind; /* of text: true is "yes", false nothing */
};

/* The array's objects as rows. Columns without any value are left out. An empty array says `none`. */
void output_table(struct output *output, const struct column *columns, json_t *array,
                  const char *none);

/* One object, a line a column; lines without a value are left out. */
void output_record(struct output *output, const struct column *columns, json_t *object);

/* JSON, indented, in the order of its members. */
void output_json(struct output *output, json_t *value);

/* The text at "a.b" of an object; NULL when absent, null or no text. */
const char *json_text(json_t *object, const char *path);

#endif
