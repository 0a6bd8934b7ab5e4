/* The inside of struct numbering: for numbering.c, which answers, and numbering_parse.c, which reads. */
#ifndef SEKISHO_CORE_NUMBERING_DATA_H
#define SEKISHO_CORE_NUMBERING_DATA_H

#include "core/numbering.h"
#include "core/ruleset.h"
#include "core/trie.h"

struct country_row {
    char country[4];
    uint8_t min_digits, max_digits;
    uint32_t name_en, name_ja; /* offsets into texts */
};

struct kind_row {
    enum number_kind kind;
    uint8_t min_digits, max_digits;
    bool floor_allows;
};

struct group_row {
    uint64_t key;
    uint16_t next; /* the next row with the same prefix, plus 1; 0: none */
};

/* trie values are row numbers plus 1 */
struct numbering {
    char version[NUMBERING_VERSION_BYTES], date[16], fingerprint[NUMBERING_FINGERPRINT_BYTES];
    struct trie countries; /* digits after 010; NANP area codes as 1 + area */
    struct trie kinds, prefixes, services, groups;
    struct country_row *country_rows;
    struct kind_row *kind_rows;
    struct dial_prefix *prefix_rows;
    struct group_row *group_rows;
    unsigned countries_count, kinds_count, prefixes_count, services_count, groups_count;
    char *texts;
    size_t texts_bytes;
};

#endif
