#include "jobs/campaign_report.h"

#include <inttypes.h>
#include <sodium.h>

#include "base/clock.h"
#include "base/csv.h"
#include "store/outbox.h"

enum { MESSAGES_MAX = 40, ARENA_BYTES = 64 << 20 };

const char *campaign_report_header(void)
{
    return "tenant,account,state,reason,days_covered,days_wanted,calls,overseas_calls,"
           "last_overseas_at,notified_at,notices,answer,answer_by,answer_via,answer_address,"
           "answered_at,rule,replaced,applied_at,revision,undone_at,undone_revision\n";
}

/* --- one line ------------------------------------------------------------------------------------- */

static void add_text(struct buf *out, const char *text)
{
    buf_add_char(out, ',');
    csv_add(out, slice_of(text));
}

static void add_number(struct buf *out, uint64_t number, bool is_set)
{
    buf_add_char(out, ',');
    if (is_set)
        buf_add_uint(out, number);
}

static void add_time(struct buf *out, int64_t ms)
{
    char text[CLOCK_TEXT_BYTES];
    add_text(out, ms ? clock_format(ms, text) : "");
}

static void add_line(struct buf *out, const struct campaign_member *member, const char *notices)
{
    csv_add(out, slice_of(member->tenant));
    add_text(out, member->account);
    add_text(out, member_state_words[member->state]);
    add_text(out, member_reason_words[member->reason]);
    add_number(out, (uint64_t)member->days_covered, true);
    add_number(out, (uint64_t)member->days_wanted, true);
    add_number(out, (uint64_t)member->calls, true);
    add_number(out, (uint64_t)member->overseas_calls, true);
    add_time(out, member->last_overseas_ms);
    add_time(out, member->notified_at_ms);
    add_text(out, member->notified_at_ms ? notices : "");
    add_text(out, member->answer);
    add_text(out, member->answer_by);
    add_text(out, member->answer_via);
    add_text(out, member->answer_address);
    add_time(out, member->answered_at_ms);
    add_text(out, member->rule);
    add_text(out, member->replaced);
    add_time(out, member->applied_at_ms);
    add_number(out, member->revision, member->revision != 0);
    add_time(out, member->undone_at_ms);
    add_number(out, member->undone_revision, member->undone_revision != 0);
    buf_add_char(out, '\n');
}

/* --- a tenant's notices --------------------------------------------------------------------------- */

/* "info@acme.example sent 2026-12-01T00:00:00Z; https://… waiting" */
static int notices_of(struct txn *txn, struct slice id, const char *tenant, struct arena *arena,
                      const char **ret, struct err *err)
{
    struct outbox_message *messages;
    unsigned count;
    char text[REPORT_LINE_BYTES / 2] = "", when[CLOCK_TEXT_BYTES];
    struct buf out = BUF_OVER(text);
    const char *about = arena_printf(arena, "campaign:%.*s", SLICE_ARG(id));
    if (!about)
        return err_set(err, ERR_NOMEM, "out of memory");
    const struct outbox_filter filter = {slice_of(tenant), slice_of(about), -1};
    int rc = outbox_list(txn, &filter, (struct page){SLICE_NONE, MESSAGES_MAX}, arena, &messages,
                         &count, err);
    for (unsigned i = 0; rc == 0 && i < count; i++) {
        const struct outbox_message *message = &messages[i];
        if (sizeof text - out.n < strlen(message->address) + 100) {
            buf_add_text(&out, "; …");
            break;
        }
        buf_printf(&out, "%s%s %s %s", out.n ? "; " : "", message->address,
                   outbox_state_words[message->state],
                   clock_format(message->updated_at_ms, when));
    }
    *ret = rc == 0 ? arena_copy(arena, buf_slice(&out)) : NULL;
    return rc ? rc : *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

/* --- pages ---------------------------------------------------------------------------------------- */

static int write_lines(struct txn *txn, struct slice id, const struct campaign_member *members,
                       unsigned count, struct arena *arena, struct buf *out, struct err *err)
{
    const char *notices = "", *tenant = "";
    for (unsigned i = 0; i < count; i++) {
        if (members[i].notified_at_ms && strcmp(members[i].tenant, tenant) != 0) {
            int rc = notices_of(txn, id, members[i].tenant, arena, &notices, err);
            if (rc)
                return rc;
            tenant = members[i].tenant;
        }
        add_line(out, &members[i], notices);
    }
    return out->overflowed ? err_set(err, ERR_LIMIT, "a line is too long") : 0;
}

int campaign_report_page(struct txn *txn, struct slice id, struct slice after_tenant,
                         struct slice after_account, unsigned limit, struct arena *arena,
                         struct report_page *ret, struct err *err)
{
    struct campaign_member *members;
    unsigned count = 0;
    const struct member_filter filter = {.state = -1, .reason = -1, .after_tenant = after_tenant,
                                         .after_account = after_account, .limit = limit};
    int rc = store_campaign_members(txn, id, &filter, arena, &members, &count, err);
    if (rc)
        return rc;
    char *text = arena_alloc(arena, (size_t)count * REPORT_LINE_BYTES + 1);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    struct buf out = {text, 0, (size_t)count * REPORT_LINE_BYTES + 1, false};
    rc = write_lines(txn, id, members, count, arena, &out, err);
    if (rc)
        return rc;
    *ret = (struct report_page){.lines = buf_slice(&out), .count = count};
    if (count) {
        ret->last_tenant = members[count - 1].tenant;
        ret->last_account = members[count - 1].account;
    }
    return 0;
}

/* Feeds one page into the digest; where it ends is kept outside of its arena. */
struct digesting {
    crypto_hash_sha256_state state;
    char after_tenant[TENANT_ID_BYTES], after_account[ACCOUNT_ID_BYTES];
    uint64_t lines;
};

static int digest_page(struct digesting *it, struct txn *txn, struct slice id, unsigned *ret_count,
                       struct err *err)
{
    struct report_page page;
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    int rc = campaign_report_page(txn, id, slice_of(it->after_tenant), slice_of(it->after_account),
                                  REPORT_LINES_MAX, &arena, &page, err);
    if (rc == 0 && page.count) {
        crypto_hash_sha256_update(&it->state, (const unsigned char *)page.lines.p, page.lines.n);
        snprintf(it->after_tenant, sizeof it->after_tenant, "%s", page.last_tenant);
        snprintf(it->after_account, sizeof it->after_account, "%s", page.last_account);
        it->lines += page.count;
    }
    arena_release(&arena);
    *ret_count = rc == 0 ? page.count : 0;
    return rc;
}

int campaign_report_digest(struct txn *txn, struct slice id, char digest[REPORT_DIGEST_BYTES],
                           uint64_t *ret_lines, struct err *err)
{
    struct digesting it = {.lines = 0};
    unsigned char hash[crypto_hash_sha256_BYTES];
    const char *header = campaign_report_header();
    unsigned count = REPORT_LINES_MAX;
    int rc = 0;
    crypto_hash_sha256_init(&it.state);
    crypto_hash_sha256_update(&it.state, (const unsigned char *)header, strlen(header));
    while (rc == 0 && count == REPORT_LINES_MAX)
        rc = digest_page(&it, txn, id, &count, err);
    crypto_hash_sha256_final(&it.state, hash);
    if (rc)
        return rc;
    sodium_bin2hex(digest, REPORT_DIGEST_BYTES, hash, sizeof hash);
    *ret_lines = it.lines;
    return 0;
}
