/*
 * A message of the outbox as the bytes that SMTP carries (RFC 5322, 2045, 2047).
 *
 * Text that people chose stands in two places only: the subject, which becomes encoded words when it is
 * anything but printable ASCII, and the body, which becomes base64 then. So no name of a tenant can begin
 * a header or end the message. Addresses have been looked at before (outbox_address_fault).
 */
#ifndef SEKISHO_JOBS_MAIL_H
#define SEKISHO_JOBS_MAIL_H

#include "base/buf.h"
#include "store/outbox.h"

/* Who writes: "Sekisho 運用 <ops@example.jp>" or "ops@example.jp". */
enum { MAIL_NAME_BYTES = 200 };
struct mailbox {
    char name[MAIL_NAME_BYTES]; /* may be "" */
    char address[OUTBOX_MAIL_BYTES_MAX + 1];
};
int mailbox_parse(const char *text, struct mailbox *ret, struct err *err) MUST_CHECK; /* ERR_INVALID */

/* Enough for any message of the outbox. */
enum { MAIL_BYTES_MAX = 3 * OUTBOX_BODY_BYTES_MAX + 8192 };

/* Appends the whole message, lines ended by CR LF. The Message-ID is made of the message's id, so it is
 * the same every time. */
void mail_write(struct buf *out, const struct mailbox *from, const struct outbox_message *message,
                int64_t now_ms);

#endif
