#include "wire/verdict.h"

#define ADD(buf, text) buf_add(buf, "" text, sizeof(text) - 1)

static const struct reading *first_reading(const struct verdict *verdict)
{
    const struct number *number = &verdict->number;
    return number->readings_count && number->readings[0].kind != KIND_INVALID
               ? &number->readings[0]
               : NULL;
}

static bool is_prefix(const char *target)
{
    return target[0] && !strchr(target, ':'); /* else country:… or group:… */
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void add_text(struct buf *buf, const char *text)
{
    buf_add_json(buf, slice_of(text));
}

static void add_text_or_null(struct buf *buf, const char *text)
{
    if (text[0])
        add_text(buf, text);
    else
        ADD(buf, "null");
}

static void add_reading(struct buf *buf, const struct reading *reading)
{
    ADD(buf, "\"number\":");
    add_text_or_null(buf, reading ? reading->number : "");
    ADD(buf, ",\"kind\":\"");
    buf_add_text(buf, number_kind_word(reading ? reading->kind : KIND_INVALID));
    ADD(buf, "\",\"country\":");
    add_text_or_null(buf, reading ? reading->country : "");
}

static void add_rule(struct buf *buf, const struct deciding_rule *rule)
{
    ADD(buf, "{\"scope\":\"");
    buf_add_text(buf, scope_word(rule->scope));
    ADD(buf, "\",\"target\":");
    add_text(buf, rule->target);
    if (is_prefix(rule->target)) {
        ADD(buf, ",\"prefix\":");
        add_text(buf, rule->target);
    }
    ADD(buf, ",\"id\":");
    add_text(buf, rule->id);
    ADD(buf, ",\"source\":");
    add_text(buf, rule->source);
    buf_add_char(buf, '}');
}

static void add_readings(struct buf *buf, const struct number *number)
{
    ADD(buf, ",\"readings\":[{");
    add_reading(buf, &number->readings[0]);
    ADD(buf, "},{");
    add_reading(buf, &number->readings[1]);
    ADD(buf, "}]");
}

void verdict_to_json(const struct verdict *verdict, struct buf *buf)
{
    ADD(buf, "{\"verdict\":\"");
    buf_add_text(buf, action_word(verdict->action));
    ADD(buf, "\",\"reason\":\"");
    buf_add_text(buf, reason_word(verdict->reason));
    ADD(buf, "\",\"dial\":");
    add_text(buf, verdict->dial);
    buf_add_char(buf, ',');
    add_reading(buf, first_reading(verdict));
    ADD(buf, ",\"rule\":");
    if (verdict->has_rule)
        add_rule(buf, &verdict->rule);
    else
        ADD(buf, "null");
    if (verdict->action == ACTION_DIVERT) {
        ADD(buf, ",\"divert_to\":");
        add_text(buf, verdict->divert_to);
    }
    ADD(buf, ",\"revision\":");
    buf_add_uint(buf, verdict->revision);
    ADD(buf, ",\"platform_revision\":");
    buf_add_uint(buf, verdict->platform_revision);
    ADD(buf, ",\"numbering\":");
    add_text(buf, verdict->numbering);
    ADD(buf, ",\"decision_id\":");
    add_text(buf, verdict->decision_id);
    if (verdict->number.readings_count == 2)
        add_readings(buf, &verdict->number);
    if (verdict->degraded != DEGRADED_NOT) {
        ADD(buf, ",\"degraded\":\"");
        buf_add_text(buf, degraded_word(verdict->degraded));
        buf_add_char(buf, '"');
    }
    buf_add_char(buf, '}');
}

/* --- one word, and a form ------------------------------------------------------------------- */

void verdict_to_text(const struct verdict *verdict, struct buf *buf)
{
    buf_add_text(buf, action_word(verdict->action));
}

static void add_field(struct buf *buf, const char *name, const char *value)
{
    buf_add_char(buf, '&');
    buf_add_text(buf, name);
    buf_add_char(buf, '=');
    buf_add_form(buf, slice_of(value));
}

void verdict_to_form(const struct verdict *verdict, struct buf *buf)
{
    const struct reading *reading = first_reading(verdict);

    ADD(buf, "verdict=");
    buf_add_text(buf, action_word(verdict->action));
    add_field(buf, "reason", reason_word(verdict->reason));
    add_field(buf, "number", reading ? reading->number : "");
    add_field(buf, "dial", verdict->dial);
    add_field(buf, "rule", verdict->has_rule ? verdict->rule.target : "");
    add_field(buf, "divert", verdict->action == ACTION_DIVERT ? verdict->divert_to : "");
    add_field(buf, "decision_id", verdict->decision_id);
    add_field(buf, "kind", number_kind_word(reading ? reading->kind : KIND_INVALID));
    add_field(buf, "country", reading ? reading->country : "");
    add_field(buf, "degraded", degraded_word(verdict->degraded));
}
