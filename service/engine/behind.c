#include "engine/behind.h"

#include "base/buf.h"
#include "base/hash.h"

bool behind_has(const struct behind *behind, uint64_t hash)
{
    unsigned count = atomic_load_explicit(&behind->count, memory_order_acquire);
    for (unsigned i = 0; i < count && i < BEHIND_MAX; i++)
        if (atomic_load_explicit(&behind->hashes[i], memory_order_relaxed) == hash)
            return true;
    return count > BEHIND_MAX;
}

static unsigned find(const struct behind *behind, struct slice tenant)
{
    unsigned i = 0, count = atomic_load(&behind->count);
    while (i < count && i < BEHIND_MAX && !slice_equals_text(tenant, behind->each[i].tenant))
        i++;
    return i;
}

void behind_add(struct behind *behind, struct slice tenant, uint64_t revision)
{
    unsigned at = find(behind, tenant), count = atomic_load(&behind->count);
    if (at == BEHIND_MAX) {
        atomic_store(&behind->count, BEHIND_MAX + 1);
        return;
    }
    struct behind_one *one = &behind->each[at];
    memset(one->tenant, 0, sizeof one->tenant);
    memcpy(one->tenant, tenant.p ? tenant.p : "", tenant.n);
    one->revision = revision;
    atomic_store(&behind->hashes[at], hash_slice(tenant));
    if (at == count)
        atomic_store(&behind->count, count + 1);
}

/* A reader in the midst of it may miss the one that is moved, for the moment of one answer. So the last
 * one is copied first, and stands twice until the count shrinks. */
void behind_settle(struct behind *behind, struct slice tenant, uint64_t revision)
{
    unsigned count = atomic_load(&behind->count);
    if (count == 0 || count > BEHIND_MAX)
        return;
    unsigned at = find(behind, tenant);
    if (at == count || behind->each[at].revision > revision)
        return;
    behind->each[at] = behind->each[count - 1];
    atomic_store(&behind->hashes[at], atomic_load(&behind->hashes[count - 1]));
    atomic_store(&behind->count, count - 1);
}

void behind_clear(struct behind *behind)
{
    atomic_store(&behind->count, 0);
}

void behind_text(const struct behind *behind, char text[BEHIND_TEXT_BYTES])
{
    unsigned count = atomic_load(&behind->count);
    struct buf buf = {text, 0, BEHIND_TEXT_BYTES, false};
    text[0] = '\0';
    if (count > BEHIND_MAX)
        buf_add_text(&buf, "*");
    for (unsigned i = 0; i < count && count <= BEHIND_MAX; i++) {
        buf_add_text(&buf, behind->each[i].tenant[0] ? behind->each[i].tenant : "/");
        buf_add_text(&buf, " ");
    }
}

bool behind_text_has(const char *text, struct slice tenant)
{
    struct slice wanted = tenant.n ? tenant : SLICE_LIT("/");
    struct slice rest = slice_of(text);
    if (slice_equals_text(rest, "*"))
        return true;
    while (rest.n) {
        const char *end = memchr(rest.p, ' ', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (slice_equals((struct slice){rest.p, n}, wanted))
            return true;
        n += end != NULL;
        rest = (struct slice){rest.p + n, rest.n - n};
    }
    return false;
}
