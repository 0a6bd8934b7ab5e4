#include "wire/question.h"

#include <stdio.h>

#include "base/utf8.h"

enum { CALL_ID_BYTES_MAX = 63, SOURCE_IP_BYTES_MAX = 47, POINTER_NAME_CHARS = 40 };

static int fault(struct slice name, const char *what, struct err *err)
{
    char pointer[POINTER_NAME_CHARS + 2];
    int n = (int)(name.n < POINTER_NAME_CHARS ? name.n : POINTER_NAME_CHARS);
    snprintf(pointer, sizeof pointer, "/%.*s", n, name.p);
    return err_field(err, ERR_INVALID, pointer, "%s", what);
}

/* Only for the record: a call does not fail because such a text is odd, it goes unrecorded. */
static struct slice for_the_record(struct slice value, size_t bytes_max)
{
    return value.n <= bytes_max && utf8_is_plain_text(value.p, value.n) ? value : SLICE_NONE;
}

static bool read_revision(struct slice value, uint64_t *ret)
{
    uint64_t revision = 0;
    if (value.n == 0 || value.n > 18)
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        revision = revision * 10 + (uint64_t)(value.p[i] - '0');
    }
    *ret = revision;
    return true;
}

static bool is(struct slice name, struct slice wanted)
{
    return slice_equals(name, wanted);
}

int question_set(struct question *question, struct slice name, struct slice value, struct err *err)
{
    struct call *call = &question->call;
    if (is(name, SLICE_LIT("tenant")))
        call->tenant = value;
    else if (is(name, SLICE_LIT("account")))
        call->account = value;
    else if (is(name, SLICE_LIT("number")))
        call->number = value;
    else if (is(name, SLICE_LIT("call_id")))
        call->call_id = for_the_record(value, CALL_ID_BYTES_MAX);
    else if (is(name, SLICE_LIT("source_ip")))
        call->source_ip = for_the_record(value, SOURCE_IP_BYTES_MAX);
    else if (is(name, SLICE_LIT("format")))
        question->format = value;
    else if (is(name, SLICE_LIT("origin")))
        return origin_of(value, &call->origin) ? 0 : fault(name, "no such origin", err);
    else if (is(name, SLICE_LIT("min_revision")))
        return read_revision(value, &call->min_revision) ? 0 : fault(name, "no revision", err);
    else
        return fault(name, "unknown parameter", err);
    return 0;
}

static int set_json(struct question *question, struct slice name, const json_t *value,
                    struct err *err)
{
    bool is_number = is(name, SLICE_LIT("min_revision"));
    if (is_number && json_is_integer(value) && json_integer_value(value) >= 0) {
        question->call.min_revision = (uint64_t)json_integer_value(value);
        return 0;
    }
    if (is_number || !json_is_string(value))
        return fault(name, is_number ? "expected a revision" : "expected a string", err);
    return question_set(question, name,
                        (struct slice){json_string_value(value), json_string_length(value)}, err);
}

int question_read_json(struct slice body, struct question *ret, json_t **ret_owner, struct err *err)
{
    json_error_t error;
    json_t *root = json_loadb(body.p ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &error);
    const char *name;
    json_t *value;
    int first = 0; /* fault; the rest is read nevertheless: it may be an emergency call */

    *ret_owner = root;
    if (!root)
        return err_set(err, ERR_INVALID, "line %d: %s", error.line, error.text);
    if (!json_is_object(root))
        return err_set(err, ERR_INVALID, "expected a JSON object");
    json_object_foreach(root, name, value) {
        int rc = set_json(ret, slice_of(name), value, first ? NULL : err);
        first = first ? first : rc;
    }
    return first;
}

int question_check(const struct question *question, struct err *err)
{
    if (question->call.tenant.n == 0)
        return err_field(err, ERR_INVALID, "/tenant", "which tenant is calling?");
    if (!question->call.number.p)
        return err_field(err, ERR_INVALID, "/number", "which number was dialed?");
    return 0;
}
