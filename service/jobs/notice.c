#include "jobs/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/embed.h"
#include "base/utf8.h"

EMBED(notice_ja, "api/notices/campaign.ja.txt");
EMBED(notice_en, "api/notices/campaign.en.txt");

enum {
    TEXT_BYTES_MAX = 16 * 1024, /* of a file */
    CONTACT_BYTES_MAX = 500,
    LINK_BYTES_MAX = 2048,
};
static const int64_t link_after_ms = INT64_C(30) * 24 * 3600 * 1000;

struct text {
    struct slice subject, body; /* into `bytes` */
    char bytes[TEXT_BYTES_MAX];
};

struct notices {
    struct text texts[2]; /* by enum notice_language */
    char public_url[LINK_BYTES_MAX - ANSWER_TOKEN_BYTES - 8];
    char contact[CONTACT_BYTES_MAX];
    const struct answer_keys *keys;
};

static const char *const locales[] = {[NOTICE_EN] = "en", [NOTICE_JA] = "ja"};

/* --- the texts -------------------------------------------------------------------------------- */

enum name { NAME_TENANT, NAME_CALLS, NAME_DATE, NAME_ACCOUNTS, NAME_LINK, NAME_CONTACT, NAMES };
static const char *const names[] = {"{{tenant}}", "{{calls}}", "{{date}}", "{{accounts}}",
                                    "{{link}}", "{{contact}}"};

/* The text before the next name goes to *ret_plain; the name's place, or NAMES at the end, or -1 for an
 * unknown one. */
static int next_name(struct slice *text, struct slice *ret_plain)
{
    const char *braces = memmem(text->p, text->n, "{{", 2);
    size_t n = braces ? (size_t)(braces - text->p) : text->n;
    *ret_plain = (struct slice){text->p, n};
    *text = (struct slice){text->p + n, text->n - n};
    if (!braces)
        return NAMES;
    for (int i = 0; i < NAMES; i++)
        if (slice_starts_with(*text, slice_of(names[i]))) {
            n = strlen(names[i]);
            *text = (struct slice){text->p + n, text->n - n};
            return i;
        }
    return -1;
}

/* Are all its names known, and no byte of it strange? */
static bool is_well_made(struct slice text, bool may_have_lines, bool *has_link)
{
    struct slice plain;
    int name;
    for (struct slice rest = text; rest.n;) {
        const char *end = may_have_lines ? memchr(rest.p, '\n', rest.n) : NULL;
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (!utf8_is_plain_text(rest.p, n))
            return false;
        n += end != NULL;
        rest = (struct slice){rest.p + n, rest.n - n};
    }
    while ((name = next_name(&text, &plain)) != NAMES) {
        if (name < 0)
            return false;
        *has_link |= name == NAME_LINK;
    }
    return true;
}

static int split(struct text *text, size_t n, struct err *err)
{
    static const char head[] = "Subject: ";
    const char *end = memmem(text->bytes, n, "\n\n", 2);
    bool has_link = false, has_none = false;
    if (!end || strncmp(text->bytes, head, sizeof head - 1) != 0)
        return err_set(err, ERR_INVALID, "expected \"Subject: …\", an empty line and the text");
    text->subject = (struct slice){text->bytes + sizeof head - 1,
                                   (size_t)(end - text->bytes) - (sizeof head - 1)};
    text->body = (struct slice){end + 2, (size_t)(text->bytes + n - end) - 2};
    if (!is_well_made(text->subject, false, &has_none))
        return err_set(err, ERR_INVALID, "the subject is not one line of UTF-8, or has an unknown {{name}}");
    if (!is_well_made(text->body, true, &has_link))
        return err_set(err, ERR_INVALID, "the text is not UTF-8, or has an unknown {{name}}");
    return has_link ? 0 : err_set(err, ERR_INVALID, "the text has no {{link}}");
}

/* 1: read; 0: there is no such file. */
static int read_file(const char *path, struct text *text, size_t *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0)
        return err_set(err, ERR_IO, "%s", strerror(errno));
    size_t n = 0;
    ssize_t got = 1;
    while (n < sizeof text->bytes && (got = read(fd, text->bytes + n, sizeof text->bytes - n)) > 0)
        n += (size_t)got;
    int why = errno;
    close(fd);
    if (got < 0)
        return err_set(err, ERR_IO, "%s", strerror(why));
    if (n == sizeof text->bytes)
        return err_set(err, ERR_LIMIT, "not less than %d bytes", TEXT_BYTES_MAX);
    *ret = n;
    return 1;
}

static int load(const char *folder, enum notice_language language, struct text *text,
                struct err *err)
{
    char path[4096];
    struct slice built_in = language == NOTICE_JA ? EMBEDDED(notice_ja) : EMBEDDED(notice_en);
    size_t n = 0;
    int r = 0;
    snprintf(path, sizeof path, "%s/campaign.%s.txt", folder ? folder : "built in",
             locales[language]);
    if (folder)
        r = read_file(path, text, &n, err);
    if (r == 0) {
        if (built_in.n >= sizeof text->bytes)
            return err_set(err, ERR_LIMIT, "%s: too long", path);
        n = built_in.n;
        memcpy(text->bytes, built_in.p, n);
        r = 1;
    }
    if (r == 1)
        r = split(text, n, err);
    return r < 0 ? err_context(err, "%s", path) : 0;
}

int notices_new(const struct notices_config *config, struct notices **ret, struct err *err)
{
    const char *contact = config->contact ? config->contact : "";
    if (strlen(config->public_url) >= sizeof (*ret)->public_url)
        return err_set(err, ERR_LIMIT, "the public URL is too long");
    if (strlen(contact) >= CONTACT_BYTES_MAX || !utf8_is_plain_text(contact, strlen(contact)))
        return err_set(err, ERR_INVALID, "whom to ask must be one line of less than %d bytes",
                       CONTACT_BYTES_MAX);
    struct notices *notices = calloc(1, sizeof *notices);
    if (!notices)
        return err_set(err, ERR_NOMEM, "out of memory");
    snprintf(notices->public_url, sizeof notices->public_url, "%s", config->public_url);
    snprintf(notices->contact, sizeof notices->contact, "%s", contact);
    notices->keys = config->keys;
    int r = load(config->folder, NOTICE_JA, &notices->texts[NOTICE_JA], err);
    if (r == 0)
        r = load(config->folder, NOTICE_EN, &notices->texts[NOTICE_EN], err);
    if (r < 0)
        notices_free(notices);
    else
        *ret = notices;
    return r;
}

void notices_free(struct notices *notices)
{
    free(notices);
}

const char *notices_contact(const struct notices *notices)
{
    return notices->contact;
}

/* --- filling in ------------------------------------------------------------------------------- */

static void add_accounts(struct buf *out, enum notice_language language,
                         const struct notice *notice)
{
    bool is_ja = language == NOTICE_JA;
    unsigned shown = notice->accounts_count < NOTICE_ACCOUNTS_SHOWN ? notice->accounts_count
                                                                    : NOTICE_ACCOUNTS_SHOWN;
    if (notice->accounts_count == 0)
        buf_add_text(out, is_ja ? "  すべての内線" : "  all extensions");
    for (unsigned i = 0; i < shown; i++)
        buf_printf(out, "%s  %s", i ? "\n" : "", notice->accounts[i]);
    if (shown < notice->accounts_count)
        buf_printf(out, is_ja ? "\n  ほか %u 件" : "\n  and %u more", notice->accounts_count - shown);
}

static void add_value(struct buf *out, enum name name, const struct notices *notices,
                      enum notice_language language, const struct notice *notice, const char *link)
{
    switch (name) {
    case NAME_TENANT: buf_add_text(out, notice->tenant->name); break;
    case NAME_CALLS: notice_add_calls(out, language, notice->target); break;
    case NAME_DATE:
        notice_add_date(out, language, notice->tenant->time_zone, notice->from_ms);
        break;
    case NAME_ACCOUNTS: add_accounts(out, language, notice); break;
    case NAME_LINK: buf_add_text(out, link); break;
    case NAME_CONTACT:
        if (notices->contact[0])
            buf_add_text(out, notices->contact);
        else
            buf_add_text(out, language == NOTICE_JA ? "このメールの差出人" : "the sender of this mail");
        break;
    case NAMES: break;
    }
}

static int fill(const struct notices *notices, const struct notice *notice, struct slice text,
                enum notice_language language, const char *link, size_t max, struct arena *arena,
                const char **ret, struct err *err)
{
    struct buf out = {arena_alloc(arena, max + 1), 0, max + 1, false};
    struct slice plain;
    int name;
    if (!out.p)
        return err_set(err, ERR_NOMEM, "out of memory");
    while ((name = next_name(&text, &plain)) != NAMES && name >= 0) {
        buf_add(&out, plain.p, plain.n);
        add_value(&out, (enum name)name, notices, language, notice, link);
    }
    buf_add(&out, plain.p, plain.n);
    if (out.overflowed)
        return err_set(err, ERR_LIMIT, "the notice is longer than %zu bytes", max);
    *ret = out.p;
    return 0;
}

static int make_link(const struct notices *notices, const struct notice *notice, struct arena *arena,
                     const char **ret, struct err *err)
{
    struct answer_link link = {.expires_at_ms = notice->from_ms + link_after_ms};
    char token[ANSWER_TOKEN_BYTES];
    snprintf(link.campaign, sizeof link.campaign, "%s", notice->campaign);
    snprintf(link.tenant, sizeof link.tenant, "%s", notice->tenant->id);
    int r = answer_link_make(notices->keys, &link, token, err);
    if (r < 0)
        return r;
    *ret = arena_printf(arena, "%s/a/%s", notices->public_url, token);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

int notice_render(const struct notices *notices, const struct notice *notice, struct arena *arena,
                  struct notice_text *ret, struct err *err)
{
    enum notice_language language = notice_language(slice_of(notice->tenant->locale));
    const struct text *text = &notices->texts[language];
    struct notice_text made = {.locale = locales[language]};
    int r = make_link(notices, notice, arena, &made.link, err);
    if (r == 0)
        r = fill(notices, notice, text->subject, language, made.link, OUTBOX_SUBJECT_BYTES_MAX,
                 arena, &made.subject, err);
    if (r == 0)
        r = fill(notices, notice, text->body, language, made.link, TEXT_BYTES_MAX * 2, arena,
                 &made.body, err);
    if (r == 0)
        *ret = made;
    return r;
}

/* --- to the outbox ---------------------------------------------------------------------------- */

static const char *event_json(const struct notice *notice, const struct notice_text *text,
                              struct arena *arena)
{
    char from[CLOCK_TEXT_BYTES];
    json_t *accounts = json_array();
    for (unsigned i = 0; i < notice->accounts_count && i < NOTICE_ACCOUNTS_SHOWN; i++)
        json_array_append_new(accounts, json_string(notice->accounts[i]));
    json_t *event = json_pack("{ss,ss,ss,ss,ss,so,si,ss,ss,ss,ss}", "type", "campaign.notice",
                              "tenant", notice->tenant->id, "campaign", notice->campaign, "target",
                              notice->target->text, "from", clock_format(notice->from_ms, from),
                              "accounts", accounts, "accounts_count", (int)notice->accounts_count,
                              "answer_url", text->link, "locale", text->locale, "subject",
                              text->subject, "text", text->body);
    char *bytes = event ? json_dumps(event, JSON_COMPACT) : NULL;
    const char *copy = bytes ? arena_copy(arena, slice_of(bytes)) : NULL;
    free(bytes);
    json_decref(event);
    return copy;
}

static int add_one(struct txn *txn, const struct notice *notice, struct outbox_message message,
                   struct notice_count *count, struct err *err)
{
    char about[OUTBOX_ABOUT_BYTES_MAX + 1], key[OUTBOX_KEY_BYTES_MAX + 1], name[33];
    unsigned char hash[(sizeof name - 1) / 2];
    bool is_added = false;
    if (!message.address[0])
        return 0;
    if (outbox_address_fault(message.channel, slice_of(message.address))) {
        count->bad++;
        return 0;
    }
    snprintf(about, sizeof about, "campaign:%s", notice->campaign);
    /* an address may be longer than a key: its hash names it */
    crypto_generichash(hash, sizeof hash, (const unsigned char *)message.address,
                       strlen(message.address), NULL, 0);
    snprintf(key, sizeof key, "%s:%lld:%s:%s", about, (long long)notice->from_ms,
             outbox_channel_words[message.channel],
             sodium_bin2hex(name, sizeof name, hash, sizeof hash));
    message.about = about;
    message.key = key;
    int r = outbox_add(txn, &message, &is_added, err);
    if (r == 0)
        *(is_added ? &count->added : &count->known) += 1;
    return r;
}

int notice_add(const struct notices *notices, struct txn *txn, const struct notice *notice,
               struct notice_count *ret, struct err *err)
{
    struct notice_count count = {0};
    struct notice_text text;
    struct arena arena;
    arena_init(&arena, 4 << 20);
    int r = notice_render(notices, notice, &arena, &text, err);
    struct outbox_message mail = {.tenant = notice->tenant->id};
    if (r == 0) {
        mail.locale = text.locale;
        mail.subject = text.subject;
        mail.body = text.body;
    }
    struct outbox_message hook = mail;
    hook.channel = OUTBOX_WEBHOOK;
    hook.subject = "campaign.notice";
    hook.body = NULL; /* made when somebody wants it */
    for (unsigned i = 0; i < notice->tenant->contacts_count && r == 0; i++) {
        mail.address = notice->tenant->contacts[i].email;
        hook.address = notice->tenant->contacts[i].webhook;
        r = add_one(txn, notice, mail, &count, err);
        if (r == 0 && hook.address[0] && !hook.body && !(hook.body = event_json(notice, &text, &arena)))
            r = err_set(err, ERR_NOMEM, "out of memory");
        if (r == 0)
            r = add_one(txn, notice, hook, &count, err);
    }
    arena_release(&arena);
    if (r == 0)
        *ret = count;
    return r;
}
