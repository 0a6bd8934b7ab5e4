#include "dialed.h"

/* N is any digit */
static const struct shape {
    unsigned per_mille;
    bool is_wide; /* in full-width digits */
    const char *text;
} shapes[] = {
    {190, false, "03NNNNNNNN"},
    {100, false, "06NNNNNNNN"},
    {80, false, "045NNNNNNN"},
    {180, false, "090NNNNNNNN"},
    {70, false, "080NNNNNNNN"},
    {30, false, "050NNNNNNNN"},
    {30, false, "0120NNNNNN"},
    {20, false, "0570NNNNNN"},
    {60, false, "0101212NNNNNNN"},
    {30, false, "01044207NNNNNNN"},
    {30, false, "0108210NNNNNNNN"},
    {20, false, "01086138NNNNNNNN"},
    {5, false, "01025261NNNNNN"},
    {40, false, "+8190NNNNNNNN"},
    {25, false, "+1415NNNNNNN"},
    {15, false, "+4420NNNNNNNN"},
    {20, false, "03-NNNN-NNNN"},
    {10, false, "010-1-212-NNN-NNNN"},
    {10, false, "+1 (415) NNN-NNNN"},
    {10, false, "18403NNNNNNNN"},
    {10, false, "186090NNNNNNNN"},
    {5, false, "0033010852NNNNNNNN"},
    {5, false, "1220033010882NNNNNNN"},
    {3, true, "0906NNNNNNN"},
    {2, true, "01044207NNNNNNN"},
};

static const struct shape *any_shape(struct random *dice)
{
    unsigned at = random_below(dice, 1000);
    const struct shape *shape = shapes;
    for (; at >= shape->per_mille; shape++)
        at -= shape->per_mille;
    return shape;
}

unsigned dialed_make(struct random *dice, char ret[NUMBER_DIALED_BYTES_MAX + 1])
{
    const struct shape *shape = any_shape(dice);
    unsigned n = 0;
    for (const char *p = shape->text; *p; p++) {
        char c = *p == 'N' ? (char)('0' + random_below(dice, 10)) : *p;
        if (shape->is_wide) { /* U+FF10 to U+FF19 */
            ret[n++] = '\xef';
            ret[n++] = '\xbc';
            c = (char)(0x90 + c - '0');
        }
        ret[n++] = c;
    }
    ret[n] = '\0';
    return n;
}
