/*
 * What is known of about a thousand accounts, as one statement gives it, in order of (tenant, account):
 *
 *     what 0  the tenant          created, profile
 *          1  a source of it
 *          2  an account          created
 *          3  its calls           first, how many in the period
 *          4  its calls abroad    in the period: unmarked, answered, marked; of all time: first, last
 *          5  what retention took of them
 *
 * All chunks are read in one transaction: however the database plans the statement, it never sorts more
 * than one, and who has seen enough may stop after it.
 */
#ifndef SEKISHO_STORE_HISTORY_CHUNK_H
#define SEKISHO_STORE_HISTORY_CHUNK_H

#include "store/history.h"
#include "store/txn.h"

enum { BOUND_BYTES = 80 };
#define HISTORY_END "~" /* behind every id */

struct bound {
    char tenant[BOUND_BYTES], account[BOUND_BYTES];
};

struct chunk {
    struct bound from;
    bool is_of_one; /* from.account up to to.account of from.tenant; else whole tenants, before to.tenant */
    struct bound to;
};

/* Where a walk begins. False: there is nothing behind `after`. */
bool history_start(const struct history_filter *filter, struct bound *ret);
/* What to read from `from` on, and in *ret_next from where to go on: its tenant is HISTORY_END at the end.
 * `only_one`: of that tenant. */
int history_plan(struct txn *txn, bool only_one, const struct bound *from, struct chunk *ret,
                 struct bound *ret_next, struct err *err) MUST_CHECK;
/* Columns: tenant, account, what, a text, seven numbers. To be read to its end. */
int history_query(struct txn *txn, const struct chunk *chunk, int64_t since_ms, int64_t until_ms,
                  struct err *err) MUST_CHECK;

#endif
