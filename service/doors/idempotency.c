#include "doors/idempotency.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

/* Quoted as a structured field string (RFC 8941 section 3.3.3) or bare; printable ASCII either way. */
static int parse_key(struct slice header, struct slice *ret, struct err *err)
{
    struct slice key = header;
    if (key.n >= 2 && key.p[0] == '"' && key.p[key.n - 1] == '"')
        key = (struct slice){key.p + 1, key.n - 2};
    bool is_plain = true;
    for (size_t i = 0; i < key.n; i++)
        is_plain = is_plain && key.p[i] >= ' ' && key.p[i] <= '~' && key.p[i] != '"';
    if (key.n == 0 || key.n > IDEMPOTENCY_KEY_BYTES_MAX || !is_plain)
        return err_set(err, ERR_INVALID, "Idempotency-Key must be 1 to %d printable characters",
                       IDEMPOTENCY_KEY_BYTES_MAX);
    *ret = key;
    return 0;
}

static void add(crypto_generichash_state *state, struct slice part)
{
    unsigned char n[4] = {(unsigned char)(part.n >> 24), (unsigned char)(part.n >> 16),
                          (unsigned char)(part.n >> 8), (unsigned char)part.n};
    crypto_generichash_update(state, n, sizeof n);
    crypto_generichash_update(state, (const unsigned char *)part.p, part.n);
}

/* What makes two requests the same. The role is in it: what one role may see is not another's. */
static uint64_t fingerprint_of(const struct request *request)
{
    crypto_generichash_state state;
    unsigned char hash[crypto_generichash_BYTES_MIN];
    uint64_t fingerprint;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    add(&state, request->method);
    add(&state, request->path);
    for (const char *const *name = request->route->query; name && *name; name++)
        add(&state, request_query(request, *name));
    add(&state, slice_of(request->actor.role));
    add(&state, request->body);
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(&fingerprint, hash, sizeof fingerprint);
    return fingerprint;
}

int idempotency_of(const struct request *request, struct slice tenant, struct idempotency *ret,
                   struct err *err)
{
    struct idempotency parsed = {.key = SLICE_NONE};
    struct slice header = request_header(request, "Idempotency-Key");
    if (header.p) {
        int rc = parse_key(header, &parsed.key, err);
        if (rc)
            return rc;
        parsed.scope = slice_is_empty(tenant) ? SLICE_LIT("/") : tenant; /* "/" is no tenant's id */
        parsed.fingerprint = fingerprint_of(request);
    }
    *ret = parsed;
    return 0;
}

/* --- the kept answer ---------------------------------------------------------------------------- */

/* "ETag: 7\nLocation: …\nSekisho-Revision: 9\n" */
static char *write_headers(const struct response *response, struct arena *arena)
{
    return arena_printf(arena, "ETag: %" PRIu64 "\nSekisho-Revision: %" PRIu64 "\nLocation: %s\n",
                        response->etag, response->revision,
                        response->location ? response->location : "");
}

static struct slice kept_header(const char *headers, const char *name)
{
    const char *value = strstr(headers, name);
    if (!value)
        return SLICE_NONE;
    value += strlen(name);
    return (struct slice){value, strcspn(value, "\n")};
}

static int restore(const struct kept_answer *kept, struct arena *arena, struct response *response,
                   struct err *err)
{
    struct slice location = kept_header(kept->headers, "Location: ");
    struct slice etag = kept_header(kept->headers, "ETag: ");
    struct slice revision = kept_header(kept->headers, "Sekisho-Revision: ");
    *response = (struct response){.status = kept->status};
    if (kept->body[0])
        response->text = slice_of(kept->body);
    response->etag = etag.p ? strtoull(etag.p, NULL, 10) : 0;
    response->has_revision = revision.p != NULL;
    response->revision = revision.p ? strtoull(revision.p, NULL, 10) : 0;
    if (location.n) {
        response->location = arena_copy(arena, location);
        if (!response->location)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    return 0;
}

int idempotency_replay(const struct idempotency *idempotency, struct txn *txn,
                       const struct request *request, struct response *response,
                       bool *ret_is_replay, struct err *err)
{
    struct kept_answer kept;
    struct err why = {0};
    *ret_is_replay = false;
    if (slice_is_empty(idempotency->key))
        return 0;
    int rc = store_idempotency_get(txn, idempotency->scope, idempotency->key,
                                   idempotency->fingerprint, request->arena, &kept, &why);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == ERR_MISMATCH)
        return err_set(err, rc, "Idempotency-Key was used with another request");
    if (rc)
        return err_set(err, rc, "%s", why.text);
    *ret_is_replay = true;
    return restore(&kept, request->arena, response, err);
}

int idempotency_keep(const struct idempotency *idempotency, struct txn *txn,
                     const struct request *request, struct response *response, struct err *err)
{
    if (slice_is_empty(idempotency->key))
        return 0;
    if (response->json) {
        char *text = json_dumps(response->json, JSON_COMPACT);
        char *copy = text ? arena_copy(request->arena, slice_of(text)) : NULL;
        free(text);
        if (!copy)
            return err_set(err, ERR_NOMEM, "out of memory");
        json_decref(response->json);
        response->json = NULL;
        response->text = slice_of(copy);
    }
    struct kept_answer kept = {
        .status = response->status ? response->status : 200,
        .headers = write_headers(response, request->arena),
        .body = response->text.p ? response->text.p : "",
    };
    if (!kept.headers)
        return err_set(err, ERR_NOMEM, "out of memory");
    return store_idempotency_put(txn, idempotency->scope, idempotency->key,
                                 idempotency->fingerprint, &kept, err);
}
