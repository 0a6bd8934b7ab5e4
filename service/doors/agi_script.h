/*
 * The address of a FastAGI request behind the host: `authorize?tenant=acme&account=1001`.
 *
 * It is written in the dialplan, so it is what tells the tenant; every value is percent-encoded
 * (RFC 3986, what Asterisk's URIENCODE() makes). One path, five known keys, each at most once:
 * anything else is a dialplan that means something we do not know, and is refused. Pure.
 */
#ifndef SEKISHO_DOORS_AGI_SCRIPT_H
#define SEKISHO_DOORS_AGI_SCRIPT_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/call.h"

struct agi_script {
    struct slice tenant; /* never empty */
    struct slice account, source_ip;
    enum origin origin;
    uint64_t min_revision;
};

/* Decodes `text` in place; *ret borrows it. ERR_INVALID: another path, an unknown, repeated or malformed
 * key or value, no tenant; *ret is then untouched. The text of err names keys, never values. */
int agi_script_read(char *text, size_t n, struct agi_script *ret, struct err *err) MUST_CHECK;

#endif
