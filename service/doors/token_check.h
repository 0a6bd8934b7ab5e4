/* The bearer token of a request, for both HTTP doors: taken from its header, verified, and when it is refused
 * said in the log, because a PBX whose token ran out gets the floor and nobody else would tell. */
#ifndef SEKISHO_DOORS_TOKEN_CHECK_H
#define SEKISHO_DOORS_TOKEN_CHECK_H

#include "doors/connection.h"

/* False: refused with 401. Each refusal is a debug line; one warning a minute counts them. */
bool token_check(struct connection *connection, int64_t now_ms, struct credential *ret);

#endif
