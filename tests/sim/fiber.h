/*
 * Threads that are none: every thread of the program under test is a fiber of the one real thread, and
 * time passes only when all of them wait. Which of those that can go on does so is drawn from the
 * seed, so one seed is one run, whatever the machine.
 *
 *     pthread_create, _join, _mutex_lock, _cond_timedwait, clock_gettime …   replaced at link time (wrap.c)
 *     what a store or a Redis would be waited for                            fiber_wait(), fiber_sleep_ms()
 *
 * A fiber belongs to an owner: a node, or the world outside. The fibers of a frozen owner stand still.
 */
#ifndef SEKISHO_SIM_FIBER_H
#define SEKISHO_SIM_FIBER_H

#include <stdbool.h>
#include <stdint.h>

enum { OWNERS_MAX = 8, OUTSIDE = OWNERS_MAX - 1, NEVER_MS = -1 };

struct fiber;

/* --- chance ----------------------------------------------------------------------------------- */

void chance_seed(uint64_t seed);
uint64_t chance_bits(void);
unsigned chance_below(unsigned n);        /* 0 … n-1; n is at least 1 */
bool chance_percent(unsigned percent);
int64_t chance_between(int64_t low, int64_t high);

/* --- time ------------------------------------------------------------------------------------- */

int64_t sim_now_ns(void);                     /* since the beginning; never goes back */
int64_t sim_now_ms(void);
int64_t owner_wall_ns(int owner);             /* what the clock of that machine shows */
void owner_jump_clock(int owner, int64_t ms); /* as ntpd, or a person, may set it */
void owner_freeze(int owner, int64_t ms);     /* SIGSTOP, a pause of the hypervisor … */

/* --- fibers ----------------------------------------------------------------------------------- */

/* `what` is borrowed; told when nothing goes on any more. Memory goes when it has ended and, where
 * `is_joined`, somebody waited for that. */
struct fiber *fiber_start(const char *what, int owner, void *(*fn)(void *), void *argument,
                          bool is_joined);
void fiber_join(struct fiber *fiber);
int fiber_owner(void); /* of the present one */

/* Goes on when is_ready(context), or after `ms`; NEVER_MS: only then. False: time was up. */
bool fiber_wait(bool (*is_ready)(void *context), void *context, int64_t ms);
void fiber_sleep_ms(int64_t ms);
void fiber_yield(void);

/* Runs all fibers until none is left or `is_over` says so; after each step it is asked. What happened is
 * summed up in a number: the same for the same seed. False: some wait for what will not come,
 * or go round for ever. */
bool fibers_run(bool (*is_over)(void), uint64_t *ret_digest);

#endif
