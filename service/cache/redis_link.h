/*
 * One connection to Redis: words out, replies in, each step with a moment by which it ends.
 *
 * Of hiredis only the parser and the formatter are used, which 0.14 and 1.2 have alike. Its
 * contexts wait per read and not per answer, so that a server that drips bytes outlasts every
 * limit.
 *
 * After an error the link is of no use: a late answer would be taken for the next one's (pitfalls
 * C.2). Close it. One thread at a time.
 */
#ifndef SEKISHO_CACHE_REDIS_LINK_H
#define SEKISHO_CACHE_REDIS_LINK_H

#include <sys/socket.h>

#include "base/err.h"
#include "base/slice.h"

struct redis_link;
struct redisReply; /* hiredis/hiredis.h; given back with freeReplyObject() */

/* Enough for the largest ruleset; whoever holds the other end may send anything. */
enum { REDIS_REPLY_BYTES_MAX = 32 << 20, REDIS_WORDS_MAX = 16 };

/* A numeric address, looked up already. */
struct redis_place {
    socklen_t len;
    struct sockaddr_storage address;
};

/* ERR_UNAVAILABLE: refused, unreachable, or not connected by then. */
int redis_link_open(const struct redis_place *place, int64_t deadline_ms, struct redis_link **ret,
                    struct err *err) MUST_CHECK;
void redis_link_close(struct redis_link *link); /* NULL is fine */
int redis_link_fd(const struct redis_link *link); /* to poll for reading */

/* Sends one command. ERR_UNAVAILABLE. */
int redis_link_send(struct redis_link *link, const struct slice *words, unsigned count,
                    int64_t deadline_ms, struct err *err) MUST_CHECK;

/* Takes in what has arrived, without waiting. ERR_UNAVAILABLE: closed; ERR_LIMIT: too long. */
int redis_link_take_in(struct redis_link *link, struct err *err) MUST_CHECK;
/* The next reply of what was taken in, returned new; *ret NULL: none is whole yet. ERR_INVALID:
 * this is not the Redis protocol. */
int redis_link_next(struct redis_link *link, struct redisReply **ret, struct err *err) MUST_CHECK;

/* Waits for the next reply, returned new; an error reply is a reply. */
int redis_link_await(struct redis_link *link, int64_t deadline_ms, struct redisReply **ret,
                     struct err *err) MUST_CHECK;
/* Sends and waits for the reply. */
int redis_link_ask(struct redis_link *link, const struct slice *words, unsigned count,
                   int64_t deadline_ms, struct redisReply **ret, struct err *err) MUST_CHECK;

#endif
