/*
 * /a/{token}: the page where a tenant says whether calls are to be blocked. The link is the credential.
 *
 *     GET   token ─► campaign, tenant, accounts ─► page. Changes NOTHING: mail scanners follow links
 *     POST  token, form ─► answers ─► 303 back to GET, so that a reload answers nothing twice
 *
 * The token's MAC is looked at before anything else, so that guessing costs us a hash and no question
 * to the store. Every answer is a page for people, of errors too.
 */
#include "doors/answer_page.h"

#include "base/clock.h"
#include "base/log.h"
#include "doors/answer_html.h"
#include "doors/form.h"
#include "doors/rest.h"
#include "jobs/notify.h"
#include "store/campaigns.h"

enum { PATIENCE_MS = 2000, PAUSE_MS = 40 };

/* What one request is about. */
struct visit {
    struct app *app;
    struct request *request;
    struct response *response;
    struct answer_link link;
    struct tenant tenant;
    struct campaign campaign;
    struct sheet page;
};

/* --- which language --------------------------------------------------------------------------- */

/* The weight of a language in Accept-Language (RFC 9110 section 12.5.4), in thousandths; -1: not there. */
static int weight_of(struct slice header, const char *language)
{
    int best = -1;
    while (header.n) {
        const char *comma = memchr(header.p, ',', header.n);
        struct slice item = {header.p, comma ? (size_t)(comma - header.p) : header.n};
        size_t step = item.n + (comma != NULL);
        header = (struct slice){header.p + step, header.n - step};
        while (item.n && item.p[0] == ' ')
            item = (struct slice){item.p + 1, item.n - 1};
        bool is_it = item.n >= 2 && (item.p[0] | 32) == language[0] &&
                     (item.p[1] | 32) == language[1] && (item.n == 2 || memchr("-;", item.p[2], 2));
        const char *q = is_it ? memmem(item.p, item.n, ";q=", 3) : NULL;
        int weight = 1000;
        if (q && q + 3 < item.p + item.n && q[3] == '0') { /* 0, 0.5, 0.25 */
            weight = 0;
            for (int k = 0, place = 100; q + 5 + k < item.p + item.n && place; k++, place /= 10)
                if (q[5 + k] >= '0' && q[5 + k] <= '9')
                    weight += (q[5 + k] - '0') * place;
        }
        if (is_it && weight > best)
            best = weight;
    }
    return best;
}

/* What the visitor asks for, else what its browser prefers, else the tenant's. */
static void choose_language(struct visit *visit)
{
    struct slice asked = request_query(visit->request, "lang");
    struct slice header = request_header(visit->request, "Accept-Language");
    int ja = weight_of(header, "ja"), en = weight_of(header, "en");
    const char *locale = visit->tenant.locale ? visit->tenant.locale : "ja";
    if (asked.p)
        visit->page.language = notice_language(asked);
    else if (ja != en)
        visit->page.language = ja > en ? NOTICE_JA : NOTICE_EN;
    else
        visit->page.language = notice_language(slice_of(locale));
}

/* --- the answer ------------------------------------------------------------------------------- */

static int show(struct visit *visit, enum sheet_kind kind, struct err *err)
{
    struct arena *arena = visit->request->arena;
    struct buf out = {arena_alloc(arena, PAGE_BYTES_MAX), 0, PAGE_BYTES_MAX, false};
    char *csp = arena_alloc(arena, PAGE_CSP_BYTES);
    if (!out.p || !csp)
        return err_set(err, ERR_NOMEM, "out of memory");
    visit->page.kind = kind;
    visit->page.contact = notices_contact(visit->app->notify->notices);
    choose_language(visit);
    sheet_write(&visit->page, &out);
    if (out.overflowed)
        return err_set(err, ERR_IO, "the answer page is too long");
    sheet_csp(csp);
    visit->response->status = sheet_status(kind);
    visit->response->text = buf_slice(&out);
    visit->response->content_type = "text/html; charset=utf-8";
    visit->response->csp = csp;
    return 0;
}

/* Any error as a page; what is ours to mend is logged. */
static int show_trouble(struct visit *visit, int code, struct err *why, struct err *err)
{
    char text[LOG_VALUE_BYTES];
    bool is_ours = code != ERR_NOT_FOUND && code != ERR_INVALID && code != ERR_LIMIT;
    if (is_ours)
        log_error("answer_page_failed", "request_id=%s error=%s", visit->request->request_id,
                  log_value(slice_of(why->text), text));
    return show(visit,
                code == ERR_NOT_FOUND ? PAGE_UNKNOWN
                : is_ours             ? PAGE_UNAVAILABLE
                                      : PAGE_BAD_FORM,
                err);
}

/* --- what is asked ---------------------------------------------------------------------------- */

/* Accounts of the link that an answer can still change. */
static bool is_open_member(const struct visit *visit, const struct campaign_member *member)
{
    bool is_meant = !visit->link.account[0] || strcmp(visit->link.account, member->account) == 0;
    return is_meant && (member->state == MEMBER_PLANNED || member->state == MEMBER_NOTIFIED ||
                        member->state == MEMBER_ANSWERED || member->state == MEMBER_FAILED);
}

/* Walks through the tenant's accounts; `total` counts those beyond PAGE_ACCOUNTS_MAX, too. */
static int read_accounts(struct visit *visit, struct txn *txn, struct err *err)
{
    enum { AT_ONCE = 500, WALKED_MAX = 20000 };
    struct arena *arena = visit->request->arena;
    struct sheet_account *accounts = arena_alloc(arena, PAGE_ACCOUNTS_MAX * sizeof *accounts);
    struct member_filter filter = {slice_of(visit->link.tenant), -1, -1, SLICE_NONE, SLICE_NONE, AT_ONCE};
    struct campaign_member *members;
    unsigned count = AT_ONCE, shown = 0, walked = 0, total = 0;
    if (!accounts)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (; count == AT_ONCE && walked < WALKED_MAX; walked += count) {
        int rc = store_campaign_members(txn, slice_of(visit->link.campaign), &filter, arena, &members,
                                        &count, err);
        if (rc)
            return rc;
        for (unsigned i = 0; i < count; i++) {
            if (!is_open_member(visit, &members[i]))
                continue;
            total++;
            if (shown < PAGE_ACCOUNTS_MAX)
                accounts[shown++] = (struct sheet_account){
                    members[i].account, strcmp(members[i].answer, "leave_open") == 0,
                    members[i].answered_at_ms};
        }
        if (count) {
            filter.after_tenant = slice_of(members[count - 1].tenant);
            filter.after_account = slice_of(members[count - 1].account);
        }
    }
    visit->page.accounts = accounts;
    visit->page.accounts_count = shown;
    visit->page.accounts_total = total;
    return 0;
}

/* The page's facts; *ret_kind says whether there is still something to answer. */
static int look(struct visit *visit, struct txn *txn, enum sheet_kind *ret_kind, struct err *err)
{
    struct campaign_share share;
    struct arena *arena = visit->request->arena;
    struct slice tenant = slice_of(visit->link.tenant), id = slice_of(visit->link.campaign);
    struct sheet *page = &visit->page;
    int rc = store_tenant_get(txn, tenant, arena, &visit->tenant, err);
    if (rc == 0)
        rc = store_campaign_get(txn, id, arena, &visit->campaign, err);
    if (rc == 0)
        rc = store_campaign_share(txn, id, tenant, arena, &share, err);
    if (rc == 0)
        rc = read_accounts(visit, txn, err);
    if (rc)
        return rc;
    enum campaign_state state = visit->campaign.state;
    bool is_off = state == CAMPAIGN_CANCELED || state == CAMPAIGN_UNDOING || state == CAMPAIGN_UNDONE;
    bool is_open = state == CAMPAIGN_PLANNED || state == CAMPAIGN_NOTIFYING ||
                   state == CAMPAIGN_NOTIFIED || state == CAMPAIGN_APPLYING ||
                   (state == CAMPAIGN_APPLIED && share.counts[MEMBER_FAILED]);
    page->tenant = &visit->tenant;
    page->target = &visit->campaign.target;
    page->from_ms = visit->campaign.apply_at_ms;
    page->is_answered = share.is_answered;
    page->is_left_open = share.is_answered && share.answer.answer == ANSWER_LEAVE_OPEN;
    page->said_at_ms = share.answer.said_at_ms;
    if (visit->link.account[0] && page->accounts_count) { /* the answer for this one alone */
        page->is_answered = page->accounts[0].said_at_ms > 0;
        page->is_left_open = page->accounts[0].is_left_open;
        page->said_at_ms = page->accounts[0].said_at_ms;
    }
    bool is_blocked = share.counts[MEMBER_APPLIED] + share.counts[MEMBER_KEPT] > 0;
    *ret_kind = is_open && page->accounts_total ? PAGE_QUESTION
                : is_blocked                    ? PAGE_APPLIED
                : is_off                        ? PAGE_CANCELED
                                                : PAGE_OVER;
    return 0;
}

static int open_link(struct visit *visit, enum sheet_kind *ret_kind)
{
    int rc = answer_link_check(&visit->app->notify->links, visit->request->params[0], clock_now_ms(),
                               &visit->link, NULL);
    *ret_kind = rc == ERR_STALE ? PAGE_EXPIRED : PAGE_UNKNOWN;
    return rc;
}

int answer_page_get(struct app *app, struct request *request, struct response *response,
                    struct err *err)
{
    struct visit visit = {.app = app, .request = request, .response = response};
    struct err why = {0};
    struct txn *txn;
    enum sheet_kind kind;
    if (open_link(&visit, &kind))
        return show(&visit, kind, err);
    int rc = store_begin(app->store, NULL, &txn, &why);
    if (rc == 0) {
        rc = look(&visit, txn, &kind, &why);
        store_rollback(txn);
    }
    return rc ? show_trouble(&visit, rc, &why, err) : show(&visit, kind, err);
}

/* --- answering -------------------------------------------------------------------------------- */

static int say(struct visit *visit, struct txn *txn, const char *account,
               enum campaign_answer_word word, struct err *err)
{
    const struct campaign_answer answer = {
        .tenant = visit->link.tenant,
        .account = account,
        .answer = word,
        .said_by = "",
        .via = "link",
        .address = visit->request->actor.address ? visit->request->actor.address : "",
    };
    return store_campaign_answer(txn, slice_of(visit->link.campaign), &answer, err);
}

/* An account's own "leave it open" outlives "block" for all of the tenant's, so it is said for each. */
static int say_each(struct visit *visit, struct txn *txn, const struct form *form, bool is_some,
                    struct err *err)
{
    for (unsigned i = 0; i < visit->page.accounts_count; i++) {
        const char *id = visit->page.accounts[i].id;
        bool is_chosen = is_some && form_has(form, "open", slice_of(id));
        struct err why = {0};
        if (!*id || (!is_chosen && !visit->page.accounts[i].is_left_open))
            continue;
        int rc = say(visit, txn, id, is_chosen ? ANSWER_LEAVE_OPEN : ANSWER_AGREE, &why);
        if (rc && rc != ERR_WRONG_STATE) /* just applied: the page will show it */
            return err_set(err, rc, "%s", why.text);
    }
    return 0;
}

static int record(struct visit *visit, struct txn *txn, const struct form *form, struct err *err)
{
    struct slice answer = form_value(form, "answer");
    bool is_some = slice_equals_text(answer, "some");
    bool is_open = slice_equals_text(answer, "leave_open");
    enum sheet_kind kind;
    if (!is_some && !is_open && !slice_equals_text(answer, "agree"))
        return err_set(err, ERR_INVALID, "no answer");
    int rc = look(visit, txn, &kind, err);
    if (rc)
        return rc;
    if (kind != PAGE_QUESTION)
        return err_set(err, ERR_WRONG_STATE, "too late");
    rc = say(visit, txn, visit->link.account, is_open ? ANSWER_LEAVE_OPEN : ANSWER_AGREE, err);
    if (rc == 0 && !is_open) /* as they are now */
        rc = read_accounts(visit, txn, err);
    return rc || is_open ? rc : say_each(visit, txn, form, is_some, err);
}

static int record_once(struct visit *visit, const struct form *form, struct err *err)
{
    struct txn *txn;
    visit->page = (struct sheet){0};
    int rc = store_begin(visit->app->store, &visit->request->actor, &txn, err);
    if (rc)
        return rc;
    rc = record(visit, txn, form, err);
    if (rc == 0)
        return store_commit(txn, NULL, err);
    store_rollback(txn);
    return rc;
}

/* As doors/rest.c does: who meets too many others lets go and begins anew. */
static int record_patiently(struct visit *visit, const struct form *form, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
    struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int rc;
    while ((rc = record_once(visit, form, err)) == ERR_CROWDED && clock_mono_ms() < until_ms) {
        *err = (struct err){0};
        nanosleep(&pause, NULL);
    }
    return rc;
}

int answer_page_post(struct app *app, struct request *request, struct response *response,
                     struct err *err)
{
    struct visit visit = {.app = app, .request = request, .response = response};
    struct slice lang = request_query(request, "lang");
    struct err why = {0};
    struct form form;
    enum sheet_kind kind;
    if (open_link(&visit, &kind))
        return show(&visit, kind, err);
    request->actor = (struct actor){"link", "answer_link", request->request_id, request->actor.address};
    int rc = form_read(request->body, request->arena, &form, &why);
    if (rc == 0)
        rc = record_patiently(&visit, &form, &why);
    if (rc && rc != ERR_WRONG_STATE) /* too late: the page will say why */
        return show_trouble(&visit, rc, &why, err);
    log_info(rc ? "answer_too_late" : "answer_recorded", "campaign=%s tenant=%s request_id=%s", visit.link.campaign,
             visit.link.tenant, request->request_id);
    response->status = 303;
    /* relative: whatever path a proxy put before it stays */
    response->location = arena_printf(request->arena, "%.*s%s", SLICE_ARG(request->params[0]),
                                      !lang.p ? "" : notice_language(lang) == NOTICE_JA ? "?lang=ja" : "?lang=en");
    return response->location ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}
