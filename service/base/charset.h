/*
 * Texts of spreadsheets: UTF-8, or Shift_JIS as Windows writes it (code page 932).
 *
 * In code page 932 no byte of a two-byte character is a quote, a comma or a line break, so a file
 * may be cut into lines and fields first and each field decoded by itself: one that is broken
 * spoils no other.
 */
#ifndef SEKISHO_BASE_CHARSET_H
#define SEKISHO_BASE_CHARSET_H

#include <iconv.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

enum charset { CHARSET_AUTO, CHARSET_UTF8, CHARSET_SHIFT_JIS };

/* "auto", "utf-8", "shift_jis" */
const char *charset_word(enum charset charset);
/* Of a word, its other names and any case: utf8, sjis, cp932, ms932, windows-31j. ERR_INVALID. */
int charset_of(struct slice word, enum charset *ret, struct err *err) MUST_CHECK;

/* The one in which fewer lines of the text are broken; UTF-8 when both fit alike. */
enum charset charset_detect(struct slice text);

/* Takes the byte order mark of UTF-8 off the start. */
struct slice charset_skip_mark(struct slice text);
/* Is it UTF-16, which nothing here reads? Told by its byte order mark. */
bool charset_is_utf16(struct slice text);

/* Turns texts of one charset into UTF-8, or back. */
struct recoder {
    enum charset charset;
    iconv_t iconv; /* for Shift_JIS */
};

enum recode { RECODE_TO_UTF8, RECODE_FROM_UTF8 };
/* ERR_UNAVAILABLE: the C library of this machine has no such table. */
int recoder_init(struct recoder *recoder, enum charset charset, enum recode way,
                 struct err *err) MUST_CHECK;
void recoder_release(struct recoder *recoder);

/* `text` recoded: itself where nothing changes, else in `out`. ERR_INVALID: broken, or a character
 * that the other charset lacks; ERR_LIMIT: more than `cap` bytes (three times the text always
 * suffice). */
int recode(struct recoder *recoder, struct slice text, char *out, size_t cap, struct slice *ret,
           struct err *err) MUST_CHECK;

#endif
