#include "doors/agi_reply.h"

#include <string.h>

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

bool agi_reply_set(struct buf *out, const char *name, struct slice value)
{
    for (size_t i = 0; i < value.n; i++)
        if (is_control(value.p[i]))
            return false;
    buf_add(out, "SET VARIABLE ", 13);
    buf_add_text(out, name);
    buf_add(out, " \"", 2);
    size_t plain = 0; /* start of the run not yet copied */
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] != '"' && value.p[i] != '\\')
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

int agi_reply_write(const struct verdict *verdict, struct buf *out, struct err *err)
{
    const char *number = verdict->number.readings_count ? verdict->number.readings[0].number : "";
    bool is_degraded = verdict->degraded != DEGRADED_NOT;
    const char *divert_to = verdict->action == ACTION_DIVERT ? verdict->divert_to : "";
    if (!is_dialable(number) || !is_dialable(verdict->dial))
        return err_set(err, ERR_INVALID, "number that cannot be dialed");
    if (!is_plain_word(divert_to) || !is_plain_word(verdict->decision_id))
        return err_set(err, ERR_INVALID, "decoy or decision id that is no word");

    const struct variable {
        const char *name, *value;
    } variables[] = {
        {"SEKISHO_DECISION_ID", verdict->decision_id},
        {"SEKISHO_REASON", reason_word(verdict->reason)},
        {"SEKISHO_RULE", verdict->has_rule ? verdict->rule.target : ""},
        {"SEKISHO_NUMBER", number},
        {"SEKISHO_DIVERT", divert_to},
        {"SEKISHO_DEGRADED", is_degraded ? degraded_word(verdict->degraded) : NULL},
        {"SEKISHO_DIAL", verdict->dial},
        {"SEKISHO_VERDICT", action_word(verdict->action)},
    };
    for (const struct variable *v = variables; v < variables + sizeof variables / sizeof *v; v++) {
        if (!v->value)
            continue;
        if (!agi_reply_set(out, v->name, slice_of(v->value)))
            return err_set(err, ERR_INVALID, "control character in %s", v->name);
    }
    return out->overflowed ? err_set(err, ERR_LIMIT, "answer too long") : 0;
}
