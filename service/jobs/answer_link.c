#include "jobs/answer_link.h"

#include <sodium.h>

enum {
    VERSION = 1,
    EXPIRY_BYTES = 8,
    MAC_BYTES = 24,
    TEXT_BYTES_MAX = 1 + EXPIRY_BYTES + ULID_BYTES + TENANT_ID_BYTES + ACCOUNT_ID_BYTES,
};

void answer_keys_init(struct answer_keys *keys, const struct keyring *keyring)
{
    keys->count = keyring_derive_all(keyring, "answer links", keys->keys, ANSWER_KEYS_MAX);
}

static void make_mac(const unsigned char *key, const unsigned char *text, size_t n,
                     unsigned char mac[MAC_BYTES])
{
    crypto_generichash(mac, MAC_BYTES, text, n, key, KEYRING_DERIVED_BYTES);
}

static bool names_are_valid(const struct answer_link *link)
{
    return ulid_is_valid(slice_of(link->campaign)) && tenant_id_is_valid(slice_of(link->tenant)) &&
           (!link->account[0] || account_id_is_valid(slice_of(link->account)));
}

int answer_link_make(const struct answer_keys *keys, const struct answer_link *link,
                     char token[ANSWER_TOKEN_BYTES], struct err *err)
{
    unsigned char bytes[TEXT_BYTES_MAX + MAC_BYTES] = {VERSION};
    const char *names[] = {link->campaign, link->tenant, link->account};
    size_t n = 1;
    if (keys->count == 0)
        return err_set(err, ERR_UNAVAILABLE, "the keys have no HS256 key to sign links with");
    if (!names_are_valid(link) || link->expires_at_ms <= 0)
        return err_set(err, ERR_INVALID, "a link needs a campaign, a tenant and an end");
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes[n++] = (unsigned char)(link->expires_at_ms >> shift);
    for (unsigned i = 0; i < 3; i++) {
        size_t length = strlen(names[i]) + 1; /* with its NUL, so that names cannot run together */
        memcpy(bytes + n, names[i], length);
        n += length;
    }
    make_mac(keys->keys[0], bytes, n, bytes + n);
    sodium_bin2base64(token, ANSWER_TOKEN_BYTES, bytes, n + MAC_BYTES,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return 0;
}

/* Every key is tried, whichever fits, so that time tells nothing. */
static bool is_signed(const struct answer_keys *keys, const unsigned char *bytes, size_t n)
{
    unsigned char mac[MAC_BYTES];
    bool is_good = false;
    for (unsigned i = 0; i < keys->count; i++) {
        make_mac(keys->keys[i], bytes, n, mac);
        is_good |= sodium_memcmp(mac, bytes + n, MAC_BYTES) == 0;
    }
    return is_good;
}

/* The next NUL-ended name to `out`; false when there is none or it is too long. */
static bool take_name(struct slice *text, char *out, size_t cap)
{
    const char *end = text->n ? memchr(text->p, '\0', text->n) : NULL;
    size_t n = end ? (size_t)(end - text->p) + 1 : 0;
    if (n == 0 || n > cap)
        return false;
    memcpy(out, text->p, n);
    *text = (struct slice){text->p + n, text->n - n};
    return true;
}

int answer_link_check(const struct answer_keys *keys, struct slice token, int64_t now_ms,
                      struct answer_link *ret, struct err *err)
{
    unsigned char bytes[TEXT_BYTES_MAX + MAC_BYTES];
    struct answer_link link = {0};
    size_t n = 0;
    unsigned char all = 0; /* libsodium before 1.0.19 takes some bytes above 0x7f for letters */
    for (size_t i = 0; i < token.n; i++)
        all |= (unsigned char)token.p[i];
    if (all >= 0x80 || sodium_base642bin(bytes, sizeof bytes, token.p, token.n, NULL, &n, NULL,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING) ||
        n < 1 + EXPIRY_BYTES + MAC_BYTES || !is_signed(keys, bytes, n - MAC_BYTES) ||
        bytes[0] != VERSION)
        return err_set(err, ERR_INVALID, "not a link of ours");
    uint64_t expiry = 0;
    for (unsigned i = 0; i < EXPIRY_BYTES; i++)
        expiry = expiry << 8 | bytes[1 + i];
    link.expires_at_ms = (int64_t)expiry;
    struct slice rest = {(const char *)bytes + 1 + EXPIRY_BYTES, n - 1 - EXPIRY_BYTES - MAC_BYTES};
    bool is_whole = take_name(&rest, link.campaign, sizeof link.campaign) &&
                    take_name(&rest, link.tenant, sizeof link.tenant) &&
                    take_name(&rest, link.account, sizeof link.account) && rest.n == 0;
    if (!is_whole || !names_are_valid(&link))
        return err_set(err, ERR_INVALID, "not a link of ours");
    *ret = link;
    return now_ms < link.expires_at_ms ? 0 : err_set(err, ERR_STALE, "the link has expired");
}
