#include "doors/answer.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "doors/answer_stream.h"
#include "doors/authorize.h"
#include "doors/connection.h"

const char *request_name(struct connection *connection)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[12] = {0};
    char *to = connection->request_id;
    if (*to)
        return to;
    /* cannot fail for so few bytes once the system is up (getrandom(2)); if it did, the name is
     * dull */
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        memset(bytes, 0, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        *to++ = hex[bytes[i] >> 4];
        *to++ = hex[bytes[i] & 15];
    }
    *to = '\0';
    return connection->request_id;
}

/* --- headers -------------------------------------------------------------------------------- */

static bool add(struct MHD_Response *response, const char *name, const char *value)
{
    return !value || MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool add_number(struct MHD_Response *response, const char *name, const char *format,
                       uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, format, (unsigned long long)value);
    return add(response, name, text);
}

/* Nothing of ours may be cached, guessed at or run. */
bool answer_add_common(struct MHD_Response *response, const char *content_type, const char *csp)
{
    return add(response, "Content-Type", content_type) &&
           add(response, "Cache-Control", "no-store") &&
           add(response, "X-Content-Type-Options", "nosniff") &&
           add(response, "Referrer-Policy", csp ? "no-referrer" : NULL) &&
           add(response, "Content-Security-Policy",
               csp ? csp : "default-src 'none'; frame-ancestors 'none'");
}

/* Is this answer to be the last on its connection? */
static bool is_last(const struct connection *connection)
{
    return deadline_is_old(&connection->deadline) ||
           atomic_load_explicit(&connection->http->is_draining, memory_order_relaxed);
}

static bool add_own(struct MHD_Response *response, const struct connection *connection,
                    const struct answer *answer)
{
    const char *request_id = connection->request_id[0] ? connection->request_id : NULL;
    bool closes = answer->closes || is_last(connection);
    return add(response, "Connection", closes ? "close" : NULL) &&
           add(response, "Strict-Transport-Security",
               connection->http->is_tls ? "max-age=31536000" : NULL) &&
           add(response, "WWW-Authenticate", answer->authenticate) &&
           add(response, "Allow", answer->allow) && add(response, "Location", answer->location) &&
           add(response, "Request-Id", request_id) &&
           add(response, "Retry-After", answer->is_retryable ? "1" : NULL) &&
           (!answer->etag || add_number(response, "ETag", "\"%llu\"", answer->etag)) &&
           (!answer->has_revision ||
            add_number(response, "Sekisho-Revision", "%llu", answer->revision));
}

/* --- sending -------------------------------------------------------------------------------- */

static struct MHD_Response *response_new(struct connection *connection, const struct answer *answer)
{
    if (answer->stream)
        return answer_stream_new(connection, answer->stream);
    static const enum MHD_ResponseMemoryMode modes[] = {
        [BODY_KEPT] = MHD_RESPMEM_PERSISTENT,
        [BODY_COPIED] = MHD_RESPMEM_MUST_COPY,
        [BODY_TAKEN] = MHD_RESPMEM_MUST_FREE,
    };
    /* an empty body needs an address too */
    if (answer->body.n == 0)
        return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
    return MHD_create_response_from_buffer(answer->body.n, (void *)answer->body.p,
                                           modes[answer->memory]);
}

static enum MHD_Result queue(struct connection *connection, int status,
                             struct MHD_Response *response)
{
    const struct http *http = connection->http;
    if (MHD_queue_response(connection->mhd, (unsigned)status, response) != MHD_YES)
        return MHD_NO;
    connection->stage = STAGE_ANSWERED;
    deadline_enter(&connection->deadline, PHASE_ANSWER);
    metrics_http(http->app->metrics, http->door, status);
    struct slice path = connection->uri.path;
    if (slice_starts_with(path, SLICE_LIT("/a/"))) /* what follows is a credential */
        path = SLICE_LIT("/a/...");
    log_debug("request", "door=%s method=%s path=%.*s status=%d peer=%s", door_word(http->door),
              method_word(connection->facts.method), SLICE_ARG(path), status, connection->peer);
    return MHD_YES;
}

enum MHD_Result answer_send(struct connection *connection, const struct answer *answer)
{
    struct MHD_Response *response = response_new(connection, answer);
    if (!response) {
        if (answer->memory == BODY_TAKEN)
            free((void *)answer->body.p);
        return MHD_NO;
    }
    enum MHD_Result result = MHD_NO;
    if (answer_add_common(response, answer->content_type, answer->csp) && add_own(response, connection, answer))
        result = queue(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result answer_send_ready(struct connection *connection, const char *content_type,
                                  struct slice body, int64_t now_ms)
{
    if (connection->stock && !is_last(connection))
        connection->ready = ready_take(connection->stock, content_type, body, now_ms);
    if (connection->ready)
        return queue(connection, 200, connection->ready->response);
    return answer_send(connection, &(struct answer){.status = 200,
                                                    .memory = BODY_COPIED,
                                                    .body = body,
                                                    .content_type = content_type});
}

/* --- refusals ------------------------------------------------------------------------------- */

static void render_problem(struct connection *connection, struct answer *answer)
{
    const char *base = connection->http->app->problem_base;
    struct buf body = BUF_OVER(connection->answer);
    problem_render(connection->problem, base, connection->request_id, &connection->err, &body);
    if (body.overflowed) { /* a detail full of escapes; half a document is worse than a short one */
        body = BUF_OVER(connection->answer);
        problem_render(connection->problem, base, connection->request_id, NULL, &body);
    }
    answer->body = buf_slice(&body);
    answer->content_type = "application/problem+json";
}

static const char *challenge(int status)
{
    switch (status) {
    case 401: return "Bearer error=\"invalid_token\"";
    case 403: return "Bearer error=\"insufficient_scope\"";
    default: return NULL;
    }
}

enum MHD_Result answer_refusal(struct connection *connection)
{
    int status = problem_facts(connection->problem)->status;
    const char *request_id = request_name(connection);
    struct answer answer = {
        .status = status,
        .allow = connection->allow,
        .authenticate = challenge(status),
        .is_retryable = status == 503,
        .etag = connection->present_etag,
        .closes = connection->stage == STAGE_HEADER,
    };
    if (status == 500 || status == 503)
        log_error("request_failed", "door=%s request_id=%s error=\"%s\"",
                  door_word(connection->http->door), request_id, connection->err.text);
    if (!authorize_render_refusal(connection, &answer))
        render_problem(connection, &answer);
    return answer_send(connection, &answer);
}
