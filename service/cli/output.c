#include "cli/output.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

enum { GAP = 2, PATH_BYTES = 64 };

void output_init(struct output *output, FILE *file, enum output_color color)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool wants = isatty(fileno(file)) && !(no_color && *no_color) && term &&
                 strcmp(term, "dumb") != 0;
    *output = (struct output){file, color == COLOR_ALWAYS || (color == COLOR_AUTO && wants)};
}

/* --- columns ---------------------------------------------------------------------------------------- */

struct span {
    uint32_t first, last;
};

static bool is_in(const struct span *spans, size_t count, uint32_t point)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = (low + count) / 2;
        if (point > spans[middle].last)
            low = middle + 1;
        else
            count = middle;
    }
    return point >= spans[low].first && point <= spans[low].last;
}

/* Columns of one character: UAX #11 classes W and F are wide, combining marks have none. The C library
 * knows too, but only in a locale that a container or cron may not have. */
static unsigned columns_of(uint32_t point)
{
    static const struct span wide[] = {
        {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
        {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
        {0xffe0, 0xffe6},   {0x17000, 0x18cff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f},
        {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    static const struct span none[] = {{0x300, 0x36f},   {0x200b, 0x200f}, {0x202a, 0x202e},
                                       {0x2060, 0x2069}, {0x20d0, 0x20ff}, {0x3099, 0x309a},
                                       {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}};
    if (point < wide[0].first && point < none[0].first)
        return 1;
    if (is_in(none, sizeof none / sizeof *none - 1, point))
        return 0;
    return is_in(wide, sizeof wide / sizeof *wide - 1, point) ? 2 : 1;
}

/* The next character of `text`, shown as "?" when it is broken or could steer a terminal: C0, DEL, C1,
 * and the marks that turn the writing direction. */
static const char *next_clean(struct slice *text, size_t *ret_n, unsigned *ret_columns)
{
    const char *p = text->p;
    size_t len = utf8_len(p, text->n);
    uint32_t point = len ? utf8_point(p, len) : 0;
    bool is_unsafe = point < 0x20 || (point >= 0x7f && point < 0xa0) ||
                     (point >= 0x200e && point <= 0x200f) ||
                     (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
    text->p += len ? len : 1;
    text->n -= len ? len : 1;
    *ret_n = is_unsafe ? 1 : len;
    *ret_columns = is_unsafe ? 1 : columns_of(point);
    return is_unsafe ? "?" : p;
}

unsigned output_columns(struct slice text)
{
    unsigned columns = 0, more;
    size_t n;
    while (text.n) {
        next_clean(&text, &n, &more);
        columns += more;
    }
    return columns;
}

/* --- text ------------------------------------------------------------------------------------------- */

void output_text(struct output *output, enum style style, const char *text, unsigned width)
{
    static const char *const codes[] = {"", "1", "2", "32", "31", "33"};
    struct slice rest = slice_of(text);
    unsigned columns = 0, more;
    size_t n;
    bool is_styled = output->is_color && style != STYLE_PLAIN && rest.n;
    if (is_styled)
        fprintf(output->file, "\033[%sm", codes[style]);
    while (rest.n) {
        const char *p = next_clean(&rest, &n, &more);
        fwrite(p, 1, n, output->file);
        columns += more;
    }
    if (is_styled)
        fputs("\033[0m", output->file);
    for (; columns < width; columns++)
        fputc(' ', output->file);
}

enum style output_verdict_style(const char *word)
{
    return strcmp(word, "allow") == 0    ? STYLE_GREEN
           : strcmp(word, "deny") == 0   ? STYLE_RED
           : strcmp(word, "divert") == 0 ? STYLE_YELLOW
                                         : STYLE_PLAIN;
}

const char *output_moment(const char *rfc3339, char text[MOMENT_BYTES])
{
    int64_t ms;
    struct tm tm;
    char zone[8];
    if (!clock_parse(slice_of(rfc3339), &ms))
        return rfc3339;
    time_t seconds = (time_t)(ms / 1000);
    localtime_r(&seconds, &tm);
    size_t n = strftime(text, MOMENT_BYTES, tm.tm_sec ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%d %H:%M", &tm);
    strftime(zone, sizeof zone, "%z", &tm);
    snprintf(text + n, MOMENT_BYTES - n, " %.3s:%.2s", zone, zone + 3);
    return text;
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static json_t *value_at(json_t *object, const char *path)
{
    char name[PATH_BYTES];
    for (const char *dot; object && (dot = strchr(path, '.')); path = dot + 1) {
        snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
        object = json_object_get(object, name);
    }
    return object ? json_object_get(object, path) : NULL;
}

const char *json_text(json_t *object, const char *path)
{
    return json_string_value(value_at(object, path));
}

void output_json(struct output *output, json_t *value)
{
    json_dumpf(value, output->file, JSON_INDENT(2) | JSON_ENCODE_ANY);
    fputc('\n', output->file);
}

/* What a cell shows; "" for no value. `scratch` is used where the text has to be made. */
static const char *cell_of(const struct column *column, json_t *object, char scratch[MOMENT_BYTES])
{
    json_t *value = value_at(object, column->path);
    if (json_is_string(value) && column->kind == CELL_MOMENT)
        return output_moment(json_string_value(value), scratch);
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_integer(value)) {
        snprintf(scratch, MOMENT_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return scratch;
    }
    return json_is_true(value) ? "yes" : "";
}

static enum style style_of(const struct column *column, const char *text)
{
    return column->kind == CELL_VERDICT ? output_verdict_style(text) : STYLE_PLAIN;
}

void output_table(struct output *output, const struct column *columns, json_t *array,
                  const char *none)
{
    enum { COLUMNS_MAX = 16 };
    unsigned widths[COLUMNS_MAX] = {0}, count = 0, last = 0;
    char scratch[MOMENT_BYTES];
    json_t *object;
    size_t row;

    if (json_array_size(array) == 0) {
        output_text(output, STYLE_FAINT, none, 0);
        fputc('\n', output->file);
        return;
    }
    for (; columns[count].title && count < COLUMNS_MAX; count++) {
        json_array_foreach(array, row, object) {
            unsigned n = output_columns(slice_of(cell_of(&columns[count], object, scratch)));
            if (n > widths[count])
                widths[count] = n;
        }
        unsigned title = output_columns(slice_of(columns[count].title));
        if (widths[count] && widths[count] < title)
            widths[count] = title;
        if (widths[count])
            last = count;
    }
    for (unsigned i = 0; i <= last; i++)
        if (widths[i])
            output_text(output, STYLE_FAINT, columns[i].title, i == last ? 0 : widths[i] + GAP);
    fputc('\n', output->file);
    json_array_foreach(array, row, object) {
        unsigned owed = 0; /* blanks are only written before more text: no line ends in them */
        for (unsigned i = 0; i <= last; i++) {
            const char *text = widths[i] ? cell_of(&columns[i], object, scratch) : "";
            if (*text) {
                fprintf(output->file, "%*s", (int)owed, "");
                output_text(output, style_of(&columns[i], text), text, 0);
                owed = 0;
            }
            owed += widths[i] ? widths[i] + GAP - output_columns(slice_of(text)) : 0;
        }
        fputc('\n', output->file);
    }
}

void output_record(struct output *output, const struct column *columns, json_t *object)
{
    char scratch[MOMENT_BYTES];
    unsigned width = 0;
    for (const struct column *column = columns; column->title; column++) {
        unsigned n = output_columns(slice_of(column->title));
        if (n > width && *cell_of(column, object, scratch))
            width = n;
    }
    for (const struct column *column = columns; column->title; column++) {
        const char *text = cell_of(column, object, scratch);
        if (!*text)
            continue;
        output_text(output, STYLE_FAINT, column->title, width + GAP);
        output_text(output, style_of(column, text), text, 0);
        fputc('\n', output->file);
    }
}

const char *output_number(uint64_t number, char text[NUMBER_BYTES])
{
    char digits[NUMBER_BYTES];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}
