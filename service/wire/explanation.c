/* The answer of a check: the verdict's own members, then how it came about, in words and for programs. */
#include "wire/check.h"

#include <stdio.h>

#include "base/buf.h"
#include "core/numbering.h"
#include "wire/verdict.h"

enum { SENTENCE_BYTES = 240 };

/* --- how the dialed string was read --------------------------------------------------------------- */

static void say_step(const struct trace_step *step, struct buf *out)
{
    switch (step->what) {
    case TRACE_FOLD: buf_printf(out, "written plainly: %s", step->rest); break;
    case TRACE_OUTSIDE_LINE:
        buf_printf(out, "outside line %s taken off: %s", step->taken, step->rest);
        break;
    case TRACE_PREFIX: buf_printf(out, "%s taken off: %s", step->taken, step->rest); break;
    case TRACE_PLUS:
        buf_printf(out, "%s as it is dialed within Japan: %s", step->taken, step->rest);
        break;
    case TRACE_SERVICE:
        buf_printf(out, "service code %s, what counts is its target: %s", step->taken, step->rest);
        break;
    case TRACE_INTERNATIONAL:
        buf_printf(out, "%s and a country code, read as 010: %s", step->taken, step->rest);
        break;
    case TRACE_BARE_CARRIER:
        buf_printf(out, "carrier code %s and a country code, read as 010: %s", step->taken,
                   step->rest);
        break;
    case TRACE_KIND: buf_printf(out, "judged as: %s", step->rest); break;
    }
}

static json_t *write_step(const struct trace_step *step)
{
    char sentence[SENTENCE_BYTES];
    struct buf out = BUF_OVER(sentence);
    say_step(step, &out);
    return json_pack("{s:s,s:s,s:s,s:s}", "step", trace_word(step->what), "taken", step->taken,
                     "rest", step->rest, "text", sentence);
}

static json_t *write_reading(const struct trace *trace)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < trace->count; i++) {
        if (json_array_append_new(array, write_step(&trace->steps[i]))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* --- what each scope said ------------------------------------------------------------------------- */

static void say_scope(const struct explained_scope *step, struct buf *out)
{
    static const char *const say[] = {
        [ACTION_ALLOW] = "allows", [ACTION_DIVERT] = "diverts", [ACTION_DENY] = "denies"};
    buf_printf(out, "%s %s %s%s",
               step->is_lock ? "a lock of the platform" : scope_word(step->scope),
               say[step->action], step->rule.target,
               step->is_for_010 ? ", asked for an unknown number as for 010" : "");
    if (step->is_lock)
        buf_add_text(out, ": nobody can override it");
    else if (step->took_over)
        buf_add_text(out, ": this holds so far");
    else
        buf_add_text(out, ": a longer restriction of a wider scope stays in force");
}

/* As verdict_to_json() writes the deciding rule. */
static json_t *write_rule(const struct explained_scope *step)
{
    const char *target = step->rule.target;
    json_t *rule = json_pack("{s:s,s:s,s:s,s:s}", "scope", scope_word(step->scope), "target",
                             target, "id", step->rule.id, "source", step->rule.source);
    if (rule && !strchr(target, ':') && json_object_set_new(rule, "prefix", json_string(target))) {
        json_decref(rule);
        return NULL;
    }
    return rule;
}

static json_t *write_scope(const struct explained_scope *step)
{
    char sentence[SENTENCE_BYTES];
    struct buf out = BUF_OVER(sentence);
    say_scope(step, &out);
    return json_pack("{s:i,s:s,s:b,s:b,s:b,s:s,s:o,s:s}", "reading", (int)step->reading, "scope",
                     scope_word(step->scope), "locked", step->is_lock, "for_010", step->is_for_010,
                     "took_over", step->took_over, "action", action_word(step->action), "rule",
                     write_rule(step), "text", sentence);
}

static json_t *write_scopes(const struct explanation *explanation)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < explanation->steps_count; i++) {
        if (json_array_append_new(array, write_scope(&explanation->steps[i]))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* --- the whole ------------------------------------------------------------------------------------ */

static json_t *write_country_name(const struct verdict *verdict, const struct numbering *numbering)
{
    struct slice code = slice_of(
        verdict->number.readings_count ? verdict->number.readings[0].country : "");
    if (!numbering || slice_is_empty(code))
        return json_null();
    return json_pack("{s:s,s:s}", "en", numbering_country_name(numbering, code, false), "ja",
                     numbering_country_name(numbering, code, true));
}

json_t *explanation_write(const struct explanation *explanation, const struct numbering *numbering)
{
    char text[VERDICT_TEXT_BYTES];
    struct buf out = BUF_OVER(text);
    verdict_to_json(&explanation->verdict, &out); /* so that both answers have the same members */
    json_t *object = out.overflowed ? NULL : json_loadb(text, out.n, 0, NULL);
    bool failed = !object ||
                  json_object_set_new(object, "reading", write_reading(&explanation->trace)) ||
                  json_object_set_new(object, "scopes", write_scopes(explanation)) ||
                  json_object_set_new(object, "country_name",
                                      write_country_name(&explanation->verdict, numbering));
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}
