#include "jobs/unasked.h"

#include "base/hash.h"
#include "core/number.h"

enum { MINUTE_MS = 60000 };

/* Something that was asked: one attempt, or a minute's count. */
struct asked {
    int64_t at_ms;
    uint64_t id, who, account; /* hashes; id 0: none; who 0: a count, of any number */
    uint64_t left;             /* calls that it may still stand for */
};

/* A line of elements, oldest first: those before `head` are gone. */
struct window {
    struct asked *asked;
    size_t asked_head, asked_count, asked_cap;
    struct call_record *calls; /* not decided yet: what was asked for them may still come */
    size_t calls_head, calls_count, calls_cap;
};

struct work {
    const struct asked_span *span;
    struct unasked *result;
    struct window window;
    char tenant[TENANT_ID_BYTES];
    unsigned tenant_groups; /* where its groups begin */
};

static uint64_t hash_of(const char *one, const char *other)
{
    uint64_t hash = hash_mix(hash_slice(slice_of(one)) * 31 + hash_slice(slice_of(other)));
    return hash ? hash : 1;
}

/* --- groups ------------------------------------------------------------------------------------- */

static struct unasked_group *group_of(struct work *work, const struct call_record *call)
{
    struct unasked *result = work->result;
    for (unsigned i = work->tenant_groups; i < result->groups_count; i++) {
        struct unasked_group *group = &result->groups[i];
        if (strcmp(group->account, call->account) == 0 && strcmp(group->context, call->context) == 0)
            return group;
    }
    if (result->groups_count == UNASKED_GROUPS_MAX)
        return NULL;
    struct unasked_group *group = &result->groups[result->groups_count++];
    *group = (struct unasked_group){.first_at_ms = call->at_ms};
    memcpy(group->tenant, call->tenant, sizeof group->tenant);
    memcpy(group->account, call->account, sizeof group->account);
    memcpy(group->context, call->context, sizeof group->context);
    return group;
}

static void add_example(struct unasked_group *group, const struct call_record *call)
{
    unsigned at = group->examples_count;
    if (at == UNASKED_EXAMPLES) /* the place of a domestic one, if there is any */
        for (at = 0; at < UNASKED_EXAMPLES && (!call->is_overseas || group->examples[at].is_overseas);)
            at++;
    if (at == UNASKED_EXAMPLES)
        return;
    group->examples[at] = *call;
    group->examples_count += at == group->examples_count;
}

static void note_unasked(struct work *work, const struct call_record *call)
{
    struct unasked_group *group = group_of(work, call);
    work->result->not_asked++;
    work->result->not_asked_overseas += call->is_overseas;
    if (!group) {
        work->result->more_calls++;
        return;
    }
    group->calls++;
    group->overseas += call->is_overseas;
    group->answered += call->disposition == CALL_ANSWERED;
    group->last_at_ms = call->at_ms;
    add_example(group, call);
}

/* --- one call ----------------------------------------------------------------------------------- */

/* Its own id counts wherever in the window; the records of one call may be several. */
static bool match_id(struct window *window, uint64_t id)
{
    for (size_t i = window->asked_head; id && i < window->asked_count; i++)
        if (window->asked[i].id == id) {
            window->asked[i].left = 0;
            return true;
        }
    return false;
}

/* The nearest attempt that is not taken; one with another call's id only if there is no other. */
static bool match_number(struct window *window, const struct call_record *call, int64_t tolerance_ms)
{
    uint64_t who = hash_of(call->account, call->number);
    struct asked *best = NULL;
    int64_t best_distance = 0;
    for (size_t i = window->asked_head; i < window->asked_count; i++) {
        struct asked *asked = &window->asked[i];
        int64_t distance = asked->at_ms > call->at_ms ? asked->at_ms - call->at_ms
                                                      : call->at_ms - asked->at_ms;
        if (asked->who != who || !asked->left || distance > tolerance_ms)
            continue;
        bool is_other = asked->id && call->call_id[0], was_other = best && best->id && call->call_id[0];
        if (best && (is_other > was_other || (is_other == was_other && distance >= best_distance)))
            continue;
        best = asked;
        best_distance = distance;
    }
    if (best)
        best->left = 0;
    return best != NULL;
}

static bool match_count(struct window *window, const struct call_record *call, int64_t tolerance_ms)
{
    uint64_t account = hash_of(call->account, "");
    for (size_t i = window->asked_head; i < window->asked_count; i++) {
        struct asked *asked = &window->asked[i];
        if (asked->who || asked->account != account || !asked->left ||
            asked->at_ms + MINUTE_MS <= call->at_ms - tolerance_ms ||
            asked->at_ms > call->at_ms + tolerance_ms)
            continue;
        asked->left--;
        return true;
    }
    return false;
}

static void decide(struct work *work, const struct call_record *call)
{
    struct unasked *result = work->result;
    int64_t tolerance_ms = work->span->tolerance_ms;
    result->calls++;
    if (strcmp(call->kind, number_kind_word(KIND_EMERGENCY)) == 0)
        result->emergency++;
    else if (match_id(&work->window, call->call_id[0] ? hash_of(call->call_id, "id") : 0))
        result->by_call_id++;
    else if (match_number(&work->window, call, tolerance_ms))
        result->by_number++;
    else if (!call->is_overseas && match_count(&work->window, call, tolerance_ms))
        result->by_count++;
    else
        note_unasked(work, call);
}

/* --- the window --------------------------------------------------------------------------------- */

/* Makes room for one more behind the last: moves what is left to the front, or grows. */
static bool make_room(void **list, size_t bytes, size_t *head, size_t *count, size_t *cap)
{
    if (*count < *cap)
        return true;
    if (*head > *cap / 2) {
        memmove(*list, (char *)*list + *head * bytes, (*count - *head) * bytes);
        *count -= *head;
        *head = 0;
        return true;
    }
    size_t more = *cap ? 2 * *cap : 64;
    void *grown = realloc(*list, more * bytes);
    if (!grown)
        return false;
    *list = grown;
    *cap = more;
    return true;
}

/* Decides the calls for which nothing more can come, and forgets what is too old for those that wait. */
static void advance(struct work *work, int64_t now_ms)
{
    struct window *window = &work->window;
    int64_t tolerance_ms = work->span->tolerance_ms;
    while (window->calls_head < window->calls_count &&
           window->calls[window->calls_head].at_ms + tolerance_ms < now_ms)
        decide(work, &window->calls[window->calls_head++]);
    int64_t oldest_ms = window->calls_head < window->calls_count
                            ? window->calls[window->calls_head].at_ms : now_ms;
    while (window->asked_head < window->asked_count &&
           window->asked[window->asked_head].at_ms + MINUTE_MS + tolerance_ms < oldest_ms)
        window->asked_head++;
    if (window->asked_count - window->asked_head > UNASKED_WINDOW_MAX) {
        window->asked_head++;
        work->result->window_was_cut = true;
    }
    while (window->calls_count - window->calls_head > UNASKED_WINDOW_MAX) {
        decide(work, &window->calls[window->calls_head++]);
        work->result->window_was_cut = true;
    }
}

static void begin_tenant(struct work *work, const char *tenant)
{
    struct window *window = &work->window;
    advance(work, INT64_MAX);
    window->asked_head = window->asked_count = window->calls_head = window->calls_count = 0;
    snprintf(work->tenant, sizeof work->tenant, "%s", tenant);
    work->tenant_groups = work->result->groups_count;
}

static int take_row(void *context, const struct asked_row *row, struct err *err)
{
    struct work *work = context;
    struct window *window = &work->window;
    if (strcmp(row->call.tenant, work->tenant) != 0)
        begin_tenant(work, row->call.tenant);
    advance(work, row->at_ms);
    bool is_call = row->what == ASKED_CALL;
    bool has_room = is_call
        ? make_room((void **)&window->calls, sizeof *window->calls, &window->calls_head,
                    &window->calls_count, &window->calls_cap)
        : make_room((void **)&window->asked, sizeof *window->asked, &window->asked_head,
                    &window->asked_count, &window->asked_cap);
    if (!has_room)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (is_call) {
        window->calls[window->calls_count++] = row->call;
        return 0;
    }
    bool is_attempt = row->what == ASKED_ATTEMPT;
    window->asked[window->asked_count++] = (struct asked){
        .at_ms = row->at_ms,
        .id = row->call.call_id[0] ? hash_of(row->call.call_id, "id") : 0,
        .who = is_attempt ? hash_of(row->call.account, row->call.number) : 0,
        .account = hash_of(row->call.account, ""),
        .left = row->count,
    };
    return 0;
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int by_calls(const void *left, const void *right)
{
    const struct unasked_group *a = left, *b = right;
    if (a->overseas != b->overseas)
        return a->overseas < b->overseas ? 1 : -1;
    return (a->calls < b->calls) - (a->calls > b->calls);
}

int unasked_find(struct store *store, const struct asked_span *span, struct unasked *ret,
                 struct err *err)
{
    struct work work = {.span = span, .result = ret};
    *ret = (struct unasked){.groups = malloc(UNASKED_GROUPS_MAX * sizeof *ret->groups)};
    if (!ret->groups)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = store_asked_each(store, span, take_row, &work, err);
    if (r == 0)
        advance(&work, INT64_MAX);
    free(work.window.asked);
    free(work.window.calls);
    qsort(ret->groups, ret->groups_count, sizeof *ret->groups, by_calls);
    return r;
}

void unasked_release(struct unasked *unasked)
{
    free(unasked->groups);
    unasked->groups = NULL;
}
