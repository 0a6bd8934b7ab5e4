/*
 * POST /v1/cdrs: call records of a PBX, as Asterisk's Master.csv or NDJSON.
 *
 * A body is in as a whole or not at all, and the same record again counts once: so it needs no
 * Idempotency-Key. What a reader of a growing file sends has the file's position beside it, which is kept
 * in the same transaction.
 */
#include <strings.h>

#include "base/charset.h"
#include "doors/rest.h"
#include "jobs/cdr_import.h"
#include "wire/fields.h"

/* What the query says, ready to be used. */
struct wanted {
    struct cdr_import import;
    struct cdr_detected detected;
    struct cdr_map map;
    struct zone zone;
    struct call_follow follow;
    char source[CALL_SOURCE_BYTES];
    char zone_name[ZONE_NAME_BYTES];
    const char *zone_why, *warning; /* warning: "" for none */
};

/* --- the query ---------------------------------------------------------------------------------- */

static int take_flag(const struct request *request, const char *name, bool fallback, bool *ret,
                     struct err *err)
{
    struct slice text = request_query(request, name);
    bool is_true = slice_equals_text(text, "true");
    if (text.p && !is_true && !slice_equals_text(text, "false"))
        return err_set(err, ERR_INVALID, "%s must be true or false", name);
    *ret = text.p ? is_true : fallback;
    return 0;
}

static int take_number(const struct request *request, const char *name, int64_t *ret,
                       struct err *err)
{
    struct slice text = request_query(request, name);
    if (text.n > 18 || (text.p && text.n == 0) || !slice_is_digits(text))
        return err_set(err, ERR_INVALID, "%s must be a whole number", name);
    *ret = 0;
    for (size_t i = 0; i < text.n; i++)
        *ret = *ret * 10 + text.p[i] - '0';
    return 0;
}

static int take_source(struct wanted *wanted, const struct request *request, struct err *err)
{
    struct slice source = request_query(request, "source");
    if (!source.p || !tenant_id_is_valid(source))
        return err_set(err, ERR_INVALID,
                       "source must name the PBX: 1 to 63 of a-z, 0-9, - and _, first a letter or digit");
    snprintf(wanted->source, sizeof wanted->source, "%.*s", SLICE_ARG(source));
    wanted->import.source = wanted->source;
    return 0;
}

static bool is_plain(struct slice text, size_t cap)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ')
            return false;
    return text.n > 0 && text.n < cap;
}

static int take_follow(struct wanted *wanted, const struct request *request, struct err *err)
{
    struct slice file = request_query(request, "file"), mark = request_query(request, "mark");
    int64_t version = 0;
    if (!file.p)
        return 0;
    if (!is_plain(file, CALL_FILE_BYTES) || !is_plain(mark, CALL_FILE_MARK_BYTES))
        return err_set(err, ERR_INVALID, "file and mark go together, and are texts of at most %d and %d "
                       "bytes", CALL_FILE_BYTES - 1, CALL_FILE_MARK_BYTES - 1);
    int rc = take_number(request, "position", &wanted->follow.position, err);
    if (rc == 0)
        rc = take_number(request, "version", &version, err);
    wanted->follow.version = (uint64_t)version;
    snprintf(wanted->follow.source, sizeof wanted->follow.source, "%s", wanted->source);
    snprintf(wanted->follow.file, sizeof wanted->follow.file, "%.*s", SLICE_ARG(file));
    snprintf(wanted->follow.mark, sizeof wanted->follow.mark, "%.*s", SLICE_ARG(mark));
    wanted->import.follow = &wanted->follow;
    return rc;
}

static int take_map(struct wanted *wanted, const struct app *app, const struct request *request,
                    struct err *err)
{
    struct slice text = request_query(request, "map");
    if (!text.p)
        text = slice_of(app->cdr_map);
    int rc = cdr_map_parse(text, &wanted->map, err);
    wanted->import.map = &wanted->map;
    return rc ? err_context(err, "map") : 0;
}

/* --- layout and zone: said, or seen in the body -------------------------------------------------- */

static int take_layout(struct wanted *wanted, const struct request *request, struct err *err)
{
    enum { SAMPLE_BYTES = 256 * 1024 };
    struct slice text = request_query(request, "layout"), sample = request->body;
    struct cdr_detected *detected = &wanted->detected;
    sample.n = sample.n < SAMPLE_BYTES ? sample.n : SAMPLE_BYTES;
    wanted->import.layout = &detected->layout;
    if (wanted->import.format == CDR_NDJSON)
        return text.p ? err_set(err, ERR_INVALID, "layout is for text/csv") : 0;
    if (!text.p && request->body.n == 0)
        text = SLICE_LIT("master"); /* nothing to be read by it */
    if (!text.p) {
        int rc = cdr_layout_detect(sample, detected, err);
        return rc ? err_context(err, "layout") : 0;
    }
    int rc = cdr_layout_parse(text, &detected->layout, err);
    if (rc)
        return err_context(err, "layout");
    snprintf(detected->why, sizeof detected->why, "as told");
    cdr_zone_detect(sample, detected);
    return 0;
}

static int use_zone(struct wanted *wanted, struct slice name, struct err *err)
{
    if (name.n == 0 || name.n >= sizeof wanted->zone_name)
        return err_set(err, ERR_INVALID, "time_zone: not the name of a time zone");
    snprintf(wanted->zone_name, sizeof wanted->zone_name, "%.*s", SLICE_ARG(name));
    if (zone_fixed(wanted->zone_name, &wanted->zone))
        return 0;
    int rc = zone_load(wanted->zone_name, &wanted->zone, err);
    if (rc == ERR_NOT_FOUND && err)
        rc = err->code = ERR_INVALID; /* of the query, not of the path */
    return rc ? err_context(err, "time_zone") : 0;
}

/* Does a clock of this zone show what the ids of the channels say? */
static bool agrees(const struct wanted *wanted)
{
    const struct zone *zone = &wanted->zone;
    for (unsigned i = 0; i < zone->kinds; i++)
        if (zone->kind[i].offset_s == wanted->detected.offset_s)
            return true;
    return false;
}

static int take_zone(struct wanted *wanted, const struct app *app, const struct request *request,
                     struct err *err)
{
    static const char *const differs =
        "the ids of the channels say that the times are in another time zone: is usegmtime set?";
    struct slice name = request_query(request, "time_zone");
    const struct cdr_detected *detected = &wanted->detected;
    char offset[ZONE_NAME_BYTES];
    wanted->import.zone = &wanted->zone;
    wanted->zone_why = name.p ? "as told" : "the default";
    wanted->warning = "";
    int rc = use_zone(wanted, name.p ? name : slice_of(app->cdr_time_zone), err);
    if (rc || !detected->has_offset)
        return rc;
    if (agrees(wanted)) {
        wanted->zone_why = name.p ? "as told; the ids of the channels agree"
                                  : "the default; the ids of the channels agree";
        return 0;
    }
    if (name.p) {
        wanted->warning = differs;
        return 0;
    }
    int s = detected->offset_s < 0 ? -detected->offset_s : detected->offset_s;
    snprintf(offset, sizeof offset, "%c%02d:%02d", detected->offset_s < 0 ? '-' : '+', s / 3600,
             s / 60 % 60);
    wanted->zone_why = "the ids of the channels say so, which begin with a second in UTC";
    return use_zone(wanted, s ? slice_of(offset) : SLICE_LIT("UTC"), err);
}

/* A text in UTF-16 would be one broken record. */
static int check_text(struct slice body, struct err *err)
{
    if (charset_is_utf16(body))
        return err_set(err, ERR_INVALID, "the text is UTF-16: send it as UTF-8");
    return 0;
}

static bool is_csv(const struct request *request)
{
    struct slice type = request_header(request, "Content-Type");
    return type.n >= 8 && strncasecmp(type.p, "text/csv", 8) == 0;
}

static int take_wanted(struct wanted *wanted, struct app *app, struct request *request,
                       struct err *err)
{
    struct cdr_import *import = &wanted->import;
    bool is_last = true, is_some = true;
    struct slice rejects = request_query(request, "rejects");
    *import = (struct cdr_import){
        .store = app->store,
        .rulesets = app->rulesets,
        .credential = request->credential,
        .actor = &request->actor,
        .format = is_csv(request) ? CDR_CSV : CDR_NDJSON,
        .body = request->body,
    };
    int rc = take_source(wanted, request, err);
    if (rc == 0)
        rc = check_text(request->body, err);
    if (rc == 0)
        rc = take_flag(request, "dry_run", false, &import->is_dry_run, err);
    if (rc == 0)
        rc = take_flag(request, "last", true, &is_last, err);
    is_some = !slice_equals_text(rejects, "all");
    if (rc == 0 && rejects.p && is_some && !slice_equals_text(rejects, "some"))
        rc = err_set(err, ERR_INVALID, "rejects must be some or all");
    import->is_open = !is_last;
    import->wants_all_rejects = !is_some;
    if (rc == 0)
        rc = take_follow(wanted, request, err);
    if (rc == 0)
        rc = take_map(wanted, app, request, err);
    if (rc == 0)
        rc = take_layout(wanted, request, err);
    return rc ? rc : take_zone(wanted, app, request, err);
}

/* --- the answer --------------------------------------------------------------------------------- */

/* clang-format off */
#define AT(member) .offset = offsetof(struct call_record, member)
static const char *const dispositions[] = {"answered", "no_answer", "busy", "failed", "other", NULL};
static const struct field call_fields[] = {
    {"at",          &field_time,  AT(at_ms)},
    {"tenant",      &field_chars, AT(tenant)},
    {"account",     &field_chars, AT(account), FIELD_NULL},
    {"number",      &field_chars, AT(number)},
    {"kind",        &field_chars, AT(kind)},
    {"country",     &field_chars, AT(country), FIELD_NULL},
    {"overseas",    &field_bool,  AT(is_overseas)},
    {"seconds",     &field_u64,   AT(seconds)},
    {"disposition", &field_word,  AT(disposition), .words = dispositions},
    {"context",     &field_chars, AT(context), FIELD_NULL},
    {"call_id",     &field_chars, AT(call_id), FIELD_NULL},
    {0},
};
#undef AT
/* clang-format on */

static json_t *write_reasons(const struct cdr_result *result)
{
    json_t *json = json_object();
    unsigned total = 0;
    for (int i = CDR_TAKEN + 1; json && i < CDR_REASONS; i++) {
        if (result->by_reason[i] == 0 || i == CDR_OTHER_CONTEXT)
            continue;
        total += result->by_reason[i];
        json_object_set_new(json, cdr_reason_word((enum cdr_reason)i),
                            json_integer(result->by_reason[i]));
    }
    json_object_set_new(json, "total", json_integer(total));
    return json;
}

static json_t *write_rejects(const struct cdr_result *result)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < result->rejects_count; i++) {
        const struct cdr_reject *reject = &result->rejects[i];
        json_array_append_new(array, json_pack("{sI, sI, sI, ss, ss*}", "line", (json_int_t)reject->line,
                                               "offset", (json_int_t)reject->offset, "bytes",
                                               (json_int_t)reject->bytes, "reason",
                                               cdr_reason_word(reject->reason), "detail",
                                               reject->detail[0] ? reject->detail : NULL));
    }
    return array;
}

static json_t *write_follow(const struct call_follow *follow)
{
    if (!follow)
        return json_null();
    return json_pack("{ss, ss, sI, sI}", "file", follow->file, "mark", follow->mark, "position",
                     (json_int_t)follow->position, "version", (json_int_t)follow->version);
}

static json_t *write_result(const struct wanted *wanted, const struct cdr_result *result)
{
    const struct cdr_import *import = &wanted->import;
    const struct cdr_detected *detected = &wanted->detected;
    bool is_csv = import->format == CDR_CSV;
    json_t *json = json_pack(
        "{ss, sb, ss?, ss?, ss, ss, ss?, ss}", "source", wanted->source, "dry_run", import->is_dry_run,
        "layout", is_csv ? detected->layout.text : NULL, "layout_why", is_csv ? detected->why : NULL,
        "time_zone", wanted->zone_name, "time_zone_why", wanted->zone_why, "warning",
        wanted->warning[0] ? wanted->warning : NULL, "map", wanted->map.text);
    json_t *numbers = json_pack(
        "{sI, sI, sI, sI, sI, sI, sI, sI}", "bytes", (json_int_t)result->bytes, "lines",
        (json_int_t)result->lines, "records", (json_int_t)result->records, "added",
        (json_int_t)result->added, "already", (json_int_t)result->already, "overseas",
        (json_int_t)result->overseas, "without_account", (json_int_t)result->without_account,
        "other_context", (json_int_t)result->by_reason[CDR_OTHER_CONTEXT]);
    json_object_update(json, numbers);
    json_decref(numbers);
    json_object_set_new(json, "refused", write_reasons(result));
    json_object_set_new(json, "rejects", write_rejects(result));
    json_object_set_new(json, "follow", write_follow(import->follow));
    if (import->is_dry_run)
        json_object_set_new(json, "sample",
                            fields_write_all(call_fields, 0, result->sample, result->sample_count,
                                             sizeof result->sample[0]));
    return json;
}

int rest_cdr_import(struct app *app, struct request *request, struct response *response,
                    struct err *err)
{
    struct wanted *wanted = arena_alloc(request->arena, sizeof *wanted);
    struct cdr_result *result = arena_alloc(request->arena, sizeof *result);
    if (!wanted || !result)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = take_wanted(wanted, app, request, err);
    if (rc == 0)
        rc = cdr_import(&wanted->import, request->arena, result, err);
    if (rc)
        return rc;
    response->json = write_result(wanted, result);
    return response->json ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}
