#include "base/ulid.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/random.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* What one thread keeps between two ids. A child of fork() has its parent's copy and would make the
 * same ids: it is told by `generation` and starts afresh. */
struct state {
    unsigned generation;
    int64_t last_ms;
    uint64_t high; /* the last id's random bits: 16 here, */
    uint64_t low;  /* and 64 here */
    size_t left;   /* bytes of `pool` not yet used */
    unsigned char pool[4096];
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
        /* the pool never fails to fill: up to 256 bytes a call are neither cut nor interrupted */
        for (size_t at = 0; at < sizeof state.pool; at += 256)
            if (getrandom(state.pool + at, 256, 0) != 256)
                abort();
        state.left = sizeof state.pool;
    }
    state.left -= n;
    memcpy(out, state.pool + state.left, n);
}

static void next_random(int64_t now_ms)
{
    unsigned now_generation = atomic_load_explicit(&generation, memory_order_relaxed);
    if (state.generation != now_generation)
        state = (struct state){.generation = now_generation};
    if (now_ms == state.last_ms) {
        uint32_t step;
        take_random(&step, sizeof step);
        uint64_t low = state.low + step + 1;
        state.high += low < state.low;
        state.low = low;
        return;
    }
    uint16_t high;
    take_random(&state.low, sizeof state.low);
    take_random(&high, sizeof high);
    state.high = high & 0x7fff; /* room to count upwards */
    state.last_ms = now_ms;
}

void ulid_make(int64_t now_ms, char out[ULID_BYTES])
{
    next_random(now_ms);
    uint64_t time = (uint64_t)now_ms & 0xffffffffffff;
    for (int i = 9; i >= 0; i--, time >>= 5)
        out[i] = alphabet[time & 31];
    uint64_t low = state.low;
    for (int i = 25; i >= 14; i--, low >>= 5)
        out[i] = alphabet[low & 31];
    uint64_t high = state.high << 4 | low; /* 12 characters took 60 bits of the 64 */
    for (int i = 13; i >= 10; i--, high >>= 5)
        out[i] = alphabet[high & 31];
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
