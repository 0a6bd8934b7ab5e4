/*
 * Does the server answer, and may it be written to? Asked on a connection of its own, so that
 * readiness is told within a second also when all others are taken or hang. Who asks while another
 * one is asking gets the same answer.
 */
#ifndef SEKISHO_STORE_PG_PING_H
#define SEKISHO_STORE_PG_PING_H

#include "store/pg_connect.h"

struct pg_ping;

int pg_ping_new(struct pg_target *target, struct pg_ping **ret, struct err *err) MUST_CHECK;
void pg_ping_free(struct pg_ping *ping); /* when nobody asks */

/* ERR_UNAVAILABLE, also when there is no answer within `timeout_ms`. Any thread. */
int pg_ping(struct pg_ping *ping, int timeout_ms, struct err *err) MUST_CHECK;

#endif
