#include "base/utf8.h"

uint32_t utf8_point(const char *p, size_t len)
{
    static const uint8_t lead_mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = (uint8_t)p[0] & lead_mask[len];
    for (size_t i = 1; i < len; i++)
        point = point << 6 | ((uint8_t)p[i] & 0x3f);
    return point;
}

size_t utf8_len(const char *p, size_t n)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (n == 0)
        return 0;
    uint8_t c = (uint8_t)p[0];
    if (c < 0x80)
        return 1;
    size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
    if (len == 0 || len > n || c > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if (((uint8_t)p[i] & 0xc0) != 0x80)
            return 0;
    uint32_t point = utf8_point(p, len);
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < least[len] || point > 0x10ffff || surrogate ? 0 : len;
}

bool utf8_is_plain_text(const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = utf8_len(p + i, n - i);
        if (len == 0)
            return false;
        uint32_t point = utf8_point(p + i, len);
        bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
        /* line and paragraph separators; what reorders text around it (Unicode UAX 9), and with that
         * can make a number on a screen read as another */
        bool reorders = (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
        if (control || reorders)
            return false;
        i += len;
    }
    return true;
}
