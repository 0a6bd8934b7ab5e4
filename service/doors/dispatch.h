/*
 * From a clean request to its handler: the route, then everything the row of the route table asks
 * for, in this order, before the body is read and before the handler runs.
 *
 *     route (404, 405) ─► token (401) ─► role (403) ─► tenant (404) ─► query (400)
 *          ─► If-Match (428) ─► body (400 413 415) ─► handler
 */
#ifndef SEKISHO_DOORS_DISPATCH_H
#define SEKISHO_DOORS_DISPATCH_H

#include <microhttpd.h>

struct connection;

/* At the end of the header: finds the route and checks; refuses where it says no. */
void dispatch_begin(struct connection *connection);
/* The body is in: runs the handler and answers. */
enum MHD_Result dispatch_answer(struct connection *connection);
/* Frees what the request had. */
void dispatch_end(struct connection *connection);

#endif
