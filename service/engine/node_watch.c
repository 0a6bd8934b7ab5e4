#include "engine/node_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct watched *find(const struct node_watch *watch, const char *name)
{
    for (unsigned i = 0; i < watch->count; i++)
        if (strcmp(watch->nodes[i].name, name) == 0)
            return &watch->nodes[i];
    return NULL;
}

static bool is_the_same(const struct watched *seen, const struct node_row *row)
{
    return seen && seen->heartbeat_at_ms == row->heartbeat_at_ms &&
           strcmp(seen->run, row->run) == 0;
}

void node_watch_look(struct node_watch *watch, const struct node_row *rows, unsigned count,
                     int64_t now_ms)
{
    static const struct watched blank;
    struct node_watch before = *watch;
    bool is_anew = now_ms - before.looked_ms > WATCH_GAP_MS;
    watch->looked_ms = now_ms;
    watch->count = 0;
    for (unsigned i = 0; i < count && i < NODES_MAX; i++) {
        const struct watched *seen = find(&before, rows[i].name);
        struct watched *now = &watch->nodes[watch->count++];
        *now = blank;
        snprintf(now->name, sizeof now->name, "%s", rows[i].name);
        snprintf(now->run, sizeof now->run, "%s", rows[i].run);
        now->heartbeat_at_ms = rows[i].heartbeat_at_ms;
        bool is_its_run = !is_anew && seen && strcmp(seen->run, rows[i].run) == 0;
        now->is_new = is_its_run && seen->heartbeat_at_ms != rows[i].heartbeat_at_ms;
        now->ahead_ms = is_its_run ? seen->ahead_ms : 0;
        now->changed_ms = !is_anew && is_the_same(seen, &rows[i]) ? seen->changed_ms : now_ms;
    }
}

void node_watch_compare(struct node_watch *watch, int64_t wall_ms)
{
    for (unsigned i = 0; i < watch->count; i++)
        if (watch->nodes[i].is_new)
            watch->nodes[i].ahead_ms = watch->nodes[i].heartbeat_at_ms - wall_ms;
}

int64_t node_watch_ahead_ms(const struct node_watch *watch, const struct node_row *row)
{
    const struct watched *seen = find(watch, row->name);
    int64_t ahead_ms = is_the_same(seen, row) ? seen->ahead_ms : 0;
    return llabs(ahead_ms) > WATCH_AHEAD_MS ? ahead_ms : 0;
}

bool node_watch_is_over(const struct node_watch *watch, const struct node_row *row, int64_t now_ms)
{
    const struct watched *seen = find(watch, row->name);
    int64_t over_ms = watch->count > WATCH_MANY ? WATCH_OVER_MANY_MS : WATCH_OVER_MS;
    return node_watch_is_lost(watch, row, now_ms) && now_ms - seen->changed_ms > over_ms;
}

bool node_watch_is_lost(const struct node_watch *watch, const struct node_row *row, int64_t now_ms)
{
    const struct watched *seen = find(watch, row->name);
    return is_the_same(seen, row) && now_ms - watch->looked_ms <= WATCH_GAP_MS &&
           now_ms - seen->changed_ms > NODE_LOST_MS;
}
