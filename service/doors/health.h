/*
 * What machines ask a node: is the process alive, may it get calls, what has it counted, what is
 * its API. Handlers for the route tables; open to everyone who can reach the listener.
 */
#ifndef SEKISHO_DOORS_HEALTH_H
#define SEKISHO_DOORS_HEALTH_H

#include "doors/http.h"

/* Alive: the process answers. Looks at nothing else: a node must not be killed because a database
 * is away. */
http_handler health_live;

/*
 * Ready to get requests; 503 when not. `?verbose` lists the checks:
 *   rulesets      numbering data and rules were loaded, from the store, a snapshot or Redis
 *   not_draining  no end of the process was asked for
 *   store         the store answers within a second (on the dial door: as the change feed saw it last)
 *   writes        the store took this node's heartbeat within the last ten seconds
 *   feed          the rules in memory are at most 30 s behind the store
 *   keys          tokens are checked with the same keys as on the other nodes
 *   name          no other process took this node's name
 *   redis         edits are heard of through Redis, or there is to be none; shown, never counts
 * On the dial door store, writes and feed are shown but do not count: verdicts come from memory, and a
 * database that is away must not take every node out of the load balancer at once.
 */
http_handler health_ready;

http_handler health_metrics; /* /metrics */
http_handler health_openapi; /* /openapi.yaml, as it was when the program was built */
http_handler problem_page;   /* /problems/{code}: what the code means and what to do */

#endif
