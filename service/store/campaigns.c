/* Campaigns themselves: the row, how it is made and read. What moves them on: campaigns_order.c, and
 * the jobs' campaigns_apply.c and its like. */
#include "store/campaigns.h"

#include "base/buf.h"
#include "store/audit.h"
#include "store/campaigns_rows.h"
#include "store/rule_rows.h"

const char *const campaign_state_words[] = {
    "planning", "planned", "notifying", "notified", "applying",
    "applied",  "undoing", "undone",    "canceled", NULL};
const char *const campaign_level_words[] = {"tenant", "account", NULL};
const char *const member_state_words[] = {"out",    "planned", "notified", "answered", "skipped",
                                          "failed", "applied", "undone",   "kept",     NULL};
const char *const member_reason_words[] = {
    "never",          "too_young", "little_history", "called",       "attempted",   "excluded",
    "blocked",        "customer_rule", "operator_rule", "leave_open", "gone",       "remade",
    "no_room",        "refused",   "rule_changed",   "rule_deleted", "not_told",    NULL};

bool campaign_is_job(enum campaign_state state)
{
    return state == CAMPAIGN_PLANNING || state == CAMPAIGN_NOTIFYING ||
           state == CAMPAIGN_APPLYING || state == CAMPAIGN_UNDOING;
}

int campaign_word(struct slice text, const char *const *words, int *ret, struct err *err)
{
    for (int i = 0; words[i]; i++)
        if (slice_equals_text(text, words[i])) {
            *ret = i;
            return 0;
        }
    return err_set(err, ERR_UNAVAILABLE, "store: a campaign has a damaged word");
}

/* --- reading -------------------------------------------------------------------------------------- */

static void read_chars(struct txn *txn, unsigned column, char *out, size_t size)
{
    snprintf(out, size, "%.*s", SLICE_ARG(column_text(txn, column)));
}

static int read_words(struct txn *txn, struct campaign *ret, struct err *err)
{
    int state = 0, level = 0;
    int r = campaign_word(column_text(txn, 2), campaign_state_words, &state, err);
    if (r == 0)
        r = campaign_word(column_text(txn, 5), campaign_level_words, &level, err);
    if (r == 0)
        r = rule_row_target(column_text(txn, 6), &ret->target, err);
    if (r == 0 && action_of(column_text(txn, 7), &ret->action) < 0)
        r = err_set(err, ERR_UNAVAILABLE, "store: a campaign has a damaged action");
    ret->state = (enum campaign_state)state;
    ret->level = (enum campaign_level)level;
    return r;
}

int campaign_row_read(struct txn *txn, struct arena *arena, struct campaign *ret, struct err *err)
{
    static const struct {
        unsigned column;
        size_t offset;
    } texts[] = {{1, offsetof(struct campaign, name)},
                 {4, offsetof(struct campaign, selection)},
                 {8, offsetof(struct campaign, divert_to)},
                 {9, offsetof(struct campaign, note)},
                 {14, offsetof(struct campaign, last_error)},
                 {21, offsetof(struct campaign, actor.subject)},
                 {22, offsetof(struct campaign, actor.role)},
                 {23, offsetof(struct campaign, actor.request_id)},
                 {24, offsetof(struct campaign, actor.address)},
                 {34, offsetof(struct campaign, created_by)}};
    struct campaign campaign = {
        .is_paused = column_int(txn, 3) != 0,
        .since_ms = column_int(txn, 10),
        .apply_at_ms = column_int(txn, 11),
        .grace_ms = column_int(txn, 12),
        .rate = column_int(txn, 13),
        .done = (uint64_t)column_int(txn, 17),
        .total = (uint64_t)column_int(txn, 18),
        .run_until_ms = column_int(txn, 20),
        .created_at_ms = column_int(txn, 35),
        .planned_at_ms = column_int(txn, 36),
        .notified_at_ms = column_int(txn, 37),
        .started_at_ms = column_int(txn, 38),
        .applied_at_ms = column_int(txn, 39),
        .undone_at_ms = column_int(txn, 40),
        .updated_at_ms = column_int(txn, 41),
        .is_forced = column_int(txn, 42) != 0,
    };
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *copy = column_copy(txn, texts[i].column, arena);
        if (!copy)
            return txn_nomem(txn, err);
        memcpy((char *)&campaign + texts[i].offset, &copy, sizeof copy);
    }
    read_chars(txn, 0, campaign.id, sizeof campaign.id);
    read_chars(txn, 15, campaign.after_tenant, sizeof campaign.after_tenant);
    read_chars(txn, 16, campaign.after_account, sizeof campaign.after_account);
    read_chars(txn, 19, campaign.run, sizeof campaign.run);
    for (unsigned i = 0; i < MEMBER_STATES; i++)
        campaign.counts[i] = (uint64_t)column_int(txn, 25 + i);
    int r = read_words(txn, &campaign, err);
    if (r == 0)
        *ret = campaign;
    return r;
}

int store_campaign_get(struct txn *txn, struct slice id, struct arena *arena, struct campaign *ret,
                       struct err *err)
{
    if (!ulid_is_valid(id))
        return err_set(err, ERR_NOT_FOUND, "no such campaign");
    int r = txn_row(txn, "SELECT " CAMPAIGN_COLUMNS " FROM campaigns WHERE id = $1",
                    SQL_VALUES(sql_slice(id)), err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such campaign");
    if (r == 1) {
        r = campaign_row_read(txn, arena, ret, err);
        txn_end(txn);
    }
    return r;
}

int store_campaign_list(struct txn *txn, struct page page, struct arena *arena,
                        struct campaign **ret, unsigned *ret_count, struct err *err)
{
    struct campaign *campaigns = arena_alloc(arena, page.limit * sizeof *campaigns);
    unsigned count = 0;
    if (!campaigns)
        return txn_nomem(txn, err);
    struct slice before = page.after.n ? page.after : SLICE_LIT("~"); /* behind every id */
    int r = txn_query(txn,
                      "SELECT " CAMPAIGN_COLUMNS " FROM campaigns WHERE id < $1 "
                      "ORDER BY id DESC LIMIT $2",
                      SQL_VALUES(sql_slice(before), sql_int(page.limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = campaign_row_read(txn, arena, &campaigns[count++], err);
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = campaigns;
    *ret_count = count;
    return 0;
}

/* --- making --------------------------------------------------------------------------------------- */

static int check(const struct campaign *campaign, struct err *err)
{
    struct rule rule = {.id = "", .account = "", .target = campaign->target, .source = "operator",
                        .action = campaign->action, .divert_to = campaign->divert_to,
                        .note = campaign->note};
    if (!campaign->name[0] || strlen(campaign->name) > CAMPAIGN_NAME_BYTES)
        return err_field(err, ERR_INVALID, "/name", "a campaign has a name, up to %d bytes",
                         CAMPAIGN_NAME_BYTES);
    if (campaign->rate < 0 || campaign->rate > CAMPAIGN_RATE_MAX)
        return err_field(err, ERR_INVALID, "/rate", "0 to %d accounts a second",
                         CAMPAIGN_RATE_MAX);
    struct err why = {0};
    int r = rule_fits_owner(SLICE_LIT("t"), &rule, &why);
    if (r < 0) {
        char field[sizeof why.field + 8];
        snprintf(field, sizeof field, "/rule%.80s", why.field);
        return err_field(err, r, field, "%s", why.text);
    }
    return 0;
}

int campaign_audit(struct txn *txn, const char *id, const char *action, const char *after,
                   struct err *err)
{
    int r = audit_add(txn, &(struct audit_entry){SLICE_NONE, action, id, "", after}, err);
    return r < 0 ? r : txn_scope_everybody(txn, err);
}

/* What was asked for, as the audit trail keeps it. */
static const char *json_of(struct arena *arena, const struct campaign *campaign)
{
    char text[4096];
    struct buf out = BUF_OVER(text);
    buf_add_text(&out, "{\"name\":");
    buf_add_json(&out, slice_of(campaign->name));
    buf_printf(&out, ",\"level\":\"%s\",\"target\":\"%s\",\"action\":\"%s\",\"note\":",
               campaign_level_words[campaign->level], campaign->target.text,
               action_word(campaign->action));
    buf_add_json(&out, slice_of(campaign->note));
    buf_printf(&out, ",\"rate\":%lld,\"selection\":", (long long)campaign->rate);
    if (out.overflowed) /* bounds above forbid it */
        return NULL;
    return arena_printf(arena, "%s%s}", text, campaign->selection);
}

/* As far as it is known: tenants that are named may have any number of accounts. */
static int count_all(struct txn *txn, const struct campaign *campaign, int64_t *ret,
                     struct err *err)
{
    int r = txn_scope_everybody(txn, err);
    if (r < 0 || campaign->is_of_some)
        return r;
    r = campaign->level == CAMPAIGN_OF_TENANTS
            ? txn_number(txn, "SELECT count(*) FROM tenants", SQL_NO_VALUES, ret, err)
            : txn_number(txn, "SELECT count(*) FROM accounts", SQL_NO_VALUES, ret, err);
    return r < 0 ? r : 0;
}

int store_campaign_create(struct txn *txn, const struct campaign *campaign,
                          char ret_id[RULE_ID_BYTES], struct err *err)
{
    struct arena scratch;
    char id[ULID_BYTES];
    int64_t total = 0;
    int r = check(campaign, err);
    if (r == 0)
        r = count_all(txn, campaign, &total, err);
    if (r < 0)
        return r;
    ulid_make(txn->now_ms, id);
    r = txn_exec(
        txn,
        "INSERT INTO campaigns (" CAMPAIGN_COLUMNS ") VALUES ($1, $2, 'planning', 0, $3, $4, $5, "
        "$6, $7, $8, $9, $10, $11, $12, '', '', '', 0, $18, '', 0, $13, $14, $15, $16, "
        "0, 0, 0, 0, 0, 0, 0, 0, 0, $13, $17, 0, 0, 0, 0, 0, $17, 0)",
        SQL_VALUES(sql_text(id), sql_text(campaign->name), sql_text(campaign->selection),
                   sql_text(campaign_level_words[campaign->level]),
                   sql_text(campaign->target.text), sql_text(action_word(campaign->action)),
                   sql_text(campaign->divert_to), sql_text(campaign->note),
                   sql_int(campaign->since_ms), sql_int(campaign->apply_at_ms),
                   sql_int(campaign->grace_ms), sql_int(campaign->rate),
                   sql_text(txn->actor.subject), sql_text(txn->actor.role),
                   sql_text(txn->actor.request_id), sql_text(txn->actor.address),
                   sql_int(txn->now_ms), sql_int(total)),
        err);
    if (r < 0)
        return r;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    r = campaign_audit(txn, id, "campaign.create", json_of(&scratch, campaign), err);
    arena_release(&scratch);
    if (r == 0)
        memcpy(ret_id, id, sizeof id);
    return r;
}
