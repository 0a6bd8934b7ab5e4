#include "doors/deadline.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { SWEEP_MS = 100 };

struct deadlines {
    pthread_mutex_t lock; /* guards first and the links; sockets in the table are open */
    pthread_cond_t wake;
    struct deadline *first;
    bool is_ending;
    pthread_t sweeper;
    atomic_int_fast64_t now_ms; /* monotonic, at most a sweep old */
    struct metrics *metrics;
    enum door door;
};

static const int64_t limits_ms[PHASE_COUNT] = {
    [PHASE_HEADER] = HEADER_MS, [PHASE_BODY] = BODY_MS, [PHASE_HANDLER] = CONNECTION_MS,
    [PHASE_ANSWER] = ANSWER_MS, [PHASE_IDLE] = IDLE_MS,
};

static int64_t get(const atomic_int_fast64_t *time_ms)
{
    return atomic_load_explicit(time_ms, memory_order_relaxed);
}

/* Late in its phase, or old and out of grace: an old one may still finish what it is doing. */
static bool is_late(const struct deadline *deadline, int64_t now_ms)
{
    return now_ms >= get(&deadline->due_ms) || now_ms >= get(&deadline->ends_ms) + ANSWER_MS;
}

/* shutdown() does not wait, and the lock is what keeps the socket from being closed and its number
 * given to another; the library then sees the end of the stream and closes in its own thread. */
static void cut_off(struct deadline *deadline)
{
    shutdown(deadline->fd, SHUT_RDWR);
    deadline->is_cut = true;
}

static void sweep(struct deadlines *table)
{
    int64_t now_ms = clock_mono_ms();
    atomic_store_explicit(&table->now_ms, now_ms, memory_order_relaxed);
    for (struct deadline *deadline = table->first; deadline; deadline = deadline->next) {
        int phase = atomic_load_explicit(&deadline->phase, memory_order_relaxed);
        if (deadline->is_cut || phase == PHASE_HANDLER || !is_late(deadline, now_ms))
            continue;
        cut_off(deadline);
        if (phase != PHASE_IDLE)
            metrics_cut_off(table->metrics, table->door);
    }
}

static void *run_sweeper(void *context)
{
    struct deadlines *table = context;
    pthread_mutex_lock(&table->lock);
    while (!table->is_ending) {
        sweep(table);
        int64_t until_ms = clock_mono_ms() + SWEEP_MS;
        struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
        pthread_cond_timedwait(&table->wake, &table->lock, &until);
    }
    pthread_mutex_unlock(&table->lock);
    return NULL;
}

int deadlines_new(struct metrics *metrics, enum door door, struct deadlines **ret, struct err *err)
{
    pthread_condattr_t monotonic;
    struct deadlines *table = calloc(1, sizeof *table);
    if (!table)
        return err_set(err, ERR_NOMEM, "no memory for deadlines");
    table->metrics = metrics;
    table->door = door;
    atomic_init(&table->now_ms, clock_mono_ms());
    pthread_mutex_init(&table->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&table->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int rc = pthread_create(&table->sweeper, NULL, run_sweeper, table);
    if (rc) {
        pthread_cond_destroy(&table->wake);
        pthread_mutex_destroy(&table->lock);
        free(table);
        return err_set(err, ERR_NOMEM, "thread: %s", strerror(rc));
    }
    *ret = table;
    return 0;
}

void deadlines_free(struct deadlines *table)
{
    if (!table)
        return;
    pthread_mutex_lock(&table->lock);
    table->is_ending = true;
    pthread_cond_signal(&table->wake);
    pthread_mutex_unlock(&table->lock);
    pthread_join(table->sweeper, NULL);
    pthread_cond_destroy(&table->wake);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

void deadline_add(struct deadlines *table, struct deadline *deadline, int fd)
{
    deadline->table = table;
    deadline->fd = fd;
    deadline->is_cut = false;
    atomic_init(&deadline->ends_ms, clock_mono_ms() + CONNECTION_MS);
    deadline_enter(deadline, PHASE_HEADER);
    pthread_mutex_lock(&table->lock);
    deadline->next = table->first;
    deadline->link = &table->first;
    if (table->first)
        table->first->link = &deadline->next;
    table->first = deadline;
    pthread_mutex_unlock(&table->lock);
}

void deadline_remove(struct deadline *deadline)
{
    pthread_mutex_lock(&deadline->table->lock);
    *deadline->link = deadline->next;
    if (deadline->next)
        deadline->next->link = deadline->link;
    pthread_mutex_unlock(&deadline->table->lock);
}

void deadline_enter(struct deadline *deadline, enum phase phase)
{
    int64_t due_ms = get(&deadline->table->now_ms) + limits_ms[phase];
    atomic_store_explicit(&deadline->due_ms, due_ms, memory_order_relaxed);
    atomic_store_explicit(&deadline->phase, (int)phase, memory_order_relaxed);
}

bool deadline_is_old(const struct deadline *deadline)
{
    return get(&deadline->table->now_ms) >= get(&deadline->ends_ms);
}

unsigned deadlines_busy(struct deadlines *table)
{
    unsigned busy = 0;
    pthread_mutex_lock(&table->lock);
    for (struct deadline *deadline = table->first; deadline; deadline = deadline->next)
        busy += atomic_load_explicit(&deadline->phase, memory_order_relaxed) != PHASE_IDLE;
    pthread_mutex_unlock(&table->lock);
    return busy;
}

void deadlines_cut(struct deadlines *table, bool idle_only)
{
    pthread_mutex_lock(&table->lock);
    for (struct deadline *deadline = table->first; deadline; deadline = deadline->next) {
        int phase = atomic_load_explicit(&deadline->phase, memory_order_relaxed);
        if (phase == PHASE_IDLE || (!idle_only && phase != PHASE_HANDLER))
            cut_off(deadline);
    }
    pthread_mutex_unlock(&table->lock);
}
