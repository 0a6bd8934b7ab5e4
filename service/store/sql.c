#include "store/sql.h"

const struct sql_driver *sql_driver_of(const char *url)
{
    static const struct sql_driver *const drivers[] = {&sql_sqlite, &sql_postgres};
    struct slice scheme = {url, strcspn(url, ":")};
    for (size_t i = 0; url[scheme.n] == ':' && i < sizeof drivers / sizeof *drivers; i++)
        for (const char *const *known = drivers[i]->schemes; *known; known++)
            if (slice_equals_text(scheme, *known))
                return drivers[i];
    return NULL;
}
