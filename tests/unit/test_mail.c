/* Mails as bytes, and how long to wait for the next attempt. (test_outbox_mail.py reads them back.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jobs/mail.h"
#include "jobs/outbox_sender.h"

static char text[MAIL_BYTES_MAX];

static const char *write(const char *from_text, struct outbox_message message)
{
    struct mailbox from;
    struct buf out = BUF_OVER(text);
    assert_int_equal(mailbox_parse(from_text, &from, NULL), 0);
    message.id = "01KAKM3Z5Q8H4V0XJ6S2M9C7RT";
    message.address = "info@example.jp";
    message.locale = message.locale ? message.locale : "en";
    mail_write(&out, &from, &message, INT64_C(1796072400000));
    assert_false(out.overflowed);
    return text;
}

static void has(const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void plain_text_stays_plain(void **state)
{
    (void)state;
    write("ops@example.jp", (struct outbox_message){.subject = "Hello", .body = "one\n.two\n"});
    assert_string_equal(text, "From: <ops@example.jp>\r\nTo: <info@example.jp>\r\nSubject: Hello\r\n"
                              "Date: Mon, 30 Nov 2026 21:00:00 +0000\r\n"
                              "Message-ID: <01KAKM3Z5Q8H4V0XJ6S2M9C7RT@example.jp>\r\n"
                              "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                              "Content-Type: text/plain; charset=utf-8\r\nContent-Language: en\r\n"
                              "Content-Transfer-Encoding: 7bit\r\n\r\none\r\n.two\r\n");
}

static void everything_else_is_encoded(void **state)
{
    (void)state;
    write("積木 <ops@example.jp>", (struct outbox_message){.subject = "停止", .body = "停\n"});
    has("From: =?UTF-8?B?56mN5pyo?= <ops@example.jp>\r\n");
    has("Subject: =?UTF-8?B?5YGc5q2i?=\r\n");
    has("Content-Transfer-Encoding: base64\r\n\r\n5YGcDQo=\r\n");
}

static void words_are_whole_characters_on_short_lines(void **state)
{
    (void)state;
    char subject[OUTBOX_SUBJECT_BYTES_MAX + 1] = "a"; /* so that no cut falls between characters by itself */
    for (size_t n = 1; n + 4 < sizeof subject; n += 3)
        memcpy(subject + n, "停", 4);
    write("ops@example.jp", (struct outbox_message){.subject = subject, .body = "x\n"});
    for (const char *line = text, *end; (end = strstr(line, "\r\n")); line = end + 2) {
        assert_in_range(end - line, 0, 76);
        if (end == line)
            break;
    }
    has("=?UTF-8?B?YeWBnOWBnOWBnOWBnOWBnOWBnOWBnOWBnOWBnOWBnOWBnOWBnA==?=\r\n =?UTF-8?B?");
}

static void nothing_ends_a_header_early(void **state)
{
    static const char *const subjects[] = {"a\r\nBcc: b@example.jp", "a\nBcc: b@example.jp", "=?UTF-8?Q?x?=",
                                           " a", "a ", "", "a\x7f", "\x1b[31m"};
    (void)state;
    for (unsigned i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        write("ops@example.jp", (struct outbox_message){.subject = subjects[i], .body = "x\n"});
        assert_null(strstr(text, "Bcc"));
        const char *subject = strstr(text, "Subject: ") + 9;
        assert_true(subjects[i][0] == '\0' || strncmp(subject, "=?UTF-8?B?", 10) == 0);
    }
}

static void the_largest_message_fits(void **state)
{
    (void)state;
    static char body[OUTBOX_BODY_BYTES_MAX + 1];
    memset(body, '\n', OUTBOX_BODY_BYTES_MAX);
    memcpy(body, "\xe5\x81\x9c", 3);
    write("ops@example.jp", (struct outbox_message){.subject = "x", .body = body});
    memset(body, '\n', OUTBOX_BODY_BYTES_MAX);
    write("ops@example.jp", (struct outbox_message){.subject = "x", .body = body});
}

static void who_writes(void **state)
{
    static const char *const bad[] = {"", "ops", "Ops <ops@example.jp", "Ops <>", "<a@b@c>",
                                      "Ops\r\nBcc: x <ops@example.jp>", "ops@example.jp>",
                                      "Ops <ops@example.jp> more"};
    struct mailbox mailbox;
    (void)state;
    assert_int_equal(mailbox_parse("<ops@example.jp>", &mailbox, NULL), 0);
    assert_string_equal(mailbox.name, "");
    assert_int_equal(mailbox_parse("Ops, K.K. <ops@example.jp>", &mailbox, NULL), 0);
    assert_string_equal(mailbox.name, "Ops, K.K.");
    write("Ops, K.K. <ops@example.jp>", (struct outbox_message){.subject = "x", .body = "x\n"});
    has("From: =?UTF-8?B?");
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(mailbox_parse(bad[i], &mailbox, NULL), ERR_INVALID);
}

static void pauses_double_up_to_two_hours(void **state)
{
    (void)state;
    int64_t hours2 = 2 * 3600 * 1000, all = 0;
    for (unsigned attempts = 1; attempts <= 100; attempts++) {
        int64_t wanted = attempts < 10 ? INT64_C(30000) << (attempts - 1) : hours2;
        int64_t pause = outbox_pause_ms(30000, attempts);
        wanted = wanted > hours2 ? hours2 : wanted;
        assert_in_range(pause, wanted * 3 / 4, wanted * 5 / 4);
        all += attempts < OUTBOX_ATTEMPTS_MAX ? wanted : 0;
    }
    assert_in_range(all, INT64_C(40) * 3600 * 1000, INT64_C(56) * 3600 * 1000); /* about two days */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays_plain),
        cmocka_unit_test(everything_else_is_encoded),
        cmocka_unit_test(words_are_whole_characters_on_short_lines),
        cmocka_unit_test(nothing_ends_a_header_early),
        cmocka_unit_test(the_largest_message_fits),
        cmocka_unit_test(who_writes),
        cmocka_unit_test(pauses_double_up_to_two_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
