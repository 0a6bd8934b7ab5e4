/*
 * Restricted-number lists as files: GET …/rules as CSV, POST …/rules/import. An import is one
 * change or none: with a line that is refused nothing is put in force, unless the request says to
 * skip such lines.
 */
#include <stdlib.h>
#include <strings.h>

#include "doors/list_plan.h"
#include "doors/rule_lists.h"

/* --- query ------------------------------------------------------------------------------------ */

static int read_flag(const struct rest *rest, const char *name, bool *ret, struct err *err)
{
    struct slice value = request_query(rest->request, name);
    *ret = slice_equals_text(value, "true");
    if (value.p && !*ret && !slice_equals_text(value, "false"))
        return err_set(err, ERR_INVALID, "%s must be true or false", name);
    return 0;
}

static int read_charset(const struct rest *rest, enum charset *ret, struct err *err)
{
    struct slice charset = request_query(rest->request, "charset");
    *ret = CHARSET_AUTO;
    return charset.p ? charset_of(charset, ret, err) : 0;
}

/* One scope: the tenant's own rules, or one account's. */
static int scope_of(struct rest *rest, struct rule_filter *ret, struct err *err)
{
    struct slice name;
    int rc = rule_filter_of(rest, ret, &name, err);
    if (rc == 0 && ret->which == RULES_ALL)
        ret->which = RULES_TENANT_SCOPE;
    return rc;
}

/* --- export ----------------------------------------------------------------------------------- */

bool rest_rule_wants_csv(const struct rest *rest)
{
    struct slice format = request_query(rest->request, "format");
    struct slice accept = request_header(rest->request, "Accept");
    if (format.p)
        return !slice_equals_text(format, "json");
    return accept.n >= 8 && strncasecmp(accept.p, "text/csv", 8) == 0;
}

static int compare_target(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    int r = strcmp(x->target.text, y->target.text);
    return r ? r : strcmp(x->id, y->id);
}

static int check_export(const struct rest *rest, struct err *err)
{
    struct slice format = request_query(rest->request, "format");
    if (format.p && !slice_equals_text(format, "csv"))
        return err_set(err, ERR_INVALID, "format must be json or csv");
    if (request_query(rest->request, "limit").p || request_query(rest->request, "cursor").p)
        return err_set(err, ERR_INVALID, "a CSV is the whole list: it has no limit and no cursor");
    return 0;
}

int rest_rule_export(struct rest *rest, struct err *err)
{
    struct page all = {SLICE_NONE, RULES_PER_TENANT_MAX};
    struct rule_filter filter;
    enum charset charset;
    bool has_mark;
    struct rule *rules;
    unsigned count;
    uint64_t version;
    int rc = check_export(rest, err);
    if (rc == 0)
        rc = read_charset(rest, &charset, err);
    if (rc == 0)
        rc = read_flag(rest, "bom", &has_mark, err);
    if (rc == 0)
        rc = scope_of(rest, &filter, err);
    if (rc == 0)
        rc = store_rule_list(rest->txn, &filter, all, rest->arena, &rules, &count, err);
    if (rc == 0)
        rc = store_rules_version(rest->txn, &filter, &version, err);
    if (rc == 0)
        rc = store_revision(rest->txn, rest->tenant, &rest->response->revision, err);
    if (rc)
        return rc;
    rest->response->has_revision = true;
    if (count)
        qsort(rules, count, sizeof *rules, compare_target);
    rest->response->content_type =
        charset == CHARSET_SHIFT_JIS ? "text/csv; charset=Shift_JIS" : "text/csv; charset=utf-8";
    rest->response->etag = rule_list_etag(version);
    return list_write(rules, count, charset, has_mark, rest->arena, &rest->response->text, err);
}

/* --- import ----------------------------------------------------------------------------------- */

struct import {
    struct list_options options;
    struct rule_filter filter;
    bool is_merge, is_dry_run, skips_refused;
};

static int read_import(struct rest *rest, struct import *ret, struct err *err)
{
    struct slice mode = request_query(rest->request, "mode");
    struct slice action = request_query(rest->request, "action");
    ret->is_merge = slice_equals_text(mode, "merge");
    ret->options.fallback = ACTION_DENY;
    if (mode.p && !ret->is_merge && !slice_equals_text(mode, "replace"))
        return err_set(err, ERR_INVALID, "mode must be replace or merge");
    if (action.p && (action_of(action, &ret->options.fallback) ||
                     ret->options.fallback == ACTION_DIVERT))
        return err_set(err, ERR_INVALID, "action must be deny or allow");
    int rc = read_charset(rest, &ret->options.charset, err);
    if (rc == 0)
        rc = read_flag(rest, "dry_run", &ret->is_dry_run, err);
    if (rc == 0)
        rc = read_flag(rest, "skip_refused", &ret->skips_refused, err);
    return rc ? rc : scope_of(rest, &ret->filter, err);
}

/* Nothing half done: a list with lines that were not understood is not the list that was meant. */
static int check_refused(const struct list_plan *plan, const struct import *import, struct err *err)
{
    const struct list_refused *first = plan->list.refused;
    unsigned count = plan->list.refused_count;
    if (count && !import->is_dry_run && !import->skips_refused)
        return err_set(err, ERR_INVALID,
                       "%u line%s refused, and nothing was changed; the first is line %u: %s%s%s",
                       count, count == 1 ? " is" : "s are", first->line,
                       list_column_word(first->column), first->column ? ": " : "", first->detail);
    if (plan->rules_count == 0 && plan->stored_count && !import->is_dry_run && !import->is_merge)
        return err_set(err, ERR_INVALID,
                       "the file has no rule; to remove all, replace the list by an empty one");
    return 0;
}

static int replace(struct rest *rest, const struct list_plan *plan, const struct import *import,
                   const struct condition *condition, struct err *err)
{
    int rc = store_rules_replace(rest->txn, &import->filter, plan->rules, plan->rules_count,
                                 condition, err);
    if (rc != ERR_EXISTS)
        return rc;
    *err = (struct err){0}; /* it names a rule by its place in a list that nobody sees */
    return err_set(err, rc, "a dated rule of the file overlaps one that is there already");
}

/* A dry run is the same with its end taken back, so that it cannot promise what would not go. */
static int put_in_force(struct rest *rest, const struct list_plan *plan,
                        const struct import *import, const struct condition *condition,
                        struct err *err)
{
    if (!import->is_dry_run)
        return replace(rest, plan, import, condition, err);
    int rc = store_savepoint(rest->txn, err);
    if (rc)
        return rc;
    struct err ignored = {0};
    rc = replace(rest, plan, import, condition, err);
    int end = store_savepoint_end(rest->txn, false, rc ? &ignored : err);
    return rc ? rc : end;
}

int rest_rule_import(struct rest *rest, struct err *err)
{
    struct import import;
    struct list_plan plan = {0};
    struct condition condition;
    uint64_t version;
    int rc = read_import(rest, &import, err);
    if (rc == 0)
        rc = rule_list_check_owner(rest, &import.filter, err);
    if (rc == 0)
        rc = rule_list_check_version(rest, &import.filter, &condition, err);
    if (rc == 0)
        rc = list_read(rest->request->body, &import.options, rest->arena, &plan.list, err);
    plan.is_merge = import.is_merge;
    if (rc == 0)
        rc = list_plan(rest, &import.filter, &plan, err);
    if (rc == 0)
        rc = check_refused(&plan, &import, err);
    if (rc == 0)
        rc = put_in_force(rest, &plan, &import, &condition, err);
    if (rc == 0)
        rc = store_rules_version(rest->txn, &import.filter, &version, err);
    if (rc)
        return rc;
    return rest_answer(rest, 200, list_plan_write(&plan, import.is_dry_run),
                       rule_list_etag(version), err);
}
