#include "cache/tracking.h"

#include <hiredis/hiredis.h>
#include <stdio.h>

#include "cache/redis_connect.h"

static int read_id(const struct redisReply *reply, char id[24], struct err *err)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return redis_reply_error(reply, err);
    if (reply->type != REDIS_REPLY_INTEGER)
        return err_set(err, ERR_INVALID, "is not a Redis: no client id");
    snprintf(id, 24, "%lld", reply->integer);
    return 0;
}

static int ask_id(struct redis_link *link, int64_t deadline_ms, char id[24], struct err *err)
{
    struct redisReply *reply;
    struct slice words[] = {SLICE_LIT("CLIENT"), SLICE_LIT("ID")};
    int rc = redis_link_ask(link, words, 2, deadline_ms, &reply, err);
    if (rc)
        return rc;
    rc = read_id(reply, id, err);
    freeReplyObject(reply);
    return rc;
}

static int set_up(struct redis_link *link, const struct slice *words, unsigned count,
                  int64_t deadline_ms, struct err *err)
{
    struct redisReply *reply;
    int rc = redis_link_ask(link, words, count, deadline_ms, &reply, err);
    if (rc)
        return rc;
    if (reply->type == REDIS_REPLY_ERROR)
        rc = redis_reply_error(reply, err);
    freeReplyObject(reply);
    return rc;
}

int tracking_start(struct redis_link *link, const char *prefix, int64_t deadline_ms,
                   struct err *err)
{
    char id[24] = "";
    int rc = ask_id(link, deadline_ms, id, err);
    struct slice track[] = {SLICE_LIT("CLIENT"), SLICE_LIT("TRACKING"), SLICE_LIT("ON"),
                            SLICE_LIT("REDIRECT"), slice_of(id), SLICE_LIT("BCAST"),
                            SLICE_LIT("PREFIX"), slice_of(prefix)};
    struct slice subscribe[] = {SLICE_LIT("SUBSCRIBE"), SLICE_LIT(TRACKING_CHANNEL)};
    if (!rc)
        rc = set_up(link, track, sizeof track / sizeof *track, deadline_ms, err);
    if (!rc)
        rc = set_up(link, subscribe, 2, deadline_ms, err);
    return rc;
}
