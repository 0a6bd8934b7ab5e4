/* A campaign and its accounts as the API shows them. Each returns new; NULL: out of memory. */
#ifndef SEKISHO_DOORS_CAMPAIGN_JSON_H
#define SEKISHO_DOORS_CAMPAIGN_JSON_H

#include <jansson.h>

#include "store/campaigns.h"

json_t *campaign_write(const struct campaign *campaign);
json_t *campaign_members_write(const struct campaign_member *members, unsigned count);
json_t *campaign_reasons_write(const struct member_count *counts, unsigned count);

#endif
