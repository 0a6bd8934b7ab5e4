#include "doors/answer_html.h"

#include <sodium.h>

#include "core/tenant.h"

static const char style[] =
    "body{margin:0;background:#f4f5f2;color:#1d2321;font:16px/1.7 \"Noto Sans JP\",\"Hiragino Sans\","
    "\"Yu Gothic UI\",sans-serif}"
    "main{max-width:40rem;margin:2rem auto;padding:1.5rem 2rem 2rem;background:#fff;border:1px solid #d5d9d3;"
    "border-radius:6px}"
    "h1{font-size:1.35rem;line-height:1.4;margin:.2rem 0 1rem}"
    "dl{margin:1.2rem 0;border-top:1px solid #d5d9d3}"
    "dt{font-size:.85rem;color:#56605b;margin-top:.8rem}"
    "dd{margin:0 0 .8rem;font-weight:600}"
    ".said{background:#eef4ec;border-left:4px solid #3d7a4a;padding:.7rem 1rem}"
    "fieldset{border:1px solid #d5d9d3;border-radius:6px;margin:1rem 0;padding:.5rem 1rem 1rem}"
    "legend{font-size:.9rem;padding:0 .4rem}"
    "label{display:inline-block;min-width:7rem;margin:.15rem .6rem .15rem 0}"
    "button{display:block;width:100%;margin:.7rem 0;padding:.8rem 1rem;font:inherit;font-weight:600;"
    "border:1px solid #2c5f8a;border-radius:6px;background:#fff;color:#1f4a6e;cursor:pointer}"
    "button.first{background:#2c5f8a;color:#fff}"
    "fieldset button{margin-bottom:0}"
    "button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid #e0a100;outline-offset:2px}"
    ".small{font-size:.87rem;color:#56605b}"
    "@media(max-width:42rem){main{margin:0;border:0;border-radius:0;padding:1rem 1.2rem}}";

/* Every text in both languages; %s only where sheet_write() says so. */
struct words {
    const char *lang, *title, *dear_before, *dear_after, *why, *calls, *date, *accounts, *all, *more;
    const char *said_open, *said_agreed, *said_some, *said_at, *may_change, *question;
    const char *leave_open, *some, *some_legend, *agree, *after, *emergency, *contact;
    const char *other_language, *other_href;
    struct {
        const char *title, *text;
    } ends[PAGE_KINDS];
};

static const struct words all_words[] = {
    [NOTICE_JA] = {
        .lang = "ja",
        .title = "発信停止のお知らせとご確認",
        .dear_before = "",
        .dear_after = " 様",
        .why = "電話機や設定を乗っ取られ、知らないうちに国際電話を大量に発信されて、高額な通話料金を"
               "請求される被害が続いております。被害を防ぐため、これまでご利用が確認されていない発信を"
               "停止いたします。",
        .calls = "停止する発信",
        .date = "停止する日時",
        .accounts = "対象の内線",
        .all = "すべての内線",
        .more = "ほか",
        .said_open = "ご回答：<strong>停止しない</strong>",
        .said_agreed = "ご回答：<strong>停止してよい</strong>",
        .said_some = "ご回答：<strong>選んだ内線だけ停止しない</strong>",
        .said_at = "受付：",
        .may_change = "停止する日時までは、いつでもご回答を変更いただけます。",
        .question = "引き続き発信される場合は、停止する日時までに「停止しない」を押してください。"
                    "差し支えがなければ、お手続きは不要です。",
        .leave_open = "停止しない（すべて）",
        .some = "選んだ内線だけ停止しない",
        .some_legend = "一部の内線だけ、引き続き発信される場合",
        .agree = "停止してよい（すべて）",
        .after = "停止した後も、お申し出により解除いたします。",
        .emergency = "緊急通報（110・118・119）と、上記以外の番号への発信には影響ございません。",
        .contact = "お問い合わせ",
        .other_language = "English",
        .other_href = "?lang=en",
        .ends = {
            [PAGE_APPLIED] = {"受付は終了しました",
                              "この発信はすでに停止いたしました。解除をご希望の場合は、お問い合わせ先まで"
                              "ご連絡ください。"},
            [PAGE_OVER] = {"受付は終了しました",
                           "ご回答の受付は終了いたしました。お知らせした発信は停止しておりません。"},
            [PAGE_CANCELED] = {"この停止は行われません",
                               "お知らせした発信の停止は、取りやめになりました。お手続きは不要です。"},
            [PAGE_EXPIRED] = {"リンクの期限が過ぎています",
                              "このリンクではご回答いただけません。お問い合わせ先までご連絡ください。"},
            [PAGE_UNKNOWN] = {"ページが見つかりません",
                              "リンクが途中で切れていないか、お知らせのメールをもう一度ご確認ください。"},
            [PAGE_BAD_FORM] = {"ご回答を受け付けられませんでした",
                               "お手数ですが、前のページに戻って、もう一度お試しください。"},
            [PAGE_UNAVAILABLE] = {"ただいまご利用いただけません",
                                  "ご回答は記録されておりません。しばらくしてから、もう一度お試しください。"},
        },
    },
    [NOTICE_EN] = {
        .lang = "en",
        .title = "Calls that will be blocked: please confirm",
        .dear_before = "To ",
        .dear_after = "",
        .why = "Intruders take over telephones and make large numbers of international calls with them; "
               "the owner notices when the bill arrives. To protect you, we will block calls that you "
               "have not made so far.",
        .calls = "What will be blocked",
        .date = "From when",
        .accounts = "Which extensions",
        .all = "all extensions",
        .more = "more:",
        .said_open = "Your answer: <strong>leave open</strong>",
        .said_agreed = "Your answer: <strong>may be blocked</strong>",
        .said_some = "Your answer: <strong>leave open only those chosen</strong>",
        .said_at = "Received: ",
        .may_change = "Until that date you can change your answer at any time.",
        .question = "If you want to go on making such calls, press \"Leave open\" before that date. "
                    "If blocking is fine for you, there is nothing to do.",
        .leave_open = "Leave open (all)",
        .some = "Leave open only those chosen",
        .some_legend = "If only some extensions are to stay open",
        .agree = "May be blocked (all)",
        .after = "After that date, too, we will lift the block whenever you ask us.",
        .emergency = "Emergency calls (110, 118, 119) and calls to all other numbers stay as they are.",
        .contact = "Questions",
        .other_language = "日本語",
        .other_href = "?lang=ja",
        .ends = {
            [PAGE_APPLIED] = {"It is too late to answer here",
                              "These calls are blocked already. If you need them, please get in touch "
                              "with us and we will lift the block."},
            [PAGE_OVER] = {"Answers are no longer taken",
                           "What we told you about was not blocked. There is nothing to do."},
            [PAGE_CANCELED] = {"Nothing will be blocked",
                               "What we told you about was called off. There is nothing to do."},
            [PAGE_EXPIRED] = {"The link has expired",
                              "It can no longer be used to answer. Please get in touch with us."},
            [PAGE_UNKNOWN] = {"There is no such page",
                              "Please look at the mail again: the link may have been cut off."},
            [PAGE_BAD_FORM] = {"Your answer was not understood",
                               "Please go back and try again."},
            [PAGE_UNAVAILABLE] = {"Not available just now",
                                  "Your answer was not recorded. Please try again in a moment."},
        },
    },
};

int sheet_status(enum sheet_kind kind)
{
    static const int statuses[] = {[PAGE_QUESTION] = 200, [PAGE_APPLIED] = 410, [PAGE_OVER] = 410,
                                   [PAGE_CANCELED] = 410, [PAGE_EXPIRED] = 410,
                                   [PAGE_UNKNOWN] = 404,  [PAGE_BAD_FORM] = 400,
                                   [PAGE_UNAVAILABLE] = 503};
    return statuses[kind];
}

void sheet_csp(char out[PAGE_CSP_BYTES])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];
    crypto_hash_sha256(hash, (const unsigned char *)style, sizeof style - 1);
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    snprintf(out, PAGE_CSP_BYTES,
             "default-src 'none'; style-src 'sha256-%s'; form-action 'self'; base-uri 'none'; "
             "frame-ancestors 'none'",
             text);
}

/* --- pieces ----------------------------------------------------------------------------------- */

static void add_escaped(struct buf *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': buf_add_text(out, "&amp;"); break;
        case '<': buf_add_text(out, "&lt;"); break;
        case '>': buf_add_text(out, "&gt;"); break;
        case '"': buf_add_text(out, "&quot;"); break;
        case '\'': buf_add_text(out, "&#39;"); break;
        default: buf_add_char(out, *text);
        }
}

static void add_paragraph(struct buf *out, const char *text)
{
    buf_printf(out, "<p>%s</p>\n", text);
}

static void add_head(struct buf *out, const struct words *words, const char *title)
{
    buf_printf(out,
               "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"robots\" content=\"noindex\">\n<title>%s</title>\n<style>",
               words->lang, title);
    buf_add_text(out, style);
    buf_printf(out, "</style>\n</head>\n<body>\n<main>\n<h1>%s</h1>\n", title);
}

static void add_foot(struct buf *out, const struct words *words, const struct sheet *page)
{
    if (page->contact[0]) {
        buf_printf(out, "<dl><dt>%s</dt><dd>", words->contact);
        add_escaped(out, page->contact);
        buf_add_text(out, "</dd></dl>\n");
    }
    buf_printf(out, "<p class=\"small\"><a href=\"%s\">%s</a></p>\n</main>\n</body>\n</html>\n",
               words->other_href, words->other_language);
}

static bool is_whole_tenant(const struct sheet *page)
{
    return page->accounts_count == 0 || page->accounts[0].id[0] == '\0';
}

static unsigned count_open(const struct sheet *page)
{
    unsigned count = 0;
    for (unsigned i = 0; i < page->accounts_count; i++)
        count += page->accounts[i].is_left_open;
    return count;
}

static void add_facts(struct buf *out, const struct words *words, const struct sheet *page)
{
    buf_printf(out, "<dl>\n<dt>%s</dt><dd>", words->calls);
    char text[512];
    struct buf plain = BUF_OVER(text);
    notice_add_calls(&plain, page->language, page->target);
    add_escaped(out, text);
    buf_printf(out, "</dd>\n<dt>%s</dt><dd>", words->date);
    plain = BUF_OVER(text);
    notice_add_date(&plain, page->language, page->tenant->time_zone, page->from_ms);
    add_escaped(out, text);
    buf_printf(out, "</dd>\n<dt>%s</dt><dd>", words->accounts);
    if (is_whole_tenant(page))
        buf_add_text(out, words->all);
    for (unsigned i = 0; !is_whole_tenant(page) && i < page->accounts_count; i++) {
        buf_add_text(out, i ? ", " : "");
        add_escaped(out, page->accounts[i].id);
    }
    if (page->accounts_total > page->accounts_count)
        buf_printf(out, " (%s %llu)", words->more,
                   (unsigned long long)(page->accounts_total - page->accounts_count));
    buf_add_text(out, "</dd>\n</dl>\n");
}

static void add_said(struct buf *out, const struct words *words, const struct sheet *page)
{
    char text[128];
    struct buf plain = BUF_OVER(text);
    if (!page->is_answered)
        return;
    bool is_some = !page->is_left_open && count_open(page) > 0;
    notice_add_date(&plain, page->language, page->tenant->time_zone, page->said_at_ms);
    buf_printf(out, "<p class=\"said\">%s<br>%s%s<br>%s</p>\n",
               is_some              ? words->said_some
               : page->is_left_open ? words->said_open
                                    : words->said_agreed,
               words->said_at, text, words->may_change);
}

/* Boxes for single accounts, where there are several. */
static void add_boxes(struct buf *out, const struct words *words, const struct sheet *page)
{
    if (is_whole_tenant(page) || page->accounts_count < 2)
        return;
    buf_printf(out, "<fieldset>\n<legend>%s</legend>\n", words->some_legend);
    for (unsigned i = 0; i < page->accounts_count; i++) {
        buf_add_text(out, "<label><input type=\"checkbox\" name=\"open\" value=\"");
        add_escaped(out, page->accounts[i].id);
        buf_add_text(out, page->accounts[i].is_left_open ? "\" checked> " : "\"> ");
        add_escaped(out, page->accounts[i].id);
        buf_add_text(out, "</label>\n");
    }
    buf_printf(out, "<button name=\"answer\" value=\"some\">%s</button>\n</fieldset>\n", words->some);
}

static void add_question(struct buf *out, const struct words *words, const struct sheet *page)
{
    buf_printf(out, "<p>%s", words->dear_before);
    add_escaped(out, page->tenant->name);
    buf_printf(out, "%s</p>\n", words->dear_after);
    add_said(out, words, page);
    add_paragraph(out, words->why);
    add_facts(out, words, page);
    add_paragraph(out, words->question);
    buf_printf(out,
               "<form method=\"post\">\n"
               "<button class=\"first\" name=\"answer\" value=\"leave_open\">%s</button>\n",
               words->leave_open);
    add_boxes(out, words, page);
    buf_printf(out, "<button name=\"answer\" value=\"agree\">%s</button>\n</form>\n", words->agree);
    buf_printf(out, "<p class=\"small\">%s<br>%s</p>\n", words->after, words->emergency);
}

void sheet_write(const struct sheet *page, struct buf *out)
{
    const struct words *words = &all_words[page->language];
    if (page->kind == PAGE_QUESTION) {
        add_head(out, words, words->title);
        add_question(out, words, page);
    } else {
        add_head(out, words, words->ends[page->kind].title);
        add_paragraph(out, words->ends[page->kind].text);
    }
    add_foot(out, words, page);
}
