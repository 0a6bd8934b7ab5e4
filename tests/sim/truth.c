/*
 * What was committed when, and so what an answer may say. An own small evaluator judges: none of the
 * code under test has a part in it.
 */
#include "sim.h"

#include <string.h>

#include "engine/trust.h"

enum {
    VERSIONS_MAX = 4096,
    ROUNDING_MS = 2,
};

struct version {
    struct content content;
    uint64_t revision, number;
    int64_t from_ms, until_ms; /* until_ms: when something else became true; INT64_MAX: still is */
    bool is_lost;
};

static struct {
    struct version versions[VERSIONS_MAX];
    unsigned count;
    uint64_t acknowledged;
} truths[OWNERS];

static const char *const ids[OWNERS] = {"t0", "t1", "t2", "t3", ""};

const char *owner_id(int owner)
{
    return ids[owner];
}

int owner_of(struct slice tenant)
{
    int owner = 0;
    while (!slice_equals_text(tenant, ids[owner]))
        owner++;
    return owner;
}

const char *callee_number(enum callee callee)
{
    static const char *const dialed[CALLEES] = {"010 1 212 555 0100", "010 44 20 7946 0000", "0312345678",
                                                "119"};
    return dialed[callee];
}

/* --- history ---------------------------------------------------------------------------------- */

void truth_commit(int owner, const struct content *content, uint64_t revision, uint64_t number)
{
    unsigned count = truths[owner].count;
    struct version *versions = truths[owner].versions;
    if (count == VERSIONS_MAX) {
        fail("more edits than the simulation has room for");
        return;
    }
    if (count)
        versions[count - 1].until_ms = sim_now_ms();
    versions[count] = (struct version){*content, revision, number, sim_now_ms(), INT64_MAX, false};
    truths[owner].count++;
    trace("commit %s r%d number=%d%s%s%s us=%d lock=%d", owner == PLATFORM ? "platform" : ids[owner],
          (int)revision, (int)number, content->exists ? "" : " gone",
          content->is_suspended ? " suspended" : "", content->bars_abroad ? " bar" : "",
          (int)content->us, content->locks_uk);
}

void truth_restore(int owner, const struct content *content, uint64_t revision, uint64_t number)
{
    for (unsigned i = 0; i < truths[owner].count; i++)
        if (truths[owner].versions[i].revision > revision)
            truths[owner].versions[i].is_lost = true;
    if (truths[owner].acknowledged > revision)
        truths[owner].acknowledged = revision;
    truth_commit(owner, content, revision, number);
}

void truth_acknowledge(int owner, uint64_t revision)
{
    if (revision > truths[owner].acknowledged)
        truths[owner].acknowledged = revision;
}

uint64_t truth_acknowledged(int owner)
{
    return truths[owner].acknowledged;
}

static const struct version *latest_before(int owner, uint64_t number)
{
    for (unsigned i = truths[owner].count; i--;)
        if (!truths[owner].versions[i].is_lost && truths[owner].versions[i].number < number)
            return &truths[owner].versions[i];
    return NULL;
}

static uint64_t revision_in_memory(const struct version *version)
{
    return version->content.exists ? version->revision : 0;
}

bool truth_is_reached(int owner, uint64_t number, uint64_t revision)
{
    const struct version *end = truths[owner].versions + truths[owner].count;
    const struct version *version = latest_before(owner, number);
    if (!version)
        return true;
    while (version < end && revision_in_memory(version) != revision)
        version++;
    return version < end;
}

bool truth_is_claimed(int owner, uint64_t complete)
{
    return latest_before(owner, UINT64_MAX)->number < complete;
}

bool truth_is_latest(int owner, uint64_t revision)
{
    return revision == revision_in_memory(latest_before(owner, UINT64_MAX));
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Design 3.4 for the few rules there are. */
static void judge(const struct content *tenant, const struct content *platform, enum callee callee,
                  enum action *ret_action, enum reason *ret_reason)
{
    bool is_abroad = callee == TO_US || callee == TO_UK;
    enum action action = ACTION_ALLOW;
    enum reason reason = REASON_DEFAULT;
    if (callee == TO_US && platform->us == US_DENY) {
        action = ACTION_DENY;
        reason = REASON_RULE;
    }
    if (callee == TO_US && tenant->us != US_UNSAID) { /* 0101 is as long as the platform's */
        action = tenant->us == US_DENY ? ACTION_DENY : ACTION_ALLOW;
        reason = REASON_RULE;
    } else if (is_abroad && tenant->bars_abroad) {
        action = ACTION_DENY;
        reason = REASON_RULE;
    }
    if (callee == TO_UK && platform->locks_uk) {
        action = ACTION_DENY;
        reason = REASON_LOCK;
    }
    if (!tenant->exists || tenant->is_suspended) {
        action = ACTION_DENY;
        reason = tenant->exists ? REASON_SUSPENDED : REASON_UNKNOWN_TENANT;
    }
    *ret_action = action;
    *ret_reason = reason;
}

static bool explains(const struct version *tenant, const struct version *platform, enum callee callee,
                     const struct verdict *verdict)
{
    enum action action;
    enum reason reason;
    judge(&tenant->content, &platform->content, callee, &action, &reason);
    return verdict->action == action && verdict->reason == reason &&
           verdict->revision == revision_in_memory(tenant) &&
           verdict->platform_revision == platform->revision;
}

/* Was there a state of tenant and platform, each true at some moment since then, that says this? */
static bool could_be(int owner, enum callee callee, uint64_t min_revision, int64_t since_ms,
                     const struct verdict *verdict)
{
    for (unsigned i = truths[owner].count; i--;) {
        const struct version *tenant = &truths[owner].versions[i];
        if (tenant->until_ms < since_ms || tenant->revision < min_revision)
            continue;
        for (unsigned j = truths[PLATFORM].count; j--;) {
            const struct version *platform = &truths[PLATFORM].versions[j];
            if (platform->until_ms >= since_ms && explains(tenant, platform, callee, verdict))
                return true;
        }
    }
    return false;
}

static void tell(const char *why, int host, int owner, enum callee callee, uint64_t min_revision,
                 int64_t since_ms, const struct verdict *verdict)
{
    fail("%s: node %d, %s dialing %s (min_revision %d, asked at %lld ms) was told %s, %s, r%d, "
         "platform r%d, degraded=%s", why, host, ids[owner], callee_number(callee), (int)min_revision,
         (long long)since_ms, action_word(verdict->action), reason_word(verdict->reason),
         (int)verdict->revision, (int)verdict->platform_revision,
         verdict->degraded ? degraded_word(verdict->degraded) : "no");
}

static void check_floor(int host, int owner, enum callee callee, int64_t since_ms,
                        const struct verdict *verdict)
{
    enum action action = callee == TO_TOKYO ? ACTION_ALLOW : ACTION_DENY;
    if (verdict->action != action || verdict->reason != REASON_FLOOR)
        tell("not the floor", host, owner, callee, 0, since_ms, verdict);
}

void truth_check_explained(int host, int owner, enum callee callee, uint64_t min_revision,
                           int64_t since_ms, const struct verdict *verdict)
{
    truth_check(host, owner, callee, min_revision, since_ms, verdict);
    bool has_rules = callee != TO_FIRE_BRIGADE && verdict->degraded != DEGRADED_FLOOR;
    if (has_rules && !the_sim.has_failed && verdict->revision < min_revision)
        tell("older than wanted", host, owner, callee, min_revision, since_ms, verdict);
}

void truth_check(int host, int owner, enum callee callee, uint64_t min_revision, int64_t since_ms,
                 const struct verdict *verdict)
{
    if (callee == TO_FIRE_BRIGADE) {
        if (verdict->action != ACTION_ALLOW || verdict->reason != REASON_EMERGENCY)
            tell("emergency call refused", host, owner, callee, 0, since_ms, verdict);
    } else if (verdict->degraded == DEGRADED_FLOOR) {
        check_floor(host, owner, callee, since_ms, verdict);
    } else if (verdict->degraded == DEGRADED_STALE) {
        int64_t age_ms = the_sim.may_jump_clocks ? since_ms
                                                 : the_sim.stale_max_ms + the_sim.cache_age_max_ms;
        if (!could_be(owner, callee, 0, since_ms - age_ms - ROUNDING_MS, verdict))
            tell("never true, or too long ago", host, owner, callee, 0, since_ms, verdict);
    } else if (!could_be(owner, callee, min_revision, since_ms - TRUST_CURRENT_MS - ROUNDING_MS, verdict)) {
        tell(could_be(owner, callee, 0, since_ms - TRUST_CURRENT_MS - ROUNDING_MS, verdict)
                 ? "older than wanted, and not announced" : "stale, and not announced",
             host, owner, callee, min_revision, since_ms, verdict);
    }
}
