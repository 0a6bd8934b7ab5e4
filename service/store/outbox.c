#include "store/outbox.h"

#include "base/utf8.h"
#include "store/audit.h"
#include "store/outbox_rows.h"

const char *const outbox_channel_words[] = {"mail", "webhook", NULL};
const char *const outbox_state_words[] = {"waiting", "sending", "sent", "given_up", NULL};

/* --- what may be written ---------------------------------------------------------------------- */

static bool is_graphic(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] >= 0x7f)
            return false;
    return true;
}

/* Of the characters that RFC 5321 lets stand without quotes (section 4.1.2, Dot-string). */
static bool is_mailbox(struct slice text)
{
    static const char others[] = ".!#$%&'*+/=?^_`{|}~-";
    const char *at = memchr(text.p, '@', text.n);
    if (!at || at == text.p || at + 1 == text.p + text.n)
        return false;
    for (const char *c = text.p; c < text.p + text.n; c++) {
        bool is_alnum = (*c >= '0' && *c <= '9') || ((*c | 32) >= 'a' && (*c | 32) <= 'z');
        bool is_fine = c < at ? is_alnum || memchr(others, *c, sizeof others - 1)
                              : c == at || is_alnum || *c == '.' || *c == '-';
        if (!is_fine)
            return false;
    }
    /* "-f…" would be an option to a badly written relay */
    return text.p[0] != '-' && text.p[0] != '.' && at[1] != '.' && at[1] != '-';
}

const char *outbox_address_fault(enum outbox_channel channel, struct slice address)
{
    if (channel == OUTBOX_MAIL) {
        if (address.n > OUTBOX_MAIL_BYTES_MAX)
            return "the address is too long";
        return address.n && is_mailbox(address) ? NULL : "expected one address, such as info@example.com";
    }
    if (address.n > OUTBOX_URL_BYTES_MAX)
        return "the URL is too long";
    bool is_url = slice_starts_with(address, SLICE_LIT("https://")) ||
                  slice_starts_with(address, SLICE_LIT("http://"));
    return is_url && is_graphic(address) ? NULL : "expected https://… without spaces";
}

static bool is_text(const char *text, bool may_have_lines)
{
    struct slice rest = slice_of(text);
    while (rest.n) {
        const char *end = may_have_lines ? memchr(rest.p, '\n', rest.n) : NULL;
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (!utf8_is_plain_text(rest.p, n))
            return false;
        n += end != NULL;
        rest = (struct slice){rest.p + n, rest.n - n};
    }
    return true;
}

static int check(const struct outbox_message *message, struct err *err)
{
    const struct {
        const char *name, *text;
        size_t max;
        bool may_have_lines;
    } texts[] = {
        {"key", message->key, OUTBOX_KEY_BYTES_MAX, false},
        {"locale", message->locale, 35, false},
        {"subject", message->subject, OUTBOX_SUBJECT_BYTES_MAX, false},
        {"body", message->body, OUTBOX_BODY_BYTES_MAX, true},
        {"about", message->about, OUTBOX_ABOUT_BYTES_MAX, false},
    };
    const char *fault = outbox_address_fault(message->channel, slice_of(message->address));
    if (fault)
        return err_set(err, ERR_INVALID, "%s", fault);
    if (!tenant_id_is_valid(slice_of(message->tenant)) || !message->key[0])
        return err_set(err, ERR_INVALID, "a message needs a tenant and a key");
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strlen(texts[i].text) > texts[i].max)
            return err_set(err, ERR_LIMIT, "the %s is longer than %zu bytes", texts[i].name,
                           texts[i].max);
        if (!is_text(texts[i].text, texts[i].may_have_lines))
            return err_set(err, ERR_INVALID, "the %s has control characters or is not UTF-8",
                           texts[i].name);
    }
    return 0;
}

/* --- adding ------------------------------------------------------------------------------------- */

static int check_room(struct txn *txn, const struct outbox_message *message, struct err *err)
{
    int64_t open = 0;
    int r = txn_number(txn, "SELECT COUNT(*) FROM outbox WHERE tenant = $1 AND " OUTBOX_IS_OPEN,
                       SQL_VALUES(sql_text(message->tenant)), &open, err);
    if (r < 0)
        return r;
    return open < OUTBOX_OPEN_MAX
               ? 0
               : err_set(err, ERR_LIMIT, "%d messages to tenant %s are waiting already",
                         OUTBOX_OPEN_MAX, message->tenant);
}

int outbox_add(struct txn *txn, const struct outbox_message *message, bool *ret_added,
               struct err *err)
{
    char id[ULID_BYTES];
    int r = check(message, err);
    if (r == 0)
        r = txn_scope(txn, slice_of(message->tenant), err);
    if (r == 0)
        r = check_room(txn, message, err);
    if (r < 0)
        return r;
    ulid_make(txn->now_ms, id);
    r = txn_row(txn,
                "INSERT INTO outbox (" OUTBOX_COLUMNS ", claimed_by) VALUES ($1, $2, $3, $4, $5, $6, $7, "
                "$8, $9, 'waiting', 0, $10, '', $11, $11, '') "
                "ON CONFLICT (tenant, key) DO NOTHING RETURNING 1",
                SQL_VALUES(sql_text(message->tenant), sql_text(id), sql_text(message->key),
                           sql_text(outbox_channel_words[message->channel]),
                           sql_text(message->address), sql_text(message->locale),
                           sql_text(message->subject), sql_text(message->body),
                           sql_text(message->about),
                           sql_int(message->due_at_ms ? message->due_at_ms : txn->now_ms),
                           sql_int(txn->now_ms)),
                err);
    if (r < 0)
        return r;
    if (r == 1)
        txn_end(txn);
    if (ret_added)
        *ret_added = r == 1;
    return 0;
}

/* --- reading ------------------------------------------------------------------------------------ */

/* Place of a word that a CHECK of the table has seen. */
static int place_of(struct slice word, const char *const *words)
{
    int at = 0;
    while (words[at] && !slice_equals_text(word, words[at]))
        at++;
    return at;
}

static int read_message(struct txn *txn, struct arena *arena, struct outbox_message *ret,
                        struct err *err)
{
    *ret = (struct outbox_message){
        .tenant = column_copy(txn, 0, arena),
        .id = column_copy(txn, 1, arena),
        .key = column_copy(txn, 2, arena),
        .channel = (enum outbox_channel)place_of(column_text(txn, 3), outbox_channel_words),
        .address = column_copy(txn, 4, arena),
        .locale = column_copy(txn, 5, arena),
        .subject = column_copy(txn, 6, arena),
        .body = column_copy(txn, 7, arena),
        .about = column_copy(txn, 8, arena),
        .state = (enum outbox_state)place_of(column_text(txn, 9), outbox_state_words),
        .attempts = (uint64_t)column_int(txn, 10),
        .due_at_ms = column_int(txn, 11),
        .last_error = column_copy(txn, 12, arena),
        .created_at_ms = column_int(txn, 13),
        .updated_at_ms = column_int(txn, 14),
    };
    bool is_whole = ret->tenant && ret->id && ret->key && ret->address && ret->locale &&
                    ret->subject && ret->body && ret->about && ret->last_error;
    return is_whole ? 0 : txn_nomem(txn, err);
}

int outbox_read(struct txn *txn, unsigned limit, struct arena *arena, struct outbox_message **ret,
                unsigned *ret_count, struct err *err)
{
    struct outbox_message *list = arena_alloc(arena, limit * sizeof *list);
    unsigned count = 0;
    int r = list ? 0 : txn_nomem(txn, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = count < limit ? read_message(txn, arena, &list[count++], err) : 0;
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = list;
    *ret_count = count;
    return 0;
}

int outbox_list(struct txn *txn, const struct outbox_filter *filter, struct page page,
                struct arena *arena, struct outbox_message **ret, unsigned *ret_count,
                struct err *err)
{
    struct sql_value state = sql_text(filter->state < 0 ? "" : outbox_state_words[filter->state]);
    struct sql_value after = sql_slice(page.after), limit = sql_int(page.limit);
    int r = filter->tenant.n ? txn_scope(txn, filter->tenant, err) : txn_scope_everybody(txn, err);
    if (r < 0)
        return r;
    if (filter->tenant.n) /* a tenant has few; of a campaign there are as many as tenants */
        r = txn_query(txn,
                      "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE tenant = $1 AND id > $2 "
                      "AND ($3 = '' OR state = $3) AND ($4 = '' OR about = $4) ORDER BY id LIMIT $5",
                      SQL_VALUES(sql_slice(filter->tenant), after, state, sql_slice(filter->about),
                                 limit),
                      err);
    else if (filter->about.n)
        r = txn_query(txn,
                      "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE about = $1 AND id > $2 "
                      "AND ($3 = '' OR state = $3) ORDER BY id LIMIT $4",
                      SQL_VALUES(sql_slice(filter->about), after, state, limit), err);
    else
        r = txn_query(txn,
                      "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE id > $1 "
                      "AND ($2 = '' OR state = $2) ORDER BY id LIMIT $3",
                      SQL_VALUES(after, state, limit), err);
    return r < 0 ? r : outbox_read(txn, page.limit, arena, ret, ret_count, err);
}

int outbox_get(struct txn *txn, struct slice id, struct arena *arena, struct outbox_message *ret,
               struct err *err)
{
    if (!ulid_is_valid(id))
        return err_set(err, ERR_NOT_FOUND, "no such message");
    int r = txn_scope_everybody(txn, err);
    if (r == 0)
        r = txn_row(txn, "SELECT " OUTBOX_COLUMNS " FROM outbox WHERE id = $1", SQL_VALUES(sql_slice(id)),
                    err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such message");
    if (r < 0)
        return r;
    r = read_message(txn, arena, ret, err);
    txn_end(txn);
    return r;
}

int outbox_count(struct txn *txn, struct slice about, struct outbox_counts *ret, struct err *err)
{
    struct outbox_counts counts = {0};
    int r = txn_scope_everybody(txn, err);
    if (r < 0)
        return r;
    r = about.n ? txn_query(txn,
                            "SELECT state, COUNT(*) FROM outbox WHERE about = $1 GROUP BY state",
                            SQL_VALUES(sql_slice(about)), err)
                : txn_query(txn, "SELECT state, COUNT(*) FROM outbox WHERE " OUTBOX_IS_OPEN " GROUP BY state",
                            SQL_NO_VALUES, err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        counts.of[place_of(column_text(txn, 0), outbox_state_words)] = (uint64_t)column_int(txn, 1);
        r = 0;
    }
    txn_end(txn);
    if (r == 0)
        *ret = counts;
    return r;
}

/* --- for people --------------------------------------------------------------------------------- */

int outbox_retry(struct txn *txn, struct slice id, struct err *err)
{
    char tenant[TENANT_ID_BYTES], text[ULID_BYTES];
    if (!ulid_is_valid(id))
        return err_set(err, ERR_NOT_FOUND, "no such message");
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(id));
    int r = txn_scope_everybody(txn, err);
    if (r == 0)
        r = txn_row(txn, "SELECT tenant, state FROM outbox WHERE id = $1", SQL_VALUES(sql_slice(id)),
                    err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "no such message");
    if (r < 0)
        return r;
    snprintf(tenant, sizeof tenant, "%.*s", SLICE_ARG(column_text(txn, 0)));
    txn_end(txn);
    r = txn_row(txn,
                "UPDATE outbox SET state = 'waiting', due_at_ms = $3, attempts = 0, claimed_by = '', "
                "updated_at_ms = $3 WHERE tenant = $1 AND id = $2 AND state <> 'sending' RETURNING 1",
                SQL_VALUES(sql_text(tenant), sql_slice(id), sql_int(txn->now_ms)), err);
    if (r <= 0)
        return r; /* 0: somebody is at it right now */
    txn_end(txn);
    return audit_add(txn, &(struct audit_entry){slice_of(tenant), "outbox.retry", text, "", ""},
                     err);
}

int outbox_drop(struct txn *txn, struct slice tenant, const char *why, struct err *err)
{
    return txn_exec(txn,
                    "UPDATE outbox SET state = 'given_up', last_error = $2, updated_at_ms = $3 "
                    "WHERE tenant = $1 AND state = 'waiting'",
                    SQL_VALUES(sql_slice(tenant), sql_text(why), sql_int(txn->now_ms)), err);
}
