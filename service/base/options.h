/*
 * A table of options (option.h) filled from its sources, each stronger than the one before:
 *
 *     default ─► file ─► environment ─► flags
 *
 * A source that gives a value replaces what weaker ones gave, lists included. An unknown key in a file
 * or an unknown flag is an error that names the nearest known one. An empty environment variable counts
 * as not set, as container tools set it so.
 *
 * Call options_init(), then the readers in that order. To find --config before the file is read,
 * read the flags once into a scratch target and again at the end.
 */
#ifndef SEKISHO_BASE_OPTIONS_H
#define SEKISHO_BASE_OPTIONS_H

#include <stdio.h>

#include "base/option.h"

enum { OPTIONS_MAX = 64, OPTIONS_FILE_BYTES_MAX = 65536, OPTIONS_HELP_COLUMNS = 92 };

enum option_source { SOURCE_NONE, SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENV, SOURCE_ARGV };

struct options {
    const struct option *table;  /* at most OPTIONS_MAX rows */
    void *target;                /* the struct the rows' offsets count from */
    struct arena *arena;         /* keeps texts of files and lists */
    enum option_source *sources; /* OPTIONS_MAX of them, one a row */
};

/* Sets every field to its default, or to zero. Borrows all four for as long as the values are used. */
int options_init(struct options *options, const struct option *table, void *target,
                 struct arena *arena, enum option_source sources[OPTIONS_MAX],
                 struct err *err) MUST_CHECK;

/* "key = value" a line; empty lines and lines that begin with # are skipped. ERR_IO, ERR_LIMIT, or
 * ERR_INVALID with "FILE:LINE: " before the text; a key that comes twice is one (but a list adds). */
int options_read_file(struct options *options, const char *path, struct err *err) MUST_CHECK;

/* ERR_INVALID with the variable's name before the text. */
int options_read_env(struct options *options, struct err *err) MUST_CHECK;

/*
 * "--name value", "--name=value", "--flag", "--flag=no", and positional words anywhere between; "--" ends
 * the names. argv[0] is skipped, texts are borrowed. ERR_INVALID: unknown, missing or wrong.
 * Whether required positional words are there is asked with options_missing().
 */
int options_read_argv(struct options *options, int argc, char **argv, struct err *err) MUST_CHECK;

/* The first positional row that is required and was not given, or NULL. */
const struct option *options_missing(const struct options *options);

/* Where the row named `name` has its value from; `name` must be in the table. */
enum option_source options_source(const struct options *options, const char *name);
static inline bool options_given(const struct options *options, const char *name)
{
    return options_source(options, name) > SOURCE_DEFAULT;
}

/* The list for --help: usage, text, and in brackets default and environment variable. */
void options_print_help(const struct option *table, FILE *out);

#endif
