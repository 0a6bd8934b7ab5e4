/*
 * The plan: a walk over the call history, in order, that is cut into batches.
 *
 * A walk that breaks off (the store went away, the process ended) is begun again behind the last account that
 * was written. The period ends when the campaign was made, however often that happens.
 */
#include "jobs/campaign_work.h"

#include <stdlib.h>

#include "base/log.h"
#include "wire/json.h"
#include "wire/selection.h"

enum { BATCH = 2000 };

struct walk {
    struct work *work;
    struct selection selection;
    const char **profiles; /* ends with NULL; or NULL */
    struct planned *batch;
    unsigned count;
    char after_tenant[TENANT_ID_BYTES], after_account[ACCOUNT_ID_BYTES]; /* written up to here */
};

static int flush(struct walk *walk, struct err *err)
{
    struct campaign_batch done;
    if (walk->count == 0)
        return 0;
    int rc = store_campaign_plan_add(walk->work->store, &walk->work->run, walk->batch, walk->count,
                                     walk->profiles, &done, err);
    if (rc)
        return rc;
    work_count(walk->work->campaigns, &walk->work->campaigns->planned, done.count);
    memcpy(walk->after_tenant, done.last_tenant, sizeof walk->after_tenant);
    memcpy(walk->after_account, done.last_account, sizeof walk->after_account);
    walk->count = 0;
    return work_pause(walk->work->campaigns, 0) ? 0 : WORK_STOPPED;
}

static bool is_in(const struct walk *walk, const struct account_history *history,
                  enum member_reason *ret_reason)
{
    *ret_reason = history->overseas == OVERSEAS_CALLED  ? MEMBER_CALLED
                  : history->overseas == OVERSEAS_NEVER ? MEMBER_NEVER
                  : history->unknown_reason == UNKNOWN_TOO_YOUNG ? MEMBER_TOO_YOUNG
                                                                 : MEMBER_LITTLE_HISTORY;
    return history->overseas == OVERSEAS_NEVER ||
           (history->overseas == OVERSEAS_UNKNOWN && walk->selection.with_unknown);
}

/* store_history_fn */
static int take(void *context, const struct account_history *history, struct err *err)
{
    struct walk *walk = context;
    struct planned *planned = &walk->batch[walk->count++];
    *planned = (struct planned){
        .days_covered = history->days_covered,
        .days_wanted = history->days_wanted,
        .calls = (int64_t)history->calls,
        .overseas_calls = (int64_t)history->overseas_calls,
        .last_overseas_ms = history->last_overseas_ms,
    };
    snprintf(planned->tenant, sizeof planned->tenant, "%.*s", SLICE_ARG(history->tenant));
    snprintf(planned->account, sizeof planned->account, "%.*s", SLICE_ARG(history->account));
    planned->is_in = is_in(walk, history, &planned->reason);
    planned->is_excluded =
        selection_excludes(&walk->selection, planned->tenant, planned->account);
    return walk->count == BATCH ? flush(walk, err) : 0;
}

/* Of one tenant, or (NULL) of all of them. */
static int walk_tenant(struct walk *walk, const char *tenant, struct err *err)
{
    const struct selection *selection = &walk->selection;
    const struct history_filter filter = {
        .tenant = slice_of(tenant),
        .profile = selection->profiles.count == 1 ? slice_of(selection->profiles.ids[0])
                                                  : SLICE_NONE,
        .after_tenant = slice_of(walk->after_tenant),
        .after_account = slice_of(walk->after_account),
        .whole_tenants = selection->level == 0,
        .overseas = -1,
        .period = {selection->since_ms, walk->work->campaign.created_at_ms,
                   (int)selection->days_min},
    };
    int rc = store_history_each(walk->work->store, &filter, take, walk, err);
    return rc ? rc : flush(walk, err);
}

static int walk_all(struct walk *walk, struct err *err)
{
    const struct id_list *tenants = &walk->selection.tenants;
    walk->count = 0;
    if (tenants->count == 0)
        return walk_tenant(walk, NULL, err);
    int rc = 0;
    for (unsigned i = 0; i < tenants->count && rc == 0; i++)
        if (strcmp(tenants->ids[i], walk->after_tenant) >= 0)
            rc = walk_tenant(walk, tenants->ids[i], err);
    return rc;
}

/* The selection as it was stored. */
static int read_selection(struct walk *walk, struct err *err)
{
    struct arena *arena = walk->work->arena;
    struct slice text = slice_of(walk->work->campaign.selection);
    json_t *object = NULL;
    int rc = json_read(text, &object, err);
    if (rc == 0)
        rc = selection_read(object, NULL, arena, &walk->selection, err);
    json_decref(object);
    if (rc || walk->selection.profiles.count == 0)
        return rc;
    const struct id_list *profiles = &walk->selection.profiles;
    walk->profiles = arena_alloc(arena, (profiles->count + 1) * sizeof *walk->profiles);
    if (!walk->profiles)
        return err_set(err, ERR_NOMEM, "out of memory");
    memcpy(walk->profiles, profiles->ids, profiles->count * sizeof *walk->profiles);
    return 0;
}

int campaign_plan(struct work *work, struct err *err)
{
    struct walk walk = {.work = work};
    int rc = read_selection(&walk, err);
    walk.batch = calloc(BATCH, sizeof *walk.batch);
    if (rc == 0 && !walk.batch)
        rc = err_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0) {
        memcpy(walk.after_tenant, work->campaign.after_tenant, sizeof walk.after_tenant);
        memcpy(walk.after_account, work->campaign.after_account, sizeof walk.after_account);
        rc = walk_all(&walk, err);
    }
    free(walk.batch);
    return rc ? rc : store_campaign_finish(work->store, &work->run, err);
}
