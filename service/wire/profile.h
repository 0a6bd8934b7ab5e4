/* A profile as JSON, its rules in it. */
#ifndef SEKISHO_WIRE_PROFILE_H
#define SEKISHO_WIRE_PROFILE_H

#include "core/tenant.h"
#include "wire/fields.h"

int profile_read(json_t *object, enum read_mode mode, struct arena *arena, struct profile *profile,
                 struct err *err) MUST_CHECK;

/* Return new; NULL: out of memory. */
json_t *profile_write(const struct profile *profile);
json_t *profiles_write(const struct profile *profiles, unsigned count);

#endif
