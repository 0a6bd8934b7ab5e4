/*
 * /v1/nodes, /v1/tenants/{t}/propagation, /v1/platform/propagation and /v1/numbering/propagation: which
 * nodes there are, and on which of them a change is in force.
 *
 * ?wait= holds the answer back until it is in force everywhere: it looks again and again, for a
 * bounded time and for few callers at once, since each holds one of the admin listener's threads.
 * What is waited for is fixed at the first look: a tenant that is edited all the time would never
 * be caught up with.
 */
#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "doors/rest.h"
#include "engine/behind.h"
#include "engine/node.h"
#include "engine/rulesets.h"
#include "wire/fields.h"

enum { WAIT_MAX_MS = 5000, WAITERS_MAX = 4, LOOK_EVERY_MS = 20, REVISION_DIGITS_MAX = 18 };

/* One node, as one of the answers shows it. */
struct seen {
    const struct node_row *row;
    enum { IS_LIVE, IS_LOST } status;
    bool is_self, is_in_force, has_failed; /* the latest rules could not be put in force there */
    int64_t since_ms;
};

static struct seen *see(struct rest *rest, const struct node_row *rows, unsigned count)
{
    struct seen *seen = arena_alloc(rest->arena, (count + 1) * sizeof *seen);
    for (unsigned i = 0; seen && i < count; i++)
        seen[i] = (struct seen){
            .row = &rows[i],
            .status = node_is_lost(rest->app->node, &rows[i]) ? IS_LOST : IS_LIVE,
            .is_self = node_is_self(rest->app->node, &rows[i]),
        };
    return seen;
}

static json_t *time_or_null(int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    return ms ? json_string(clock_format(ms, text)) : json_null();
}

/* --- the list ------------------------------------------------------------------------------- */

static json_t *write_node(const struct seen *seen)
{
    const struct node_row *row = seen->row;
    return json_pack("{s:s, s:s, s:b, s:s, s:s, s:o, s:o, s:s, s:I, s:I, s:s, s:s}", "name", row->name,
                     "status", seen->status == IS_LOST ? "lost" : "live", "self", seen->is_self,
                     "address", row->address, "version", row->version, "started_at",
                     time_or_null(row->started_at_ms), "heartbeat_at",
                     time_or_null(row->heartbeat_at_ms), "keys", row->key_fingerprint,
                     "feed_position", (json_int_t)row->feed_complete, "platform_revision",
                     (json_int_t)row->platform_revision, "numbering", row->numbering,
                     "numbering_data", row->numbering_data);
}

int rest_node_list(struct rest *rest, struct err *err)
{
    struct node_row *rows;
    unsigned count;
    int rc = store_node_list(rest->txn, 0, rest->arena, &rows, &count, err);
    if (rc)
        return rc;
    const struct seen *seen = see(rest, rows, count);
    json_t *array = seen ? json_array() : NULL;
    for (unsigned i = 0; array && i < count; i++)
        if (json_array_append_new(array, write_node(&seen[i])))
            return json_decref(array), err_set(err, ERR_NOMEM, "out of memory");
    return rest_answer(rest, 200, json_pack("{s:o}", "nodes", array), 0, err);
}

/* --- propagation ---------------------------------------------------------------------------- */

struct asked {
    uint64_t revision;
    int64_t wait_ms;
};

/* What is looked for on every node: the change that made the revision asked for, or a later one. */
struct change {
    bool is_set;
    uint64_t revision, number;
};

struct propagation {
    struct change latest;
    struct seen *nodes;
    unsigned count;
    bool is_in_force; /* on every node that lives, and one does */
};

static int take_number(struct rest *rest, const char *name, uint64_t max, uint64_t *ret,
                       struct err *err)
{
    struct slice text = request_query(rest->request, name);
    uint64_t number = 0;
    bool is_number = text.n > 0 && text.n <= REVISION_DIGITS_MAX;
    for (size_t i = 0; is_number && i < text.n; i++) {
        is_number = text.p[i] >= '0' && text.p[i] <= '9';
        number = number * 10 + (uint64_t)(text.p[i] - '0');
    }
    if (text.p && (!is_number || number > max))
        return err_set(err, ERR_INVALID, "%s is a whole number, at most %llu", name,
                       (unsigned long long)max);
    *ret = number;
    return 0;
}

static int take_asked(struct rest *rest, struct asked *ret, struct err *err)
{
    uint64_t wait_ms = 0;
    int rc = take_number(rest, "revision", INT64_MAX, &ret->revision, err);
    if (rc == 0)
        rc = take_number(rest, "wait", WAIT_MAX_MS, &wait_ms, err);
    ret->wait_ms = (int64_t)wait_ms;
    return rc;
}

static void judge(struct propagation *propagation, const struct asked *asked)
{
    unsigned live = 0, in_force = 0;
    for (unsigned i = 0; i < propagation->count; i++) {
        struct seen *seen = &propagation->nodes[i];
        bool has_it = seen->row->feed_complete > propagation->latest.number && !seen->has_failed;
        seen->is_in_force = has_it && propagation->latest.revision >= asked->revision;
        seen->since_ms = seen->is_in_force ? seen->row->since_ms : 0;
        live += seen->status == IS_LIVE;
        in_force += seen->status == IS_LIVE && seen->is_in_force;
    }
    propagation->is_in_force = live > 0 && in_force == live;
}

static int look(struct rest *rest, const struct asked *asked, struct propagation *propagation,
                struct err *err)
{
    struct change *latest = &propagation->latest;
    struct node_row *rows;
    struct txn *txn;
    int rc = store_begin(rest->app->store, NULL, &txn, err);
    if (rc)
        return rc;
    if (!latest->is_set || latest->revision < asked->revision)
        rc = store_latest_change(txn, rest->tenant, &latest->revision, &latest->number, err);
    if (rc == 0)
        rc = store_node_list(txn, latest->number, rest->arena, &rows, &propagation->count, err);
    store_rollback(txn);
    if (rc)
        return rc;
    latest->is_set = true;
    propagation->nodes = see(rest, rows, propagation->count);
    if (!propagation->nodes)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < propagation->count; i++)
        propagation->nodes[i].has_failed = behind_text_has(rows[i].behind, rest->tenant);
    judge(propagation, asked);
    return 0;
}

static int look_until(struct rest *rest, const struct asked *asked, int64_t until_ms,
                      struct propagation *propagation, struct err *err)
{
    int rc = look(rest, asked, propagation, err);
    while (rc == 0 && !propagation->is_in_force && clock_mono_ms() < until_ms &&
           !atomic_load(&rest->app->is_draining)) {
        poll(NULL, 0, LOOK_EVERY_MS);
        rc = look(rest, asked, propagation, err);
    }
    return rc;
}

/* One caller too many gets the answer as it is now, and asks again. */
static int wait_for(struct rest *rest, const struct asked *asked, struct propagation *propagation,
                    struct err *err)
{
    bool may_wait = atomic_fetch_add(&rest->app->waiters, 1) < WAITERS_MAX;
    int64_t until_ms = clock_mono_ms() + (may_wait ? asked->wait_ms : 0);
    int rc = look_until(rest, asked, until_ms, propagation, err);
    atomic_fetch_sub(&rest->app->waiters, 1);
    return rc;
}

/* Which older revision a node that is behind has is not known here: null. */
static json_t *write_receipt(const struct seen *seen, const struct change *latest)
{
    bool has_it = seen->row->feed_complete > latest->number && !seen->has_failed;
    return json_pack("{s:s, s:b, s:b, s:o, s:o}", "name", seen->row->name, "in_force",
                     seen->is_in_force, "failed", seen->has_failed, "since",
                     time_or_null(seen->since_ms), "revision", has_it ? json_integer((json_int_t)latest->revision) : json_null());
}

static json_t *write_lost(const struct seen *seen)
{
    return json_pack("{s:s, s:o}", "name", seen->row->name, "heartbeat_at",
                     time_or_null(seen->row->heartbeat_at_ms));
}

static int answer(struct rest *rest, const struct asked *asked,
                  const struct propagation *propagation, struct err *err)
{
    json_t *nodes = json_array(), *lost = json_array();
    bool is_whole = nodes && lost;
    for (unsigned i = 0; is_whole && i < propagation->count; i++) {
        const struct seen *seen = &propagation->nodes[i];
        if (seen->status == IS_LOST)
            is_whole = json_array_append_new(lost, write_lost(seen)) == 0;
        else
            is_whole = json_array_append_new(nodes,
                                             write_receipt(seen, &propagation->latest)) == 0;
    }
    uint64_t revision = asked->revision ? asked->revision : propagation->latest.revision;
    json_t *json = json_pack("{s:I, s:b, s:o, s:o}", "revision", (json_int_t)revision, "in_force",
                             propagation->is_in_force, "nodes", nodes, "lost", lost);
    if (is_whole)
        return rest_answer(rest, 200, json, 0, err);
    json_decref(json);
    return err_set(err, ERR_NOMEM, "out of memory");
}

int rest_propagation(struct rest *rest, struct err *err)
{
    struct asked asked;
    struct propagation propagation = {.count = 0};
    int rc = take_asked(rest, &asked, err);
    if (rc == 0)
        rc = wait_for(rest, &asked, &propagation, err);
    return rc ? rc : answer(rest, &asked, &propagation, err);
}

/* --- numbering data ------------------------------------------------------------------------- */

/* By content: what calls itself the same version may differ. */
static json_t *write_numbering(const struct seen *seen, const char *data)
{
    return json_pack("{s:s, s:b, s:s, s:s}", "name", seen->row->name, "in_force",
                     strcmp(seen->row->numbering_data, data) == 0, "numbering",
                     seen->row->numbering, "numbering_data", seen->row->numbering_data);
}

static json_t *write_numberings(const struct seen *seen, unsigned count, const char *version,
                                const char *data)
{
    json_t *nodes = json_array(), *lost = json_array();
    bool is_whole = nodes && lost, is_everywhere = true;
    unsigned live = 0;
    for (unsigned i = 0; is_whole && i < count; i++) {
        if (seen[i].status == IS_LOST) {
            is_whole = json_array_append_new(lost, write_lost(&seen[i])) == 0;
            continue;
        }
        is_whole = json_array_append_new(nodes, write_numbering(&seen[i], data)) == 0;
        is_everywhere = is_everywhere && strcmp(seen[i].row->numbering_data, data) == 0;
        live++;
    }
    json_t *json = json_pack("{s:s, s:s, s:b, s:o, s:o}", "numbering", version, "numbering_data",
                             data, "in_force", is_everywhere && live > 0, "nodes", nodes, "lost", lost);
    if (!is_whole)
        json_decref(json);
    return is_whole ? json : NULL;
}

int rest_numbering_propagation(struct rest *rest, struct err *err)
{
    char version[NUMBERING_VERSION_BYTES], data[NUMBERING_FINGERPRINT_BYTES];
    struct node_row *rows;
    unsigned count;
    int rc = store_node_list(rest->txn, 0, rest->arena, &rows, &count, err);
    if (rc)
        return rc;
    const struct seen *seen = see(rest, rows, count);
    rulesets_enter();
    const struct numbering *numbering = rulesets_numbering(rest->app->rulesets);
    snprintf(version, sizeof version, "%s", numbering_version(numbering));
    snprintf(data, sizeof data, "%s", numbering_fingerprint(numbering));
    rulesets_leave();
    json_t *json = seen ? write_numberings(seen, count, version, data) : NULL;
    return rest_answer(rest, 200, json, 0, err);
}
