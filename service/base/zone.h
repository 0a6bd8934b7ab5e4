/*
 * Time zones by name ("Asia/Tokyo"), for texts that people read: what their clock shows at a moment.
 *
 * From the system's tzdata (RFC 8536), read here, because localtime_r() knows one zone a process and the
 * tenants of one process live in many. Without tzdata, Asia/Tokyo (which has no summer time) and UTC are
 * known all the same.
 */
#ifndef SEKISHO_BASE_ZONE_H
#define SEKISHO_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { ZONE_NAME_BYTES = 64, ZONE_CHANGES_MAX = 512, ZONE_KINDS_MAX = 64, ZONE_ABBREVIATION_BYTES = 12 };

struct zone {
    unsigned changes, kinds;
    int64_t at_s[ZONE_CHANGES_MAX]; /* Unix seconds, ascending */
    uint8_t kind_of[ZONE_CHANGES_MAX];
    struct {
        int32_t offset_s; /* east of UTC */
        char name[ZONE_ABBREVIATION_BYTES]; /* "JST", "+08" */
    } kind[ZONE_KINDS_MAX];
};

/* ERR_NOT_FOUND: no such zone here; ERR_INVALID: not a name, or the file is damaged. */
int zone_load(const char *name, struct zone *ret, struct err *err) MUST_CHECK;

struct zone_time {
    int year, month, day, weekday; /* weekday 0 is Sunday */
    int hour, minute, second;
    int32_t offset_s;
    const char *name; /* borrows from the zone */
};
/* What a clock there shows at a moment (Unix milliseconds). */
struct zone_time zone_time(const struct zone *zone, int64_t ms);

/* No name but a distance: "+09:00". False: not of that form. */
bool zone_fixed(const char *text, struct zone *ret);

/*
 * The moment (Unix seconds) at which the clock there shows a time, given in seconds since 1970 as if it were
 * UTC. Where it shows it twice (summer time ends), the first; where never, as if it had not been put forward.
 */
int64_t zone_moment(const struct zone *zone, int64_t shown_s);

#endif
