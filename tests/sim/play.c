/* Who edits, who calls, and what breaks meanwhile; then all is mended, and must be well. */
#include <stdio.h>

#include "engine/node.h"
#include "sim.h"

/* A row of a node that was there before the replica took over holds its name until it counts as lost. */
enum { PLAY_MS_MIN = 10000, PLAY_MS_MAX = 40000, SETTLE_MS = NODE_LOST_MS + 4000 };

/* --- editors ---------------------------------------------------------------------------------- */

static void edit(int host)
{
    struct err err = {0};
    int owners[OWNERS];
    uint64_t revisions[OWNERS];
    unsigned count = chance_percent(80) ? 1 : 1 + chance_below(3);
    int first = (int)chance_below(OWNERS);
    if (first + (int)count > OWNERS)
        first = OWNERS - (int)count;
    for (unsigned i = 0; i < count; i++)
        owners[i] = first + (int)i; /* always in one order, as the store locks them */
    if (fake_store_edit(host_store(host), count, owners, revisions, &err))
        return;
    if (!host_is_cut(host))
        host_pull(host);
    for (unsigned i = 0; i < count; i++)
        truth_acknowledge(owners[i], revisions[i]);
}

/* As doors/rest.c: commit, pull, answer. */
static void *keep_editing(void *context)
{
    int host = (int)(intptr_t)context;
    while (!the_sim.is_over) {
        fiber_sleep_ms(chance_between(30, 900));
        if (!host_is_up(host) || the_sim.is_healed)
            continue;
        host_enter(host);
        struct err err = {0};
        if (chance_percent(5))
            (void)!fake_store_revoke(host_store(host), &err);
        else
            edit(host);
        host_leave(host);
    }
    return NULL;
}

/* --- callers ---------------------------------------------------------------------------------- */

static void *keep_calling(void *context)
{
    int host = (int)(intptr_t)context;
    while (!the_sim.is_over) {
        fiber_sleep_ms(chance_between(3, 60));
        if (!host_is_up(host))
            continue;
        struct verdict verdict;
        int owner = (int)chance_below(TENANTS);
        enum callee callee = chance_below(CALLEES);
        const struct call call = {.tenant = slice_of(owner_id(owner)), .account = SLICE_LIT("1001"),
                                  .number = slice_of(callee_number(callee)), .origin = ORIGIN_DIAL,
                                  .min_revision = chance_percent(30) ? truth_acknowledged(owner) : 0};
        int64_t since_ms = sim_now_ms();
        bool is_check = chance_percent(5);
        if (is_check && !host_check(host, owner, &call, &verdict))
            continue;
        if (!is_check)
            host_call(host, &call, &verdict);
        if (the_sim.has_failed)
            continue;
        if (is_check)
            truth_check_explained(host + 1, owner, callee, call.min_revision, since_ms, &verdict);
        else
            truth_check(host + 1, owner, callee, call.min_revision, since_ms, &verdict);
    }
    return NULL;
}

/* --- what breaks ------------------------------------------------------------------------------ */

static void *restart(void *context)
{
    int host = (int)(intptr_t)context;
    if (!host_is_up(host))
        return NULL; /* it is on its way down already */
    host_stop(host, chance_percent(60));
    host_snapshot(host, chance_percent(60) ? SNAPSHOT_KEPT
                        : chance_percent(50) ? SNAPSHOT_GONE : SNAPSHOT_DAMAGED);
    fiber_sleep_ms(chance_between(10, 4000));
    host_start(host);
    return NULL;
}

static const char *const state_words[] = {"up", "down", "hung"};

static void break_link(int host, enum far far)
{
    enum link_state state = chance_percent(35) ? LINK_UP : chance_percent(50) ? LINK_DOWN : LINK_HUNG;
    bool is_all = chance_percent(40);
    trace("%s of %s%d is %s", far == TO_STORE ? "store" : "redis", is_all ? "all" : "node", host + 1,
          state_words[state]);
    if (is_all)
        far_set(far, state);
    else
        link_set(host, far, state);
}

static void break_redis(int host)
{
    switch (chance_below(6)) {
    case 0:
        fake_redis_flush();
        break;
    case 1:
        fake_redis_fail_over();
        break;
    case 2:
        fake_redis_deafen(host);
        break;
    default:
        break_link(host, TO_REDIS);
    }
}

static void break_something(void)
{
    int host = (int)chance_below(HOSTS);
    switch (chance_below(9)) {
    case 0: case 1: case 2:
        if (the_sim.may_break_store)
            break_link(host, TO_STORE);
        break;
    case 3: case 4:
        if (the_sim.may_break_redis && the_sim.has_redis)
            break_redis(host);
        if (the_sim.may_poison && the_sim.has_redis)
            fake_redis_poison();
        break;
    case 5:
        if (the_sim.may_stop_nodes && host_is_up(host))
            fiber_start("a restart", host, restart, (void *)(intptr_t)host, false);
        break;
    case 6:
        if (the_sim.may_freeze) {
            int64_t ms = chance_between(50, 6000);
            trace("node%d is frozen for %d ms", host + 1, (int)ms);
            owner_freeze(host, ms);
        }
        break;
    case 7:
        if (the_sim.may_jump_clocks) {
            int64_t ms = chance_between(-90000, 90000);
            trace("the clock of node%d jumps by %d ms", host + 1, (int)ms);
            owner_jump_clock(host, ms);
        }
        break;
    default:
        if (the_sim.may_fail_over)
            fake_store_fail_over();
    }
}

static void mend(void)
{
    for (enum far far = 0; far < FARS; far++) {
        far_set(far, LINK_UP);
        for (int host = 0; host < HOSTS; host++)
            link_set(host, far, LINK_UP);
    }
    trace("all is mended");
    the_sim.is_healed = true;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void check_host(int host)
{
    char jti[16];
    for (int owner = 0; owner < TENANTS; owner++) {
        for (enum callee callee = 0; callee < CALLEES; callee++) {
            struct verdict verdict;
            const struct call call = {.tenant = slice_of(owner_id(owner)),
                                      .number = slice_of(callee_number(callee)),
                                      .min_revision = host_revision(host, owner)};
            host_call(host, &call, &verdict);
            if (verdict.degraded != DEGRADED_NOT)
                fail("node%d is still degraded (%s)", host + 1, degraded_word(verdict.degraded));
            truth_check(host + 1, owner, callee, call.min_revision, sim_now_ms(), &verdict);
        }
    }
    for (int owner = 0; owner < OWNERS; owner++)
        if (!truth_is_latest(owner, host_revision(host, owner)))
            fail("node%d has r%d of %s when all is mended", host + 1, (int)host_revision(host, owner),
                 owner == PLATFORM ? "the platform" : owner_id(owner));
    for (unsigned i = 0; i < fake_store_revoked(); i++) {
        snprintf(jti, sizeof jti, "j%u", i);
        if (!host_knows_revoked(host, jti))
            fail("node%d takes the revoked token %s", host + 1, jti);
    }
    for (int owner = 0; owner < OWNERS; owner++)
        if (!truth_is_claimed(owner, fake_store_claim(host)))
            fail("no receipt says that node%d enforces %s", host + 1, owner_id(owner));
}

static bool are_all_up(void *context)
{
    (void)context;
    for (int host = 0; host < HOSTS; host++)
        if (!host_is_up(host))
            return false;
    return true;
}

static void *check_and_stop(void *context)
{
    int host = (int)(intptr_t)context;
    check_host(host);
    host_stop(host, false);
    return NULL;
}

static void *direct(void *context)
{
    (void)context;
    fiber_wait(are_all_up, NULL, NEVER_MS);
    int64_t end_ms = sim_now_ms() + chance_between(PLAY_MS_MIN, PLAY_MS_MAX);
    while (sim_now_ms() < end_ms) {
        fiber_sleep_ms(chance_between(20, 1500));
        break_something();
    }
    mend();
    fiber_wait(are_all_up, NULL, NEVER_MS);
    fiber_sleep_ms(SETTLE_MS);
    trace("all must be well by now");
    the_sim.is_over = true;
    for (int host = 0; host < HOSTS; host++)
        fiber_start("the end", host, check_and_stop, (void *)(intptr_t)host, false);
    return NULL;
}

static void *first_start(void *context)
{
    host_start((int)(intptr_t)context);
    return NULL;
}

void play_start(void)
{
    for (intptr_t host = 0; host < HOSTS; host++) {
        fiber_start("the start", (int)host, first_start, (void *)host, false);
        fiber_start("an editor", (int)host, keep_editing, (void *)host, false);
        fiber_start("an editor", (int)host, keep_editing, (void *)host, false);
        fiber_start("a caller", (int)host, keep_calling, (void *)host, false);
        fiber_start("a caller", (int)host, keep_calling, (void *)host, false);
    }
    fiber_start("the director", OUTSIDE, direct, NULL, false);
}

/* A receipt never claims what is not in force. */
void play_check_step(void)
{
    for (int host = 0; host < HOSTS; host++) {
        uint64_t claim = host_is_up(host) ? fake_store_claim(host) : 0;
        for (int owner = 0; claim && owner < OWNERS; owner++)
            if (!truth_is_reached(owner, claim, host_revision(host, owner)))
                fail("a receipt of node%d says that all before %d is in force; of %s it has r%d",
                     host + 1, (int)claim, owner == PLATFORM ? "the platform" : owner_id(owner),
                     (int)host_revision(host, owner));
    }
}
