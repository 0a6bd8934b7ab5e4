#include "doors/authorize.h"

#include <strings.h>

#include "base/clock.h"
#include "doors/answer.h"
#include "doors/connection.h"
#include "doors/token_check.h"
#include "engine/engine.h"
#include "wire/question.h"
#include "wire/verdict.h"

static const struct slice dial_path = SLICE_LIT("/v1/authorize");

static const struct format_facts {
    const char *word, *content_type;
    void (*render)(const struct verdict *verdict, struct buf *buf);
} formats[] = {
    [FORMAT_JSON] = {"json", "application/json", verdict_to_json},
    [FORMAT_TEXT] = {"text", "text/plain", verdict_to_text},
    [FORMAT_FORM] = {"form", "application/x-www-form-urlencoded", verdict_to_form},
};
enum { FORMATS = sizeof formats / sizeof *formats };

/* --- which format --------------------------------------------------------------------------- */

static bool format_of_word(struct slice word, enum verdict_format *ret)
{
    for (int i = 0; i < FORMATS; i++)
        if (slice_equals_text(word, formats[i].word)) {
            *ret = (enum verdict_format)i;
            return true;
        }
    return false;
}

/* The first media type of Accept that is one of ours; weights are not looked at. */
static enum verdict_format format_of_accept(struct slice accept)
{
    for (size_t at = 0; at < accept.n; at++) {
        bool is_start = at == 0 || accept.p[at - 1] == ',' || accept.p[at - 1] == ' ';
        for (int i = 0; is_start && i < FORMATS; i++) {
            size_t n = strlen(formats[i].content_type);
            if (accept.n - at >= n && strncasecmp(accept.p + at, formats[i].content_type, n) == 0)
                return (enum verdict_format)i;
        }
    }
    return FORMAT_JSON;
}

static enum verdict_format format_of_request(const struct connection *connection)
{
    enum verdict_format format;
    struct slice word = uri_param(&connection->uri, "format");
    if (word.p && format_of_word(word, &format))
        return format;
    return connection->facts.accept.p ? format_of_accept(connection->facts.accept) : FORMAT_JSON;
}

void authorize_note_broken(struct connection *connection, const char *raw_uri)
{
    connection->format = FORMAT_JSON;
    for (int i = FORMAT_TEXT; raw_uri && i < FORMATS; i++) {
        char wanted[16];
        snprintf(wanted, sizeof wanted, "format=%s", formats[i].word);
        if (strstr(raw_uri, wanted))
            connection->format = (enum verdict_format)i;
    }
}

bool authorize_render_refusal(struct connection *connection, struct answer *answer)
{
    enum verdict_format format = connection->format;
    bool is_broken = !connection->uri.path.p;
    if (connection->http->door != DOOR_DIAL ||
        (!is_broken && !slice_equals(connection->uri.path, dial_path)))
        return false;
    if (connection->stage == STAGE_HEADER && !is_broken) /* of the gate: nobody looked yet */
        format = format_of_request(connection);
    if (format == FORMAT_JSON)
        return false;
    struct buf body = BUF_OVER(connection->answer);
    if (format == FORMAT_TEXT)
        buf_add_text(&body, "deny");
    else
        buf_printf(&body, "verdict=deny&reason=%s", problem_facts(connection->problem)->code);
    answer->body = buf_slice(&body);
    answer->content_type = formats[format].content_type;
    return true;
}

/* --- the question --------------------------------------------------------------------------- */

bool authorize_begin(struct connection *connection)
{
    const struct facts *facts = &connection->facts;
    if (connection->http->door != DOOR_DIAL || !slice_equals(connection->uri.path, dial_path))
        return false;
    connection->format = format_of_request(connection);
    connection->body.max = QUESTION_BYTES_MAX;
    if (facts->method == METHOD_GET) {
        if (facts_have_body(facts))
            refuse(connection, PROBLEM_BAD_REQUEST, "a GET has no body");
    } else if (facts->method != METHOD_POST) {
        connection->allow = "GET, POST";
        refuse(connection, PROBLEM_WRONG_METHOD, "GET or POST");
    } else if (facts->is_chunked) {
        refuse(connection, PROBLEM_LENGTH_REQUIRED, "no chunks on this route");
    } else if (facts->content_length > QUESTION_BYTES_MAX) {
        refuse(connection, PROBLEM_BODY_TOO_LARGE, "more than %d bytes", QUESTION_BYTES_MAX);
    } else if (facts->content_type.n < 16 ||
               strncasecmp(facts->content_type.p, "application/json", 16) != 0) {
        refuse(connection, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "expected application/json");
    }
    return true;
}

static int read_query(const struct uri *uri, struct question *ret, struct err *err)
{
    int first = 0; /* fault; the rest is read nevertheless: it may be an emergency call */
    for (unsigned i = 0; i < uri->params_count; i++) {
        int rc = question_set(ret, uri->params[i].name, uri->params[i].value, first ? NULL : err);
        first = first ? first : rc;
    }
    return first;
}

static bool read_question(struct connection *connection, struct question *ret, json_t **ret_owner)
{
    struct err err = {0};
    int rc;
    if (connection->facts.method == METHOD_GET)
        rc = read_query(&connection->uri, ret, &err);
    else if (connection->uri.params_count)
        rc = err_set(&err, ERR_INVALID, "a POST has its question in the body alone");
    else
        rc = question_read_json((struct slice){connection->body.p, connection->body.n}, ret,
                                ret_owner, &err);
    if (!rc && ret->format.p && !format_of_word(ret->format, &connection->format))
        rc = err_field(&err, ERR_INVALID, "/format", "json, text or form");
    if (!rc)
        rc = question_check(ret, &err);
    if (rc) {
        refuse(connection, problem_of(rc), "%s", err.text);
        connection->err = err;
    }
    return !rc;
}

/* --- who asks ------------------------------------------------------------------------------- */

static bool check_token(struct connection *connection, struct call *call, int64_t now_ms)
{
    struct credential credential;
    if (!token_check(connection, now_ms, &credential))
        return false;
    if (!(credential.role & (ROLE_PBX | ROLE_OPERATOR))) {
        refuse(connection, PROBLEM_FORBIDDEN, "not for the role %s", role_word(credential.role));
        return false;
    }
    call->is_outside_token = !credential_covers(&credential, call->tenant);
    return true;
}

/* --- the answer ----------------------------------------------------------------------------- */

static enum MHD_Result send_verdict(struct connection *connection, const struct verdict *verdict,
                                    int64_t now_ms)
{
    const struct format_facts *format = &formats[connection->format];
    struct buf body = BUF_OVER(connection->answer);
    format->render(verdict, &body);
    if (body.overflowed) {
        refuse(connection, PROBLEM_INTERNAL, "a verdict of more than %d bytes", ANSWER_BYTES);
        return answer_refusal(connection);
    }
    return answer_send_ready(connection, format->content_type, buf_slice(&body), now_ms);
}

enum MHD_Result authorize_answer(struct connection *connection)
{
    const struct app *app = connection->http->app;
    int64_t now_ms = clock_coarse_ms();
    struct question question = {0};
    struct verdict verdict;
    json_t *owner = NULL;
    enum MHD_Result result;

    bool is_asked = read_question(connection, &question, &owner);
    bool is_allowed = is_asked && check_token(connection, &question.call, now_ms);
    int64_t start_ns = clock_mono_ns();
    if (is_allowed)
        engine_decide(app->engine, &question.call, &verdict);
    if (is_allowed || (question.call.number.p &&
                       engine_decide_emergency(app->engine, question.call.number, &verdict))) {
        metrics_verdict(app->metrics, DOOR_DIAL, &verdict, clock_mono_ns() - start_ns);
        result = send_verdict(connection, &verdict, now_ms);
    } else {
        result = answer_refusal(connection);
    }
    json_decref(owner);
    return result;
}
