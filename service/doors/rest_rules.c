/*
 * /v1/tenants/{t}/rules, /v1/platform/rules and one rule of either. A platform rule is a rule whose
 * tenant is empty; what differs is which members it has.
 */
#include "doors/listing.h"
#include "doors/rest.h"
#include "doors/rule_lists.h"
#include "doors/rule_origin.h"
#include "wire/rule.h"

static enum rule_kind kind_of(const struct rest *rest)
{
    return slice_is_empty(rest->tenant) ? RULE_OF_PLATFORM : RULE_OF_TENANT;
}

static int answer(struct rest *rest, int status, struct slice id, struct err *err)
{
    struct rule rule;
    int rc = store_rule_get(rest->txn, rest->tenant, id, rest->arena, &rule, err);
    return rc ? rc : rest_answer(rest, status, rule_write(&rule, kind_of(rest)), rule.version, err);
}

int rest_rule_get(struct rest *rest, struct err *err)
{
    return answer(rest, 200, rest->id, err);
}

/* --- lists -------------------------------------------------------------------------------------- */

static int answer_list(struct rest *rest, const struct rule_filter *filter, struct slice name,
                       struct err *err)
{
    struct listing listing;
    struct rule *rules;
    unsigned found;
    uint64_t version;
    int rc = listing_begin(rest, name, &listing, err);
    if (rc == 0)
        rc = store_rule_list(rest->txn, filter, listing_page(&listing), rest->arena, &rules, &found,
                             err);
    if (rc == 0)
        rc = store_rules_version(rest->txn, filter, &version, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? slice_of(rules[count - 1].id) : SLICE_NONE;
    rc = listing_answer(rest, &listing, "rules", rules_write(rules, count, kind_of(rest)), last,
                        err);
    rest->response->etag = rule_list_etag(version);
    return rc ? rc : listing_revision(rest, err);
}

int rest_rule_list(struct rest *rest, struct err *err)
{
    struct rule_filter filter;
    struct slice name;
    if (rest_rule_wants_csv(rest))
        return rest_rule_export(rest, err);
    int rc = rule_filter_of(rest, &filter, &name, err);
    return rc ? rc : answer_list(rest, &filter, name, err);
}

/* --- one rule ----------------------------------------------------------------------------------- */

static int check_account(struct rest *rest, const struct rule *rule, struct err *err)
{
    struct account account;
    struct tenant tenant;
    struct err why = {0};
    if (!*rule->account)
        return 0;
    int rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc)
        return rc;
    rc = store_account_get(rest->txn, rest->tenant, slice_of(rule->account), rest->arena, &account,
                           &why);
    if (rc == ERR_NOT_FOUND)
        return err_field(err, ERR_INVALID, "/account", "the tenant has no such account");
    return rc ? err_set(err, rc, "%s", why.text) : 0;
}

static const char *rules_path(const struct rest *rest)
{
    return slice_is_empty(rest->tenant) ? "/v1/platform" : "/v1/tenants/";
}

int rest_rule_create(struct rest *rest, struct err *err)
{
    const enum role role = rest->request->credential->role;
    struct rule rule = rule_blank(rule_source_of(role));
    char id[RULE_ID_BYTES];
    int rc = rule_read(rest->body, kind_of(rest), READ_NEW, NULL, rest->arena, &rule, err);
    if (rc == 0)
        rc = rule_source_check(role, rule.source, NULL, NULL, err);
    if (rc == 0)
        rc = rule_target_check(rest->app, &rule, NULL, err);
    if (rc == 0)
        rc = check_account(rest, &rule, err);
    if (rc == 0)
        rc = store_rule_create(rest->txn, rest->tenant, &rule, id, err);
    if (rc == 0)
        rc = rest_location(rest, err, "%s%.*s/rules/%s", rules_path(rest), SLICE_ARG(rest->tenant),
                           id);
    return rc ? rc : answer(rest, 201, slice_of(id), err);
}

/* Reads a merge over the stored rule; who changes it becomes its source, unless an operator does. */
static int merge(struct rest *rest, const struct rule *stored, struct rule *ret, struct err *err)
{
    const enum role role = rest->request->credential->role;
    struct rule rule = *stored;
    int rc = rule_read(rest->body, kind_of(rest), READ_MERGE, NULL, rest->arena, &rule, err);
    if (rc)
        return rc;
    if (strcmp(rule.account, stored->account) != 0)
        return err_field(err, ERR_INVALID, "/account", "a rule cannot move to another account");
    if (rest_has(rest, "source"))
        rc = rule_source_check(role, rule.source, stored->source, NULL, err);
    else if (role != ROLE_OPERATOR && !rule_says_same(&rule, stored))
        rule.source = rule_source_of(role);
    if (rc == 0)
        rc = rule_target_check(rest->app, &rule, NULL, err);
    if (rc == 0)
        *ret = rule;
    return rc;
}

int rest_rule_patch(struct rest *rest, struct err *err)
{
    struct rule stored, rule;
    struct condition condition;
    int rc = store_rule_get(rest->txn, rest->tenant, rest->id, rest->arena, &stored, err);
    if (rc == 0)
        rc = rest_condition(rest, stored.version, &condition, err);
    if (rc == 0)
        rc = merge(rest, &stored, &rule, err);
    if (rc == 0)
        rc = store_rule_update(rest->txn, rest->tenant, &rule, &condition, err);
    return rc ? rc : answer(rest, 200, rest->id, err);
}

int rest_rule_delete(struct rest *rest, struct err *err)
{
    struct rule stored;
    struct condition condition;
    int rc = store_rule_get(rest->txn, rest->tenant, rest->id, rest->arena, &stored, err);
    if (rc == 0)
        rc = rest_condition(rest, stored.version, &condition, err);
    if (rc == 0)
        rc = store_rule_delete(rest->txn, rest->tenant, rest->id, &condition, err);
    rest->response->status = 204;
    return rc;
}

/* --- a whole list ------------------------------------------------------------------------------- */

static const struct where in_rules = {NULL, "rules", 0};

static int compare_rules(const void *a, const void *b)
{
    return rule_compare(a, b);
}

/* Each rule's source: its own word, that of the stored rule it repeats, or the role's. */
static int settle_sources(struct rest *rest, const struct rule_filter *filter, const char *blank,
                          struct rule *rules, unsigned count, struct err *err)
{
    const enum role role = rest->request->credential->role;
    struct page all = {SLICE_NONE, RULES_PER_TENANT_MAX};
    struct rule *stored;
    unsigned stored_count;
    int rc = store_rule_list(rest->txn, filter, all, rest->arena, &stored, &stored_count, err);
    if (rc)
        return rc;
    if (stored_count)
        qsort(stored, stored_count, sizeof *stored, compare_rules);
    for (unsigned i = 0; i < count && rc == 0; i++) {
        struct where here = {&in_rules, NULL, i};
        const struct rule *same = stored_count ? bsearch(&rules[i], stored, stored_count,
                                                         sizeof *stored, compare_rules)
                                               : NULL;
        if (rules[i].source == blank) /* the very pointer: the body said nothing */
            rules[i].source = same ? same->source : blank;
        rc = rule_source_check(role, rules[i].source, same ? same->source : NULL, &here, err);
    }
    return rc;
}

static int check_each(struct rest *rest, const struct rule *rules, unsigned count,
                      const char *account, struct err *err)
{
    for (unsigned i = 0; i < count; i++) {
        struct where here = {&in_rules, NULL, i}, there = {&here, "account", 0};
        if (strcmp(rules[i].account, account) != 0)
            return where_err(&there, ERR_INVALID, err, "is not whose list this is");
        int rc = rule_target_check(rest->app, &rules[i], &here, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* {"rules": […]}, and what a client that sends back what it got has beside it. */
static int read_list(struct rest *rest, const struct rule *blank, struct rule **ret,
                     unsigned *ret_count, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach (rest->body, name, value) {
        struct where here = {NULL, name, 0};
        if (strcmp(name, "next") == 0 && !json_is_null(value))
            return where_err(&here, ERR_INVALID, err,
                             "this is one page of the list, not all of it");
        if (strcmp(name, "rules") != 0 && strcmp(name, "revision") != 0 &&
            strcmp(name, "next") != 0)
            return where_err(&here, ERR_INVALID, err, "is not a member of this");
    }
    value = json_object_get(rest->body, "rules");
    if (!value)
        return where_err(&in_rules, ERR_INVALID, err, "is missing");
    return rules_read(value, kind_of(rest), RULES_PER_TENANT_MAX, blank, &in_rules, rest->arena,
                      ret, ret_count, err);
}

int rest_rule_replace(struct rest *rest, struct err *err)
{
    struct rule blank = rule_blank(rule_source_of(rest->request->credential->role));
    struct rule_filter filter;
    struct condition condition;
    struct slice name;
    struct rule *rules;
    unsigned count;
    int rc = rule_filter_of(rest, &filter, &name, err);
    if (rc)
        return rc;
    if (filter.which == RULES_ALL)
        filter.which = RULES_TENANT_SCOPE;
    blank.account = rest_text(rest, filter.account);
    if (!blank.account)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = rule_list_check_owner(rest, &filter, err);
    if (rc == 0)
        rc = rule_list_check_version(rest, &filter, &condition, err);
    if (rc == 0)
        rc = read_list(rest, &blank, &rules, &count, err);
    if (rc == 0)
        rc = check_each(rest, rules, count, blank.account, err);
    if (rc == 0)
        rc = settle_sources(rest, &filter, blank.source, rules, count, err);
    if (rc == 0)
        rc = store_rules_replace(rest->txn, &filter, rules, count, &condition, err);
    return rc ? rc : answer_list(rest, &filter, name, err);
}
