/* The CSV of a campaign's report as a body that is made while it is sent. */
#ifndef SEKISHO_DOORS_CAMPAIGN_EXPORT_H
#define SEKISHO_DOORS_CAMPAIGN_EXPORT_H

#include "doors/http.h"

/* Copies `id`. Each page is a look of its own at the store. Returns new; NULL: out of memory. */
struct body_stream *campaign_export_new(struct store *store, struct slice id);

#endif
