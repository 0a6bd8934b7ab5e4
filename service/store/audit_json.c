#include "store/audit_json.h"

#include "base/buf.h"
#include "base/clock.h"

/* --- members ---------------------------------------------------------------------------------- */

static void add_name(struct buf *out, const char *name)
{
    if (out->n && out->p[out->n - 1] != '{')
        buf_add_char(out, ',');
    buf_printf(out, "\"%s\":", name);
}

static void add_text(struct buf *out, const char *name, const char *text)
{
    if (!text[0])
        return;
    add_name(out, name);
    buf_add_json(out, slice_of(text));
}

static void add_true(struct buf *out, const char *name, bool value)
{
    if (!value)
        return;
    add_name(out, name);
    buf_add_text(out, "true");
}

static void add_moment(struct buf *out, const char *name, int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    if (ms)
        add_text(out, name, clock_format(ms, text));
}

/* --- objects ---------------------------------------------------------------------------------- */

static void add_rule(struct buf *out, const struct rule *rule)
{
    buf_add_char(out, '{');
    add_text(out, "id", rule->id);
    add_text(out, "account", rule->account);
    add_text(out, "target", rule->target.text);
    add_text(out, "match", rule->is_exact ? "exact" : "");
    add_text(out, "action", action_word(rule->action));
    add_true(out, "locked", rule->is_locked);
    add_text(out, "divert_to", rule->divert_to);
    add_text(out, "note", rule->note);
    add_text(out, "source", rule->source);
    add_moment(out, "starts_at", rule->starts_at_ms);
    add_moment(out, "expires_at", rule->expires_at_ms);
    buf_add_char(out, '}');
}

struct rule_list {
    const struct rule *const *rules;
    unsigned count;
};

static void add_rules(struct buf *out, const void *object)
{
    const struct rule_list *list = object;
    buf_add_char(out, '[');
    for (unsigned i = 0; i < list->count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_rule(out, list->rules[i]);
    }
    buf_add_char(out, ']');
}

static void add_one_rule(struct buf *out, const void *object)
{
    add_rule(out, object);
}

static void add_contact(struct buf *out, const struct contact *contact)
{
    buf_add_char(out, '{');
    add_text(out, "name", contact->name);
    add_text(out, "email", contact->email);
    add_text(out, "phone", contact->phone);
    if (contact->webhook[0])
        add_text(out, "webhook", contact->webhook);
    buf_add_char(out, '}');
}

static void add_tenant(struct buf *out, const void *object)
{
    const struct tenant *tenant = object;
    buf_add_char(out, '{');
    add_text(out, "id", tenant->id);
    add_text(out, "name", tenant->name);
    add_text(out, "profile", tenant->profile);
    add_text(out, "outside_line", tenant->outside_line);
    add_text(out, "locale", tenant->locale);
    add_text(out, "time_zone", tenant->time_zone);
    add_text(out, "status", tenant->status == TENANT_SUSPENDED ? "suspended" : "active");
    for (unsigned i = 0; i < tenant->contacts_count; i++) {
        if (i == 0)
            add_name(out, "contacts");
        buf_add_char(out, i == 0 ? '[' : ',');
        add_contact(out, &tenant->contacts[i]);
    }
    buf_add_text(out, tenant->contacts_count ? "]}" : "}");
}

static void add_account(struct buf *out, const void *object)
{
    const struct account *account = object;
    buf_add_char(out, '{');
    add_text(out, "id", account->id);
    add_text(out, "display_name", account->display_name);
    add_text(out, "profile", account->profile);
    buf_add_char(out, '}');
}

static void add_profile(struct buf *out, const void *object)
{
    const struct profile *profile = object;
    buf_add_char(out, '{');
    add_text(out, "id", profile->id);
    add_text(out, "name", profile->name);
    add_true(out, "default", profile->is_default);
    add_name(out, "rules");
    buf_add_char(out, '[');
    for (unsigned i = 0; i < profile->rules_count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_rule(out, &profile->rules[i]);
    }
    buf_add_text(out, "]}");
}

static void add_revocation(struct buf *out, const void *object)
{
    const struct revocation *revocation = object;
    buf_add_char(out, '{');
    add_text(out, "jti", revocation->jti);
    add_text(out, "note", revocation->note);
    add_moment(out, "expires_at", revocation->expires_at_ms);
    buf_add_char(out, '}');
}

static void add_call_mark(struct buf *out, const void *object)
{
    const struct call_mark *mark = object;
    buf_add_char(out, '{');
    add_text(out, "id", mark->id);
    add_text(out, "account", mark->account);
    add_text(out, "country", mark->country);
    add_text(out, "call_id", mark->call_id);
    add_moment(out, "from", mark->from_ms);
    add_moment(out, "to", mark->to_ms);
    add_text(out, "note", mark->note);
    buf_add_char(out, '}');
}

/* --- into the arena --------------------------------------------------------------------------- */

/* Written again with more room until it fits: most objects fit at once. */
static const char *json_of(struct arena *arena, void (*add)(struct buf *, const void *),
                           const void *object, size_t bytes_likely)
{
    for (size_t cap = bytes_likely;; cap *= 4) {
        char *text = arena_alloc(arena, cap);
        if (!text)
            return NULL;
        struct buf out = {text, 0, cap, false};
        add(&out, object);
        if (!out.overflowed)
            return text;
    }
}

const char *json_of_tenant(struct arena *arena, const struct tenant *tenant)
{
    return json_of(arena, add_tenant, tenant, 1024);
}

const char *json_of_account(struct arena *arena, const struct account *account)
{
    return json_of(arena, add_account, account, 512);
}

const char *json_of_rule(struct arena *arena, const struct rule *rule)
{
    return json_of(arena, add_one_rule, rule, 1024);
}

const char *json_of_rules(struct arena *arena, const struct rule *const *rules, unsigned count)
{
    return json_of(arena, add_rules, &(struct rule_list){rules, count}, 64 + 256 * (size_t)count);
}

const char *json_of_profile(struct arena *arena, const struct profile *profile)
{
    return json_of(arena, add_profile, profile, 512 + 128 * (size_t)profile->rules_count);
}

const char *json_of_revocation(struct arena *arena, const struct revocation *revocation)
{
    return json_of(arena, add_revocation, revocation, 1024);
}

const char *json_of_call_mark(struct arena *arena, const struct call_mark *mark)
{
    return json_of(arena, add_call_mark, mark, 1024);
}
