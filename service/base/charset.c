#include "base/charset.h"

#include <errno.h>
#include <strings.h>

#include "base/utf8.h"

static const struct {
    const char *name;
    enum charset charset;
} names[] = {
    {"auto", CHARSET_AUTO},       {"utf-8", CHARSET_UTF8},
    {"utf8", CHARSET_UTF8},       {"shift_jis", CHARSET_SHIFT_JIS},
    {"shift-jis", CHARSET_SHIFT_JIS}, {"sjis", CHARSET_SHIFT_JIS},
    {"cp932", CHARSET_SHIFT_JIS}, {"ms932", CHARSET_SHIFT_JIS},
    {"windows-31j", CHARSET_SHIFT_JIS},
};

const char *charset_word(enum charset charset)
{
    static const char *const words[] = {"auto", "utf-8", "shift_jis"};
    return words[charset];
}

int charset_of(struct slice word, enum charset *ret, struct err *err)
{
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (word.n == strlen(names[i].name) && strncasecmp(word.p, names[i].name, word.n) == 0) {
            *ret = names[i].charset;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "charset must be auto, utf-8 or shift_jis");
}

/* --- detecting -------------------------------------------------------------------------------- */

static bool is_utf8(struct slice text)
{
    for (size_t i = 0, len; i < text.n; i += len)
        if ((len = utf8_len(text.p + i, text.n - i)) == 0)
            return false;
    return true;
}

/* By the ranges of its bytes: half-width katakana alone, everything else in twos. */
static bool is_shift_jis(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool is_lead = (c >= 0x81 && c <= 0x9f) || (c >= 0xe0 && c <= 0xfc);
        if (c == 0x80 || c == 0xa0 || c > 0xfc)
            return false;
        if (!is_lead)
            continue;
        if (++i == text.n)
            return false;
        c = (unsigned char)text.p[i];
        if (c < 0x40 || c == 0x7f || c > 0xfc)
            return false;
    }
    return true;
}

enum charset charset_detect(struct slice text)
{
    size_t bad_utf8 = 0, bad_shift_jis = 0;
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        struct slice line = {text.p, end ? (size_t)(end - text.p) : text.n};
        bad_utf8 += !is_utf8(line);
        bad_shift_jis += !is_shift_jis(line);
        text.p += line.n + (end != NULL);
        text.n -= line.n + (end != NULL);
    }
    return bad_shift_jis < bad_utf8 ? CHARSET_SHIFT_JIS : CHARSET_UTF8;
}

struct slice charset_skip_mark(struct slice text)
{
    bool has_mark = slice_starts_with(text, SLICE_LIT("\xef\xbb\xbf"));
    return has_mark ? (struct slice){text.p + 3, text.n - 3} : text;
}

bool charset_is_utf16(struct slice text)
{
    return slice_starts_with(text, SLICE_LIT("\xff\xfe")) ||
           slice_starts_with(text, SLICE_LIT("\xfe\xff"));
}

/* --- recoding --------------------------------------------------------------------------------- */

int recoder_init(struct recoder *recoder, enum charset charset, enum recode way, struct err *err)
{
    bool to_utf8 = way == RECODE_TO_UTF8;
    *recoder = (struct recoder){.charset = charset, .iconv = (iconv_t)-1};
    if (charset != CHARSET_SHIFT_JIS)
        return 0;
    recoder->iconv = iconv_open(to_utf8 ? "UTF-8" : "CP932", to_utf8 ? "CP932" : "UTF-8");
    if (recoder->iconv == (iconv_t)-1)
        return err_set(err, ERR_UNAVAILABLE, "the C library of this machine knows no CP932");
    return 0;
}

void recoder_release(struct recoder *recoder)
{
    if (recoder->iconv != (iconv_t)-1)
        iconv_close(recoder->iconv);
    recoder->iconv = (iconv_t)-1;
}

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] >= 0x80)
            return false;
    return true;
}

int recode(struct recoder *recoder, struct slice text, char *out, size_t cap, struct slice *ret,
           struct err *err)
{
    char *in = (char *)text.p, *end = out;
    size_t left = text.n, room = cap;
    if (is_ascii(text)) { /* the same in both, the backslash too */
        *ret = text;
        return 0;
    }
    if (recoder->charset != CHARSET_SHIFT_JIS) {
        if (!is_utf8(text))
            return err_set(err, ERR_INVALID, "is not UTF-8");
        *ret = text;
        return 0;
    }
    iconv(recoder->iconv, NULL, NULL, NULL, NULL);
    if (iconv(recoder->iconv, &in, &left, &end, &room) == (size_t)-1)
        return errno == E2BIG
                   ? err_set(err, ERR_LIMIT, "is too long")
                   : err_set(err, ERR_INVALID, "has a character that Shift_JIS does not have");
    *ret = (struct slice){out, cap - room};
    return 0;
}
