/* The reading of a folded string: api/reading.md 1 and 2 b to g, in that order. */
#include "core/number.h"

#include "core/numbering.h"

static const char *const kind_words[KIND_COUNT] = {
    [KIND_INVALID] = "invalid",
    [KIND_EMERGENCY] = "emergency",
    [KIND_INTERNATIONAL] = "international",
    [KIND_GEOGRAPHIC] = "geographic",
    [KIND_MOBILE] = "mobile",
    [KIND_IP] = "ip",
    [KIND_FREEPHONE] = "freephone",
    [KIND_NAVI] = "navi",
    [KIND_PREMIUM] = "premium",
    [KIND_MASS] = "mass",
    [KIND_MESSAGE] = "message",
    [KIND_SPECIAL] = "special",
    [KIND_FMC] = "fmc",
    [KIND_DATA] = "data",
    [KIND_PAGING] = "paging",
    [KIND_SMS] = "sms",
    [KIND_CONNECTION] = "connection",
    [KIND_OPERATOR] = "operator",
    [KIND_UNKNOWN00] = "unknown00",
    [KIND_UNKNOWN] = "unknown",
};

const char *number_kind_word(enum number_kind kind)
{
    return kind < KIND_COUNT ? kind_words[kind] : "invalid";
}

enum number_kind number_kind_of(struct slice word)
{
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (slice_equals_text(word, kind_words[kind]))
            return (enum number_kind)kind;
    return KIND_INVALID;
}

const char *trace_word(enum trace_what what)
{
    static const char *const words[] = {
        [TRACE_FOLD] = "fold",
        [TRACE_OUTSIDE_LINE] = "outside_line",
        [TRACE_PREFIX] = "prefix",
        [TRACE_PLUS] = "plus",
        [TRACE_SERVICE] = "service",
        [TRACE_INTERNATIONAL] = "international",
        [TRACE_BARE_CARRIER] = "bare_carrier",
        [TRACE_KIND] = "kind",
    };
    return words[what];
}

bool number_is_outside_line(struct slice text)
{
    if (text.n > OUTSIDE_LINE_MAX || (text.n && text.p[0] == '1'))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (!(c >= '0' && c <= '9') && c != '*' && c != '#')
            return false;
    }
    return true;
}

static struct slice skip(struct slice s, size_t n)
{
    return (struct slice){s.p + n, s.n - n};
}

static bool is_emergency_number(struct slice s)
{
    return s.n == 3 && s.p[0] == '1' && s.p[1] == '1' &&
           (s.p[2] == '0' || s.p[2] == '8' || s.p[2] == '9');
}

static void keep_caller_id(struct number *number, struct slice taken)
{
    if (number->caller_id[0] == '\0')
        memcpy(number->caller_id, (char[4]){taken.p[0], taken.p[1], taken.p[2], '\0'}, 4);
}

/* `is_behind_010`: 010 comes before the digits. */
static struct reading *add_reading(struct number *number, enum number_kind kind, bool is_behind_010,
                                   struct slice digits)
{
    struct reading *reading = &number->readings[number->readings_count++];
    size_t n = is_behind_010 ? 3 : 0;
    reading->kind = kind;
    if (is_behind_010)
        memcpy(reading->number, "010", 3);
    memcpy(reading->number + n, digits.p, digits.n);
    reading->len = (uint8_t)(n + digits.n);
    reading->number[reading->len] = '\0';
    reading->service[0] = reading->country[0] = '\0';
    reading->country_len = 0;
    reading->is_complete = reading->has_symbols = false;
    return reading;
}

/* --- 1 ----------------------------------------------------------------------------------------- */

/* How much of `s` is an outside line; `line` NULL: any one digit but 1. */
static size_t outside_line_len(struct slice s, const char *line)
{
    if (!line)
        return s.n && s.p[0] >= '0' && s.p[0] <= '9' && s.p[0] != '1';
    struct slice wanted = slice_of(line);
    return slice_starts_with(s, wanted) ? wanted.n : 0;
}

/* The string ends as an emergency call does: is there nothing before it but what may be taken off? */
static bool take_to_emergency(struct slice s, const char *outside_line, struct number *ret)
{
    struct number number;
    number.readings_count = 0;
    number.caller_id[0] = '\0';
    char guessed[2] = "";
    /* no two of these can stand at the same place: an outside line does not begin with 1 */
    while (!is_emergency_number(s)) {
        bool is_privacy = slice_starts_with(s, SLICE_LIT("184")) ||
                          slice_starts_with(s, SLICE_LIT("186"));
        size_t taken = is_privacy ? 3 : outside_line_len(s, outside_line);
        if (taken == 0)
            return false;
        if (is_privacy)
            keep_caller_id(&number, s);
        else if (!outside_line) {
            guessed[0] = s.p[0]; /* an unknown one is one digit, not one after the other */
            outside_line = guessed;
        }
        s = skip(s, taken);
    }
    add_reading(&number, KIND_EMERGENCY, false, s)->is_complete = true;
    *ret = number;
    return true;
}

bool number_is_emergency(const struct folded *folded, const char *outside_line, struct number *ret)
{
    struct slice s = {folded->s, folded->len};
    return s.n >= 3 && is_emergency_number(skip(s, s.n - 3)) &&
           take_to_emergency(s, outside_line, ret);
}

/* --- 2 ----------------------------------------------------------------------------------------- */

struct reader {
    const struct numbering *numbering;
    struct number *number;
    struct trace *trace;
    unsigned strips_left;
    bool is_plain; /* as in struct folded: nothing to look for behind a + */
};

static void write_step(struct trace *trace, enum trace_what what, struct slice taken,
                       const char *before, struct slice rest)
{
    if (trace->count == NUMBER_TRACE_MAX)
        return;
    struct trace_step *step = &trace->steps[trace->count++];
    size_t n = taken.n < sizeof step->taken ? taken.n : sizeof step->taken - 1;
    step->what = what;
    memcpy(step->taken, n ? taken.p : "", n);
    step->taken[n] = '\0';
    size_t before_n = strlen(before);
    memcpy(step->rest, before, before_n);
    memcpy(step->rest + before_n, rest.n ? rest.p : "", rest.n);
    step->rest[before_n + rest.n] = '\0';
}

static inline void note(const struct reader *reader, enum trace_what what, struct slice taken,
                        const char *before, struct slice rest)
{
    if (reader->trace)
        write_step(reader->trace, what, taken, before, rest);
}

static bool is_complete_national(const struct numbering *numbering, struct slice s)
{
    return s.n > 1 && s.p[0] == '0' && s.p[1] != '0' && numbering_kind(numbering, s) != KIND_UNKNOWN;
}

static bool prefix_applies(const struct numbering *numbering, const struct dial_prefix *prefix,
                           struct slice rest)
{
    if (rest.n == 0)
        return false;
    bool is_international = rest.p[0] == '+' || slice_starts_with(rest, SLICE_LIT("010"));
    switch (prefix->before) {
    case BEFORE_ANY: return true;
    case BEFORE_ZERO: return rest.p[0] == '0';
    case BEFORE_INTERNATIONAL: return is_international;
    case BEFORE_NUMBER: return is_international || is_complete_national(numbering, rest);
    }
    return false;
}

/* Step c, once: takes off the longest listed prefix that may stand here. */
static bool take_prefix(struct reader *reader, struct slice *s)
{
    const struct dial_prefix *prefixes[4];
    unsigned count = numbering_prefixes(reader->numbering, *s, prefixes, 4);
    for (unsigned i = 0; i < count; i++) {
        struct slice rest = skip(*s, prefixes[i]->len);
        if (!prefix_applies(reader->numbering, prefixes[i], rest))
            continue;
        if (prefixes[i]->is_kept)
            keep_caller_id(reader->number, *s);
        note(reader, TRACE_PREFIX, (struct slice){s->p, prefixes[i]->len}, "", rest);
        *s = rest;
        return true;
    }
    return false;
}

static void add_invalid(struct reader *reader)
{
    reader->number->readings_count = 0;
    add_reading(reader->number, KIND_INVALID, false, SLICE_LIT(""));
}

static void add_international(struct reader *reader, struct slice digits)
{
    struct country_fact fact = numbering_country(reader->numbering, digits);
    struct reading *reading = add_reading(reader->number, KIND_INTERNATIONAL, true, digits);
    memcpy(reading->country, fact.country, strnlen(fact.country, 3) + 1);
    reading->country_len = fact.country[0] ? (uint8_t)(3 + fact.len) : 0;
    reading->is_complete = fact.len && digits.n >= fact.min_digits && digits.n <= fact.max_digits;
}

/* Step e: 00…, which may mean a carrier's freephone, a foreign habit, or the old carrier form. */
static void read_double_zero(struct reader *reader, struct slice s)
{
    const struct dial_prefix *prefixes[4];
    struct slice digits = skip(s, 2);
    if (numbering_kind(reader->numbering, s) == KIND_FREEPHONE) {
        add_reading(reader->number, KIND_FREEPHONE, false, s)->is_complete = true;
        return;
    }
    if (numbering_country(reader->numbering, digits).len) {
        note(reader, TRACE_INTERNATIONAL, SLICE_LIT("00"), "010", digits);
        add_international(reader, digits);
    }
    unsigned count = numbering_prefixes(reader->numbering, s, prefixes, 4);
    for (unsigned i = 0; i < count; i++) {
        digits = skip(s, prefixes[i]->len);
        if (!prefixes[i]->is_bare || !numbering_country(reader->numbering, digits).len)
            continue;
        note(reader, TRACE_BARE_CARRIER, (struct slice){s.p, prefixes[i]->len}, "010", digits);
        add_international(reader, digits);
        break;
    }
    if (reader->number->readings_count == 0)
        add_reading(reader->number, KIND_UNKNOWN00, false, s);
}

static void read_number(struct reader *reader, struct slice s, bool is_target);

/* Step f for strings with * or #: a listed code as a whole, or a service code with its target. */
static void read_service(struct reader *reader, struct slice s, bool is_target)
{
    enum number_kind kind = numbering_kind(reader->numbering, s);
    if (kind != KIND_UNKNOWN) {
        struct reading *reading = add_reading(reader->number, kind, false, s);
        reading->is_complete = reading->has_symbols = true;
        return;
    }
    unsigned n = is_target ? 0 : numbering_service(reader->numbering, s);
    if (n == 0 || s.n < n + 2 || s.p[s.n - 1] != '#') {
        add_invalid(reader);
        return;
    }
    struct slice target = {s.p + n, s.n - n - 1};
    note(reader, TRACE_SERVICE, (struct slice){s.p, n}, "", target);
    if (is_emergency_number(target))
        add_reading(reader->number, KIND_EMERGENCY, false, target)->is_complete = true;
    else
        read_number(reader, target, true);
    for (unsigned i = 0; i < reader->number->readings_count; i++) {
        memcpy(reader->number->readings[i].service, s.p, n);
        reader->number->readings[i].service[n] = '\0';
    }
}

/* Steps c to g. A + can be taken off only once: what is left of it holds none, or is refused. */
static void read_number(struct reader *reader, struct slice s, bool is_target)
{
    char national[NUMBER_CHARS_MAX + 1];
    for (;;) {
        while (reader->strips_left && take_prefix(reader, &s))
            reader->strips_left--;
        if (s.p[0] != '+')
            break;
        struct slice digits = skip(s, 1);
        bool is_japan = slice_starts_with(digits, SLICE_LIT("81"));
        bool is_wrong = !reader->is_plain && (digits.n == 0 || memchr(digits.p, '+', digits.n) ||
                                              (!is_japan && (memchr(digits.p, '*', digits.n) ||
                                                             memchr(digits.p, '#', digits.n))));
        if (is_wrong) {
            add_invalid(reader);
            return;
        }
        if (!is_japan) {
            note(reader, TRACE_PLUS, SLICE_LIT("+"), "010", digits);
            add_international(reader, digits);
            return;
        }
        digits = skip(digits, 2);
        const char *zero = digits.n && digits.p[0] == '0' ? "" : "0";
        note(reader, TRACE_PLUS, SLICE_LIT("+81"), zero, digits);
        size_t n = strlen(zero);
        memcpy(national, zero, n);
        memcpy(national + n, digits.n ? digits.p : "", digits.n);
        s = (struct slice){national, n + digits.n};
    }
    if (!reader->is_plain && (memchr(s.p, '*', s.n) || memchr(s.p, '#', s.n))) {
        read_service(reader, s, is_target);
    } else if (!reader->is_plain && memchr(s.p, '+', s.n)) {
        add_invalid(reader);
    } else if (slice_starts_with(s, SLICE_LIT("010"))) {
        add_international(reader, skip(s, 3));
    } else if (slice_starts_with(s, SLICE_LIT("00"))) {
        read_double_zero(reader, s);
    } else {
        enum number_kind kind = numbering_kind(reader->numbering, s);
        add_reading(reader->number, kind, false, s)->is_complete = kind != KIND_UNKNOWN;
    }
}

void number_read(const struct numbering *numbering, const struct folded *folded,
                 const char *outside_line, struct number *ret, struct trace *trace)
{
    struct reader reader = {numbering, ret, trace, NUMBER_STRIP_MAX, folded->is_plain};
    struct slice s = {folded->s, folded->len};
    ret->readings_count = 0;
    ret->caller_id[0] = '\0';
    note(&reader, TRACE_FOLD, SLICE_LIT(""), "", s);
    size_t outside = outside_line[0] ? outside_line_len(s, outside_line) : 0;
    if (outside) { /* step b */
        s = skip(s, outside);
        note(&reader, TRACE_OUTSIDE_LINE, slice_of(outside_line), "", s);
    }
    if (s.n == 0) {
        add_invalid(&reader);
        return;
    }
    read_number(&reader, s, false);
    for (unsigned i = 0; i < ret->readings_count && folded->was_cut; i++) {
        if (!ret->readings[i].is_complete) {
            add_invalid(&reader);
            break;
        }
    }
    for (unsigned i = 0; i < ret->readings_count; i++)
        note(&reader, TRACE_KIND, SLICE_LIT(""), "",
             (struct slice){ret->readings[i].number, ret->readings[i].len});
}

/* Whole arrays are copied, NUL and what lies behind it: a fixed size costs a few moves. */
void number_dial_string(const struct number *number, char out[NUMBER_CHARS_MAX + 16])
{
    const struct reading *first = &number->readings[0];
    size_t n = 0;
    out[0] = '\0';
    if (number->readings_count == 0 || first->kind == KIND_INVALID)
        return;
    if (number->caller_id[0])
        n = strlen(memcpy(out, number->caller_id, sizeof number->caller_id));
    if (first->service[0])
        n += strlen(memcpy(out + n, first->service, sizeof first->service));
    memcpy(out + n, first->number, sizeof first->number);
    if (first->service[0])
        memcpy(out + n + first->len, "#", 2);
}
