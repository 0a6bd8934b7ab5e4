#include "doors/cursor.h"

#include <sodium.h>

enum {
    MAC_BYTES = crypto_generichash_BYTES_MIN,
    POSITION_BYTES_MAX = 128,
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

int page_limit_parse(struct slice text, unsigned *ret, struct err *err)
{
    unsigned limit = 0;
    if (!text.p) {
        *ret = PAGE_LIMIT_DEFAULT;
        return 0;
    }
    bool is_number = text.n >= 1 && text.n <= 3;
    for (size_t i = 0; i < text.n && is_number; i++) {
        is_number = text.p[i] >= '0' && text.p[i] <= '9';
        limit = limit * 10 + (unsigned)(text.p[i] - '0');
    }
    if (!is_number || limit < 1 || limit > PAGE_LIMIT_MAX)
        return err_set(err, ERR_INVALID, "limit must be a whole number from 1 to %d",
                       PAGE_LIMIT_MAX);
    *ret = limit;
    return 0;
}

/* Keyed BLAKE2b over the list's name, its length first so that no two lists read alike, and the rest. */
static void sign(const unsigned char *key, struct slice list, struct slice position,
                 unsigned char mac[MAC_BYTES])
{
    crypto_generichash_state state;
    unsigned char n[2] = {(unsigned char)(list.n >> 8), (unsigned char)list.n};
    crypto_generichash_init(&state, key, CURSOR_KEY_BYTES, MAC_BYTES);
    crypto_generichash_update(&state, n, sizeof n);
    crypto_generichash_update(&state, (const unsigned char *)list.p, list.n);
    crypto_generichash_update(&state, (const unsigned char *)position.p, position.n);
    crypto_generichash_final(&state, mac, MAC_BYTES);
}

char *cursor_sign(const unsigned char key[CURSOR_KEY_BYTES], struct slice list,
                  struct slice position, struct arena *arena)
{
    unsigned char bytes[MAC_BYTES + POSITION_BYTES_MAX];
    if (position.n > POSITION_BYTES_MAX)
        return NULL;
    sign(key, list, position, bytes);
    memcpy(bytes + MAC_BYTES, position.p, position.n);
    size_t room = sodium_base64_ENCODED_LEN(MAC_BYTES + position.n, VARIANT);
    char *text = arena_alloc(arena, room);
    return text ? sodium_bin2base64(text, room, bytes, MAC_BYTES + position.n, VARIANT) : NULL;
}

int cursor_open(const unsigned char key[CURSOR_KEY_BYTES], struct slice list, struct slice cursor,
                struct arena *arena, struct slice *ret, struct err *err)
{
    unsigned char bytes[MAC_BYTES + POSITION_BYTES_MAX], mac[MAC_BYTES];
    size_t n = 0;
    if (sodium_base642bin(bytes, sizeof bytes, cursor.p, cursor.n, NULL, &n, NULL, VARIANT) ||
        n < MAC_BYTES)
        return err_set(err, ERR_INVALID, "cursor is not one that was handed out");
    struct slice position = {(const char *)bytes + MAC_BYTES, n - MAC_BYTES};
    sign(key, list, position, mac);
    if (sodium_memcmp(mac, bytes, MAC_BYTES) != 0)
        return err_set(err, ERR_INVALID, "cursor belongs to another list");
    char *copy = arena_copy(arena, position);
    if (!copy)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = (struct slice){copy, position.n};
    return 0;
}
