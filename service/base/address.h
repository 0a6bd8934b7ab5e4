/*
 * Network addresses as people write them: where to listen ("127.0.0.1:8080", "[::]:8080", "off") and
 * who may ask ("192.0.2.0/24").
 *
 * Only numeric addresses: a listener or an access list that depends on a name server would open or
 * close with it. An IPv4 address and the same one mapped into IPv6 (::ffff:192.0.2.1) are one address,
 * because a socket bound to [::] reports IPv4 clients in the mapped form.
 */
#ifndef SEKISHO_BASE_ADDRESS_H
#define SEKISHO_BASE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

enum { ADDRESS_TEXT_BYTES = 64 };

struct endpoint {
    bool is_off;
    uint16_t port; /* 0: the system picks one */
    socklen_t len; /* of address, for bind() */
    struct sockaddr_storage address;
};

/* "HOST:PORT" with a numeric host or "localhost" (127.0.0.1), or "off". ERR_INVALID. */
int endpoint_parse(const char *text, struct endpoint *ret, struct err *err) MUST_CHECK;
/* Can only programs on this machine reach it? True when it is off. */
bool endpoint_is_loopback(const struct endpoint *endpoint);

/* "192.0.2.1:5060", "[2001:db8::1]:5060"; mapped IPv4 is written as IPv4. Returns `text`. */
char *address_format(const struct sockaddr *address, char text[ADDRESS_TEXT_BYTES]);
/* The same without the port: "192.0.2.1". */
char *address_format_host(const struct sockaddr *address, char text[ADDRESS_TEXT_BYTES]);

/* Addresses whose first `bits` bits are those of `prefix`; IPv4 in its mapped form. */
struct network {
    uint8_t prefix[16];
    uint8_t bits;
};

/* "192.0.2.0/24", "2001:db8::/32", or one address. ERR_INVALID; also when bits behind the mask are set,
 * because then what was meant is not what would match. */
int network_parse(const char *text, struct network *ret, struct err *err) MUST_CHECK;

struct networks {
    unsigned count;
    struct network *items;
};
/* False for an empty list: nobody was named. Addresses of other families are in no network. */
bool networks_contain(const struct networks *networks, const struct sockaddr *address);

#endif
