#include "doors/http.h"

#include <stdarg.h>
#include <stdlib.h>

#include "doors/answer.h"
#include "doors/authorize.h"
#include "doors/connection.h"
#include "doors/dispatch.h"

void refuse(struct connection *connection, enum problem problem, const char *format, ...)
{
    if (connection->is_refused)
        return;
    connection->is_refused = true;
    connection->problem = problem;
    connection->err = (struct err){0};
    va_list args;
    va_start(args, format);
    vsnprintf(connection->err.text, sizeof connection->err.text, format, args);
    va_end(args);
}

/* --- the life of a connection --------------------------------------------------------------- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static struct connection *connection_new(struct http *http, struct MHD_Connection *mhd)
{
    struct connection *connection = malloc(sizeof *connection);
    if (!connection)
        return NULL;
    /* the big buffers at the end need no clearing */
    memset(connection, 0, offsetof(struct connection, uri_text));
    connection->http = http;
    connection->mhd = mhd;
    connection->stock = http->stocks ? ready_stock(http->stocks) : NULL;
    /* one at a time: the next call may overwrite what the last one gave */
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    address_format_host(info->client_addr, connection->peer);
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    deadline_add(http->deadlines, &connection->deadline, info->connect_fd);
    metrics_connections(http->app->metrics, http->door, 1);
    return connection;
}

static void request_end(struct connection *connection)
{
    free(connection->body.p);
    connection->body = (struct body){0};
    if (connection->ready)
        ready_give_back(connection->stock, connection->ready);
    connection->ready = NULL;
    if (connection->passage)
        dispatch_end(connection);
}

static void connection_free(struct connection *connection)
{
    if (!connection)
        return;
    request_end(connection);
    deadline_remove(&connection->deadline);
    metrics_connections(connection->http->app->metrics, connection->http->door, -1);
    free(connection);
}

void http_on_connection(void *http, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = connection_new(http, mhd);
    } else {
        connection_free(*context);
        *context = NULL;
    }
}

/* --- the life of a request ------------------------------------------------------------------ */

void *http_on_uri(void *http, const char *uri, struct MHD_Connection *mhd)
{
    struct connection *connection = connection_of(mhd);
    (void)http;
    if (!connection)
        return NULL;
    connection->stage = STAGE_HEADER;
    connection->is_refused = false;
    connection->allow = NULL;
    connection->present_etag = 0;
    connection->request_id[0] = '\0';
    deadline_enter(&connection->deadline, PHASE_HEADER);
    gate_take_uri(connection, uri);
    return connection;
}

/* A refusal must close the connection when the framing is in doubt; else it waits for the body,
 * if that is small and on its way, so that the client can read the answer and go on. */
static bool is_answered_at_once(const struct connection *connection)
{
    const struct facts *facts = &connection->facts;
    return facts->expects || facts->is_chunked || facts->content_length > DISCARD_BYTES_MAX;
}

static enum MHD_Result take_header(struct connection *connection, const char *method,
                                   const char *version)
{
    gate_take_headers(connection, method, version);
    if (connection->is_refused)
        return answer_refusal(connection);
    if (!authorize_begin(connection))
        dispatch_begin(connection);
    if (connection->is_refused && is_answered_at_once(connection))
        return answer_refusal(connection);
    connection->stage = STAGE_BODY;
    deadline_enter(&connection->deadline, PHASE_BODY);
    return MHD_YES; /* an answer at this point would close the connection */
}

static bool body_grow(struct body *body, size_t n)
{
    size_t cap = body->cap ? body->cap : 2048;
    while (cap < n)
        cap *= 2;
    char *p = cap > body->cap ? realloc(body->p, cap) : body->p;
    if (!p)
        return false;
    body->p = p;
    body->cap = cap;
    return true;
}

static enum MHD_Result take_body(struct connection *connection, const char *bytes, size_t n)
{
    struct body *body = &connection->body;
    if (!connection->is_refused && n > body->max - body->n)
        refuse(connection, PROBLEM_BODY_TOO_LARGE, "more than %zu bytes", body->max);
    if (!connection->is_refused && !body_grow(body, body->n + n))
        refuse(connection, PROBLEM_UNAVAILABLE, "no memory for the body");
    if (connection->is_refused) {
        body->discarded += n; /* no answer can be queued before the end of the body */
        return body->discarded > DISCARD_BYTES_MAX ? MHD_NO : MHD_YES;
    }
    memcpy(body->p + body->n, bytes, n);
    body->n += n;
    return MHD_YES;
}

static enum MHD_Result answer_now(struct connection *connection)
{
    deadline_enter(&connection->deadline, PHASE_HANDLER);
    if (connection->is_refused)
        return answer_refusal(connection);
    return connection->passage ? dispatch_answer(connection) : authorize_answer(connection);
}

enum MHD_Result http_on_request(void *http, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_n, void **context)
{
    struct connection *connection = *context ? *context : connection_of(mhd);
    (void)http, (void)url;
    if (!connection)
        return MHD_NO; /* there was no memory for it */
    switch (connection->stage) {
    case STAGE_HEADER: return take_header(connection, method, version);
    case STAGE_BODY: break;
    case STAGE_ANSWERED: return MHD_YES;
    }
    if (*upload_n == 0)
        return answer_now(connection);
    size_t n = *upload_n;
    *upload_n = 0;
    return take_body(connection, upload, n);
}

void http_on_completed(void *http, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode how)
{
    struct connection *connection = *context;
    (void)http, (void)mhd, (void)how;
    if (!connection)
        return;
    request_end(connection);
    deadline_enter(&connection->deadline, PHASE_IDLE);
}
