/*
 * From a dialed string to a canonical number and a kind: api/reading.md 1 and 2.
 *
 *     "186-122-0033-010 377 93…"  ──fold──►  "18612200330103779…"  ──read──►  01037793…  international, MC
 *
 * The reader is pure: it allocates nothing, reads no clock, keeps no state, and looks only at the
 * numbering data it is given. Whatever it cannot make sense of it says so; it never guesses silently.
 * Where two readings are possible both are returned, and policy.h lets the stricter verdict win.
 */
#ifndef SEKISHO_CORE_NUMBER_H
#define SEKISHO_CORE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct numbering;

enum {
    NUMBER_DIALED_BYTES_MAX = 64, /* of the dialed string, before folding */
    NUMBER_CHARS_MAX = 72,        /* of a canonical number: "+X" becomes "010X" */
    NUMBER_STRIP_MAX = 8,         /* prefixes taken off one number (2 c) */
    NUMBER_TRACE_MAX = 16,
    OUTSIDE_LINE_MAX = 4,
};

enum number_kind {
    KIND_INVALID,
    KIND_EMERGENCY,     /* 110 118 119 */
    KIND_INTERNATIONAL, /* 010 + country code */
    KIND_GEOGRAPHIC,    /* 0AB-J */
    KIND_MOBILE,        /* 060 070 080 090 */
    KIND_IP,            /* 050 */
    KIND_FREEPHONE,     /* 0120 0800, carriers' 0037 0066 0078 00777 00882 */
    KIND_NAVI,          /* 0570 */
    KIND_PREMIUM,       /* 0990 */
    KIND_MASS,          /* 0180 */
    KIND_MESSAGE,       /* 0170 */
    KIND_SPECIAL,       /* 1XY */
    KIND_FMC,           /* 0600 */
    KIND_DATA,          /* 020, 0200 */
    KIND_PAGING,        /* 0204 */
    KIND_SMS,           /* 0002 0005 0006 0009 */
    KIND_CONNECTION,    /* 091 specific connection */
    KIND_OPERATOR,      /* 0051 */
    KIND_UNKNOWN00,     /* 00… that nothing explains */
    KIND_UNKNOWN,
    KIND_COUNT
};

/* The word for a kind in the API and in the numbering data ("international"); static storage. */
const char *number_kind_word(enum number_kind kind);

/* The kind for a word of the data; KIND_INVALID when there is none. */
enum number_kind number_kind_of(struct slice word);

/* What is left of a dialed string after folding: characters of 0-9 * # and +, at least one. */
struct folded {
    uint8_t len;
    bool was_cut; /* a pause or parameter (, ; p w) ended it: what is left must be complete */
    bool is_plain; /* digits only, perhaps after one + */
    char s[NUMBER_DIALED_BYTES_MAX + 1];
};

struct reading {
    enum number_kind kind;
    uint8_t len;
    char number[NUMBER_CHARS_MAX + 1]; /* canonical, NUL-terminated; "" for KIND_INVALID */
    char service[8];                   /* "*21*" when this is the target of that service code */
    char country[4];     /* ISO 3166-1 alpha-2, "001" for global codes, "" where not assigned */
    uint8_t country_len; /* characters of `number` by which the data tells the country; 0: none */
    bool is_complete;    /* a whole number of its kind, as far as the data can tell */
    bool has_symbols;    /* a listed code with * or # in it */
};

struct number {
    unsigned readings_count; /* 1 or 2 */
    struct reading readings[2];
    char caller_id[4]; /* "184" or "186" when dialed (the first one), else "" */
};

/* One step of a reading, for people: "122" was taken off, "0033010…" was left. */
struct trace_step {
    enum trace_what {
        TRACE_FOLD,
        TRACE_OUTSIDE_LINE,
        TRACE_PREFIX,      /* 184, 186, 122, 0000, 003768, carrier code */
        TRACE_PLUS,        /* +81X is 0X, other +X is 010X */
        TRACE_SERVICE,     /* *21*target# */
        TRACE_INTERNATIONAL, /* 00 and a country code is 010… */
        TRACE_BARE_CARRIER,  /* carrier code and a country code without 010: one more reading */
        TRACE_KIND
    } what;
    char taken[12];
    char rest[NUMBER_CHARS_MAX + 1];
};

struct trace {
    unsigned count;
    struct trace_step steps[NUMBER_TRACE_MAX];
};

const char *trace_word(enum trace_what what);

/*
 * 2 a: full-width forms become ASCII, separators go, a pause ends the number.
 * in:  dialed string, any bytes
 * out: *ret (untouched on failure)
 * ERR_INVALID: empty, more than NUMBER_DIALED_BYTES_MAX bytes, or any other byte in it.
 */
int number_fold(struct slice dialed, struct folded *ret) MUST_CHECK;

/*
 * 1: is it, after 184, 186 and the outside line in any order, the whole of 110, 118 or 119?
 * `outside_line` is the tenant's ("" for none), or NULL when it is not known: any one digit but 1, and
 * wherever it stands the same one.
 * On yes *ret is the emergency number with its caller_id, ready to be answered.
 */
bool number_is_emergency(const struct folded *folded, const char *outside_line, struct number *ret);

/*
 * 2 b to g, for a string that is no emergency call. Cannot fail: what makes no sense is one reading
 * of KIND_INVALID. `trace` may be NULL; the dial path passes NULL.
 */
void number_read(const struct numbering *numbering, const struct folded *folded,
                 const char *outside_line, struct number *ret, struct trace *trace);

/*
 * What the PBX is to send out: 184 or 186 as dialed, then the canonical number of the first reading
 * (inside its service code, if any). `out` is NUL-terminated; "" for an invalid number.
 */
void number_dial_string(const struct number *number, char out[NUMBER_CHARS_MAX + 16]);

/* Is it an outside line of 2 b: "" or 1 to 4 characters of 0-9 * #, the first not 1? */
bool number_is_outside_line(struct slice text);

#endif
