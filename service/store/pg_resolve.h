/*
 * Names of hosts to addresses, within a known time.
 *
 * getaddrinfo() waits as long as it likes for a name server that is silent (twenty seconds and more),
 * and libpq calls it while it seems to be asynchronous. So it runs in a thread of its own, at most
 * one a host; who needs the answer waits for it so long and no longer. When the name server is
 * away, the addresses that it gave last are good enough: a database must not be lost because a
 * name cannot be looked up just now.
 */
#ifndef SEKISHO_STORE_PG_RESOLVE_H
#define SEKISHO_STORE_PG_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { PG_ADDRESSES_MAX = 8, PG_ADDRESS_BYTES = 64 };

/* In the order in which they are to be tried. */
struct pg_addresses {
    unsigned count;
    char list[PG_ADDRESSES_MAX][PG_ADDRESS_BYTES];
};

struct pg_resolver;

int pg_resolver_new(struct pg_resolver **ret, struct err *err) MUST_CHECK;
/* A thread that still waits for a name server keeps what it needs. NULL is fine. */
void pg_resolver_free(struct pg_resolver *resolver);

/* Is there anything to look up? Not for the folder of a socket, nor for what is an address. */
bool pg_resolve_is_needed(const char *host);
/* By `deadline_ms` (monotonic). ERR_UNAVAILABLE: the name has no address, or none came in time. Any
 * thread. */
int pg_resolve(struct pg_resolver *resolver, const char *host, int64_t deadline_ms,
               struct pg_addresses *ret, struct err *err) MUST_CHECK;

#endif
