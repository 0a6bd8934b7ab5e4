/*
 * The report of a campaign, as evidence: a CSV line for each account, and the digest of all of them.
 *
 *     tenant,account,state,reason,…,notices,…,answer,…,rule,…,applied_at,revision,undone_at,undone_revision
 *
 * The digest is the SHA-256 of the whole file, header included, lines ended by LF, so that whoever keeps the
 * file can check it with sha256sum. Each account's rule is found in the audit trail by its id, under
 * the request id of the order.
 */
#ifndef SEKISHO_JOBS_CAMPAIGN_REPORT_H
#define SEKISHO_JOBS_CAMPAIGN_REPORT_H

#include "base/buf.h"
#include "store/campaigns.h"

enum {
    REPORT_LINES_MAX = 1000, /* of one page */
    REPORT_LINE_BYTES = 4096,
    REPORT_DIGEST_BYTES = 65, /* hexadecimal */
};

/* The header line. */
const char *campaign_report_header(void);

/* The next at most `limit` lines behind an account, and where they end; *ret_count 0: there are none. */
struct report_page {
    struct slice lines; /* in the arena */
    const char *last_tenant, *last_account;
    unsigned count;
};
int campaign_report_page(struct txn *txn, struct slice id, struct slice after_tenant,
                         struct slice after_account, unsigned limit, struct arena *arena,
                         struct report_page *ret, struct err *err) MUST_CHECK;

/* Of the whole file as it is now. Reads every account, in constant memory. */
int campaign_report_digest(struct txn *txn, struct slice id, char digest[REPORT_DIGEST_BYTES],
                           uint64_t *ret_lines, struct err *err) MUST_CHECK;

#endif
