/* The reading half: whoever reads sees one moment, and may work on it when that has long passed. */
#include "fake_db.h"

#include <stdio.h>
#include <stdlib.h>

/* A reader's moment. */
struct txn {
    struct store *store;
    struct db db;
};

/* --- reading ---------------------------------------------------------------------------------- */

int store_begin(struct store *store, const struct actor *actor, struct txn **ret, struct err *err)
{
    (void)actor; /* what is under test only reads this way */
    struct txn *txn = store_trip(store) ? malloc(sizeof *txn) : NULL;
    if (!txn)
        return store_away(err);
    *txn = (struct txn){store, the_server.db};
    *ret = txn;
    return 0;
}

void store_rollback(struct txn *txn)
{
    free(txn);
}

int store_revocation_list(struct txn *txn, struct page page, struct arena *arena,
                          struct revocation **ret, unsigned *ret_count, struct err *err)
{
    unsigned first = page.after.n ? (unsigned)strtoul(page.after.p + 1, NULL, 10) + 1 : 0;
    struct revocation *rows = arena_alloc(arena, (REVOKED_MAX + 1) * sizeof *rows);
    unsigned count = 0;
    if (!store_trip(txn->store))
        return store_away(err);
    for (unsigned i = first; i < txn->db.revoked_count && count < page.limit; i++)
        rows[count++] = (struct revocation){.jti = arena_printf(arena, "j%u", i), .note = ""};
    *ret = rows;
    *ret_count = count;
    return 0;
}

static int give_policy(int owner, const struct owner_row *row, store_policy_fn *fn, void *context,
                       struct err *err)
{
    const struct tenant tenant = {.id = owner_id(owner), .name = "", .profile = "", .outside_line = "",
                                  .locale = "", .time_zone = "", .revision = row->revision,
                                  .status = row->content.is_suspended ? TENANT_SUSPENDED : TENANT_ACTIVE};
    struct rule rules[3];
    size_t count = 0;
    const struct rule blank = {.account = "", .divert_to = "", .note = "", .source = "customer"};
    for (int i = 0; i < 3; i++) {
        const bool wanted[] = {row->content.bars_abroad, row->content.us != US_UNSAID,
                               row->content.locks_uk};
        static const char *const targets[] = {"010", "0101", "01044"}, *const rule_ids[] = {"a", "b", "c"};
        if (!wanted[i])
            continue;
        rules[count] = blank;
        rules[count].id = rule_ids[i];
        rules[count].is_locked = i == 2;
        rules[count].action = i == 1 && row->content.us == US_ALLOW ? ACTION_ALLOW : ACTION_DENY;
        snprintf(rules[count++].target.text, RULE_TARGET_BYTES, "%s", targets[i]);
    }
    return fn(context, &tenant, rules, count, err);
}

int store_policy_each(struct store *store, store_policy_fn *fn, void *context,
                      struct feed_position *ret_position, struct err *err)
{
    if (!store_trip(store))
        return store_away(err);
    const struct db db = the_server.db;
    const struct feed_position position = {.seq = store_complete(), .complete = store_complete(), .place = -1,
                                           .history = the_server.history};
    int rc = 0;
    for (int owner = 0; !rc && owner < OWNERS; owner++) {
        if (!store_trip(store))
            rc = store_away(err);
        else if (db.owners[owner].content.exists)
            rc = give_policy(owner, &db.owners[owner], fn, context, err);
    }
    if (!rc && ret_position)
        *ret_position = position;
    return rc;
}

int store_policy_in(struct txn *txn, struct slice tenant, store_policy_fn *fn, void *context,
                    struct err *err)
{
    const struct owner_row row = txn->db.owners[owner_of(tenant)];
    if (!store_trip(txn->store))
        return store_away(err);
    return row.content.exists ? give_policy(owner_of(tenant), &row, fn, context, err)
                              : err_set(err, ERR_NOT_FOUND, "no such tenant");
}

/* --- the feed --------------------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    const uint64_t *one = a, *other = b;
    return *one < *other ? -1 : *one > *other;
}

/* Rows in the order of their numbers; `at` says which row it is. */
static unsigned list_changes(const struct db *db, uint64_t from, uint64_t (*ret)[2])
{
    unsigned count = 0;
    for (unsigned owner = 0; owner < OWNERS; owner++)
        if (db->owners[owner].number >= from && db->owners[owner].number)
            ret[count][0] = db->owners[owner].number, ret[count++][1] = owner;
    for (unsigned i = 0; i < db->revoked_count; i++)
        if (db->revoked[i] >= from)
            ret[count][0] = db->revoked[i], ret[count++][1] = OWNERS + i;
    qsort(ret, count, sizeof *ret, compare_numbers);
    return count;
}

static bool is_own(const struct store *store, uint64_t number)
{
    for (unsigned i = 0; i < store->own_count && i < OWN_MAX; i++)
        if (store->own[i] == number)
            return true;
    return false;
}

int store_feed_since(struct store *store, struct feed_position *position, unsigned limit,
                     struct arena *arena, struct feed_row **ret, unsigned *ret_count, struct err *err)
{
    uint64_t changes[OWNERS + REVOKED_MAX][2];
    struct feed_row *rows = arena_alloc(arena, (OWNERS + REVOKED_MAX) * sizeof *rows);
    if (!store_trip(store))
        return store_away(err);
    const struct db db = the_server.db;
    uint64_t all_before = store_complete(), history = the_server.history;
    if (!store_trip(store))
        return store_away(err);
    if (position->history != history || db.next_number < position->seq)
        return err_set(err, ERR_STALE, "another history");
    unsigned count = list_changes(&db, position->seq, changes);
    if (the_sim.without == WITHOUT_FEED)
        count = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned which = (unsigned)changes[i][1];
        rows[i] = (struct feed_row){.kind = which < TENANTS ? FEED_TENANT
                                           : which == PLATFORM ? FEED_PLATFORM : FEED_REVOCATION,
                                    .tenant = which < OWNERS ? owner_id((int)which) : "",
                                    .jti = which < OWNERS ? "" : arena_printf(arena, "j%u", which - OWNERS),
                                    .revision = which < OWNERS ? db.owners[which].revision : 0,
                                    .is_own = is_own(store, changes[i][0])};
    }
    if (count >= limit)
        abort(); /* more than one batch is not played */
    *position = (struct feed_position){.seq = all_before, .complete = all_before, .place = -1,
                                       .history = history};
    *ret = rows;
    *ret_count = count;
    return 0;
}

uint64_t feed_position_complete(const struct feed_position *position)
{
    return position->complete;
}

uint64_t feed_position_history(const struct feed_position *position)
{
    return position->history;
}

static bool is_wanted(void *context)
{
    const struct store *store = context;
    return store->is_interrupted || store->is_notified;
}

bool store_feed_wait(struct store *store, int timeout_ms)
{
    bool is_news = fiber_wait(is_wanted, store, timeout_ms);
    store->is_interrupted = store->is_notified = false;
    return is_news;
}

void store_feed_interrupt(struct store *store)
{
    store->is_interrupted = true;
}

int store_node_forget(struct store *store, const struct node_row *row, struct err *err)
{
    (void)store, (void)row, (void)err; /* nobody is silent for a day here */
    return 0;
}

/* --- nodes ------------------------------------------------------------------------------------ */

int store_node_list(struct txn *txn, uint64_t number, struct arena *arena, struct node_row **ret,
                    unsigned *ret_count, struct err *err)
{
    (void)number; /* when exactly is not asked by what is under test */
    struct node_row *rows = arena_alloc(arena, HOSTS * sizeof *rows);
    unsigned count = 0;
    if (!store_trip(txn->store))
        return store_away(err);
    for (int host = 0; host < HOSTS; host++) {
        const struct beat_row *row = &txn->db.beats[host];
        if (row->is_there)
            rows[count++] = (struct node_row){
                .name = arena_printf(arena, "node%d", host + 1),
                .run = arena_copy(arena, slice_of(row->run)), .address = "", .version = "",
                .key_fingerprint = "the same everywhere", .keys_agree = row->keys_agree,
                .numbering = arena_copy(arena, slice_of(row->numbering)), .numbering_data = "",
                .behind = "",
                .feed_complete = row->feed_complete, .platform_revision = row->platform_revision,
                .started_at_ms = row->started_at_ms, .heartbeat_at_ms = row->heartbeat_at_ms};
    }
    *ret = rows;
    *ret_count = count;
    return 0;
}
