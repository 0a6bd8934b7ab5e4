/* A tenant and an account as JSON. */
#ifndef SEKISHO_WIRE_TENANT_H
#define SEKISHO_WIRE_TENANT_H

#include "core/tenant.h"
#include "wire/fields.h"

/* Reads over *tenant and checks outside line, locale, time zone and contacts by their shape. */
int tenant_read(json_t *object, enum read_mode mode, struct arena *arena, struct tenant *tenant,
                struct err *err) MUST_CHECK;
int account_read(json_t *object, enum read_mode mode, struct arena *arena, struct account *account,
                 struct err *err) MUST_CHECK;

/* Return new; NULL: out of memory. */
json_t *tenant_write(const struct tenant *tenant);
json_t *account_write(const struct account *account);
json_t *tenants_write(const struct tenant *tenants, unsigned count);
json_t *accounts_write(const struct account *accounts, unsigned count);

#endif
