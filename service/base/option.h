/*
 * One option as data: a row that names it, types it and documents it. Everything that deals with
 * options (flags, environment, configuration file, --help, shell completion) reads these rows, so that
 * they agree by construction.
 *
 * A row's value lives in the caller's struct at `offset`; its kind tells the C type of the field.
 */
#ifndef SEKISHO_BASE_OPTION_H
#define SEKISHO_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum option_kind {     /* field         what may be written */
    OPTION_TEXT,       /* const char *  anything; NULL when not given and without default */
    OPTION_PATH,       /* const char *  not empty */
    OPTION_DURATION,   /* int64_t       milliseconds: 500ms 30s 15m 1h 7d, between min and max */
    OPTION_SIZE,       /* int64_t       bytes: 4096 64k 16M 1G, between min and max */
    OPTION_INT,        /* int64_t       between min and max */
    OPTION_CHOICE,     /* int           one of the words of `value`; its place among them, from 0 */
    OPTION_FLAG,       /* bool          on a command line the name alone; yes or no */
    OPTION_LIST,       /* option_list   words between commas or spaces; a repeated flag adds */
};

struct option_list {
    unsigned count;
    const char **items; /* in the arena */
};

enum option_flags {
    OPTION_POSITIONAL = 1, /* a word without a name, in the order of the table; `name` is for people */
    OPTION_OPTIONAL = 2,   /* a positional one that may be left out */
    OPTION_ARGV_ONLY = 4,  /* makes no sense in the environment or a file */
    OPTION_SECRET = 8,     /* a URL whose password is never printed */
    OPTION_WHOLE = 16,     /* a list of whole texts: one each time it is given, nothing is split */
};

struct option {
    const char *name; /* "dial-listen": --dial-listen, and the key of a file; NULL ends a table */
    enum option_kind kind;
    unsigned flags;
    const char *value;    /* "HOST:PORT" for people; the words of a choice: "error|warn|info" */
    const char *fallback; /* the default as one would write it, or NULL */
    const char *env;      /* "SEKISHO_DIAL_LISTEN", or NULL */
    const char *help;     /* one sentence, no final full stop */
    size_t offset;
    int64_t min, max;   /* of numbers, in the unit of the field; both 0: no bounds */
    const char *unless; /* of a positional word: not expected when the flag of this name is given */
};

/* The row named `name` (without dashes); NULL when there is none. */
const struct option *option_find(const struct option *table, const char *name);

/* The row whose name is nearest to a misspelt one, NULL when none is near. */
const struct option *option_nearest(const struct option *table, const char *name);

/*
 * Reads `text` into the field of `target`. Texts are borrowed, list items copied into `arena`; a list is
 * added to. ERR_INVALID says what is expected without naming the option; the field is then untouched.
 */
int option_set(const struct option *option, const char *text, void *target, struct arena *arena,
               struct err *err) MUST_CHECK;

/* The field's value as one would write it, passwords as "***"; nothing for a text that is NULL. */
void option_print(const struct option *option, const void *target, struct buf *out);

/* How it is written on a command line: "--dial-listen HOST:PORT", "--json", "TENANT", "[NUMBER]",
 * "TENANT|--platform" for a word that the flag --platform stands in for. */
void option_print_usage(const struct option *option, struct buf *out);

#endif
