/* Answers kept for an Idempotency-Key, so that a request sent twice is carried out once. */
#include "store/txn.h"

enum { KEY_BYTES_MAX = 255, REMOVED_AT_ONCE = 100 };

static const int64_t kept_ms = INT64_C(24) * 3600 * 1000;

int store_idempotency_get(struct txn *txn, struct slice scope, struct slice key,
                          uint64_t fingerprint, struct arena *arena, struct kept_answer *ret,
                          struct err *err)
{
    int r = txn_row(txn,
                    "SELECT fingerprint, status, headers, body FROM idempotency "
                    "WHERE scope = $1 AND key = $2",
                    SQL_VALUES(sql_slice(scope), sql_slice(key)), err);
    if (r == 0)
        return err_set(err, ERR_NOT_FOUND, "the key is new");
    if (r < 0)
        return r;
    struct kept_answer answer = {(int)column_int(txn, 1), column_copy(txn, 2, arena),
                                 column_copy(txn, 3, arena)};
    bool is_same = (uint64_t)column_int(txn, 0) == fingerprint;
    txn_end(txn);
    if (!answer.headers || !answer.body)
        return txn_nomem(txn, err);
    if (!is_same)
        return err_set(err, ERR_MISMATCH, "the Idempotency-Key was used for another request");
    *ret = answer;
    return 0;
}

/* A few old ones with each new one: more than come in, so they cannot pile up. */
static int remove_old(struct txn *txn, struct err *err)
{
    return txn_exec(txn,
                    "DELETE FROM idempotency WHERE (scope, key) IN (SELECT scope, key "
                    "FROM idempotency WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2)",
                    SQL_VALUES(sql_int(txn->now_ms - kept_ms), sql_int(REMOVED_AT_ONCE)), err);
}

int store_idempotency_put(struct txn *txn, struct slice scope, struct slice key,
                          uint64_t fingerprint, const struct kept_answer *answer, struct err *err)
{
    if (key.n == 0 || key.n > KEY_BYTES_MAX)
        return err_set(err, ERR_INVALID, "an Idempotency-Key is 1 to %d bytes", KEY_BYTES_MAX);
    int r = remove_old(txn, err);
    if (r < 0)
        return r;
    r = txn_row(txn,
                "INSERT INTO idempotency (scope, key, fingerprint, status, headers, body, "
                "created_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                "ON CONFLICT (scope, key) DO NOTHING RETURNING status",
                SQL_VALUES(sql_slice(scope), sql_slice(key), sql_int((int64_t)fingerprint),
                           sql_int(answer->status), sql_text(answer->headers),
                           sql_text(answer->body), sql_int(txn->now_ms)),
                err);
    if (r == 1)
        txn_end(txn);
    if (r == 0) /* another request with the key was faster: what this one did must not be kept */
        return txn_fail(txn, err_set(err, ERR_BUSY, "the key is in use by another request"));
    return r < 0 ? r : 0;
}
