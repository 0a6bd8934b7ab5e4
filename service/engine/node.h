/*
 * This node among the others: writes every second, and at once after the feed brought something,
 * who it is and how far it has got; and watches the others do the same.
 *
 *     feed ─ moved ─► heartbeat thread ─► store (nodes, receipts) ◄─ GET /v1/…/propagation on any node
 *                            │
 *                            └─► look at the others: who is lost? do our keys agree? is the name ours?
 *
 * Why: a rule that was saved is worth something only when every node enforces it, and whoever saved
 * it should not have to trust, but be told, "in force on 3 of 3 nodes".
 *
 * A node is lost when its heartbeat has not changed for NODE_LOST_MS of our watching. Not by
 * comparing times: the clocks of two machines may differ by more than that, and a node that is
 * taken for lost while it answers calls would make "in force on all" a lie.
 */
#ifndef SEKISHO_ENGINE_NODE_H
#define SEKISHO_ENGINE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { NODE_NAME_BYTES = 64, NODE_LOST_MS = 10000 };

struct node;
struct node_row;
struct store;
struct rulesets;
struct feed;

/* [A-Za-z0-9][A-Za-z0-9._-]{0,62} */
bool node_name_is_valid(struct slice name);

/* Borrowed while the node lives. */
struct node_config {
    const char *name, *address;
    const char *key_fingerprint; /* of our keyring */
};

/* Writes the first heartbeat, so that no door is open before others can know of this node, and starts
 * the thread. A store that is away is no error: the thread goes on trying. Borrows the rest. */
int node_start(const struct node_config *config, struct store *store, struct rulesets *rulesets,
               struct feed *feed, struct node **ret, struct err *err) MUST_CHECK;
/* Takes the node off the list. NULL is fine. */
void node_stop(struct node *node);

/* Is the row, read just now, of this very process; of a node that is lost? Any thread. */
bool node_is_self(const struct node *node, const struct node_row *row);
bool node_is_lost(struct node *node, const struct node_row *row);

/*
 * For readiness. keys_agree: the keys are those of the living nodes that were here before, or it
 * could not be seen yet; once found true it stays, so that keys can be changed node by node.
 * has_name: no process started later calls itself the same. has_beaten: its heartbeat was written within the
 * last ten seconds, so the store takes writes.
 */
bool node_keys_agree(const struct node *node);
bool node_has_name(const struct node *node);
bool node_has_beaten(const struct node *node);

#endif
