/*
 * Where a webhook may lead. Its address was typed by a customer, so it must not become a way into the
 * operator's network (server-side request forgery).
 *
 *     URL ─► scheme, port ─► names resolved HERE, once ─► every address looked at ─► connect to that one
 *
 * Whatever is not a public unicast address is refused: private, loopback, link-local (cloud metadata),
 * shared (carrier NAT), documentation, multicast, tunnels that carry an IPv4 address inside, and IPv4
 * written as IPv6. One bad address among several refuses all: a public name that also points inside is no
 * accident. Networks that the operator lists are allowed, with http and any port.
 */
#ifndef SEKISHO_JOBS_WEBHOOK_TARGET_H
#define SEKISHO_JOBS_WEBHOOK_TARGET_H

#include <sys/socket.h>

#include "base/address.h"
#include "jobs/delivery.h"

enum { WEBHOOK_HOST_BYTES = 256 };

struct webhook_target {
    char host[WEBHOOK_HOST_BYTES]; /* as in the URL, IPv6 in brackets */
    unsigned short port;
    struct sockaddr_storage address; /* the one to connect to, port included */
    socklen_t address_n;
};

/* May a webhook be sent to this address? */
bool webhook_address_is_public(const struct sockaddr *address);

/* DELIVERY_DONE: *ret is filled. DELIVERY_LATER: the name has no address just now. DELIVERY_NEVER: refused, or
 * no URL. Blocks while a name is looked up. */
void webhook_target_find(const char *url, const struct networks *allowed,
                         struct webhook_target *ret, struct delivery *end);

#endif
