#include "jobs/mail.h"

#include <sodium.h>

#include "base/utf8.h"

enum {
    WORD_BYTES = 39,  /* of text in an encoded word: lines of 76 characters (RFC 2047 section 2) */
    LINE_BYTES = 57,  /* of body in a line of base64: 76 characters (RFC 2045 section 6.8) */
    PLAIN_LINE_MAX = 900, /* RFC 5322 section 2.1.1 has 998 */
};

int mailbox_parse(const char *text, struct mailbox *ret, struct err *err)
{
    const char *open = strrchr(text, '<');
    size_t n = strlen(text), name_n = open ? (size_t)(open - text) : 0;
    struct slice address = slice_of(text);
    struct mailbox mailbox = {0};
    if (open) {
        if (n < 2 || text[n - 1] != '>')
            return err_set(err, ERR_INVALID, "expected NAME <ADDRESS> or ADDRESS");
        address = (struct slice){open + 1, n - name_n - 2};
    }
    while (name_n && text[name_n - 1] == ' ')
        name_n--;
    const char *fault = outbox_address_fault(OUTBOX_MAIL, address);
    if (fault)
        return err_set(err, ERR_INVALID, "%s", fault);
    if (name_n >= sizeof mailbox.name || !utf8_is_plain_text(text, name_n))
        return err_set(err, ERR_INVALID, "the name is too long or has control characters");
    memcpy(mailbox.name, text, name_n);
    memcpy(mailbox.address, address.p, address.n);
    *ret = mailbox;
    return 0;
}

/* --- headers ---------------------------------------------------------------------------------- */

static bool is_ascii(struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((text.p[i] < ' ' && text.p[i] != '\n') || text.p[i] > '~')
            return false;
    return true;
}

static void add_base64(struct buf *out, const char *p, size_t n)
{
    char text[(LINE_BYTES + 2) / 3 * 4 + 1];
    buf_add_text(out, sodium_bin2base64(text, sizeof text, (const unsigned char *)p, n,
                                        sodium_base64_VARIANT_ORIGINAL));
}

/* How much of the text goes into the next encoded word: whole characters only (section 5). */
static size_t word_length(struct slice text)
{
    size_t n = text.n < WORD_BYTES ? text.n : WORD_BYTES;
    while (n < text.n && n && (text.p[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static void add_words(struct buf *out, struct slice text)
{
    for (size_t n; text.n; text = (struct slice){text.p + n, text.n - n}) {
        n = word_length(text);
        buf_add_text(out, "=?UTF-8?B?");
        add_base64(out, text.p, n);
        buf_add_text(out, n < text.n ? "?=\r\n " : "?=");
    }
}

/* Free text in a header: as it is only when nobody could read it as anything else. */
static void add_free(struct buf *out, const char *text)
{
    struct slice all = slice_of(text);
    bool is_plain = all.n && all.n < 70 && is_ascii(all) && !strstr(text, "=?") &&
                    all.p[0] != ' ' && all.p[all.n - 1] != ' ' && !strpbrk(text, "\n\"\\<>@,;:");
    if (is_plain)
        buf_add(out, all.p, all.n);
    else
        add_words(out, all);
}

static void add_date(struct buf *out, int64_t now_ms)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t s = now_ms / 1000;
    struct tm tm = {0};
    gmtime_r(&s, &tm);
    buf_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n", days[tm.tm_wday], tm.tm_mday,
               months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_headers(struct buf *out, const struct mailbox *from,
                        const struct outbox_message *message, int64_t now_ms, bool is_plain)
{
    buf_add_text(out, "From: ");
    if (from->name[0]) {
        add_free(out, from->name);
        buf_add_char(out, ' ');
    }
    buf_printf(out, "<%s>\r\nTo: <%s>\r\nSubject: ", from->address, message->address);
    add_free(out, message->subject);
    buf_add_text(out, "\r\n");
    add_date(out, now_ms);
    buf_printf(out, "Message-ID: <%s@%s>\r\n", message->id, strrchr(from->address, '@') + 1);
    buf_add_text(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\n");
    if (message->locale[0])
        buf_printf(out, "Content-Language: %s\r\n", message->locale);
    buf_printf(out, "Content-Transfer-Encoding: %s\r\n\r\n", is_plain ? "7bit" : "base64");
}

/* --- body ------------------------------------------------------------------------------------- */

static bool has_long_line(struct slice text)
{
    for (const char *end; text.n; text = (struct slice){end, text.n - (size_t)(end - text.p)}) {
        const char *newline = memchr(text.p, '\n', text.n);
        end = newline ? newline + 1 : text.p + text.n;
        if (end - text.p > PLAIN_LINE_MAX)
            return true;
    }
    return false;
}

static void add_lines(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            buf_add_char(out, '\r');
        buf_add_char(out, text.p[i]);
    }
}

/* In base64 a text has its line ends as CR LF inside (RFC 2045 section 6.8). */
static void add_base64_lines(struct buf *out, struct slice text)
{
    char line[LINE_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *bytes = text.p[i] == '\n' ? "\r\n" : &text.p[i];
        for (size_t k = 0; k < (text.p[i] == '\n' ? 2 : 1); k++) {
            line[n++] = bytes[k];
            if (n == sizeof line) {
                add_base64(out, line, n);
                buf_add_text(out, "\r\n");
                n = 0;
            }
        }
    }
    if (n)
        add_base64(out, line, n);
}

void mail_write(struct buf *out, const struct mailbox *from, const struct outbox_message *message,
                int64_t now_ms)
{
    struct slice body = slice_of(message->body);
    bool is_plain = is_ascii(body) && !has_long_line(body);
    add_headers(out, from, message, now_ms, is_plain);
    if (is_plain)
        add_lines(out, body);
    else
        add_base64_lines(out, body);
    if (out->n < 2 || memcmp(out->p + out->n - 2, "\r\n", 2) != 0)
        buf_add_text(out, "\r\n");
}
