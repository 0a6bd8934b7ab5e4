/*
 * The numbering data: countries, NANP area codes, Japanese kinds, dial prefixes, service codes and
 * groups of destinations, read from the CSV files described in schema/numbering/README.md.
 *
 * Code knows only how to read them. The files are compiled into the program and can be replaced by a
 * directory at run time; both go through the one loader. A loaded numbering is immutable and shared.
 */
#ifndef SEKISHO_CORE_NUMBERING_H
#define SEKISHO_CORE_NUMBERING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/number.h"

struct numbering;

/* The texts of the seven files, in the order of the enum. */
enum numbering_file {
    NUMBERING_ABOUT,
    NUMBERING_COUNTRIES,
    NUMBERING_NANP,
    NUMBERING_KINDS,
    NUMBERING_PREFIXES,
    NUMBERING_SERVICES,
    NUMBERING_GROUPS,
    NUMBERING_FILES
};

/* "countries.csv" and so on; static storage. */
const char *numbering_file_name(enum numbering_file file);

/*
 * Reads the texts (borrowed during the call) into *ret, returned new.
 * ERR_INVALID names file and line; ERR_NOMEM.
 */
int numbering_parse(const struct slice files[NUMBERING_FILES], struct numbering **ret,
                    struct err *err) MUST_CHECK;
/* The data compiled into the program. */
int numbering_builtin(struct numbering **ret, struct err *err) MUST_CHECK;
/* The same files from a directory; ERR_IO when one is missing. */
int numbering_load(const char *dir, struct numbering **ret, struct err *err) MUST_CHECK;
void numbering_free(struct numbering *numbering); /* NULL is fine */

enum { NUMBERING_VERSION_BYTES = 24, NUMBERING_FINGERPRINT_BYTES = 17 };

/* In an array of NUMBERING_VERSION_BYTES. */
const char *numbering_version(const struct numbering *numbering);
const char *numbering_date(const struct numbering *numbering);
/* 16 hex digits that tell content from other content of the same version; for accidents, not against
 * whoever means it. */
const char *numbering_fingerprint(const struct numbering *numbering);

/* What the data says of the digits after 010. */
struct country_fact {
    const char *country; /* as in struct reading; "" when the area code or code tells none */
    uint8_t len;         /* digits by which it is told; 0: the calling code is not assigned */
    uint8_t min_digits, max_digits; /* of the whole number after 010 */
};
struct country_fact numbering_country(const struct numbering *numbering, struct slice digits);

/* Each destination the data knows, in order of its digits: those after 010 and how many a number has
 * at least, calling code included; of +1 the area codes. */
typedef void numbering_destination_fn(void *context, struct slice digits, uint8_t min_digits);
void numbering_each_destination(const struct numbering *numbering, numbering_destination_fn *fn,
                                void *context);

/* The kind of a whole Japanese number as dialed; KIND_UNKNOWN when prefix and length match none. */
enum number_kind numbering_kind(const struct numbering *numbering, struct slice digits);
/* May this number's kind be called when nothing is known of the tenant (the floor)? */
bool numbering_floor_allows(const struct numbering *numbering, struct slice digits);

/* A dial prefix that may stand before a number. */
struct dial_prefix {
    char prefix[12];
    uint8_t len;
    enum prefix_before { BEFORE_ANY, BEFORE_ZERO, BEFORE_NUMBER, BEFORE_INTERNATIONAL } before;
    bool is_bare; /* may also stand before a country code without 010 */
    bool is_kept; /* 184, 186: part of what is sent out */
};
/* The listed prefixes that begin `digits`, longest first, at most `max`; returns how many. */
unsigned numbering_prefixes(const struct numbering *numbering, struct slice digits,
                            const struct dial_prefix *ret[], unsigned max);

/* The service code (such as "*21*") that begins `text`; its length, 0 when none does. */
unsigned numbering_service(const struct numbering *numbering, struct slice text);

/* Is `name` a group of the data? */
bool numbering_has_group(const struct numbering *numbering, struct slice name);
/* Is `code` (two letters, or 001) the country of any row? */
bool numbering_has_country(const struct numbering *numbering, struct slice code);

/* Every group that `number` (canonical) belongs to, with the longest prefix that says so. */
struct group_match {
    uint64_t key; /* group_key() of its name */
    uint8_t len;  /* characters of `number` */
};
enum { GROUP_MATCHES_MAX = 16 };
unsigned numbering_groups(const struct numbering *numbering, struct slice number,
                          struct group_match ret[GROUP_MATCHES_MAX]);

/* Names for people, "" when not known. */
const char *numbering_country_name(const struct numbering *numbering, struct slice code,
                                   bool in_japanese);

#endif
