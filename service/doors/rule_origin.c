#include "doors/rule_origin.h"

#include "engine/rulesets.h"

const char *rule_source_of(enum role role)
{
    switch (role) {
    case ROLE_PROVISIONING: return "onboarding";
    case ROLE_OPERATOR: return "operator";
    case ROLE_TENANT_ADMIN:
    case ROLE_TENANT_VIEWER:
    case ROLE_PBX: break;
    }
    return "customer";
}

int rule_source_check(enum role role, const char *source, const char *allowed,
                      const struct where *where, struct err *err)
{
    struct where here = {where, "source", 0};
    if (role == ROLE_OPERATOR || strcmp(source, rule_source_of(role)) == 0 ||
        (allowed && strcmp(source, allowed) == 0))
        return 0;
    return where_err(&here, ERR_FORBIDDEN, err, "this role writes rules with the source %s",
                     rule_source_of(role));
}

static bool is_known(const struct numbering *numbering, const struct target *target)
{
    struct slice name = slice_of(strchr(target->text, ':'));
    name = (struct slice){name.p + 1, name.n - 1};
    return target->type == TARGET_COUNTRY ? numbering_has_country(numbering, name)
                                          : numbering_has_group(numbering, name);
}

int rule_target_check(const struct app *app, const struct rule *rule, const struct where *where,
                      struct err *err)
{
    struct where here = {where, "target", 0};
    if (rule->target.type == TARGET_PREFIX)
        return 0;
    rulesets_enter();
    const struct numbering *numbering = rulesets_numbering(app->rulesets);
    bool known = numbering && is_known(numbering, &rule->target);
    rulesets_leave();
    if (known)
        return 0;
    return where_err(&here, ERR_INVALID, err, "the numbering data knows no such %s",
                     rule->target.type == TARGET_COUNTRY ? "country" : "group");
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

int rule_compare(const struct rule *a, const struct rule *b)
{
    int order = strcmp(a->target.text, b->target.text);
    if (order == 0)
        order = strcmp(a->account, b->account);
    if (order == 0)
        order = (int)a->is_exact - (int)b->is_exact;
    if (order == 0)
        order = (int)a->is_locked - (int)b->is_locked;
    if (order == 0)
        order = compare_i64(a->starts_at_ms, b->starts_at_ms);
    if (order == 0)
        order = compare_i64(a->expires_at_ms, b->expires_at_ms);
    if (order == 0)
        order = (int)a->action - (int)b->action;
    if (order == 0)
        order = strcmp(a->divert_to, b->divert_to);
    return order ? order : strcmp(a->note, b->note);
}

bool rule_says_same(const struct rule *a, const struct rule *b)
{
    return rule_compare(a, b) == 0;
}
