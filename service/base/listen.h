/* A listening socket for a door: the same care at each of them. */
#ifndef SEKISHO_BASE_LISTEN_H
#define SEKISHO_BASE_LISTEN_H

#include "base/address.h"

/*
 * Binds and listens on a stream socket, non-blocking and close-on-exec; [::] hears IPv4 too.
 * out: *ret_fd is the caller's to close; *ret_bound is the endpoint with the port that the system
 * picked for port 0. ERR_IO with the address in the text.
 */
int listen_on(const struct endpoint *endpoint, int backlog, int *ret_fd, struct endpoint *ret_bound,
              struct err *err) MUST_CHECK;

#endif
