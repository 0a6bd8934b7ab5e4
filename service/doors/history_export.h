/* The whole list of accounts or tenants as a body that is made while it is sent. */
#ifndef SEKISHO_DOORS_HISTORY_EXPORT_H
#define SEKISHO_DOORS_HISTORY_EXPORT_H

#include "doors/http.h"
#include "store/history.h"

enum history_format { HISTORY_JSON, HISTORY_NDJSON, HISTORY_CSV };

/* Copies what `filter` borrows. Each piece is a look of its own at the store: an account that is made or
 * deleted meanwhile may be in it or not. Returns new; NULL: out of memory. */
struct body_stream *history_export_new(struct store *store, const struct history_filter *filter,
                                       enum history_format format);

#endif
