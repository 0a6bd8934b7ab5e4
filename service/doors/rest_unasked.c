/* /v1/cdrs/coverage: calls in the records that nobody asked us about. */
#include "base/clock.h"
#include "doors/rest.h"
#include "jobs/unasked.h"

enum { DAYS = 7, DAY_MS = 86400000 };

static int take_time(struct rest *rest, const char *name, int64_t fallback_ms, int64_t *ret,
                     struct err *err)
{
    struct slice text = request_query(rest->request, name);
    *ret = fallback_ms;
    if (text.p && !clock_parse(text, ret))
        return err_set(err, ERR_INVALID, "%s must be a time like 2026-12-01T09:00:00%%2B09:00", name);
    return 0;
}

static int take_tolerance(struct rest *rest, int64_t *ret_ms, struct err *err)
{
    struct slice text = request_query(rest->request, "tolerance");
    int64_t seconds = text.p ? 0 : UNASKED_TOLERANCE_S;
    if ((text.p && text.n == 0) || text.n > 4 || !slice_is_digits(text))
        return err_set(err, ERR_INVALID, "tolerance must be 0 to %d seconds", UNASKED_TOLERANCE_S_MAX);
    for (size_t i = 0; i < text.n; i++)
        seconds = seconds * 10 + text.p[i] - '0';
    if (seconds > UNASKED_TOLERANCE_S_MAX)
        return err_set(err, ERR_INVALID, "tolerance must be 0 to %d seconds", UNASKED_TOLERANCE_S_MAX);
    *ret_ms = seconds * 1000;
    return 0;
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *write_example(const struct call_record *call)
{
    char at[CLOCK_TEXT_BYTES];
    return json_pack("{ss, ss, so, sb, sI, ss, so, ss}", "at", clock_format(call->at_ms, at), "number",
                     call->number, "country", text_or_null(call->country), "overseas",
                     (int)call->is_overseas, "seconds", (json_int_t)call->seconds, "disposition",
                     disposition_word(call->disposition), "call_id", text_or_null(call->call_id), "source",
                     call->source);
}

static json_t *write_group(const struct unasked_group *group)
{
    char first[CLOCK_TEXT_BYTES], last[CLOCK_TEXT_BYTES];
    json_t *examples = json_array();
    for (unsigned i = 0; i < group->examples_count; i++)
        json_array_append_new(examples, write_example(&group->examples[i]));
    return json_pack("{ss, so, so, sI, sI, sI, ss, ss, so}", "tenant", group->tenant, "account",
                     text_or_null(group->account), "context", text_or_null(group->context), "calls",
                     (json_int_t)group->calls, "overseas", (json_int_t)group->overseas, "answered",
                     (json_int_t)group->answered, "first_at", clock_format(group->first_at_ms, first),
                     "last_at", clock_format(group->last_at_ms, last), "examples", examples);
}

static json_t *write_coverage(const struct asked_span *span, const struct unasked *coverage)
{
    char from[CLOCK_TEXT_BYTES], to[CLOCK_TEXT_BYTES];
    json_t *groups = json_array();
    for (unsigned i = 0; i < coverage->groups_count; i++)
        json_array_append_new(groups, write_group(&coverage->groups[i]));
    return json_pack("{ss, ss, sI, sI, sI, s{sI, sI, sI}, sI, sI, so, sI, sb}", "from",
                     clock_format(span->from_ms, from), "to", clock_format(span->to_ms, to), "tolerance",
                     (json_int_t)(span->tolerance_ms / 1000), "calls", (json_int_t)coverage->calls,
                     "emergency", (json_int_t)coverage->emergency, "asked", "by_call_id",
                     (json_int_t)coverage->by_call_id, "by_number", (json_int_t)coverage->by_number,
                     "by_count", (json_int_t)coverage->by_count, "not_asked",
                     (json_int_t)coverage->not_asked, "not_asked_overseas",
                     (json_int_t)coverage->not_asked_overseas, "groups", groups, "more_calls",
                     (json_int_t)coverage->more_calls, "window_was_cut", (int)coverage->window_was_cut);
}

int rest_cdr_coverage(struct rest *rest, struct err *err)
{
    struct unasked coverage = {0};
    struct asked_span span = {.tenant = request_query(rest->request, "tenant")};
    int rc = take_time(rest, "to", clock_now_ms(), &span.to_ms, err);
    if (rc == 0)
        rc = take_time(rest, "from", span.to_ms - (int64_t)DAYS * DAY_MS, &span.from_ms, err);
    if (rc == 0)
        rc = take_tolerance(rest, &span.tolerance_ms, err);
    if (rc == 0 && span.from_ms >= span.to_ms)
        rc = err_set(err, ERR_INVALID, "from must be before to");
    if (rc == 0)
        rc = unasked_find(rest->app->store, &span, &coverage, err);
    if (rc == 0)
        rc = rest_answer(rest, 200, write_coverage(&span, &coverage), 0, err);
    unasked_release(&coverage);
    return rc;
}
