#include "doors/agi_reply.h"

#include <string.h>

/* `begin` is the command up to the value. False: a control character, which no escape would help. */
static bool set_variable(struct buf *out, struct slice begin, struct slice value)
{
    buf_add(out, begin.p, begin.n);
    size_t plain = 0; /* start of the run not yet copied */
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return false;
        if (c != '"' && c != '\\')
            continue;
        buf_add(out, value.p + plain, i - plain);
        buf_add_char(out, '\\');
        plain = i;
    }
    buf_add(out, value.p + plain, value.n - plain);
    buf_add(out, "\"\n", 2);
    return true;
}

/* What may reach Dial(): with an `&`, `/` or `,` in it a number would name another channel. */
static bool is_dialable(const char *text)
{
    return text[strspn(text, "0123456789+*#")] == '\0';
}

/* What may name a decoy in the dialplan (core/rule.h, divert_to). */
static bool is_plain_word(const char *text)
{
    for (; *text; text++) {
        char c = *text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '.' || c == '_' || c == '-';
        if (!plain)
            return false;
    }
    return true;
}

/* The reason, the verdict and the like come from tables, but not always from our own process. */
static int check(const struct agi_answer *answer, struct err *err)
{
    if (!is_dialable(answer->number) || !is_dialable(answer->dial))
        return err_set(err, ERR_INVALID, "number that cannot be dialed");
    if (!is_plain_word(answer->divert))
        return err_set(err, ERR_INVALID, "decoy that is no word");
    if (!is_plain_word(answer->decision_id) || !is_plain_word(answer->reason) ||
        (answer->degraded && !is_plain_word(answer->degraded)))
        return err_set(err, ERR_INVALID, "decision id or reason that is no word");
    enum action action;
    return action_of(slice_of(answer->verdict), &action) ? err_set(err, ERR_INVALID, "no verdict") : 0;
}

struct agi_answer agi_answer_of(const struct verdict *verdict)
{
    const struct number *number = &verdict->number;
    return (struct agi_answer){
        .decision_id = verdict->decision_id,
        .reason = reason_word(verdict->reason),
        .rule = verdict->has_rule ? verdict->rule.target : "",
        .number = number->readings_count ? number->readings[0].number : "",
        .divert = verdict->action == ACTION_DIVERT ? verdict->divert_to : "",
        .degraded = verdict->degraded == DEGRADED_NOT ? NULL : degraded_word(verdict->degraded),
        .dial = verdict->dial,
        .verdict = action_word(verdict->action),
    };
}

#define SET(name) SLICE_LIT("SET VARIABLE SEKISHO_" name " \"")

int agi_answer_write(const struct agi_answer *answer, struct buf *out, struct err *err)
{
    const struct variable {
        struct slice begin;
        const char *value;
    } variables[] = {
        {SET("DECISION_ID"), answer->decision_id},
        {SET("REASON"), answer->reason},
        {SET("RULE"), answer->rule},
        {SET("NUMBER"), answer->number},
        {SET("DIVERT"), answer->divert},
        {SET("DEGRADED"), answer->degraded},
        {SET("DIAL"), answer->dial},
        {SET("VERDICT"), answer->verdict},
    };
    int failed = check(answer, err);
    if (failed)
        return failed;
    for (const struct variable *v = variables; v < variables + sizeof variables / sizeof *v; v++)
        if (v->value && !set_variable(out, v->begin, slice_of(v->value)))
            return err_set(err, ERR_INVALID, "control character in a value");
    return out->overflowed ? err_set(err, ERR_LIMIT, "answer too long") : 0;
}
