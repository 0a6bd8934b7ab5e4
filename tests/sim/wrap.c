/*
 * What the linker puts in the place of the system's functions (sim.mk, --wrap): threads are fibers,
 * clocks are ours, randomness comes from the seed, and disks need no time.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

#include "fiber.h"

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *argument);
int __wrap_pthread_join(pthread_t thread, void **ret);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex);
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until);
int __wrap_pthread_cond_signal(pthread_cond_t *cond);
int __wrap_pthread_cond_broadcast(pthread_cond_t *cond);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret);
ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags);
int __wrap_fsync(int fd);

/* --- threads ---------------------------------------------------------------------------------- */

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
                          void *argument)
{
    (void)attr;
    *ret = (pthread_t)(uintptr_t)fiber_start("a thread", fiber_owner(), fn, argument, true);
    return 0;
}

int __wrap_pthread_join(pthread_t thread, void **ret)
{
    fiber_join((struct fiber *)(uintptr_t)thread);
    if (ret)
        *ret = NULL;
    return 0;
}

/* --- locks: the mutex's own first word says whether it is held -------------------------------- */

static bool is_free(void *mutex)
{
    return ((pthread_mutex_t *)mutex)->__data.__lock == 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!is_free(mutex))
        fiber_wait(is_free, mutex, NEVER_MS);
    mutex->__data.__lock = 1;
    return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (is_free(mutex))
        abort();
    mutex->__data.__lock = 0;
    return 0;
}

/* --- conditions: who waits for which ---------------------------------------------------------- */

enum { WAITERS_MAX = 128 };

static struct waiter {
    const pthread_cond_t *cond; /* NULL: this place is free */
    bool is_woken;
} waiters[WAITERS_MAX];

static bool is_woken(void *waiter)
{
    return ((struct waiter *)waiter)->is_woken;
}

static bool wait_for(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t ms)
{
    struct waiter *waiter = waiters;
    while (waiter->cond)
        if (++waiter == waiters + WAITERS_MAX)
            abort();
    *waiter = (struct waiter){.cond = cond};
    __wrap_pthread_mutex_unlock(mutex);
    bool in_time = fiber_wait(is_woken, waiter, ms);
    waiter->cond = NULL;
    __wrap_pthread_mutex_lock(mutex);
    return in_time;
}

int __wrap_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    wait_for(cond, mutex, NEVER_MS);
    return 0;
}

/* All of ours wait by the monotonic clock. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    int64_t ns = (int64_t)until->tv_sec * 1000000000 + until->tv_nsec - sim_now_ns();
    return wait_for(cond, mutex, ns <= 0 ? 0 : (ns + 999999) / 1000000) ? 0 : ETIMEDOUT;
}

int __wrap_pthread_cond_signal(pthread_cond_t *cond)
{
    for (struct waiter *waiter = waiters; waiter < waiters + WAITERS_MAX; waiter++)
        if (waiter->cond == cond && !waiter->is_woken) {
            waiter->is_woken = true;
            break;
        }
    return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *cond)
{
    for (struct waiter *waiter = waiters; waiter < waiters + WAITERS_MAX; waiter++)
        if (waiter->cond == cond)
            waiter->is_woken = true;
    return 0;
}

/* --- the rest --------------------------------------------------------------------------------- */

int __wrap_clock_gettime(clockid_t id, struct timespec *ret)
{
    bool is_wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    int64_t ns = is_wall ? owner_wall_ns(fiber_owner()) : sim_now_ns();
    *ret = (struct timespec){ns / 1000000000, ns % 1000000000};
    return 0;
}

ssize_t __wrap_getrandom(void *out, size_t n, unsigned flags)
{
    (void)flags;
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)out)[i] = (unsigned char)chance_bits();
    return (ssize_t)n;
}

int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}
