#include "engine/engine.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/ulid.h"
#include "core/numbering.h"
#include "core/policy.h"
#include "engine/attempts.h"
#include "engine/cold.h"
#include "engine/rulesets.h"

struct engine {
    struct rulesets *rulesets;
    struct cold *cold; /* NULL without a cache */
    struct attempts *attempts;
};

int engine_new(struct rulesets *rulesets, struct cache *cache, struct attempts *attempts,
               struct engine **ret, struct err *err)
{
    struct engine *engine = malloc(sizeof *engine);
    if (!engine)
        return err_set(err, ERR_NOMEM, "out of memory");
    *engine = (struct engine){.rulesets = rulesets, .attempts = attempts};
    int rc = cache ? cold_new(cache, rulesets, &engine->cold, err) : 0;
    if (rc)
        free(engine);
    else
        *ret = engine;
    return rc;
}

void engine_free(struct engine *engine)
{
    if (engine)
        cold_free(engine->cold);
    free(engine);
}

static void settle(struct verdict *ret, enum action action, enum reason reason)
{
    ret->action = action;
    ret->reason = reason;
}

/* A verdict that says nothing yet. Field by field: clearing the whole struct would cost more. */
static void begin(struct verdict *ret, int64_t now_ms)
{
    ret->degraded = DEGRADED_NOT;
    ret->has_rule = false;
    ret->divert_to[0] = '\0';
    ret->revision = ret->platform_revision = 0;
    ret->decided_at_ms = now_ms;
}

static void copy_version(struct verdict *ret, const struct numbering *numbering)
{
    _Static_assert(sizeof ret->numbering == NUMBERING_VERSION_BYTES, "copied as a whole");
    memcpy(ret->numbering, numbering_version(numbering), sizeof ret->numbering);
}

/* What is asked of whom: between rulesets_enter() and rulesets_leave(). */
struct world {
    const struct numbering *numbering;
    const struct ruleset *platform, *tenant; /* tenant NULL: unknown, or outside the token */
    enum trust trust;
    bool is_behind; /* the tenant's latest rules, or the platform's, are known of and not in force */
};

/*
 * Design section 3, from top to bottom: emergency, who asks for whom, the reading, the rules.
 * `explanation` is NULL on the dial path.
 */
static void answer(const struct world *world, const struct call *call, struct verdict *ret,
                   struct explanation *explanation)
{
    static const struct number no_number = {.readings_count = 1, .readings = {{.kind = KIND_INVALID}}};
    struct folded folded;
    bool is_folded = number_fold(call->number, &folded) == 0;
    const char *outside_line = world->tenant ? ruleset_outside_line(world->tenant) : NULL;
    struct trace *trace = explanation ? &explanation->trace : NULL;

    copy_version(ret, world->numbering);
    ret->platform_revision = ruleset_revision(world->platform);
    ret->revision = world->tenant ? ruleset_revision(world->tenant) : 0;
    bool is_emergency = is_folded && number_is_emergency(&folded, outside_line, &ret->number);
    if (!is_folded)
        ret->number = no_number;
    else if (!is_emergency)
        number_read(world->numbering, &folded, outside_line ? outside_line : "", &ret->number, trace);

    if (is_emergency) {
        settle(ret, ACTION_ALLOW, REASON_EMERGENCY);
    } else if (!world->tenant && (call->is_outside_token ||
                                  (world->trust == TRUST_CURRENT && !world->is_behind))) {
        settle(ret, ACTION_DENY, REASON_UNKNOWN_TENANT);
    } else if (!world->tenant || world->trust == TRUST_EXPIRED) {
        policy_floor(world->numbering, &ret->number, ret);
    } else if (!is_folded) {
        bool is_suspended = ruleset_is_suspended(world->tenant);
        settle(ret, ACTION_DENY, is_suspended ? REASON_SUSPENDED : REASON_INVALID_NUMBER);
    } else {
        struct policy policy = {world->numbering, world->platform, world->tenant};
        policy_judge(&policy, call->account, &ret->number, ret->decided_at_ms, ret, explanation);
    }
    bool is_old = ret->revision < call->min_revision ||
                  (world->tenant && (world->trust == TRUST_STALE || world->is_behind));
    if (!call->is_outside_token && !is_emergency && is_old && ret->degraded == DEGRADED_NOT)
        ret->degraded = DEGRADED_STALE;
    number_dial_string(&ret->number, ret->dial);
}

static struct world look(const struct engine *engine, const struct call *call,
                         struct instant now)
{
    bool is_behind = rulesets_is_platform_behind(engine->rulesets) ||
                     (!call->is_outside_token && rulesets_is_behind(engine->rulesets, call->tenant));
    struct world world = {
        .numbering = rulesets_numbering(engine->rulesets),
        .platform = rulesets_platform(engine->rulesets),
        .tenant = call->is_outside_token ? NULL : rulesets_find(engine->rulesets, call->tenant),
        .trust = trusted_now(rulesets_trusted(engine->rulesets), now),
        .is_behind = is_behind,
    };
    if (!world.tenant && engine->cold && world.trust != TRUST_CURRENT && !call->is_outside_token)
        world.tenant = cold_find(engine->cold, call->tenant);
    return world;
}

/* Could the cache know the tenant, and may this call wait for it? Nothing is waited for on the way to an
 * emergency number. */
static bool is_cold(const struct engine *engine, const struct world *world, const struct call *call)
{
    struct folded folded;
    struct number number;
    if (!engine->cold || world->tenant || world->trust == TRUST_CURRENT || call->is_outside_token ||
        !tenant_id_is_valid(call->tenant))
        return false;
    return number_fold(call->number, &folded) || !number_is_emergency(&folded, NULL, &number);
}

void engine_decide(struct engine *engine, const struct call *call, struct verdict *ret)
{
    /* good to a few milliseconds, which is enough for expiry dates, and much cheaper than exact time */
    struct instant now = instant_now();
    begin(ret, now.wall_ms);
    ulid_make(ret->decided_at_ms, ret->decision_id);
    rulesets_enter();
    struct world world = look(engine, call, now);
    if (is_cold(engine, &world, call)) {
        rulesets_leave();
        cold_load(engine->cold, call->tenant);
        rulesets_enter();
        world = look(engine, call, instant_now());
    }
    answer(&world, call, ret, NULL);
    rulesets_leave();
    if (engine->attempts)
        attempts_record(engine->attempts, call, ret);
}

void engine_forget_lent(struct engine *engine, const struct slice *tenant)
{
    if (engine->cold && tenant)
        cold_forget(engine->cold, *tenant);
    else if (engine->cold)
        cold_forget_all(engine->cold);
}

bool engine_decide_emergency(struct engine *engine, struct slice dialed, struct verdict *ret)
{
    struct folded folded;
    struct number number;
    if (number_fold(dialed, &folded) || !number_is_emergency(&folded, NULL, &number))
        return false;
    begin(ret, clock_coarse_ms());
    ulid_make(ret->decided_at_ms, ret->decision_id);
    ret->number = number;
    settle(ret, ACTION_ALLOW, REASON_EMERGENCY);
    rulesets_enter();
    copy_version(ret, rulesets_numbering(engine->rulesets));
    ret->platform_revision = ruleset_revision(rulesets_platform(engine->rulesets));
    rulesets_leave();
    number_dial_string(&ret->number, ret->dial);
    return true;
}

/* A ruleset of the draft for the owner of `present`. */
static int compile_draft(const struct ruleset *present, const struct rule *draft, size_t count,
                         struct ruleset **ret, struct err *err)
{
    struct ruleset_owner owner = {
        .tenant = ruleset_tenant(present),
        .outside_line = slice_of(ruleset_outside_line(present)),
        .is_suspended = ruleset_is_suspended(present),
        .revision = ruleset_revision(present),
    };
    return ruleset_new(&owner, draft, count, ret, err);
}

int engine_explain(struct engine *engine, const struct call *call, const struct rule *draft,
                   size_t draft_count, bool has_draft, int64_t at_ms, struct explanation *ret,
                   struct err *err)
{
    struct ruleset *drafted = NULL;
    int rc = 0;
    *ret = (struct explanation){.steps_count = 0};
    begin(&ret->verdict, at_ms);
    ulid_make(clock_now_ms(), ret->verdict.decision_id);
    rulesets_enter();
    struct world world = look(engine, call, instant_now());
    if (!world.tenant)
        rc = err_set(err, ERR_NOT_FOUND, "no such tenant");
    else if (has_draft)
        rc = compile_draft(world.tenant, draft, draft_count, &drafted, err);
    if (drafted)
        world.tenant = drafted;
    if (!rc)
        answer(&world, call, &ret->verdict, ret);
    rulesets_leave();
    ruleset_free(drafted);
    return rc;
}
