/* The links between nodes and what they talk to: quick, slow, refused, or swallowing everything. */
#include "sim.h"

static enum link_state links[HOSTS][FARS], fars[FARS];

void link_set(int host, enum far far, enum link_state state)
{
    links[host][far] = state;
}

void far_set(enum far far, enum link_state state)
{
    fars[far] = state;
}

static enum link_state state_of(int host, enum far far)
{
    return links[host][far] > fars[far] ? links[host][far] : fars[far];
}

bool link_is_up(int host, enum far far)
{
    return state_of(host, far) == LINK_UP;
}

int64_t link_deadline_ms(int64_t until_ms)
{
    return until_ms > sim_now_ms() ? until_ms - sim_now_ms() : 0;
}

static bool is_cut(void *host)
{
    return host_is_cut(*(int *)host);
}

struct way {
    int host;
    enum far far;
};

static bool hangs_no_more(void *context)
{
    const struct way *way = context;
    return host_is_cut(way->host) || state_of(way->host, way->far) != LINK_HUNG;
}

static int64_t draw_latency_ms(void)
{
    if (is_faultless() || !chance_percent(the_sim.is_slow ? 20 : 3))
        return chance_between(0, 2);
    return chance_between(0, the_sim.is_slow ? 120 : 40);
}

bool link_trip(int host, enum far far, int64_t ms)
{
    struct way way = {host, far};
    int64_t until_ms = sim_now_ms() + (ms == NEVER_MS ? chance_between(2000, 9000) : ms);
    int64_t latency_ms = draw_latency_ms(), left_ms = link_deadline_ms(until_ms);
    fiber_wait(is_cut, &host, latency_ms < left_ms ? latency_ms : left_ms);
    if (latency_ms > left_ms)
        return false;
    if (state_of(host, far) == LINK_HUNG)
        if (!fiber_wait(hangs_no_more, &way, link_deadline_ms(until_ms)) || chance_percent(50))
            return false;
    return !host_is_cut(host) && link_is_up(host, far);
}
