#include "doors/problem.h"

/* tests/lint/errors.py reads this table: one row a line. No code contains "allow", for the sake of
 * dialplans that look for that word in a whole body. */
static const struct problem_facts table[PROBLEM_COUNT] = {
    [PROBLEM_BAD_REQUEST] = {400, "bad_request", "Malformed request"},
    [PROBLEM_INVALID] = {400, "invalid", "Input not understood"},
    [PROBLEM_INVALID_TOKEN] = {401, "invalid_token", "No valid token"},
    [PROBLEM_FORBIDDEN] = {403, "forbidden", "Not for this role"},
    [PROBLEM_NOT_FOUND] = {404, "not_found", "Not found"},
    [PROBLEM_WRONG_METHOD] = {405, "wrong_method", "Wrong method for this path"},
    [PROBLEM_EXISTS] = {409, "exists", "Exists already"},
    [PROBLEM_IDEMPOTENCY_BUSY] = {409, "idempotency_busy", "First request still running"},
    [PROBLEM_WRONG_STATE] = {409, "wrong_state", "Not in this state"},
    [PROBLEM_LENGTH_REQUIRED] = {411, "length_required", "Content-Length required"},
    [PROBLEM_STALE] = {412, "stale", "Changed in the meantime"},
    [PROBLEM_BODY_TOO_LARGE] = {413, "body_too_large", "Body too large"},
    [PROBLEM_URI_TOO_LONG] = {414, "uri_too_long", "URI too long"},
    [PROBLEM_UNSUPPORTED_MEDIA_TYPE] = {415, "unsupported_media_type", "Wrong Content-Type"},
    [PROBLEM_LIMIT] = {422, "limit", "A documented bound is reached"},
    [PROBLEM_IDEMPOTENCY_MISMATCH] = {422, "idempotency_mismatch", "Idempotency-Key used before"},
    [PROBLEM_MATCH_REQUIRED] = {428, "match_required", "If-Match required"},
    [PROBLEM_HEADER_TOO_LARGE] = {431, "header_too_large", "Header too large"},
    [PROBLEM_INTERNAL] = {500, "internal", "Internal error"},
    [PROBLEM_METHOD_UNKNOWN] = {501, "method_unknown", "Unknown method"},
    [PROBLEM_UNAVAILABLE] = {503, "unavailable", "Not available now"},
    [PROBLEM_CROWDED] = {503, "crowded", "Too many at once"},
    [PROBLEM_OUTCOME_UNKNOWN] = {503, "outcome_unknown", "Perhaps it was done"},
};

const struct problem_facts *problem_facts(enum problem problem)
{
    return &table[problem];
}

enum problem problem_of(int err_code)
{
    switch ((enum err_code)err_code) {
    case ERR_INVALID: return PROBLEM_INVALID;
    case ERR_NOT_FOUND: return PROBLEM_NOT_FOUND;
    case ERR_EXISTS: return PROBLEM_EXISTS;
    case ERR_STALE: return PROBLEM_STALE;
    case ERR_LIMIT: return PROBLEM_LIMIT;
    case ERR_FORBIDDEN: return PROBLEM_FORBIDDEN;
    case ERR_MISMATCH: return PROBLEM_IDEMPOTENCY_MISMATCH;
    case ERR_BUSY: return PROBLEM_IDEMPOTENCY_BUSY;
    case ERR_WRONG_STATE: return PROBLEM_WRONG_STATE;
    case ERR_UNAVAILABLE:
    case ERR_NOMEM: return PROBLEM_UNAVAILABLE;
    case ERR_CROWDED: return PROBLEM_CROWDED;
    case ERR_UNDECIDED: return PROBLEM_OUTCOME_UNKNOWN;
    case ERR_IO:
    case ERR_VERSION: break;
    }
    return PROBLEM_INTERNAL;
}

/* Our own trouble is for our log; everything else helps the client to do better. */
static const char *detail_of(enum problem problem, const struct err *err)
{
    if (problem == PROBLEM_INTERNAL)
        return "the error was logged with this request_id";
    if (problem == PROBLEM_UNAVAILABLE)
        return "nothing was changed; try again shortly";
    if (problem == PROBLEM_OUTCOME_UNKNOWN)
        return "the store went away in the very moment: look whether the change is there, or send the "
               "same request again with the same Idempotency-Key";
    /* one text for what is missing and for what is not yours: nobody learns which tenants exist */
    if (problem == PROBLEM_NOT_FOUND && !(err && err->field[0]))
        return "there is nothing here, or it is not yours";
    return err && err->text[0] ? err->text : "";
}

static void add_member(struct buf *buf, const char *name, const char *value)
{
    buf_printf(buf, ",\"%s\":", name);
    buf_add_json(buf, slice_of(value));
}

void problem_render(enum problem problem, const char *base, const char *request_id,
                    const struct err *err, struct buf *buf)
{
    const struct problem_facts *facts = problem_facts(problem);
    const char *detail = detail_of(problem, err);

    buf_printf(buf, "{\"type\":\"%s%s\",\"title\":\"%s\",\"status\":%d", base, facts->code,
               facts->title, facts->status);
    if (detail[0])
        add_member(buf, "detail", detail);
    add_member(buf, "code", facts->code);
    if (request_id[0])
        add_member(buf, "request_id", request_id);
    if (err && err->field[0] && detail == err->text) {
        buf_add_text(buf, ",\"errors\":[{\"pointer\":");
        buf_add_json(buf, slice_of(err->field));
        add_member(buf, "detail", detail);
        buf_add_text(buf, "}]");
    }
    buf_add_char(buf, '}');
}
