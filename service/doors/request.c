/* What a handler may ask of its request (http.h). */
#include <string.h>

#include "doors/connection.h"

static struct connection *connection_of(const struct request *request)
{
    return MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
        ->socket_context;
}

struct slice request_query(const struct request *request, const char *name)
{
    return uri_param(&connection_of(request)->uri, name);
}

struct slice request_header(const struct request *request, const char *name)
{
    const char *value = NULL;
    size_t n = 0;
    if (MHD_lookup_connection_value_n(request->connection, MHD_HEADER_KIND, name, strlen(name),
                                      &value, &n) != MHD_YES)
        return SLICE_NONE;
    return (struct slice){value ? value : "", n};
}
