/* The --help list of a table, wrapped for a terminal. */
#include <string.h>

#include "base/options.h"
#include "base/utf8.h"

enum { MARGIN = 2, TEXT_COLUMN = 28 };

/* Columns of a text without wide characters. */
static unsigned columns_of(const char *text, size_t n)
{
    unsigned columns = 0;
    for (size_t i = 0, len; i < n; i += len ? len : 1, columns++)
        len = utf8_len(text + i, n - i);
    return columns;
}

/* Writes words from column `at` on, breaking lines so that they stay within the page. */
static void print_wrapped(const char *text, unsigned at, FILE *out)
{
    bool is_first = true;
    while (*(text += strspn(text, " "))) {
        size_t n = strcspn(text, " ");
        unsigned columns = columns_of(text, n);
        if (!is_first && at + 1 + columns > OPTIONS_HELP_COLUMNS) {
            fprintf(out, "\n%*s", TEXT_COLUMN, "");
            at = TEXT_COLUMN;
        } else if (!is_first) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)n, text);
        at += columns;
        text += n;
        is_first = false;
    }
    fputc('\n', out);
}

static void print_option(const struct option *option, FILE *out)
{
    char usage[96] = "", text[512] = "";
    struct buf head = BUF_OVER(usage), body = BUF_OVER(text);
    option_print_usage(option, &head);
    buf_add_text(&body, option->help);
    bool is_off = option->kind == OPTION_FLAG;
    if (option->fallback || option->env) {
        buf_printf(&body, " [%s%s%s]", option->fallback && !is_off ? option->fallback : "",
                   option->fallback && !is_off && option->env ? ", " : "",
                   option->env ? option->env : "");
    }
    unsigned at = MARGIN + columns_of(usage, head.n);
    fprintf(out, "%*s%s", MARGIN, "", usage);
    if (at + 2 > TEXT_COLUMN) {
        fputc('\n', out);
        at = 0;
    }
    fprintf(out, "%*s", (int)(TEXT_COLUMN - at), "");
    print_wrapped(text, TEXT_COLUMN, out);
}

void options_print_help(const struct option *table, FILE *out)
{
    for (const struct option *option = table; option->name; option++)
        if (option->flags & OPTION_POSITIONAL)
            print_option(option, out);
    for (const struct option *option = table; option->name; option++)
        if (!(option->flags & OPTION_POSITIONAL))
            print_option(option, out);
}
