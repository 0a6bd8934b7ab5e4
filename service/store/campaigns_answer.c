/* What customers answered, and what it changes. */
#include "base/buf.h"
#include "store/audit.h"
#include "store/campaigns_rows.h"

const char *const campaign_answer_words[] = {"leave_open", "agree", NULL};

/* --- a tenant's share ----------------------------------------------------------------------------- */

/* How many of the tenant's accounts (or of one) are in which state. */
static int count_share(struct txn *txn, struct slice id, struct slice tenant, struct slice account,
                       uint64_t counts[MEMBER_STATES], struct err *err)
{
    int r = txn_scope(txn, tenant, err);
    if (r < 0)
        return r;
    r = txn_query(txn,
                  "SELECT state, count(*) FROM campaign_accounts WHERE tenant = $1 AND "
                  "campaign = $2 AND ($3 = '' OR account = $3) GROUP BY state",
                  SQL_VALUES(sql_slice(tenant), sql_slice(id), sql_slice(account)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        int state = 0;
        r = campaign_word(column_text(txn, 0), member_state_words, &state, err);
        if (r == 0)
            counts[state] = (uint64_t)column_int(txn, 1);
    }
    txn_end(txn);
    return r;
}

static uint64_t all_of(const uint64_t counts[MEMBER_STATES])
{
    uint64_t all = 0;
    for (unsigned i = 0; i < MEMBER_STATES; i++)
        all += counts[i];
    return all;
}

static int read_answer(struct txn *txn, struct slice id, struct slice tenant, struct slice account,
                       struct arena *arena, struct campaign_answer *ret, struct err *err)
{
    int r = txn_row(txn,
                    "SELECT tenant, account, answer, said_by, via, address, said_at_ms "
                    "FROM campaign_answers WHERE tenant = $1 AND campaign = $2 AND account = $3",
                    SQL_VALUES(sql_slice(tenant), sql_slice(id), sql_slice(account)), err);
    if (r != 1)
        return r;
    int word = 0;
    r = campaign_word(column_text(txn, 2), campaign_answer_words, &word, err);
    *ret = (struct campaign_answer){
        .tenant = column_copy(txn, 0, arena),
        .account = column_copy(txn, 1, arena),
        .answer = (enum campaign_answer_word)word,
        .said_by = column_copy(txn, 3, arena),
        .via = column_copy(txn, 4, arena),
        .address = column_copy(txn, 5, arena),
        .said_at_ms = column_int(txn, 6),
    };
    txn_end(txn);
    if (r == 0 && (!ret->tenant || !ret->account || !ret->said_by || !ret->via || !ret->address))
        r = txn_nomem(txn, err);
    return r < 0 ? r : 1;
}

int store_campaign_share(struct txn *txn, struct slice id, struct slice tenant, struct arena *arena,
                         struct campaign_share *ret, struct err *err)
{
    struct campaign_share share = {.is_answered = false};
    if (!ulid_is_valid(id) || !tenant_id_is_valid(tenant))
        return err_set(err, ERR_NOT_FOUND, "no such campaign");
    int r = count_share(txn, id, tenant, SLICE_NONE, share.counts, err);
    if (r == 0 && all_of(share.counts) == 0)
        return err_set(err, ERR_NOT_FOUND, "the campaign has nothing to do with the tenant");
    if (r == 0)
        r = read_answer(txn, id, tenant, SLICE_NONE, arena, &share.answer, err);
    if (r < 0)
        return r;
    share.is_answered = r == 1;
    *ret = share;
    return 0;
}

/* --- answering ------------------------------------------------------------------------------------ */

struct answering {
    struct txn *txn;
    struct slice id, tenant, account;
    const struct campaign_answer *answer;
    uint64_t counts[MEMBER_STATES];
    struct campaign campaign;
};

static int check(struct answering *it, struct err *err)
{
    const struct campaign_answer *answer = it->answer;
    if (strlen(answer->said_by) > CAMPAIGN_WHO_BYTES || strlen(answer->via) > CAMPAIGN_WHO_BYTES ||
        strlen(answer->address) > CAMPAIGN_WHO_BYTES)
        return err_set(err, ERR_INVALID, "who answers is named in up to %d bytes",
                       CAMPAIGN_WHO_BYTES);
    if (!tenant_id_is_valid(it->tenant) || (it->account.n && !account_id_is_valid(it->account)))
        return err_set(err, ERR_NOT_FOUND, "no such account");
    return 0;
}

/* Those it can still change: not applied yet, nor out for another reason. */
static int check_open(const struct answering *it, struct err *err)
{
    const uint64_t *counts = it->counts;
    enum campaign_state state = it->campaign.state;
    if (all_of(counts) == 0)
        return err_set(err, ERR_NOT_FOUND, "the campaign has nothing to do with it");
    bool is_open = state == CAMPAIGN_PLANNED || state == CAMPAIGN_NOTIFYING ||
                   state == CAMPAIGN_NOTIFIED || state == CAMPAIGN_APPLYING ||
                   (state == CAMPAIGN_APPLIED && counts[MEMBER_FAILED]); /* it can be tried again */
    if (!is_open)
        return err_set(err, ERR_WRONG_STATE, "the campaign is %s", campaign_state_words[state]);
    if (counts[MEMBER_PLANNED] + counts[MEMBER_NOTIFIED] + counts[MEMBER_ANSWERED] +
            counts[MEMBER_FAILED] == 0)
        return err_set(err, ERR_WRONG_STATE, "it is applied already, or was left out");
    return 0;
}

static int write_answer(const struct answering *it, struct err *err)
{
    const struct campaign_answer *answer = it->answer;
    return txn_exec(
        it->txn,
        "INSERT INTO campaign_answers (tenant, campaign, account, answer, said_by, via, address, "
        "said_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (tenant, campaign, "
        "account) DO UPDATE SET answer = excluded.answer, said_by = excluded.said_by, "
        "via = excluded.via, address = excluded.address, said_at_ms = excluded.said_at_ms",
        SQL_VALUES(sql_slice(it->tenant), sql_slice(it->id), sql_slice(it->account),
                   sql_text(campaign_answer_words[answer->answer]), sql_text(answer->said_by),
                   sql_text(answer->via), sql_text(answer->address), sql_int(it->txn->now_ms)),
        err);
}

/* Out with "leave it open"; back in when nobody says so any more. */
static int move_accounts(const struct answering *it, struct err *err)
{
    struct sql_values who =
        SQL_VALUES(sql_slice(it->tenant), sql_slice(it->id), sql_slice(it->account));
    if (it->answer->answer == ANSWER_LEAVE_OPEN)
        return txn_exec(it->txn,
                        "UPDATE campaign_accounts SET state = 'answered' WHERE tenant = $1 AND "
                        "campaign = $2 AND ($3 = '' OR account = $3) AND "
                        "state IN ('planned', 'notified', 'failed')",
                        who, err);
    return txn_exec(it->txn,
                    "UPDATE campaign_accounts SET state = CASE WHEN notified_at_ms > 0 "
                    "THEN 'notified' ELSE 'planned' END WHERE tenant = $1 AND campaign = $2 AND "
                    "($3 = '' OR account = $3) AND state = 'answered' AND NOT EXISTS "
                    "(SELECT 1 FROM campaign_answers w WHERE w.tenant = $1 AND w.campaign = $2 "
                    "AND w.account IN ('', campaign_accounts.account) AND "
                    "w.answer = 'leave_open')",
                    who, err);
}

static int write_counts(const struct answering *it, struct err *err)
{
    uint64_t now[MEMBER_STATES] = {0};
    int64_t deltas[MEMBER_STATES];
    int r = count_share(it->txn, it->id, it->tenant, it->account, now, err);
    for (unsigned i = 0; i < MEMBER_STATES; i++)
        deltas[i] = (int64_t)now[i] - (int64_t)it->counts[i];
    return r < 0 ? r : campaign_count(it->txn, it->campaign.id, deltas, err);
}

static int write_audit(const struct answering *it, struct arena *arena, struct err *err)
{
    char text[3000];
    struct buf out = BUF_OVER(text);
    buf_printf(&out, "{\"answer\":\"%s\",\"account\":\"%.*s\",\"by\":",
               campaign_answer_words[it->answer->answer], SLICE_ARG(it->account));
    buf_add_json(&out, slice_of(it->answer->said_by));
    buf_add_text(&out, ",\"via\":");
    buf_add_json(&out, slice_of(it->answer->via));
    buf_add_text(&out, ",\"address\":");
    buf_add_json(&out, slice_of(it->answer->address));
    buf_add_char(&out, '}');
    const char *after = out.overflowed ? NULL : arena_copy(arena, buf_slice(&out));
    return audit_add(it->txn,
                     &(struct audit_entry){it->tenant, "campaign.answer", it->campaign.id, "",
                                           after},
                     err);
}

/* The campaign's row first, then the tenant's: the order in which jobs lock them. */
static int answer(struct answering *it, struct arena *arena, struct err *err)
{
    struct touched *touched;
    struct campaign_answer before;
    int r = check(it, err);
    if (r == 0)
        r = campaign_lock(it->txn, it->id, arena, &it->campaign, err);
    if (r == 0)
        r = count_share(it->txn, it->id, it->tenant, it->account, it->counts, err);
    if (r == 0)
        r = check_open(it, err);
    if (r == 0)
        r = txn_lock(it->txn, it->tenant, &touched, err);
    if (r == 0)
        r = read_answer(it->txn, it->id, it->tenant, it->account, arena, &before, err);
    if (r < 0 || (r == 1 && before.answer == it->answer->answer))
        return r < 0 ? r : 0;
    r = write_answer(it, err);
    if (r == 0)
        r = move_accounts(it, err);
    if (r == 0)
        r = write_counts(it, err);
    return r == 0 ? write_audit(it, arena, err) : r;
}

int store_campaign_answer(struct txn *txn, struct slice id, const struct campaign_answer *given,
                          struct err *err)
{
    struct answering it = {.txn = txn, .id = id, .tenant = slice_of(given->tenant),
                           .account = slice_of(given->account), .answer = given};
    struct arena scratch;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    int r = answer(&it, &scratch, err);
    arena_release(&scratch);
    return r;
}
