#include "engine/attempts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/attempt_ring.h"
#include "store/store.h"

enum {
    BATCH_ATTEMPTS = 1024,
    BATCH_COUNTS = 2048,
    INDEX_SLOTS = BATCH_COUNTS * 2,
    TICK_MS = 20,   /* the ring holds what some 800,000 decisions a second bring in that time */
    FLUSH_MS = 200, /* each flush is a commit that writers of rules have to wait for */
    RETRY_MS_MIN = 100,
    RETRY_MS_MAX = 5000,
    STOP_MS = 8000, /* how long a store that is away or slow may hold up the end */
    MINUTE_MS = 60000,
};

/* What waits to be written; the thread's own. */
struct batch {
    int64_t since_ms; /* when its first record came */
    unsigned attempts_count, counts_count;
    struct attempt attempts[BATCH_ATTEMPTS];
    struct attempt_count counts[BATCH_COUNTS];
    uint16_t index[INDEX_SLOTS]; /* hash -> place in counts, plus 1 */
};

struct attempts {
    struct attempt_ring ring;
    struct store *store;
    struct batch *batch;
    pthread_t thread;
    atomic_bool is_stopping;
    _Atomic uint64_t dropped, written;
};

void attempts_record(struct attempts *attempts, const struct call *call,
                     const struct verdict *verdict)
{
    if (verdict->reason == REASON_EMERGENCY)
        return;
    if (!attempt_ring_push(&attempts->ring, call, verdict))
        atomic_fetch_add_explicit(&attempts->dropped, 1, memory_order_relaxed);
}

struct attempts_totals attempts_totals(const struct attempts *attempts)
{
    return (struct attempts_totals){
        .recorded = atomic_load_explicit(&attempts->ring.head, memory_order_relaxed),
        .dropped = atomic_load_explicit(&attempts->dropped, memory_order_relaxed),
        .written = atomic_load_explicit(&attempts->written, memory_order_relaxed),
    };
}

/* --- the batch -------------------------------------------------------------------------------- */

static bool is_empty(const struct batch *batch)
{
    return batch->attempts_count == 0 && batch->counts_count == 0;
}

static bool is_full(const struct batch *batch)
{
    return batch->attempts_count == BATCH_ATTEMPTS || batch->counts_count == BATCH_COUNTS;
}

/* The calls that a batch stands for. */
static uint64_t calls_in(const struct batch *batch)
{
    uint64_t calls = batch->attempts_count;
    for (unsigned i = 0; i < batch->counts_count; i++)
        calls += batch->counts[i].count;
    return calls;
}

static void clear(struct batch *batch)
{
    batch->attempts_count = batch->counts_count = 0;
    memset(batch->index, 0, sizeof batch->index);
}

static void count(struct batch *batch, const struct attempt *attempt)
{
    int64_t minute_ms = attempt->at_ms - attempt->at_ms % MINUTE_MS;
    uint64_t hash = hash_slice(slice_of(attempt->tenant)) ^
                    hash_mix(hash_slice(slice_of(attempt->account)) + (uint64_t)minute_ms);
    for (size_t at = hash % INDEX_SLOTS;; at = (at + 1) % INDEX_SLOTS) {
        if (!batch->index[at]) {
            struct attempt_count *new = &batch->counts[batch->counts_count++];
            *new = (struct attempt_count){.minute_ms = minute_ms, .count = 1};
            memcpy(new->tenant, attempt->tenant, sizeof new->tenant);
            memcpy(new->account, attempt->account, sizeof new->account);
            batch->index[at] = (uint16_t)batch->counts_count;
            return;
        }
        struct attempt_count *old = &batch->counts[batch->index[at] - 1];
        if (old->minute_ms == minute_ms && strcmp(old->tenant, attempt->tenant) == 0 &&
            strcmp(old->account, attempt->account) == 0) {
            old->count++;
            return;
        }
    }
}

/* Moves records from the ring until it is empty or the batch is full. */
static void drain(struct attempts *attempts)
{
    struct batch *batch = attempts->batch;
    struct attempt attempt;
    bool is_counted, was_empty = is_empty(batch);
    while (!is_full(batch)) {
        memset(&attempt, 0, sizeof attempt);
        if (!attempt_ring_pop(&attempts->ring, &attempt, &is_counted))
            break;
        if (is_counted)
            count(batch, &attempt);
        else
            batch->attempts[batch->attempts_count++] = attempt;
    }
    if (was_empty)
        batch->since_ms = clock_mono_ms();
}

static void give_up(struct attempts *attempts)
{
    atomic_fetch_add_explicit(&attempts->dropped, calls_in(attempts->batch), memory_order_relaxed);
    clear(attempts->batch);
}

/* Tries once. 0: it is in the store, or can never be. */
static int flush(struct attempts *attempts, struct err *err)
{
    struct batch *batch = attempts->batch;
    int rc = store_attempts_add(attempts->store, batch->attempts, batch->attempts_count,
                                batch->counts, batch->counts_count, err);
    if (rc == ERR_INVALID) { /* the same batch would be refused for ever */
        log_error("attempts_refused", "calls=%llu reason=%s", (unsigned long long)calls_in(batch),
                  err->text);
        give_up(attempts);
        return 0;
    }
    if (rc)
        return rc;
    atomic_fetch_add_explicit(&attempts->written, calls_in(batch), memory_order_relaxed);
    clear(batch);
    return 0;
}

/* --- the thread ------------------------------------------------------------------------------- */

struct retry {
    int64_t wait_ms; /* 0: the last try was good */
    int64_t not_before_ms;
};

static void try_flush(struct attempts *attempts, struct retry *retry)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    if (flush(attempts, &err) == 0) {
        if (retry->wait_ms)
            log_info("attempts_recovered", "dropped=%llu",
                     (unsigned long long)attempts_totals(attempts).dropped);
        *retry = (struct retry){0};
        return;
    }
    if (!retry->wait_ms)
        log_warn("attempts_failed", "reason=%s", log_value(slice_of(err.text), text));
    retry->wait_ms = !retry->wait_ms                      ? RETRY_MS_MIN
                     : retry->wait_ms * 2 < RETRY_MS_MAX ? retry->wait_ms * 2
                                                          : RETRY_MS_MAX;
    retry->not_before_ms = clock_mono_ms() + retry->wait_ms;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static void *write_all(void *context)
{
    struct attempts *attempts = context;
    struct batch *batch = attempts->batch;
    struct retry retry = {0};
    /* Where the processors are all taken, verdicts come first: the ring absorbs, or drops and counts.
     * On Linux a nice value is the thread's own; one that cannot be set changes nothing. */
    enum { NICE = 10 };
    (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    int64_t give_up_at_ms = 0; /* set when stopping begins */
    for (;;) {
        bool is_stopping = atomic_load(&attempts->is_stopping);
        drain(attempts);
        int64_t now_ms = clock_mono_ms();
        if (is_stopping && !give_up_at_ms)
            give_up_at_ms = now_ms + STOP_MS;
        if (is_stopping && (is_empty(batch) || now_ms >= give_up_at_ms))
            return NULL;
        bool was_full = is_full(batch);
        bool is_due = was_full || is_stopping || now_ms - batch->since_ms >= FLUSH_MS;
        if (!is_empty(batch) && is_due && now_ms >= retry.not_before_ms)
            try_flush(attempts, &retry);
        if (retry.wait_ms || !(was_full || is_stopping)) /* else there may be more at once */
            pause_ms(TICK_MS);
    }
}

int attempts_new(struct store *store, struct attempts **ret, struct err *err)
{
    struct attempts *attempts = aligned_alloc(CACHE_LINE_BYTES, sizeof *attempts);
    if (!attempts)
        return err_set(err, ERR_NOMEM, "out of memory");
    memset(attempts, 0, sizeof *attempts);
    attempts->store = store;
    attempts->batch = calloc(1, sizeof *attempts->batch);
    int rc = attempts->batch ? attempt_ring_init(&attempts->ring) : ERR_NOMEM;
    if (rc)
        err_set(err, rc, "out of memory");
    else if (pthread_create(&attempts->thread, NULL, write_all, attempts) != 0)
        rc = err_set(err, ERR_UNAVAILABLE, "no thread for the recorder of attempts");
    if (rc) {
        attempt_ring_release(&attempts->ring);
        free(attempts->batch);
        free(attempts);
        return rc;
    }
    *ret = attempts;
    return 0;
}

void attempts_stop(struct attempts *attempts)
{
    if (!attempts)
        return;
    atomic_store(&attempts->is_stopping, true);
    pthread_join(attempts->thread, NULL);
    uint64_t lost = calls_in(attempts->batch) +
                    (attempts_totals(attempts).recorded - attempts->ring.tail);
    if (lost)
        log_warn("attempts_lost", "calls=%llu", (unsigned long long)lost);
    attempt_ring_release(&attempts->ring);
    free(attempts->batch);
    free(attempts);
}
