/*
 * A cluster in one thread: the real engine, node receipts and cache of several nodes, on a store and a
 * Redis that are played, under a clock that is ours.
 *
 *     play.c    who edits, who calls, and what breaks meanwhile
 *     host.c    one node: built from the real parts as service/main.c does it
 *     fake_store.c, fake_redis.c    what the nodes talk to, and the links between (link.c)
 *     truth.c   what was committed when; says whether an answer could be true
 *     fiber.c   threads and time (fiber.h)
 */
#ifndef SEKISHO_SIM_SIM_H
#define SEKISHO_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/call.h"
#include "core/verdict.h"
#include "fiber.h"

enum {
    HOSTS = 3,
    TENANTS = 4,
    PLATFORM = TENANTS, /* the owner of the platform's rules, after the tenants */
    OWNERS = TENANTS + 1,
    REVOKED_MAX = 64,
};

/* What is switched off, to see that the simulation notices. */
enum without { WITHOUT_NOTHING, WITHOUT_FEED, WITHOUT_ORDER };

struct sim {
    enum without without;
    bool is_traced;
    /* what this run may suffer; drawn from the seed */
    bool may_break_store, may_break_redis, may_stop_nodes, may_freeze, may_jump_clocks, may_poison,
        may_fail_over, has_redis, has_notify, is_slow;
    int64_t stale_max_ms, cache_age_max_ms;
    bool is_healed; /* nothing breaks any more */
    bool is_over;
    bool has_failed;
};
extern struct sim the_sim;

bool is_faultless(void); /* nothing at all may break in this run */

/* One line of the trace, with time and node. */
void trace(const char *format, ...) PRINTF_LIKE(1, 2);
/* What must not be: the run has failed, and this is why. */
void fail(const char *format, ...) PRINTF_LIKE(1, 2);

/* --- what rules say --------------------------------------------------------------------------- */

/* All that the owners of this simulation can want. */
struct content {
    bool exists, is_suspended;
    bool bars_abroad;                   /* deny 010 */
    enum { US_UNSAID, US_ALLOW, US_DENY } us; /* 0101; the platform only denies */
    bool locks_uk;                      /* deny 01044, locked; of the platform */
};

enum callee { TO_US, TO_UK, TO_TOKYO, TO_FIRE_BRIGADE, CALLEES };
const char *callee_number(enum callee callee);

/* --- the truth -------------------------------------------------------------------------------- */

const char *owner_id(int owner); /* "" for the platform */
int owner_of(struct slice tenant);

/* A commit, at this moment. */
void truth_commit(int owner, const struct content *content, uint64_t revision, uint64_t number);
/* A replica took over: what it has is the truth from now on, later commits are lost. */
void truth_restore(int owner, const struct content *content, uint64_t revision, uint64_t number);
void truth_acknowledge(int owner, uint64_t revision);
uint64_t truth_acknowledged(int owner);

/* An answer to a call that came in at `since_ms`, which must be one that was true lately enough. */
void truth_check(int host, int owner, enum callee callee, uint64_t min_revision, int64_t since_ms,
                 const struct verdict *verdict);
/* Rules that are older than was asked for are no answer there, announced or not. */
void truth_check_explained(int host, int owner, enum callee callee, uint64_t min_revision,
                           int64_t since_ms, const struct verdict *verdict);
/* Has all that was committed before `number` reached who has `revision` of `owner` in memory? 0: none. */
bool truth_is_reached(int owner, uint64_t number, uint64_t revision);
/* Is the last commit before `complete`? */
bool truth_is_claimed(int owner, uint64_t complete);
/* Is `revision` that of the last commit? */
bool truth_is_latest(int owner, uint64_t revision);

/* --- links ------------------------------------------------------------------------------------ */

enum far { TO_STORE, TO_REDIS, FARS };
enum link_state { LINK_UP, LINK_DOWN, LINK_HUNG };

void link_set(int host, enum far far, enum link_state state);
void far_set(enum far far, enum link_state state); /* the server itself */
bool link_is_up(int host, enum far far);
/* One way there or back. False: lost, or later than `ms` (NEVER_MS: some timeout of a real driver). */
bool link_trip(int host, enum far far, int64_t ms);
int64_t link_deadline_ms(int64_t until_ms); /* what is left until then */

/* --- the store and Redis ---------------------------------------------------------------------- */

void fake_store_init(void);
struct store *fake_store_open(int host);
void fake_store_close(struct store *store);
/* Changes some owners in one commit and tells the truth of it. ERR_UNAVAILABLE: not acknowledged. */
int fake_store_edit(struct store *store, unsigned owners_count, const int *owners,
                    uint64_t *ret_revisions, struct err *err);
int fake_store_revoke(struct store *store, struct err *err);
void fake_store_fail_over(void);
unsigned fake_store_revoked(void); /* jtis "j0" … that every node must know of */
/* What the row of a node claims, if it is of the run that `is_self` knows; else 0. */
uint64_t fake_store_claim(int host);

void fake_redis_flush(void);
void fake_redis_fail_over(void); /* a replica without the last writes */
void fake_redis_poison(void);
void fake_redis_deafen(int host); /* what would tell the node is there, and silent */

/* --- nodes ------------------------------------------------------------------------------------ */

enum snapshot_fate { SNAPSHOT_KEPT, SNAPSHOT_GONE, SNAPSHOT_DAMAGED };

void hosts_init(void);
void hosts_release(void);
void host_start(int host); /* from a fiber of that host */
/* `is_killed`: nothing it still tries gets through, and its snapshot stays as it was. */
void host_stop(int host, bool is_killed);
void host_snapshot(int host, enum snapshot_fate fate); /* while it is down */
bool host_is_up(int host);
bool host_is_cut(int host); /* dying: no trip succeeds */
struct store *host_store(int host);
/* Something else than a call is under way there: the node cannot go meanwhile. */
void host_enter(int host);
void host_leave(int host);
/* Returns when decided; not when the node is down. */
void host_call(int host, const struct call *call, struct verdict *ret);
void host_pull(int host);
/* As POST /v1/tenants/{t}/check does it: False: no such tenant, or rules that new cannot be had. */
bool host_check(int host, int owner, const struct call *call, struct verdict *ret);
/* Of what is in force there, without asking as a call would: 0: no such tenant. */
uint64_t host_revision(int host, int owner);
bool host_knows_revoked(int host, const char *jti);
bool host_wrote(int host, const char *run); /* is it the run of the present process? */

/* --- the play --------------------------------------------------------------------------------- */

void play_start(void);
void play_check_step(void);

#endif
