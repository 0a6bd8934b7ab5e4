#include "base/options.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* A list replaces what a weaker source gave and adds to what the same one gave. */
static int set(struct options *options, const struct option *option, const char *text,
               enum option_source source, struct err *err)
{
    enum option_source *from = &options->sources[option - options->table];
    if (option->kind == OPTION_LIST && *from != source)
        *(struct option_list *)((char *)options->target + option->offset) =
            (struct option_list){0};
    int rc = option_set(option, text, options->target, options->arena, err);
    if (rc == 0)
        *from = source;
    return rc;
}

/* Fields have the size of their kind; bytes between them are the caller's. */
static void clear_field(const struct option *option, void *target)
{
    static const size_t sizes[] = {
        [OPTION_TEXT] = sizeof(const char *),  [OPTION_PATH] = sizeof(const char *),
        [OPTION_DURATION] = sizeof(int64_t),   [OPTION_SIZE] = sizeof(int64_t),
        [OPTION_INT] = sizeof(int64_t),        [OPTION_CHOICE] = sizeof(int),
        [OPTION_FLAG] = sizeof(bool),          [OPTION_LIST] = sizeof(struct option_list),
    };
    memset((char *)target + option->offset, 0, sizes[option->kind]);
}

int options_init(struct options *options, const struct option *table, void *target,
                 struct arena *arena, enum option_source sources[OPTIONS_MAX], struct err *err)
{
    *options = (struct options){table, target, arena, sources};
    for (const struct option *option = table; option->name; option++) {
        assert(option - table < OPTIONS_MAX);
        sources[option - table] = SOURCE_NONE;
        clear_field(option, target);
        if (option->fallback) {
            int rc = set(options, option, option->fallback, SOURCE_DEFAULT, err);
            if (rc)
                return err_context(err, "default of %s", option->name);
        }
    }
    return 0;
}

/* --- environment ----------------------------------------------------------------------------------- */

int options_read_env(struct options *options, struct err *err)
{
    for (const struct option *option = options->table; option->name; option++) {
        const char *text = option->env ? getenv(option->env) : NULL;
        if (text && *text && set(options, option, text, SOURCE_ENV, err))
            return err_context(err, "%s", option->env);
    }
    return 0;
}

/* --- file ------------------------------------------------------------------------------------------ */

/* The file as one text in the arena. */
static int read_text(const char *path, struct arena *arena, char **ret, struct err *err)
{
    int rc = 0;
    char *text = arena_alloc(arena, OPTIONS_FILE_BYTES_MAX + 1);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    FILE *file = fopen(path, "re");
    if (!file)
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    size_t n = fread(text, 1, OPTIONS_FILE_BYTES_MAX + 1, file);
    if (ferror(file))
        rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    else if (n > OPTIONS_FILE_BYTES_MAX)
        rc = err_set(err, ERR_LIMIT, "%s: longer than %d bytes", path, OPTIONS_FILE_BYTES_MAX);
    else if (memchr(text, '\0', n))
        rc = err_set(err, ERR_INVALID, "%s: not a text file", path);
    fclose(file);
    if (rc == 0) {
        text[n] = '\0';
        *ret = text;
    }
    return rc;
}

/* Cuts white space off both ends, in place. */
static char *trim(char *text)
{
    static const char blank[] = " \t\r";
    text += strspn(text, blank);
    size_t n = strlen(text);
    while (n && strchr(blank, text[n - 1]))
        n--;
    text[n] = '\0';
    return text;
}

static int unknown(const struct options *options, const char *dashes, const char *name,
                   struct err *err)
{
    const struct option *near = option_nearest(options->table, name);
    if (near)
        return err_set(err, ERR_INVALID, "unknown option %s%s; did you mean %s%s?", dashes, name,
                       dashes, near->name);
    return err_set(err, ERR_INVALID, "unknown option %s%s", dashes, name);
}

static int read_line(struct options *options, char *line, struct err *err)
{
    char *equals = strchr(line, '=');
    if (!equals)
        return err_set(err, ERR_INVALID, "expected \"key = value\"");
    *equals = '\0';
    const char *name = trim(line), *value = trim(equals + 1);
    const struct option *option = option_find(options->table, name);
    if (!option)
        return unknown(options, "", name, err);
    if (option->flags & OPTION_ARGV_ONLY)
        return err_set(err, ERR_INVALID, "%s belongs on the command line", name);
    if (option->kind != OPTION_LIST && options_source(options, name) == SOURCE_FILE)
        return err_set(err, ERR_INVALID, "%s was set before", name);
    if (set(options, option, value, SOURCE_FILE, err))
        return err_context(err, "%s", name);
    return 0;
}

int options_read_file(struct options *options, const char *path, struct err *err)
{
    char *text;
    int rc = read_text(path, options->arena, &text, err);
    unsigned number = 0;
    while (rc == 0 && text) {
        char *line = strsep(&text, "\n");
        number++;
        line = trim(line);
        if (*line == '\0' || *line == '#')
            continue;
        rc = read_line(options, line, err);
        if (rc)
            rc = err_context(err, "%s:%u", path, number);
    }
    return rc;
}

/* --- command line ---------------------------------------------------------------------------------- */

/* `arg` is "name" or "name=value"; *at moves on when the value is the next word. */
static int read_flag(struct options *options, const char *arg, int argc, char **argv, int *at,
                     struct err *err)
{
    char name[64];
    const char *equals = strchr(arg, '='), *value = equals ? equals + 1 : NULL;
    size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), arg);
    const struct option *option = option_find(options->table, name);
    if (!option)
        return unknown(options, "--", name, err);
    if (!value && option->kind == OPTION_FLAG)
        value = "yes";
    /* "--state --check-config" is a slip; what really begins so is written --state=--check-config */
    if (!value && *at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0)
        value = argv[++*at];
    if (!value)
        return err_set(err, ERR_INVALID, "--%s needs a value: %s", name, option->value);
    if (set(options, option, value, SOURCE_ARGV, err))
        return err_context(err, "--%s", name);
    return 0;
}

/* Does the row stand for a word, or does a flag stand in for it? */
static bool is_expected(const struct options *options, const struct option *option)
{
    return option->flags & OPTION_POSITIONAL &&
           !(option->unless && options_given(options, option->unless));
}

/* Gives each word to the next positional row; one that takes a list takes all that follow. */
static int read_words(struct options *options, const char *const *words, unsigned count,
                      struct err *err)
{
    unsigned at = 0;
    for (const struct option *option = options->table; option->name && at < count; option++) {
        unsigned take = !is_expected(options, option)    ? 0
                        : option->kind == OPTION_LIST ? count - at
                                                         : 1;
        for (; take; take--)
            if (set(options, option, words[at++], SOURCE_ARGV, err))
                return err_context(err, "%s", option->name);
    }
    return at == count ? 0
                       : err_set(err, ERR_INVALID, "\"%s\" is one word too many", words[at]);
}

int options_read_argv(struct options *options, int argc, char **argv, struct err *err)
{
    bool only_words = false;
    unsigned count = 0;
    const char **words = arena_alloc(options->arena, (size_t)(argc + 1) * sizeof *words);
    if (!words)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (int at = 1; at < argc; at++) {
        const char *arg = argv[at];
        if (!only_words && strcmp(arg, "--") == 0) {
            only_words = true;
        } else if (!only_words && strncmp(arg, "--", 2) == 0) {
            int rc = read_flag(options, arg + 2, argc, argv, &at, err);
            if (rc)
                return rc;
        } else {
            words[count++] = arg;
        }
    }
    return read_words(options, words, count, err);
}

const struct option *options_missing(const struct options *options)
{
    for (const struct option *option = options->table; option->name; option++)
        if (is_expected(options, option) && !(option->flags & OPTION_OPTIONAL) &&
            options->sources[option - options->table] == SOURCE_NONE)
            return option;
    return NULL;
}

enum option_source options_source(const struct options *options, const char *name)
{
    for (const struct option *option = options->table; option->name; option++)
        if (strcmp(option->name, name) == 0)
            return options->sources[option - options->table];
    assert(!"a name of the table");
    return SOURCE_NONE;
}
