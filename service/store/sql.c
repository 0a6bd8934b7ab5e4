#include "store/sql.h"

const struct sql_driver *sql_driver_of(struct slice scheme)
{
    static const struct sql_driver *const drivers[] = {&sql_sqlite};
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (slice_equals_text(scheme, drivers[i]->scheme))
            return drivers[i];
    return NULL;
}
