/*
 * Hearing of commits on other nodes within milliseconds: LISTEN on a connection of its own.
 *
 * An accelerator and nothing else. Who commits does not notify in that transaction: PostgreSQL
 * makes committers with notifications queue up for one lock. The node's listening thread does it
 * just after, once for all that were committed meanwhile. What gets lost on the way is found by the
 * next poll, which goes on as before; and after each (re)connection the caller is told to look.
 *
 * A pooler in transaction mode cannot do it (worse: its server connection would go on listening for
 * nobody), so through one there is only the poll. It is recognised by the process id, of which it
 * tells its own.
 */
#ifndef SEKISHO_STORE_PG_LISTEN_H
#define SEKISHO_STORE_PG_LISTEN_H

#include "store/pg_connect.h"
#include "store/sql.h"

struct pg_listener;

int pg_listener_new(struct pg_target *target, struct pg_listener **ret, struct err *err) MUST_CHECK;
void pg_listener_free(struct pg_listener *listener);

/* As sql_driver.wait. One thread at a time. */
bool pg_listener_wait(struct pg_listener *listener, struct sql_bell *bell, int timeout_ms);

#endif
