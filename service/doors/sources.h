/* Numbers that other parts count for themselves, made visible in /metrics. */
#ifndef SEKISHO_DOORS_SOURCES_H
#define SEKISHO_DOORS_SOURCES_H

#include "base/err.h"

struct agi;
struct attempts;
struct metrics;

/* Before the listeners start. Borrows both while metrics are read; `agi` may be NULL. */
int sources_add(struct metrics *metrics, const struct attempts *attempts, const struct agi *agi,
                struct err *err) MUST_CHECK;

#endif
