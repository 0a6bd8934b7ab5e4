/*
 * Which nodes are alive, told by watching their heartbeats change. Pure: time and rows are given.
 *
 * Only time that was watched counts. When nobody looked for a while (the store was away, for
 * everyone), all start anew: a node that could not write its heartbeat either must not be called
 * lost for it.
 */
#ifndef SEKISHO_ENGINE_NODE_WATCH_H
#define SEKISHO_ENGINE_NODE_WATCH_H

#include "base/ulid.h"
#include "engine/node.h"
#include "store/store.h"

enum {
    WATCH_GAP_MS = 3000,
    WATCH_AHEAD_MS = 10000, /* more than a beat can be late */
    WATCH_OVER_MS = 24 * 3600 * 1000,
    WATCH_MANY = NODES_MAX / 2, /* rows: nodes with a new name at each start, say */
    WATCH_OVER_MANY_MS = 60 * 1000,
};

struct node_watch {
    int64_t looked_ms; /* monotonic, of the last look */
    unsigned count;
    struct watched {
        char name[NODE_NAME_BYTES], run[ULID_BYTES];
        int64_t heartbeat_at_ms; /* as the node wrote it */
        int64_t changed_ms;      /* monotonic: since when it is this one */
        bool is_new;             /* it came between the last two looks, so it is seconds old */
        int64_t ahead_ms;        /* its clock, of ours; kept until it beats again */
    } nodes[NODES_MAX];
};

/* Takes in all rows as read at `now_ms` (monotonic). */
void node_watch_look(struct node_watch *watch, const struct node_row *rows, unsigned count,
                     int64_t now_ms);
/*
 * A row read at `now_ms`: one never seen, or with another heartbeat than at the last look, lives.
 */
bool node_watch_is_lost(const struct node_watch *watch, const struct node_row *row, int64_t now_ms);
/* After a look: compares clocks with those that have beaten since the one before. */
void node_watch_compare(struct node_watch *watch, int64_t wall_ms);
/* How far that node's clock is ahead of ours (negative: behind); 0: no telling, or it may be a late beat. */
int64_t node_watch_ahead_ms(const struct node_watch *watch, const struct node_row *row);
/* Silent for so long that its row may go: a day, or a minute when there are many rows. */
bool node_watch_is_over(const struct node_watch *watch, const struct node_row *row, int64_t now_ms);

#endif
