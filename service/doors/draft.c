#include "doors/draft.h"

#include <stdlib.h>

#include "doors/rule_origin.h"
#include "wire/fields.h"

static int compare(const void *a, const void *b)
{
    const struct rule *const *one = a, *const *other = b;
    return rule_compare(*one, *other);
}

/*
 * Two rules of a draft that may not both exist. Sorted by place and start, some such two are neighbours
 * if there are any: of windows that overlap, the earlier one reaches into the next.
 */
static int check_collisions(struct rest *rest, const struct where *outer, const struct rule *rules,
                            unsigned count, struct err *err)
{
    const struct rule **sorted = arena_alloc(rest->arena, (count + 1) * sizeof *sorted);
    if (!sorted)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < count; i++)
        sorted[i] = &rules[i];
    qsort(sorted, count, sizeof *sorted, compare);
    for (unsigned i = 1; i < count; i++) {
        if (!rule_collides(sorted[i - 1], sorted[i]))
            continue;
        size_t one = (size_t)(sorted[i - 1] - rules), other = (size_t)(sorted[i] - rules);
        struct where here = {outer, NULL, one > other ? one : other};
        return where_err(&here, ERR_EXISTS, err, "it has the same place as rule %zu",
                         one > other ? other : one);
    }
    return 0;
}

int draft_check(struct rest *rest, const char *member, const struct rule *rules, unsigned count,
                struct err *err)
{
    const struct where outer = {NULL, member, 0};
    for (unsigned i = 0; i < count; i++) {
        struct where here = {&outer, NULL, i};
        int rc = rule_target_check(rest->app, &rules[i], &here, err);
        if (rc)
            return rc;
    }
    return check_collisions(rest, &outer, rules, count, err);
}
