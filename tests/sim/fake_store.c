/*
 * The store as its contract (store/store.h) says, with the habits of PostgreSQL: numbers are given out
 * when a transaction begins to write and are seen when it commits, in any order; a reader sees one
 * moment, and may work on it when that has long passed; an answer may get lost on its way. A replica
 * follows at a distance, and may take over.
 */
#include "fake_db.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOCK_MS_MAX = 3000 };

struct server the_server;

int store_away(struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "the store does not answer");
}

bool store_trip(const struct store *store)
{
    return link_trip(store->host, TO_STORE, NEVER_MS);
}

uint64_t store_complete(void)
{
    uint64_t least = the_server.db.next_number;
    for (unsigned i = 0; i < the_server.open_count; i++)
        if (the_server.open[i] < least)
            least = the_server.open[i];
    return the_sim.without == WITHOUT_ORDER ? the_server.db.next_number : least;
}

/* --- a replica that follows ------------------------------------------------------------------- */

static void *replicate(void *context)
{
    (void)context;
    while (!the_sim.is_over) {
        the_server.replica = the_server.db;
        fiber_sleep_ms(chance_between(20, 400));
    }
    return NULL;
}

void fake_store_init(void)
{
    the_server.history = 1;
    the_server.db.next_number = 10;
    const struct content nothing = {.exists = true};
    the_server.db.owners[PLATFORM] = (struct owner_row){.content = nothing};
    truth_commit(PLATFORM, &nothing, 0, 1);
    for (int owner = 0; owner < TENANTS; owner++)
        truth_commit(owner, &(struct content){.exists = false}, 0, 1);
    fiber_start("the replica", OUTSIDE, replicate, NULL, false);
}

void fake_store_fail_over(void)
{
    const struct db before = the_server.db;
    trace("the replica takes over");
    the_server.db = the_server.replica;
    the_server.history++;
    the_server.open_count = 0;
    memset(the_server.locked_by, 0, sizeof the_server.locked_by);
    for (int owner = 0; owner < OWNERS; owner++)
        if (the_server.db.owners[owner].revision != before.owners[owner].revision)
            truth_restore(owner, &the_server.db.owners[owner].content, the_server.db.owners[owner].revision,
                          the_server.db.owners[owner].number);
}

/* --- writing ---------------------------------------------------------------------------------- */

struct writing {
    struct store *store;
    uint64_t number, history;
};

static bool has_died(const struct writing *writing)
{
    return writing->history != the_server.history;
}

static int begin(struct store *store, struct writing *ret, struct err *err)
{
    if (!store_trip(store) || the_server.open_count == OPEN_MAX)
        return store_away(err);
    *ret = (struct writing){store, the_server.db.next_number++, the_server.history};
    the_server.open[the_server.open_count++] = ret->number;
    return 0;
}

static void end(const struct writing *writing)
{
    if (has_died(writing))
        return;
    for (unsigned i = 0; i < the_server.open_count; i++)
        if (the_server.open[i] == writing->number) {
            the_server.open[i] = the_server.open[--the_server.open_count];
            break;
        }
    for (int owner = 0; owner < OWNERS; owner++)
        if (the_server.locked_by[owner] == writing->number)
            the_server.locked_by[owner] = 0;
}

struct wanted_lock {
    const struct writing *writing;
    int owner;
};

static bool is_free(void *context)
{
    const struct wanted_lock *wanted = context;
    uint64_t by = the_server.locked_by[wanted->owner];
    return has_died(wanted->writing) || by == 0 || by == wanted->writing->number;
}

static bool lock(const struct writing *writing, int owner)
{
    struct wanted_lock wanted = {writing, owner};
    if (!fiber_wait(is_free, &wanted, LOCK_MS_MAX) || has_died(writing))
        return false;
    the_server.locked_by[owner] = writing->number;
    return true;
}

static struct content draw_content(int owner, const struct content *before)
{
    if (owner == PLATFORM)
        return (struct content){.exists = true, .us = chance_percent(50) ? US_DENY : US_UNSAID,
                                .locks_uk = chance_percent(50)};
    return (struct content){
        .exists = !before->exists || !chance_percent(10), .is_suspended = chance_percent(10),
        .bars_abroad = chance_percent(60), .us = chance_below(3)};
}

static void tell_followers(void)
{
    for (int host = 0; the_sim.has_notify && host < HOSTS; host++)
        if (host_store(host) && link_is_up(host, TO_STORE) && chance_percent(90))
            host_store(host)->is_notified = true;
}

static int finish(const struct writing *writing, struct err *err)
{
    struct store *store = writing->store;
    end(writing);
    store->own[store->own_count++ % OWN_MAX] = writing->number;
    store->is_notified = true;
    tell_followers();
    return store_trip(writing->store) ? 0 : store_away(err); /* done, and nobody here knows */
}

int fake_store_edit(struct store *store, unsigned owners_count, const int *owners,
                    uint64_t *ret_revisions, struct err *err)
{
    struct writing writing;
    struct content contents[OWNERS];
    int rc = begin(store, &writing, err);
    if (rc)
        return rc;
    bool is_going = true;
    for (unsigned i = 0; is_going && i < owners_count; i++) {
        is_going = lock(&writing, owners[i]) && store_trip(store);
        contents[i] = draw_content(owners[i], &the_server.db.owners[owners[i]].content);
    }
    if (is_going && chance_percent(10))
        fiber_sleep_ms(chance_between(10, 1500)); /* a transaction that takes its time */
    is_going = is_going && store_trip(store) && !has_died(&writing);
    if (!is_going) {
        end(&writing);
        return store_away(err);
    }
    for (unsigned i = 0; i < owners_count; i++) {
        struct owner_row *row = &the_server.db.owners[owners[i]];
        *row = (struct owner_row){contents[i], row->revision + 1, writing.number};
        ret_revisions[i] = row->revision;
        truth_commit(owners[i], &row->content, row->revision, row->number);
    }
    return finish(&writing, err);
}

int fake_store_revoke(struct store *store, struct err *err)
{
    struct writing writing;
    int rc = begin(store, &writing, err);
    if (rc)
        return rc;
    if (!store_trip(store) || has_died(&writing) || the_server.db.revoked_count == REVOKED_MAX) {
        end(&writing);
        return store_away(err);
    }
    the_server.db.revoked[the_server.db.revoked_count++] = writing.number;
    return finish(&writing, err);
}

unsigned fake_store_revoked(void)
{
    return the_server.db.revoked_count;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static int host_named(const char *name)
{
    return name[4] - '1'; /* "node1" */
}

int store_node_beat(struct store *store, const struct node_row *node, bool is_first, struct err *err)
{
    struct writing writing;
    int rc = begin(store, &writing, err);
    if (rc)
        return rc;
    struct beat_row *row = &the_server.db.beats[host_named(node->name)];
    bool is_written = store_trip(store) && !has_died(&writing);
    bool is_taken = is_written && !is_first && row->is_there && strcmp(row->run, node->run) != 0;
    bool is_present = !node->feed_history || node->feed_history == the_server.history;
    if (is_written && !is_taken) {
        *row = (struct beat_row){.is_there = true, .keys_agree = node->keys_agree,
                                 .feed_complete = is_present ? node->feed_complete : 0,
                                 .platform_revision = node->platform_revision,
                                 .started_at_ms = node->started_at_ms,
                                 .heartbeat_at_ms = owner_wall_ns(store->host) / 1000000,
                                 .history = the_server.history};
        snprintf(row->run, sizeof row->run, "%s", node->run);
        snprintf(row->numbering, sizeof row->numbering, "%s", node->numbering);
    }
    end(&writing);
    if (is_taken)
        return err_set(err, ERR_EXISTS, "another process has the name");
    return is_written && store_trip(store) ? 0 : store_away(err);
}

int store_node_leave(struct store *store, struct slice name, struct slice run, struct err *err)
{
    if (!store_trip(store))
        return store_away(err);
    struct beat_row *row = &the_server.db.beats[host_named(name.p)];
    if (slice_equals_text(run, row->run))
        row->is_there = false;
    return store_trip(store) ? 0 : store_away(err);
}

/* What was written before a replica took over says nothing of what there is now. */
uint64_t fake_store_claim(int host)
{
    const struct beat_row *row = &the_server.db.beats[host];
    bool is_valid = row->is_there && row->history == the_server.history && host_wrote(host, row->run);
    return is_valid ? row->feed_complete : 0;
}

/* Nothing is recorded here. */
int store_attempts_add(struct store *store, const struct attempt *attempts, unsigned attempts_count,
                       const struct attempt_count *counts, unsigned counts_count, struct err *err)
{
    (void)store, (void)attempts, (void)attempts_count, (void)counts, (void)counts_count, (void)err;
    return 0;
}

struct store *fake_store_open(int host)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        abort();
    store->host = host;
    return store;
}

void fake_store_close(struct store *store)
{
    free(store);
}
