#include "doors/list_plan.h"

#include <stdlib.h>

#include "doors/rule_origin.h"

/* --- places ----------------------------------------------------------------------------------- */

static int compare_place(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    int r = strcmp(x->target.text, y->target.text);
    if (r == 0)
        r = x->is_exact - y->is_exact;
    if (r == 0)
        r = (x->starts_at_ms > y->starts_at_ms) - (x->starts_at_ms < y->starts_at_ms);
    return r ? r : (x->expires_at_ms > y->expires_at_ms) - (x->expires_at_ms < y->expires_at_ms);
}

static int read_stored(struct rest *rest, const struct rule_filter *filter, struct list_plan *plan,
                       struct err *err)
{
    struct page all = {SLICE_NONE, RULES_PER_TENANT_MAX};
    int rc = store_rule_list(rest->txn, filter, all, rest->arena, &plan->stored,
                             &plan->stored_count, err);
    if (rc)
        return rc;
    size_t rows = plan->list.rows_count;
    plan->is_named = arena_alloc(rest->arena, plan->stored_count + 1);
    plan->before = arena_alloc(rest->arena, (rows + 1) * sizeof *plan->before);
    plan->rules = arena_alloc(rest->arena, (rows + plan->stored_count + 1) * sizeof *plan->rules);
    if (!plan->is_named || !plan->before || !plan->rules)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (plan->stored_count)
        qsort(plan->stored, plan->stored_count, sizeof *plan->stored, compare_place);
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------- */

static enum list_column column_of(const struct err *err)
{
    for (int i = COLUMN_UNKNOWN + 1; err->field[0] && i < COLUMN_SHOWN; i++)
        if (strcmp(err->field + 1, list_column_word((enum list_column)i)) == 0)
            return (enum list_column)i;
    return COLUMN_UNKNOWN;
}

/* What the columns of the file leave open is as it is now. */
static void fill(const struct list *list, const struct rule *before, struct rule *rule)
{
    if (!before)
        return;
    rule->id = before->id;
    if (!list->has[COLUMN_NOTE])
        rule->note = before->note;
    if (!list->has[COLUMN_DIVERT_TO] && rule->action == ACTION_DIVERT && !*rule->divert_to)
        rule->divert_to = before->divert_to;
}

static int plan_row(struct rest *rest, struct list_plan *plan, unsigned at, const char *account,
                    struct err *err)
{
    struct list_row *row = &plan->list.rows[at];
    struct rule *rule = &row->rule;
    struct err why = {0};
    const struct rule *before =
        plan->stored_count ? bsearch(rule, plan->stored, plan->stored_count, sizeof *plan->stored,
                                     compare_place)
                           : NULL;
    plan->before[at] = before;
    rule->account = account;
    fill(&plan->list, before, rule);
    rule->source = before && rule_says_same(rule, before)
                       ? before->source
                       : rule_source_of(rest->request->credential->role);
    int rc = rule_check(rule, &why);
    if (rc == 0)
        rc = rule_target_check(rest->app, rule, NULL, &why);
    if (rc == 0)
        return 0;
    return list_refuse(&plan->list, rest->arena, row, column_of(&why), why.text, err);
}

/* --- the list as it is to be ------------------------------------------------------------------ */

static void take_row(struct list_plan *plan, unsigned at)
{
    const struct list_row *row = &plan->list.rows[at];
    const struct rule *before = plan->before[at];
    if (row->is_refused || row->repeats) {
        plan->repeated += !row->is_refused;
        return;
    }
    if (before)
        plan->is_named[before - plan->stored] = true;
    if (!before)
        plan->added++;
    else if (rule_says_same(&row->rule, before))
        plan->unchanged++;
    else
        plan->changed++;
    plan->rules[plan->rules_count++] = row->rule;
}

static void take_stored(struct list_plan *plan)
{
    for (unsigned i = 0; i < plan->stored_count; i++) {
        if (plan->is_named[i])
            continue;
        if (plan->is_merge)
            plan->rules[plan->rules_count++] = plan->stored[i];
        else
            plan->removed++;
    }
}

int list_plan(struct rest *rest, const struct rule_filter *filter, struct list_plan *plan,
              struct err *err)
{
    const char *account = rest_text(rest, filter->account);
    int rc = account ? read_stored(rest, filter, plan, err)
                     : err_set(err, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < plan->list.rows_count && rc == 0; i++)
        if (!plan->list.rows[i].is_refused)
            rc = plan_row(rest, plan, i, account, err);
    if (rc == 0)
        rc = list_settle(&plan->list, rest->arena, err);
    if (rc)
        return rc;
    for (unsigned i = 0; i < plan->list.rows_count; i++)
        take_row(plan, i);
    take_stored(plan);
    return 0;
}
