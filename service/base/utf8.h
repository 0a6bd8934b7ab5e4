/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SEKISHO_BASE_UTF8_H
#define SEKISHO_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character that starts at `p` (of `n` bytes): 1 to 4, or 0 when it is no UTF-8. */
size_t utf8_len(const char *p, size_t n);

/* The code point of a character for which utf8_len() said `len`. */
uint32_t utf8_point(const char *p, size_t len);

/* Is the whole of it UTF-8 without control characters (C0, DEL, C1, line and paragraph separators)
 * and without characters that reorder the text around them? */
bool utf8_is_plain_text(const char *p, size_t n);

#endif
