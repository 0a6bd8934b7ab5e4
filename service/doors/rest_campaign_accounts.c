/*
 * /v1/campaigns/{id}/accounts, …/answers and …/report: what the plan says of each account, what its
 * customer answered, what became of it, and all of that as evidence.
 */
#include "base/clock.h"
#include "doors/campaign_export.h"
#include "doors/campaign_json.h"
#include "doors/listing.h"
#include "doors/rest.h"
#include "jobs/campaign_report.h"
#include "wire/fields.h"

enum { TRAIL_MAX = 100 };

/* --- accounts ------------------------------------------------------------------------------------- */

static int take_word(struct rest *rest, const char *name, const char *const *words, int *ret,
                     struct err *err)
{
    struct slice text = request_query(rest->request, name);
    *ret = -1;
    for (int i = 0; text.p && words[i]; i++)
        if (slice_equals_text(text, words[i]))
            *ret = i;
    if (text.p && *ret < 0)
        return err_set(err, ERR_INVALID, "%s is none that accounts can have", name);
    return 0;
}

/* "acme 1001": where a page ended. */
static void seek(struct slice position, struct slice *ret_tenant,
                 struct slice *ret_account)
{
    const char *space = position.n ? memchr(position.p, ' ', position.n) : NULL;
    if (!space)
        return;
    *ret_tenant = (struct slice){position.p, (size_t)(space - position.p)};
    *ret_account = (struct slice){space + 1, position.n - ret_tenant->n - 1};
}

static struct slice position(struct rest *rest, const char *tenant, const char *account)
{
    return slice_of(arena_printf(rest->arena, "%s %s", tenant, account));
}

static int take_filter(struct rest *rest, struct member_filter *ret, struct err *err)
{
    *ret = (struct member_filter){.tenant = request_query(rest->request, "tenant")};
    int rc = take_word(rest, "state", member_state_words, &ret->state, err);
    return rc ? rc : take_word(rest, "reason", member_reason_words, &ret->reason, err);
}

int rest_campaign_accounts(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct member_filter filter;
    struct campaign_member *members;
    unsigned found;
    int rc = take_filter(rest, &filter, err);
    if (rc)
        return rc;
    const char *name = arena_printf(rest->arena, "%.*s %d %d %.*s", SLICE_ARG(rest->id),
                                    filter.state, filter.reason, SLICE_ARG(filter.tenant));
    if (!name)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = listing_begin(rest, slice_of(name), &listing, err);
    if (rc)
        return rc;
    seek(listing.after, &filter.after_tenant, &filter.after_account);
    filter.limit = listing.limit + 1;
    rc = store_campaign_members(rest->txn, rest->id, &filter, rest->arena, &members, &found, err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? position(rest, members[count - 1].tenant,
                                                 members[count - 1].account)
                                      : SLICE_NONE;
    return listing_answer(rest, &listing, "accounts", campaign_members_write(members, count), last,
                          err);
}

/* --- answers -------------------------------------------------------------------------------------- */

/* What a customer said on the telephone, written down by an operator. */
struct said {
    const char *tenant, *account, *by;
    unsigned answer;
};
#define AT(member) .offset = offsetof(struct said, member)
static const struct field said_fields[] = {
    {"tenant", &field_text, AT(tenant), FIELD_REQUIRED, .max = TENANT_ID_BYTES - 1},
    {"account", &field_text, AT(account), FIELD_NULL, .max = ACCOUNT_ID_BYTES - 1},
    {"answer", &field_word, AT(answer), FIELD_REQUIRED, .words = campaign_answer_words},
    {"by", &field_text, AT(by), FIELD_NULL, .max = CAMPAIGN_WHO_BYTES},
    {0},
};
#undef AT

int rest_campaign_answer(struct rest *rest, struct err *err)
{
    struct said said = {.account = "", .by = ""};
    struct campaign campaign;
    int rc = fields_read(rest->body, said_fields, 0, READ_NEW, NULL, rest->arena, &said, err);
    if (rc)
        return rc;
    const struct campaign_answer answer = {
        .tenant = said.tenant,
        .account = said.account,
        .answer = (enum campaign_answer_word)said.answer,
        .said_by = said.by,
        .via = "operator",
        .address = rest->request->actor.address,
    };
    rc = store_campaign_answer(rest->txn, rest->id, &answer, err);
    if (rc == 0)
        rc = store_campaign_get(rest->txn, rest->id, rest->arena, &campaign, err);
    return rc ? rc : rest_answer(rest, 200, campaign_write(&campaign), 0, err);
}

/* --- report --------------------------------------------------------------------------------------- */

static json_t *write_trail(const struct audit_record *records, unsigned count)
{
    char at[CLOCK_TEXT_BYTES];
    json_t *array = json_array();
    for (unsigned i = 0; array && i < count; i++)
        json_array_append_new(
            array, json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "seq",
                             (json_int_t)records[i].seq, "at",
                             clock_format(records[i].at_ms, at), "action", records[i].action,
                             "subject", records[i].subject, "role", records[i].role, "request_id",
                             records[i].request_id, "address", records[i].address));
    return array;
}

int rest_campaign_report(struct rest *rest, struct err *err)
{
    struct campaign campaign;
    struct member_count *counts;
    struct audit_record *records;
    char digest[REPORT_DIGEST_BYTES], at[CLOCK_TEXT_BYTES];
    unsigned count, trail;
    uint64_t lines = 0;
    int rc = store_campaign_get(rest->txn, rest->id, rest->arena, &campaign, err);
    if (rc == 0)
        rc = store_audit_of(rest->txn, SLICE_NONE, rest->id, TRAIL_MAX, rest->arena, &records,
                            &trail, err);
    if (rc == 0)
        rc = store_campaign_reasons(rest->txn, rest->id, rest->arena, &counts, &count, err);
    if (rc == 0)
        rc = campaign_report_digest(rest->txn, rest->id, digest, &lines, err);
    if (rc)
        return rc;
    return rest_answer(rest, 200,
                       json_pack("{s:s, s:o, s:o, s:o, s:{s:I, s:s}}", "at",
                                 clock_format(clock_now_ms(), at), "campaign",
                                 campaign_write(&campaign), "reasons",
                                 campaign_reasons_write(counts, count), "trail",
                                 write_trail(records, trail), "accounts", "lines",
                                 (json_int_t)lines, "sha256", digest),
                       0, err);
}

int rest_campaign_report_csv(struct rest *rest, struct err *err)
{
    struct campaign campaign; /* while a 404 can still be said */
    int rc = store_campaign_get(rest->txn, rest->id, rest->arena, &campaign, err);
    if (rc)
        return rc;
    rest->response->stream = campaign_export_new(rest->app->store, rest->id);
    rest->response->content_type = "text/csv; charset=utf-8; header=present";
    return rest->response->stream ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}
