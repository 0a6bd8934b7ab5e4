/*
 * base64 and base64url (RFC 4648) in their one spelling: no spaces, no bits left over. For auth/ only.
 *
 * Around libsodium's decoder, whose 1.0.18 takes some bytes above 0x7f for letters: a token would then
 * have several spellings of one signature.
 */
#ifndef SEKISHO_AUTH_BASE64_H
#define SEKISHO_AUTH_BASE64_H

#include <sodium.h>
#include <stdbool.h>

#include "base/slice.h"

enum {
    BASE64_PLAIN = sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
    BASE64_URL = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

/* false when it is none, or longer than `cap` bytes. No padding: the caller takes it off. */
static inline bool base64_decode(struct slice text, int variant, void *bytes, size_t cap, size_t *ret)
{
    unsigned char all = 0;
    for (size_t i = 0; i < text.n; i++)
        all |= (unsigned char)text.p[i];
    return all < 0x80 &&
           sodium_base642bin(bytes, cap, text.p, text.n, NULL, ret, NULL, variant) == 0;
}

#endif
