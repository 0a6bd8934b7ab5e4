/* Secrets and signatures of webhooks. */
#include <sodium.h>
#include <stdio.h>

#include "jobs/secret_file.h"
#include "jobs/webhook.h"

enum { LINE_BYTES_MIN = 16 };

static int add_line(struct webhook_keys *keys, struct slice line, struct err *err)
{
    if (keys->count == WEBHOOK_KEYS_MAX)
        return err_set(err, ERR_INVALID, "more than %d lines", WEBHOOK_KEYS_MAX);
    if (line.n < LINE_BYTES_MIN)
        return err_set(err, ERR_INVALID, "a line of less than %d bytes", LINE_BYTES_MIN);
    crypto_generichash(keys->keys[keys->count++], sizeof keys->keys[0],
                       (const unsigned char *)line.p, line.n, NULL, 0);
    return 0;
}

int webhook_keys_load(const char *file, const struct keyring *keyring, struct webhook_keys *ret,
                      struct err *err)
{
    char text[SECRET_BYTES_MAX];
    struct webhook_keys keys = {0};
    if (!file) { /* the signing key alone: receivers know one secret, not all that ever were */
        ret->count = keyring_derive_all(keyring, "webhooks", ret->keys, 1);
        return 0;
    }
    int r = secret_file_read(file, text, err);
    if (r < 0)
        return r;
    for (const char *at = text; *at && r == 0;) {
        size_t n = strcspn(at, "\r\n");
        r = add_line(&keys, (struct slice){at, n}, err);
        at += n;
        at += strspn(at, "\r\n");
    }
    sodium_memzero(text, sizeof text);
    if (r == 0)
        *ret = keys;
    return r < 0 ? err_context(err, "%s", file) : 0;
}

static void tenant_key(const unsigned char *key, struct slice tenant,
                       unsigned char out[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, 32);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)tenant.p, tenant.n);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof state);
}

int webhook_secret(const struct webhook_keys *keys, struct slice tenant,
                   char out[WEBHOOK_SECRET_BYTES], struct err *err)
{
    unsigned char key[crypto_auth_hmacsha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof key, sodium_base64_VARIANT_ORIGINAL)];
    if (keys->count == 0)
        return err_set(err, ERR_UNAVAILABLE, "no secret: neither --webhook-secret nor an HS256 key");
    tenant_key(keys->keys[0], tenant, key);
    snprintf(out, WEBHOOK_SECRET_BYTES, "whsec_%s",
             sodium_bin2base64(text, sizeof text, key, sizeof key,
                               sodium_base64_VARIANT_ORIGINAL));
    sodium_memzero(key, sizeof key);
    sodium_memzero(text, sizeof text);
    return 0;
}

void webhook_sign(const struct webhook_keys *keys, const struct outbox_message *message,
                  int64_t timestamp_s, char out[WEBHOOK_SIGNATURE_BYTES])
{
    char head[64];
    size_t at = 0;
    int n = snprintf(head, sizeof head, "%s.%lld.", message->id, (long long)timestamp_s);
    for (unsigned i = 0; i < keys->count; i++) {
        unsigned char key[crypto_auth_hmacsha256_BYTES], mac[crypto_auth_hmacsha256_BYTES];
        char text[sodium_base64_ENCODED_LEN(sizeof mac, sodium_base64_VARIANT_ORIGINAL)];
        crypto_auth_hmacsha256_state state;
        tenant_key(keys->keys[i], slice_of(message->tenant), key);
        crypto_auth_hmacsha256_init(&state, key, sizeof key);
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, (size_t)n);
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)message->body,
                                      strlen(message->body));
        crypto_auth_hmacsha256_final(&state, mac);
        sodium_memzero(key, sizeof key);
        at += (size_t)snprintf(out + at, WEBHOOK_SIGNATURE_BYTES - at, "%sv1,%s", i ? " " : "",
                               sodium_bin2base64(text, sizeof text, mac, sizeof mac,
                                                 sodium_base64_VARIANT_ORIGINAL));
    }
}
