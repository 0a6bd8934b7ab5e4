/*
 * What a tenant's people are told: the texts of api/notices, filled in, one message to each contact.
 *
 *     texts (compiled in, or --notices DIR) ─┐
 *     tenant, accounts, rule, date ──────────┼─► notice_render() ─► notice_add() ─► outbox
 *     signed link (answer_link.h) ───────────┘
 *
 * What tenants wrote (names) stands in the texts as it is: mail is plain text and JSON is escaped where it
 * is written. A name that looks like {{link}} is not looked at again.
 */
#ifndef SEKISHO_JOBS_NOTICE_H
#define SEKISHO_JOBS_NOTICE_H

#include "base/buf.h"
#include "core/tenant.h"
#include "jobs/answer_link.h"
#include "store/outbox.h"

enum { NOTICE_ACCOUNTS_SHOWN = 20 };

struct notices;

struct notices_config {
    const char *folder;     /* --notices; NULL: what is compiled in */
    const char *public_url; /* without a slash at the end */
    const char *contact;    /* whom to ask; "" or NULL: nobody is named */
    const struct answer_keys *keys;
};
/* Copies the strings, borrows the keys. ERR_INVALID: a text without a subject or the link, an unknown
 * name in braces, too long; ERR_IO. The text of the error names the file. */
int notices_new(const struct notices_config *config, struct notices **ret,
                struct err *err) MUST_CHECK;
void notices_free(struct notices *notices);

/* What is to be told to one tenant. Borrowed during the calls. */
struct notice {
    const char *campaign; /* its id */
    const struct tenant *tenant;
    const struct target *target; /* calls to it will be blocked */
    int64_t from_ms;             /* from then on */
    const char *const *accounts; /* the first NOTICE_ACCOUNTS_SHOWN of those concerned */
    unsigned accounts_count;     /* of all concerned; 0: the tenant as a whole */
};

struct notice_text {
    const char *locale, *subject, *body; /* in the arena, but for the locale, which is static */
    const char *link;
};
/* The text as it would go out. The link is good until 30 days after from_ms: whether an answer still
 * counts is the campaign's to say. */
int notice_render(const struct notices *notices, const struct notice *notice, struct arena *arena,
                  struct notice_text *ret, struct err *err) MUST_CHECK;

struct notice_count {
    unsigned added; /* new messages */
    unsigned known; /* were added before, with the same campaign, date and address */
    unsigned bad;   /* addresses that nothing can be sent to */
};
/*
 * In the caller's write transaction: a message for each e-mail address and each webhook of the tenant's
 * contacts. Once for a campaign, from_ms and address, so a job may be run again. All zero: the tenant
 * has no address at all. ERR_LIMIT: too many messages of the tenant are waiting.
 */
int notice_add(const struct notices *notices, struct txn *txn, const struct notice *notice,
               struct notice_count *ret, struct err *err) MUST_CHECK;

/* --- words that the answer page uses, too ------------------------------------------------------- */

enum notice_language { NOTICE_EN, NOTICE_JA };
/* The language for a locale such as "ja-JP". */
enum notice_language notice_language(struct slice locale);
/* "010 から始まる番号への発信（国際電話）" */
void notice_add_calls(struct buf *out, enum notice_language language, const struct target *target);
/* "2026年12月10日（木）0時00分" in the tenant's zone, with the zone's name when it is not known. */
void notice_add_date(struct buf *out, enum notice_language language, const char *time_zone,
                     int64_t ms);
const char *notices_contact(const struct notices *notices);

#endif
