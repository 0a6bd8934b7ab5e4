#include "doors/dispatch.h"

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "doors/answer.h"
#include "doors/connection.h"
#include "doors/token_check.h"

/* What a request has for itself while it is under way. */
struct passage {
    struct request request;
    struct credential credential;
    struct arena arena;
};

/* --- the route ------------------------------------------------------------------------------ */

/* Takes the next "/segment" off; false at the end. */
static bool next_segment(struct slice *path, struct slice *ret)
{
    if (path->n == 0 || path->p[0] != '/')
        return false;
    const char *start = path->p + 1;
    const char *slash = memchr(start, '/', path->n - 1);
    size_t n = slash ? (size_t)(slash - start) : path->n - 1;
    *ret = (struct slice){start, n};
    *path = (struct slice){start + n, path->n - 1 - n};
    return true;
}

/* Does the path have the pattern's form? The raw segments in place of {…} go to `params`. */
static bool path_matches(struct slice path, const char *pattern,
                         struct slice params[PATH_PARAMS_MAX])
{
    struct slice rest = slice_of(pattern), wanted, segment;
    unsigned count = 0;
    while (next_segment(&rest, &wanted)) {
        if (!next_segment(&path, &segment))
            return false;
        if (wanted.n && wanted.p[0] == '{') {
            if (segment.n == 0 || count == PATH_PARAMS_MAX)
                return false;
            params[count++] = segment;
        } else if (!slice_equals(segment, wanted)) {
            return false;
        }
    }
    return path.n == 0;
}

static bool method_matches(const struct route *route, enum method method)
{
    const char *word = method_word(method == METHOD_HEAD ? METHOD_GET : method);
    return strcmp(route->method, word) == 0;
}

/* The row for the request; else refuses with 405 when another method has one, or with 404. */
static const struct route *find_route(struct connection *connection, struct request *request)
{
    char allowed[64];
    struct buf allow = BUF_OVER(allowed);
    for (const struct route *route = connection->http->routes; route->method; route++) {
        struct slice params[PATH_PARAMS_MAX] = {{0}};
        if (!path_matches(request->path, route->pattern, params))
            continue;
        if (method_matches(route, connection->facts.method)) {
            memcpy(request->params, params, sizeof params);
            return route;
        }
        buf_printf(&allow, "%s%s", allow.n ? ", " : "", route->method);
        if (strcmp(route->method, "GET") == 0)
            buf_add_text(&allow, ", HEAD");
    }
    if (allow.n == 0) {
        refuse(connection, PROBLEM_NOT_FOUND, "no such path");
    } else {
        refuse(connection, PROBLEM_WRONG_METHOD, "this path knows %s", allowed);
        connection->allow = arena_copy(request->arena, buf_slice(&allow));
    }
    return NULL;
}

static bool decode_params(struct connection *connection, struct request *request)
{
    for (unsigned i = 0; i < PATH_PARAMS_MAX && request->params[i].p; i++) {
        char *out = arena_alloc(request->arena, request->params[i].n);
        if (!out) {
            refuse(connection, PROBLEM_UNAVAILABLE, "no memory");
            return false;
        }
        request->params[i] = uri_decode_segment(request->params[i], out);
    }
    return true;
}

/* --- may this one do it? -------------------------------------------------------------------- */

static bool check_token(struct connection *connection, struct passage *passage)
{
    if (!token_check(connection, clock_now_ms(), &passage->credential))
        return false;
    passage->request.credential = &passage->credential;
    return true;
}

static bool check_role(struct connection *connection, const struct request *request)
{
    const struct credential *credential = request->credential;
    if (!(request->route->roles & credential->role)) {
        refuse(connection, PROBLEM_FORBIDDEN, "not for the role %s", role_word(credential->role));
        return false;
    }
    if (request->route->flags & ROUTE_TENANT &&
        !credential_covers(credential, request->params[0])) {
        /* problem_render() has one text for this and for a tenant that is not there */
        refuse(connection, PROBLEM_NOT_FOUND, "outside the token");
        return false;
    }
    return true;
}

static bool name_actor(struct connection *connection, struct request *request)
{
    const struct credential *credential = request->credential;
    request->actor = (struct actor){
        .subject = arena_printf(request->arena, "token:%s", credential->jti),
        .role = role_word(credential->role),
        .request_id = request->request_id,
        .address = connection->peer,
    };
    if (!request->actor.subject)
        refuse(connection, PROBLEM_UNAVAILABLE, "no memory");
    return request->actor.subject != NULL;
}

/* --- does the request have what the route needs? -------------------------------------------- */

/* A misspelt parameter that went unnoticed would answer another question than was asked. */
static void check_query(struct connection *connection, const struct route *route)
{
    static const char *const none[] = {NULL};
    const struct uri *uri = &connection->uri;
    for (unsigned i = 0; i < uri->params_count; i++) {
        const char *const *known = route->query ? route->query : none;
        while (*known && !slice_equals_text(uri->params[i].name, *known))
            known++;
        if (!*known)
            refuse(connection, PROBLEM_INVALID, "unknown query parameter \"%.*s\"",
                   SLICE_ARG(uri->params[i].name));
    }
}

static bool is_media_type(struct slice value, const char *type)
{
    size_t n = strlen(type);
    return value.n >= n && strncasecmp(value.p, type, n) == 0 &&
           (value.n == n || value.p[n] == ';' || value.p[n] == ' ');
}

static bool has_wanted_type(const struct facts *facts, unsigned flags)
{
    struct slice type = facts->content_type;
    if (flags & ROUTE_NDJSON && is_media_type(type, "application/x-ndjson"))
        return true;
    if (flags & ROUTE_CSV && is_media_type(type, "text/csv"))
        return true;
    if (flags & ROUTE_BODY && facts->method == METHOD_PATCH &&
        is_media_type(type, "application/merge-patch+json"))
        return true;
    if (flags & ROUTE_FORM)
        return is_media_type(type, "application/x-www-form-urlencoded");
    return flags & ROUTE_BODY && is_media_type(type, "application/json");
}

static const char *wanted_types(unsigned flags)
{
    return (flags & ROUTE_NDJSON && flags & ROUTE_CSV) ? "application/x-ndjson or text/csv"
           : flags & ROUTE_NDJSON                      ? "application/x-ndjson"
           : flags & ROUTE_CSV                         ? "text/csv"
           : flags & ROUTE_FORM ? "application/x-www-form-urlencoded"
                                                       : "application/json";
}

static void check_body(struct connection *connection, unsigned flags)
{
    const struct facts *facts = &connection->facts;
    size_t max = flags & (ROUTE_NDJSON | ROUTE_CSV) ? NDJSON_BYTES_MAX
                 : flags & ROUTE_BODY               ? BODY_BYTES_MAX
                 : flags & ROUTE_FORM               ? FORM_BYTES_MAX
                                                    : 0;
    connection->body.max = max;
    if (!facts_have_body(facts))
        return;
    if (max == 0)
        refuse(connection, PROBLEM_BAD_REQUEST, "this route takes no body");
    else if (!has_wanted_type(facts, flags))
        refuse(connection, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "expected %s",
               wanted_types(flags));
    else if (facts->content_length > max)
        refuse(connection, PROBLEM_BODY_TOO_LARGE, "more than %zu bytes", max);
}

/* --- in and out ----------------------------------------------------------------------------- */

static struct passage *passage_new(struct connection *connection)
{
    struct passage *passage = calloc(1, sizeof *passage);
    if (!passage)
        return NULL;
    arena_init(&passage->arena, ARENA_BYTES_MAX);
    struct request *request = &passage->request;
    request->door = connection->http->door;
    request->method = slice_of(method_word(connection->facts.method));
    request->path = connection->uri.path;
    request->arena = &passage->arena;
    request->connection = connection->mhd;
    request->actor.address = connection->peer;
    snprintf(request->request_id, sizeof request->request_id, "%s", request_name(connection));
    return passage;
}

void dispatch_begin(struct connection *connection)
{
    struct passage *passage = connection->passage = passage_new(connection);
    if (!passage) {
        refuse(connection, PROBLEM_UNAVAILABLE, "no memory");
        return;
    }
    struct request *request = &passage->request;
    request->route = find_route(connection, request);
    if (!request->route || !decode_params(connection, request))
        return;
    if (request->route->roles &&
        (!check_token(connection, passage) || !check_role(connection, request) ||
         !name_actor(connection, request)))
        return;
    check_query(connection, request->route);
    if (request->route->flags & ROUTE_NEEDS_MATCH && !connection->facts.if_matches)
        refuse(connection, PROBLEM_MATCH_REQUIRED, "name the version you saw with If-Match, or *");
    check_body(connection, request->route->flags);
}

static enum MHD_Result send_response(struct connection *connection, struct response *response)
{
    struct answer answer = {
        .status = response->status ? response->status : 200,
        .memory = BODY_COPIED,
        .body = response->text,
        .stream = response->stream,
        .content_type = response->content_type ? response->content_type : "application/json",
        .location = response->location,
        .csp = response->csp,
        .etag = response->etag,
        .has_revision = response->has_revision,
        .revision = response->revision,
    };
    if (response->json) {
        char *text = json_dumps(response->json, JSON_COMPACT);
        if (!text) {
            refuse(connection, PROBLEM_UNAVAILABLE, "no memory for the answer");
            return answer_refusal(connection);
        }
        answer.body = slice_of(text);
        answer.memory = BODY_TAKEN;
    }
    response->stream = NULL;
    if (answer.body.n == 0 && !answer.stream)
        answer.content_type = NULL;
    return answer_send(connection, &answer);
}

enum MHD_Result dispatch_answer(struct connection *connection)
{
    struct request *request = &connection->passage->request;
    struct response response = {0};
    struct err err = {0};
    enum MHD_Result result;

    request->body = (struct slice){connection->body.p, connection->body.n};
    int rc = request->route->handler(connection->http->app, request, &response, &err);
    if (rc) {
        refuse(connection, problem_of(rc), "%s", err.text);
        connection->err = err;
        connection->present_etag = response.etag;
        result = answer_refusal(connection);
    } else {
        result = send_response(connection, &response);
    }
    json_decref(response.json);
    if (response.stream)
        response.stream->release(response.stream);
    return result;
}

void dispatch_end(struct connection *connection)
{
    arena_release(&connection->passage->arena);
    free(connection->passage);
    connection->passage = NULL;
}
