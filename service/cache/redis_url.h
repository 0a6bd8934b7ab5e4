/*
 * Where Redis is, as --redis says it; pure, nothing is looked up or connected.
 *
 *     redis://[user:password@]host[:port][/db]
 *     redis+sentinel://[user:password@]host[:port][,host[:port]…]/MASTER[/db]
 *
 * Hosts are names or addresses (IPv6 in brackets); ports are 6379 and, of Sentinels, 26379 when
 * left out. User, password and MASTER may be percent-encoded (RFC 3986 section 2.1). ":password@"
 * is the password of Redis' default user. A user without a colon is refused: who writes
 * redis://secret@host means a password, and it would be printed as a user's name.
 *
 * Errors never repeat the text: it may hold a password.
 */
#ifndef SEKISHO_CACHE_REDIS_URL_H
#define SEKISHO_CACHE_REDIS_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { REDIS_HOSTS_MAX = 8, REDIS_DB_MAX = 65535, REDIS_WORD_BYTES = 256 };

struct redis_url {
    unsigned hosts_count; /* 1, or that many Sentinels */
    struct redis_host {
        char name[REDIS_WORD_BYTES];
        uint16_t port;
    } hosts[REDIS_HOSTS_MAX];
    char master[REDIS_WORD_BYTES]; /* what Sentinels call it; "": the host is Redis itself */
    char user[REDIS_WORD_BYTES], password[REDIS_WORD_BYTES];
    bool has_password;
    unsigned db;
};

/* ERR_INVALID. The caller wipes *ret when done with it. */
int redis_url_parse(const char *text, struct redis_url *ret, struct err *err) MUST_CHECK;

#endif
