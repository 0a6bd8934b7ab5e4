#include "base/ulid.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>

#include "base/hash.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* What one thread keeps between two ids. A child of fork() has its parent's copy and would make the
 * same ids: it is told by `generation` and starts afresh. */
struct state {
    unsigned generation;
    int64_t last_ms;
    uint64_t high;   /* the last id's random bits: 16 here, */
    uint64_t low;    /* and 64 here */
    char head[18];   /* its characters but for those of the lowest 40 bits, which alone change mostly */
    uint64_t secret; /* of this millisecond: the steps between its ids are made from it */
    size_t left;     /* bytes of `pool` not yet used */
    unsigned char pool[256];
};

static _Thread_local struct state state;
static atomic_uint generation = 1; /* never 0, which is a thread's before its first id */

static void start_afresh(void)
{
    atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

__attribute__((constructor)) static void watch_forks(void)
{
    /* fails only for want of memory when the program starts: then it had better not run */
    if (pthread_atfork(NULL, NULL, start_afresh) != 0)
        abort();
}

static void take_random(void *out, size_t n)
{
    if (state.left < n) {
        /* the pool never fails to fill: up to 256 bytes are neither cut short nor interrupted */
        if (getrandom(state.pool, sizeof state.pool, 0) != sizeof state.pool)
            abort();
        state.left = sizeof state.pool;
    }
    state.left -= n;
    memcpy(out, state.pool + state.left, n);
}

/* False when only the lowest 40 bits are other than those of the id before. */
static bool next_random(int64_t now_ms)
{
    unsigned now_generation = atomic_load_explicit(&generation, memory_order_relaxed);
    if (state.generation != now_generation)
        state = (struct state){.generation = now_generation};
    if (now_ms == state.last_ms) {
        /* the kernel's own randomness for each would be a tenth of a whole decision */
        uint32_t step = hash_mix(state.secret += 0x9e3779b97f4a7c15ULL) >> 32;
        uint64_t low = state.low + step + 1;
        bool is_new_head = (low ^ state.low) >> 40 != 0;
        state.high += low < state.low;
        state.low = low;
        return is_new_head;
    }
    uint16_t high;
    take_random(&state.low, sizeof state.low);
    take_random(&high, sizeof high);
    take_random(&state.secret, sizeof state.secret);
    state.high = high & 0x7fff; /* room to count upwards */
    state.last_ms = now_ms;
    return true;
}

/* Twenty bits as four characters. */
static void put4(char out[4], uint64_t bits)
{
    out[0] = alphabet[bits >> 15 & 31];
    out[1] = alphabet[bits >> 10 & 31];
    out[2] = alphabet[bits >> 5 & 31];
    out[3] = alphabet[bits & 31];
}

static void write_head(int64_t now_ms, char head[18])
{
    uint64_t time = (uint64_t)now_ms & 0xffffffffffff;
    head[0] = alphabet[time >> 45];
    head[1] = alphabet[time >> 40 & 31];
    put4(head + 2, time >> 20);
    put4(head + 6, time);
    put4(head + 10, state.high << 4 | state.low >> 60);
    put4(head + 14, state.low >> 40);
}

void ulid_make(int64_t now_ms, char out[ULID_BYTES])
{
    if (next_random(now_ms))
        write_head(now_ms, state.head);
    memcpy(out, state.head, sizeof state.head);
    put4(out + 18, state.low >> 20);
    put4(out + 22, state.low);
    out[ULID_CHARS] = '\0';
}

bool ulid_is_valid(struct slice text)
{
    if (text.n != ULID_CHARS || text.p[0] > '7')
        return false;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\0' || !strchr(alphabet, text.p[i]))
            return false;
    return true;
}
