/*
 * Responses made ready, for the dial route: making one costs libmicrohttpd more than sending it
 * (three allocations and six searches for each header, and a Date for each answer). A verdict has
 * always the same headers and one of a few dozen lengths, so a worker thread keeps the responses
 * it has sent and fills their bodies anew.
 *
 *     ready_take(body) ─► one of this format and length in the stock: fill it in ─► sent ─┐
 *                         none: make one ─► sent ─────────────► ready_give_back() ◄────────┘
 *
 * A response may be changed only while nobody sends it: between the end of the request it was for
 * and the next ready_take(). Both happen in the one thread that serves the connection, so a stock
 * belongs to a thread and has no lock.
 */
#ifndef SEKISHO_DOORS_READY_H
#define SEKISHO_DOORS_READY_H

#include <microhttpd.h>
#include <stdint.h>

#include "base/slice.h"

struct ready_stocks; /* all stocks of a listener */
struct ready_stock;  /* one thread's */

struct ready {
    struct MHD_Response *response;
    const char *content_type; /* compared as an address: one of a few constants */
    int64_t date_s;           /* what its Date says */
    struct ready *next;
    size_t n;
    char body[];
};

struct ready_stocks *ready_stocks_new(void); /* NULL: no memory */
/* When no response is under way; NULL is fine. */
void ready_stocks_free(struct ready_stocks *stocks);

/* The calling thread's stock; NULL when there is no memory for one. Takes a lock: once a
 * connection. */
struct ready_stock *ready_stock(struct ready_stocks *stocks);

/* A response with this body (copied) and the common headers, dated `now_ms`; NULL when there is
 * no memory for one. To be given back when its request has ended. */
struct ready *ready_take(struct ready_stock *stock, const char *content_type, struct slice body,
                         int64_t now_ms);
void ready_give_back(struct ready_stock *stock, struct ready *ready);

#endif
