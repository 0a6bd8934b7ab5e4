/*
 * Whose call a record is, and which number was dialed: a short text that the operator gives.
 *
 *     tenant=tenantid tenant=accountcode         a field that names the tenant; the first that has one
 *     account=channel account=src                the same for the account
 *     number=dst                                 the same for what was dialed (dst, when not said)
 *     channel=PJSIP/{tenant}-{account}-*         a pattern over a field: what stands at {…} is taken, * is
 *                                                anything; also {number}
 *     context=out-* context!=out-test            only calls of these contexts, and not of those
 *     tenant:acme                                a fixed one, for a PBX of one customer
 *
 * Items are tried in their order; the first one that gives a well-formed id wins. `channel` by itself
 * stands for the endpoint in it: 6001 of PJSIP/6001-0000002a. Channels that are no endpoint's (Local/…)
 * give nothing. In a pattern each {…} and * is at least one character, and takes as much as it can, the first
 * one most of all: of PJSIP/acme-tokyo-1001-0000002a the pattern above takes acme-tokyo and 1001.
 */
#ifndef SEKISHO_JOBS_CDR_MAP_H
#define SEKISHO_JOBS_CDR_MAP_H

#include <stdbool.h>

#include "jobs/cdr.h"

enum { CDR_MAP_BYTES = 512, CDR_MAP_ITEMS_MAX = 24 };

#define CDR_MAP_DEFAULT "tenant=tenantid tenant=accountcode account=account account=channel account=src"

enum cdr_what { CDR_GIVES_TENANT, CDR_GIVES_ACCOUNT, CDR_GIVES_NUMBER, CDR_GIVES };

struct cdr_map {
    char text[CDR_MAP_BYTES]; /* as it was given; items point into it */
    unsigned count;
    struct cdr_map_item {
        enum { CDR_MAP_FIELD, CDR_MAP_PATTERN, CDR_MAP_FIXED, CDR_MAP_CONTEXT, CDR_MAP_NOT_CONTEXT } kind;
        enum cdr_what what; /* FIELD, FIXED */
        enum cdr_field field;
        size_t at, n; /* of the pattern or the fixed id, in text */
    } items[CDR_MAP_ITEMS_MAX];
    bool has_contexts; /* some item names contexts to take */
};

/* ERR_INVALID, with the item in its text. */
int cdr_map_parse(struct slice text, struct cdr_map *ret, struct err *err) MUST_CHECK;

struct cdr_names {
    struct slice tenant, account, number; /* borrowed from the record or the map; empty: nobody said */
};

/* False: the record is of a context that is not wanted. */
bool cdr_map_apply(const struct cdr_map *map, const struct cdr *cdr, struct cdr_names *ret);

/* The endpoint of a channel; empty: it is none's. For messages, too. */
struct slice cdr_endpoint(struct slice channel);

#endif
