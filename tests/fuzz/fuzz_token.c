/*
 * Bearer tokens. The first byte says what the rest is:
 *
 *     s   header, a line end, claims: signed here with a key of the ring, so that what is behind the
 *         signature is reached
 *     t   a whole token, as a thief would send it
 *     h   an Authorization header
 *
 * Beside not crashing: only what that key signed is accepted; what is accepted holds together; asking
 * again, when it is remembered, gives the same; at its expiry it is refused.
 */
#include <assert.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdint.h>
#include <unistd.h>

#include "auth/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_BYTES = 16384 };
static const unsigned char secret[32] = "0123456789abcdef0123456789abcdef";
static const int64_t now_ms = 1800000000000;
static const int url = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

static struct auth *make_auth(void)
{
    char folder[] = "/tmp/fuzz_token.XXXXXX", path[64], text[64];
    struct keyring *keyring = NULL;
    struct revocations *revocations = NULL;
    struct auth *auth = NULL;
    bool has_folder = mkdtemp(folder) != NULL;
    assert(has_folder);
    snprintf(path, sizeof path, "%s/k1.hs256", folder);
    sodium_bin2base64(text, sizeof text, secret, sizeof secret, url);
    int fd = open(path, O_WRONLY | O_CREAT, 0400);
    bool is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    assert(is_written);
    close(fd);
    int rc = keyring_load(folder, false, &keyring, NULL) || revocations_new(&revocations, NULL) ||
             auth_new(keyring, revocations, &auth, NULL);
    unlink(path);
    rmdir(folder);
    assert(rc == 0);
    return auth;
}

static void mac_of(struct slice text, unsigned char mac[crypto_auth_hmacsha256_BYTES])
{
    crypto_auth_hmacsha256(mac, (const unsigned char *)text.p, text.n, secret);
}

static size_t add_base64(char *to, size_t at, const void *bytes, size_t n)
{
    size_t room = sodium_base64_encoded_len(n, url);
    sodium_bin2base64(to + at, room, bytes, n, url);
    return at + room - 1;
}

/* "<header>\n<claims>" as a token. */
static struct slice sign(struct slice source, char to[TEXT_BYTES])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    const char *end = memchr(source.p, '\n', source.n);
    size_t header_n = end ? (size_t)(end - source.p) : source.n, rest = source.n - header_n;
    size_t n = add_base64(to, 0, source.p, header_n);
    to[n++] = '.';
    n = add_base64(to, n, source.p + header_n + (rest > 0), rest ? rest - 1 : 0);
    mac_of((struct slice){to, n}, mac);
    to[n++] = '.';
    return (struct slice){to, add_base64(to, n, mac, sizeof mac)};
}

/* The last part is the HMAC of all before it, and there are three. */
static bool is_signed(struct slice token)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char text[64];
    const char *dot = memrchr(token.p, '.', token.n);
    if (!dot)
        return false;
    mac_of((struct slice){token.p, (size_t)(dot - token.p)}, mac);
    sodium_bin2base64(text, sizeof text, mac, sizeof mac, url);
    return slice_equals_text((struct slice){dot + 1, (size_t)(token.p + token.n - dot - 1)}, text);
}

static void check_credential(const struct credential *credential)
{
    unsigned count = 0;
    assert(credential_fault(credential) == NULL);
    assert(credential->expires_at_ms > now_ms && credential->issued_at_ms <= now_ms + 60000);
    assert(credential->expires_at_ms - credential->issued_at_ms <= 400LL * 86400 * 1000);
    for (const char *id = NULL; (id = credential_next_tenant(credential, id)); count++)
        assert(tenant_id_is_valid(slice_of(id)) && credential_covers(credential, slice_of(id)));
    assert(count == credential->tenants_count);
    assert((credential_tenant(credential) != NULL) == role_is_of_tenant(credential->role));
}

static void check_token(struct auth *auth, struct slice token)
{
    struct credential first, again;
    struct err err = {0};
    if (auth_verify(auth, token, now_ms, &first, &err) != 0) {
        assert(err.code == ERR_FORBIDDEN && err.text[0]);
        return;
    }
    assert(is_signed(token));
    check_credential(&first);
    int rc = auth_verify(auth, token, now_ms, &again, NULL);
    assert(rc == 0 && !memcmp(&first, &again, offsetof(struct credential, tenant_ids)) &&
           !memcmp(first.tenant_ids, again.tenant_ids, first.tenant_ids_bytes));
    rc = auth_verify(auth, token, first.expires_at_ms, &again, NULL);
    assert(rc == ERR_FORBIDDEN);
}

static void check_header(struct auth *auth, struct slice header)
{
    char scratch[TOKEN_BYTES_MAX];
    struct slice token = auth_token_of_header(header, scratch);
    bool is_in_header = token.p >= header.p && token.p + token.n <= header.p + header.n,
         is_in_scratch = token.p >= scratch && token.p + token.n <= scratch + sizeof scratch;
    assert(token.n == 0 || is_in_header || is_in_scratch);
    if (token.n)
        check_token(auth, token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth *auth;
    static char text[TEXT_BYTES];
    if (!auth)
        auth = make_auth();
    if (size < 1 || size > TEXT_BYTES / 2)
        return 0;
    struct slice rest = {(const char *)data + 1, size - 1};
    switch (data[0]) {
    case 's': check_token(auth, sign(rest, text)); break;
    case 't': check_token(auth, rest); break;
    case 'h': check_header(auth, rest); break;
    }
    return 0;
}
