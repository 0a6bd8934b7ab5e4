/*
 * The answer page as HTML: plain, without scripts and without anything from elsewhere.
 *
 * What people wrote (names of tenants, ids of accounts, whom to ask) goes through add_escaped() only.
 */
#ifndef SEKISHO_DOORS_ANSWER_HTML_H
#define SEKISHO_DOORS_ANSWER_HTML_H

#include "base/buf.h"
#include "jobs/notice.h"

enum { PAGE_ACCOUNTS_MAX = 100, PAGE_BYTES_MAX = 64 * 1024, PAGE_CSP_BYTES = 256 };

struct sheet_account {
    const char *id; /* "": the tenant itself */
    bool is_left_open;
    int64_t said_at_ms; /* 0: nobody has answered for it */
};

/* Everything that is to be shown. */
struct sheet {
    enum notice_language language;
    enum sheet_kind {
        PAGE_QUESTION,
        PAGE_APPLIED,     /* too late: it is blocked */
        PAGE_OVER,        /* too late, and nothing was blocked */
        PAGE_CANCELED,    /* nothing will be blocked, or no more */
        PAGE_EXPIRED,
        PAGE_UNKNOWN,     /* no link of ours, or of what is gone */
        PAGE_BAD_FORM,
        PAGE_UNAVAILABLE, /* try again */
        PAGE_KINDS
    } kind;
    const char *contact; /* "": nobody is named */
    /* of a question, and the tenant of the two after it */
    const struct tenant *tenant;
    const struct target *target;
    int64_t from_ms;
    const struct sheet_account *accounts; /* at most PAGE_ACCOUNTS_MAX */
    unsigned accounts_count;
    uint64_t accounts_total;
    bool is_answered; /* for all of them */
    bool is_left_open;
    int64_t said_at_ms;
};

int sheet_status(enum sheet_kind kind);
void sheet_write(const struct sheet *page, struct buf *out);
/* Content-Security-Policy that lets the page's own style in, and nothing else. */
void sheet_csp(char out[PAGE_CSP_BYTES]);

#endif
