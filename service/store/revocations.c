/* Revoked tokens, told to every node by the change feed. */
#include "base/utf8.h"
#include "store/audit.h"
#include "store/audit_json.h"

enum { JTI_BYTES_MAX = 128, NOTE_BYTES_MAX = 500 };

/* A token that has ended by itself long ago needs no row any more. */
static const int64_t kept_after_end_ms = INT64_C(24) * 3600 * 1000;

static int check(const struct revocation *revocation, struct err *err)
{
    struct slice jti = slice_of(revocation->jti), note = slice_of(revocation->note);
    if (jti.n == 0 || jti.n > JTI_BYTES_MAX || !utf8_is_plain_text(jti.p, jti.n))
        return err_field(err, ERR_INVALID, "/jti", "a token id is 1 to %d bytes", JTI_BYTES_MAX);
    if (note.n > NOTE_BYTES_MAX || !utf8_is_plain_text(note.p, note.n))
        return err_field(err, ERR_INVALID, "/note",
                         "a note is plain text without control characters, at most %d bytes",
                         NOTE_BYTES_MAX);
    return 0;
}

static int remove_ended(struct txn *txn, struct err *err)
{
    int64_t before_ms = txn->now_ms - kept_after_end_ms;
    int r = txn_scope(txn, SLICE_NONE, err);
    if (r == 0)
        r = txn_exec(txn,
                     "DELETE FROM feed WHERE tenant = '' AND jti IN (SELECT jti FROM revocations "
                     "WHERE expires_at_ms <> 0 AND expires_at_ms < $1)",
                     SQL_VALUES(sql_int(before_ms)), err);
    if (r == 0)
        r = txn_exec(txn,
                     "DELETE FROM revocations WHERE expires_at_ms <> 0 AND expires_at_ms < $1",
                     SQL_VALUES(sql_int(before_ms)), err);
    return r;
}

static int write_row(struct txn *txn, const struct revocation *revocation, bool *ret_created,
                     struct err *err)
{
    int r = txn_row(txn,
                    "INSERT INTO revocations (jti, note, revoked_at_ms, expires_at_ms) "
                    "VALUES ($1, $2, $3, $4) ON CONFLICT (jti) DO NOTHING RETURNING 1",
                    SQL_VALUES(sql_text(revocation->jti), sql_text(revocation->note),
                               sql_int(revocation->revoked_at_ms),
                               sql_int(revocation->expires_at_ms)),
                    err);
    *ret_created = r == 1;
    if (r == 1)
        txn_end(txn);
    return r < 0 ? r : 0;
}

static int add(struct txn *txn, const struct revocation *revocation, struct arena *arena,
               struct err *err)
{
    int r = feed_append_revocation(txn, slice_of(revocation->jti), err);
    if (r < 0)
        return r;
    return audit_add(txn,
                     &(struct audit_entry){SLICE_NONE, "token.revoke", revocation->jti, "",
                                           json_of_revocation(arena, revocation)},
                     err);
}

int store_revocation_put(struct txn *txn, const struct revocation *revocation, bool *ret_created,
                         struct err *err)
{
    struct revocation row = *revocation;
    struct arena scratch;
    bool is_new = false;
    int r = check(revocation, err);
    if (r < 0)
        return r;
    if (!row.revoked_at_ms)
        row.revoked_at_ms = txn->now_ms;
    r = remove_ended(txn, err);
    if (r == 0)
        r = write_row(txn, &row, &is_new, err);
    if (r == 0 && is_new) {
        arena_init(&scratch, SCRATCH_BYTES_MAX);
        r = add(txn, &row, &scratch, err);
        arena_release(&scratch);
    }
    if (r == 0 && ret_created)
        *ret_created = is_new;
    return r;
}

int store_revocation_list(struct txn *txn, struct page page, struct arena *arena,
                          struct revocation **ret, unsigned *ret_count, struct err *err)
{
    struct revocation *list = arena_alloc(arena, page.limit * sizeof *list);
    unsigned count = 0;
    if (!list)
        return txn_nomem(txn, err);
    int r = txn_query(txn,
                      "SELECT jti, note, revoked_at_ms, expires_at_ms FROM revocations "
                      "WHERE jti > $1 ORDER BY jti LIMIT $2",
                      SQL_VALUES(sql_slice(page.after), sql_int(page.limit)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1) {
        struct revocation *row = &list[count++];
        *row = (struct revocation){column_copy(txn, 0, arena), column_copy(txn, 1, arena),
                                   column_int(txn, 2), column_int(txn, 3)};
        r = row->jti && row->note ? 0 : txn_nomem(txn, err);
    }
    txn_end(txn);
    if (r < 0)
        return r;
    *ret = list;
    *ret_count = count;
    return 0;
}
