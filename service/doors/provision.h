/*
 * One line of a bulk request: a tenant, or an account of one, as PUT would take it.
 *
 *     {"tenant":"acme","name":"Acme K.K.","profile":"standard"}
 *     {"tenant":"acme","account":"1001","display_name":"Front desk","profile":null}
 *
 * As a line of CSV the columns have the same names; contacts are contact_name, contact_email and
 * contact_phone, one a line.
 */
#ifndef SEKISHO_DOORS_PROVISION_H
#define SEKISHO_DOORS_PROVISION_H

#include "doors/rest.h"

/* The columns of CSV; ends with NULL. */
extern const char *const provision_columns[];

struct provisioned {
    unsigned line;
    const char *tenant, *account; /* in the arena; "" when the line names none */
    enum rest_saved saved;
    int rc;         /* why it was refused, or 0 */
    struct err err; /* when refused */
};

/*
 * Does what the object says, in rest->txn. `tenant` stands in where it names none. Fills *ret; a
 * line that is refused is no failure of this function. Returns an error only when the store is.
 */
int provision_line(struct rest *rest, struct slice tenant, json_t *object, struct provisioned *ret,
                   struct err *err) MUST_CHECK;

/* The result as a line of NDJSON. */
void provision_write(const struct provisioned *result, const char *problem_base, struct buf *buf);

#endif
