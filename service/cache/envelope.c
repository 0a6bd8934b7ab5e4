#include "cache/envelope.h"

#include <sodium.h>

static const char MAGIC[4] = {'S', 'K', 'R', '2'};

struct head {
    char magic[4];
    uint32_t layout;
    int64_t sealed_at_ms;
    uint64_t history;
    uint32_t image_bytes;
} __attribute__((packed));

_Static_assert(sizeof(struct head) == ENVELOPE_HEAD_BYTES, "as drawn in the header");

size_t envelope_bytes(const struct ruleset *ruleset)
{
    return ENVELOPE_HEAD_BYTES + ruleset_image(ruleset).n + ENVELOPE_MAC_BYTES;
}

static void make_mac(const unsigned char *bytes, size_t n, const unsigned char *key, unsigned char *out)
{
    crypto_generichash(out, ENVELOPE_MAC_BYTES, bytes, n, key, ENVELOPE_KEY_BYTES);
}

void envelope_seal(const struct ruleset *ruleset, const unsigned char key[ENVELOPE_KEY_BYTES],
                   struct envelope_mark mark, unsigned char *out)
{
    struct slice image = ruleset_image(ruleset);
    struct head head = {.layout = RULESET_LAYOUT, .sealed_at_ms = mark.sealed_at_ms,
                        .history = mark.history, .image_bytes = (uint32_t)image.n};
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, image.p, image.n);
    make_mac(out, sizeof head + image.n, key, out + sizeof head + image.n);
}

int envelope_open(struct slice sealed, const unsigned char key[ENVELOPE_KEY_BYTES],
                  const struct slice *tenant, struct envelope_mark *ret_mark,
                  struct ruleset **ret, struct err *err)
{
    struct head head;
    unsigned char mac[ENVELOPE_MAC_BYTES];
    if (sealed.n < ENVELOPE_HEAD_BYTES + ENVELOPE_MAC_BYTES)
        return err_set(err, ERR_INVALID, "too short for a ruleset");
    memcpy(&head, sealed.p, sizeof head);
    size_t signed_bytes = sealed.n - ENVELOPE_MAC_BYTES;
    if (memcmp(head.magic, MAGIC, sizeof MAGIC) != 0 ||
        head.image_bytes != signed_bytes - ENVELOPE_HEAD_BYTES)
        return err_set(err, ERR_INVALID, "not a sealed ruleset");
    make_mac((const unsigned char *)sealed.p, signed_bytes, key, mac);
    if (sodium_memcmp(mac, sealed.p + signed_bytes, sizeof mac) != 0)
        return err_set(err, ERR_INVALID, "sealed with another key, or changed");
    if (head.layout != RULESET_LAYOUT)
        return err_set(err, ERR_VERSION, "of another version of the program");

    struct slice image = {sealed.p + sizeof head, head.image_bytes};
    struct ruleset *ruleset;
    int rc = ruleset_from_image(image, &ruleset, err);
    if (rc)
        return rc;
    if (tenant && !slice_equals(ruleset_tenant(ruleset), *tenant)) {
        ruleset_free(ruleset);
        return err_set(err, ERR_INVALID, "another tenant's ruleset");
    }
    *ret_mark = (struct envelope_mark){head.sealed_at_ms, head.history};
    *ret = ruleset;
    return 0;
}
