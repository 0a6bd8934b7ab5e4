/*
 * What the numbering data answers. numbering_parse.c reads it; both share numbering_data.h.
 */
#include "core/numbering.h"

#include "core/numbering_data.h"

const char *numbering_fingerprint(const struct numbering *numbering)
{
    return numbering->fingerprint;
}

const char *numbering_version(const struct numbering *numbering)
{
    return numbering->version;
}

const char *numbering_date(const struct numbering *numbering)
{
    return numbering->date;
}

struct country_fact numbering_country(const struct numbering *numbering, struct slice digits)
{
    unsigned len;
    uint16_t found = trie_longest(&numbering->countries, digits, &len);
    if (!found)
        return (struct country_fact){.country = ""};
    const struct country_row *row = &numbering->country_rows[found - 1];
    return (struct country_fact){row->country, (uint8_t)len, row->min_digits, row->max_digits};
}

void numbering_each_destination(const struct numbering *numbering, numbering_destination_fn *fn,
                                void *context)
{
    const struct trie_node *nodes = numbering->countries.nodes;
    char digits[TRIE_DEPTH_MAX];
    uint16_t path[TRIE_DEPTH_MAX + 1] = {0};
    unsigned depth = 0;
    int slot = -1; /* the last one gone into at this depth */
    for (;;) {
        if (slot < 0 && nodes[path[depth]].value)
            fn(context, (struct slice){digits, depth},
               numbering->country_rows[nodes[path[depth]].value - 1].min_digits);
        do
            slot++;
        while (slot < 10 && !nodes[path[depth]].child[slot]);
        if (slot < 10 && depth < TRIE_DEPTH_MAX) {
            digits[depth] = (char)('0' + slot);
            path[depth + 1] = nodes[path[depth]].child[slot];
            depth++;
            slot = -1;
        } else if (depth) {
            slot = digits[--depth] - '0';
        } else {
            return;
        }
    }
}

static const struct kind_row *find_kind(const struct numbering *numbering, struct slice digits)
{
    unsigned len;
    uint16_t found = trie_longest(&numbering->kinds, digits, &len);
    const struct kind_row *row = found ? &numbering->kind_rows[found - 1] : NULL;
    if (!row || digits.n < row->min_digits || digits.n > row->max_digits)
        return NULL;
    if (slice_is_digits(digits))
        return row;
    /* * and # only where the data itself lists them */
    return slice_is_digits((struct slice){digits.p + len, digits.n - len}) ? row : NULL;
}

enum number_kind numbering_kind(const struct numbering *numbering, struct slice digits)
{
    const struct kind_row *row = find_kind(numbering, digits);
    return row ? row->kind : KIND_UNKNOWN;
}

bool numbering_floor_allows(const struct numbering *numbering, struct slice digits)
{
    const struct kind_row *row = find_kind(numbering, digits);
    return row && row->floor_allows;
}

unsigned numbering_prefixes(const struct numbering *numbering, struct slice digits,
                            const struct dial_prefix *ret[], unsigned max)
{
    struct trie_walk walk = trie_walk(&numbering->prefixes, digits);
    unsigned count = 0;
    for (uint16_t value; (value = trie_next(&walk)) != 0;) { /* from short to long */
        count += count < max;
        for (unsigned i = count - 1; i > 0; i--)
            ret[i] = ret[i - 1];
        ret[0] = &numbering->prefix_rows[value - 1];
    }
    return count;
}

unsigned numbering_service(const struct numbering *numbering, struct slice text)
{
    unsigned len = 0;
    return trie_longest(&numbering->services, text, &len) ? len : 0;
}

bool numbering_has_group(const struct numbering *numbering, struct slice name)
{
    uint64_t key = group_key(name);
    for (unsigned i = 0; i < numbering->groups_count; i++)
        if (numbering->group_rows[i].key == key)
            return true;
    return false;
}

static const struct country_row *find_country(const struct numbering *numbering, struct slice code)
{
    for (unsigned i = 0; i < numbering->countries_count; i++)
        if (code.n && slice_equals_text(code, numbering->country_rows[i].country))
            return &numbering->country_rows[i];
    return NULL;
}

bool numbering_has_country(const struct numbering *numbering, struct slice code)
{
    return find_country(numbering, code) != NULL;
}

const char *numbering_country_name(const struct numbering *numbering, struct slice code,
                                   bool in_japanese)
{
    const struct country_row *row = find_country(numbering, code);
    return !row ? "" : numbering->texts + (in_japanese ? row->name_ja : row->name_en);
}

/* Adds or lengthens; the walk goes from short to long, so a later match of a group is the longer. */
static unsigned note_group(struct group_match matches[GROUP_MATCHES_MAX], unsigned count,
                           uint64_t key, unsigned len)
{
    for (unsigned i = 0; i < count; i++) {
        if (matches[i].key == key) {
            matches[i].len = (uint8_t)len;
            return count;
        }
    }
    if (count < GROUP_MATCHES_MAX)
        matches[count++] = (struct group_match){key, (uint8_t)len};
    return count;
}

unsigned numbering_groups(const struct numbering *numbering, struct slice number,
                          struct group_match ret[GROUP_MATCHES_MAX])
{
    struct trie_walk walk = trie_walk(&numbering->groups, number);
    unsigned count = 0;
    for (uint16_t value; (value = trie_next(&walk)) != 0;)
        for (uint16_t row = value; row; row = numbering->group_rows[row - 1].next)
            count = note_group(ret, count, numbering->group_rows[row - 1].key, walk.at);
    return count;
}
