/*
 * Step a of the reading: any bytes become characters of 0-9 * # +, or nothing at all.
 *
 * People paste numbers from web pages and Japanese text, so full-width forms, all spaces and all dashes
 * are known here. Anything else refuses the whole string: a character that is dropped in silence is a
 * digit that an attacker chooses where to put.
 */
#include "base/utf8.h"
#include "core/number.h"

enum fold { FOLD_REFUSE = 0, FOLD_KEEP, FOLD_DROP, FOLD_END };

static const uint8_t ascii[128] = {
    ['0'] = FOLD_KEEP, ['1'] = FOLD_KEEP, ['2'] = FOLD_KEEP, ['3'] = FOLD_KEEP, ['4'] = FOLD_KEEP,
    ['5'] = FOLD_KEEP, ['6'] = FOLD_KEEP, ['7'] = FOLD_KEEP, ['8'] = FOLD_KEEP, ['9'] = FOLD_KEEP,
    ['*'] = FOLD_KEEP, ['#'] = FOLD_KEEP, ['+'] = FOLD_KEEP,
    [' '] = FOLD_DROP, ['-'] = FOLD_DROP, ['.'] = FOLD_DROP, ['/'] = FOLD_DROP,
    ['('] = FOLD_DROP, [')'] = FOLD_DROP,
    [','] = FOLD_END,  [';'] = FOLD_END,  ['p'] = FOLD_END,  ['w'] = FOLD_END,
};

/* Spaces and dashes of Unicode (categories Zs and Pd, and what is typed for a dash in Japanese). */
static bool is_separator(uint32_t point)
{
    return point == 0xa0 || point == 0xad || point == 0x1680 || (point >= 0x2000 && point <= 0x2015) ||
           point == 0x202f || point == 0x205f || point == 0x2060 || point == 0x2212 ||
           point == 0x2500 || point == 0x3000 || point == 0x301c || point == 0x30fc ||
           point == 0xfe58 || point == 0xfe63 || point == 0xff70 || point == 0xfeff;
}

/* The ASCII form of a full-width one (U+FF01 to U+FF5E mirror ASCII), or 0. */
static char halfwidth(uint32_t point)
{
    if (point >= 0xff01 && point <= 0xff5e)
        return (char)(point - 0xff01 + '!');
    return point == 0xfe62 ? '+' : 0; /* small plus sign */
}

/* What a character beyond ASCII becomes: its length in *ret_len, the ASCII in *ret. */
static enum fold fold_wide(const char *p, size_t n, size_t *ret_len, char *ret)
{
    *ret_len = utf8_len(p, n);
    if (*ret_len == 0)
        return FOLD_REFUSE;
    uint32_t point = utf8_point(p, *ret_len);
    if (is_separator(point))
        return FOLD_DROP;
    *ret = halfwidth(point);
    return *ret ? ascii[(uint8_t)*ret] : FOLD_REFUSE;
}

/* Digits, perhaps after a plus, which is what nearly all PBXs send. */
static bool is_plain(struct slice s)
{
    bool has_plus = s.n > 1 && s.p[0] == '+';
    return slice_is_digits((struct slice){s.p + has_plus, s.n - has_plus});
}

static int fold_any(struct slice dialed, struct folded *ret)
{
    struct folded folded = {0};
    for (size_t at = 0, len = 1; at < dialed.n; at += len, len = 1) {
        char c = dialed.p[at];
        enum fold what = (uint8_t)c < 0x80 ? ascii[(uint8_t)c]
                                           : fold_wide(dialed.p + at, dialed.n - at, &len, &c);
        if (what == FOLD_REFUSE)
            return ERR_INVALID;
        folded.was_cut = what == FOLD_END;
        if (folded.was_cut) /* parameters behind it are not for us, but bound all the same */
            break;
        if (what == FOLD_KEEP)
            folded.s[folded.len++] = c;
    }
    if (folded.len == 0)
        return ERR_INVALID;
    folded.is_plain = is_plain((struct slice){folded.s, folded.len});
    *ret = folded;
    return 0;
}

int number_fold(struct slice dialed, struct folded *ret)
{
    if (dialed.n == 0 || dialed.n > NUMBER_DIALED_BYTES_MAX)
        return ERR_INVALID;
    if (!is_plain(dialed))
        return fold_any(dialed, ret);
    memcpy(ret->s, dialed.p, dialed.n);
    ret->s[dialed.n] = '\0';
    ret->len = (uint8_t)dialed.n;
    ret->was_cut = false;
    ret->is_plain = true;
    return 0;
}
