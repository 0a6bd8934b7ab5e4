#include "cache/redis_connect.h"

#include <hiredis/hiredis.h>
#include <netdb.h>
#include <stdio.h>

#include "base/address.h"
#include "base/clock.h"

/* --- what Redis says -------------------------------------------------------------------------- */

static struct slice text_of(const struct redisReply *reply)
{
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
                   reply->type == REDIS_REPLY_ERROR;
    return is_text ? (struct slice){reply->str, reply->len} : SLICE_NONE;
}

int redis_reply_error(const struct redisReply *reply, struct err *err)
{
    struct slice text = text_of(reply);
    if (text.n > 120)
        text.n = 120;
    if (slice_starts_with(text, SLICE_LIT("NOAUTH")))
        return err_set(err, ERR_FORBIDDEN, "wants a password: redis://user:password@…");
    if (slice_starts_with(text, SLICE_LIT("WRONGPASS")))
        return err_set(err, ERR_FORBIDDEN, "does not accept this user and password");
    if (slice_starts_with(text, SLICE_LIT("NOPERM")))
        return err_set(err, ERR_FORBIDDEN, "the user lacks what docker/redis-users.acl gives: %.*s",
                       SLICE_ARG(text));
    if (slice_starts_with(text, SLICE_LIT("READONLY")))
        return err_set(err, ERR_INVALID, "is a replica, or read-only, by now: name the master, or Sentinels");
    if (slice_starts_with(text, SLICE_LIT("OOM")))
        return err_set(err, ERR_UNAVAILABLE, "is full: raise its maxmemory, or give sekisho a Redis of "
                                             "its own");
    if (slice_starts_with(text, SLICE_LIT("MISCONF")))
        return err_set(err, ERR_UNAVAILABLE,
                       "takes no writes, because it cannot save to disk (its log says why)");
    if (slice_starts_with(text, SLICE_LIT("LOADING")))
        return err_set(err, ERR_UNAVAILABLE, "is still loading its data");
    return err_set(err, ERR_UNAVAILABLE, "says: %.*s", SLICE_ARG(text));
}

/* A command whose only good answer is OK. */
static int demand(struct redis_link *link, const struct slice *words, unsigned count,
                  int64_t deadline_ms, struct err *err)
{
    struct redisReply *reply;
    int rc = redis_link_ask(link, words, count, deadline_ms, &reply, err);
    if (rc)
        return rc;
    if (reply->type == REDIS_REPLY_ERROR)
        rc = redis_reply_error(reply, err);
    else if (!slice_equals_text(text_of(reply), "OK"))
        rc = err_set(err, ERR_INVALID, "is not a Redis: no OK after %.*s", SLICE_ARG(words[0]));
    freeReplyObject(reply);
    return rc;
}

static int authenticate(struct redis_link *link, const struct redis_url *url, int64_t deadline_ms,
                        struct err *err)
{
    struct slice words[] = {SLICE_LIT("AUTH"), slice_of(url->user), slice_of(url->password)};
    if (words[1].n)
        return demand(link, words, 3, deadline_ms, err);
    words[1] = words[2];
    return demand(link, words, 2, deadline_ms, err);
}

static int demand_master(struct redis_link *link, int64_t deadline_ms, struct err *err)
{
    struct redisReply *reply;
    struct slice words[] = {SLICE_LIT("ROLE")}, role = SLICE_NONE;
    int rc = redis_link_ask(link, words, 1, deadline_ms, &reply, err);
    if (rc)
        return rc;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements)
        role = text_of(reply->element[0]);
    if (reply->type == REDIS_REPLY_ERROR)
        rc = redis_reply_error(reply, err);
    else if (slice_equals_text(role, "slave"))
        rc = err_set(err, ERR_INVALID, "is a replica: name the master, or Sentinels");
    else if (slice_equals_text(role, "sentinel"))
        rc = err_set(err, ERR_INVALID, "is a Sentinel: write redis+sentinel://host:port,…/MASTER");
    else if (!slice_equals_text(role, "master"))
        rc = err_set(err, ERR_INVALID, "is not a Redis: no role");
    freeReplyObject(reply);
    return rc;
}

/* --- connecting ------------------------------------------------------------------------------- */

static int log_in(struct redis_link *link, const struct redis_url *url, int64_t deadline_ms,
                  struct err *err)
{
    char number[16];
    snprintf(number, sizeof number, "%u", url->db);
    struct slice words[] = {SLICE_LIT("SELECT"), slice_of(number)};
    int rc = url->has_password ? authenticate(link, url, deadline_ms, err) : 0;
    if (!rc && url->db)
        rc = demand(link, words, 2, deadline_ms, err);
    return rc ? rc : demand_master(link, deadline_ms, err);
}

int redis_connect(const struct redis_url *url, const struct redis_place *place, int64_t deadline_ms,
                  struct redis_link **ret, struct err *err)
{
    struct redis_link *link = NULL;
    char address[ADDRESS_TEXT_BYTES];
    int rc = redis_link_open(place, deadline_ms, &link, err);
    rc = rc ? rc : log_in(link, url, deadline_ms, err);
    if (rc) {
        redis_link_close(link);
        return err_context(err, "--redis: %s",
                           address_format((const struct sockaddr *)&place->address, address));
    }
    *ret = link;
    return 0;
}

enum { PLACES_MAX = 4 }; /* of one name: localhost is ::1 and 127.0.0.1 */

static int look_up(const char *name, unsigned port, struct redis_place places[PLACES_MAX],
                   unsigned *ret_count, struct err *err)
{
    struct addrinfo *found, hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char service[8];
    unsigned count = 0;
    snprintf(service, sizeof service, "%u", port);
    int problem = getaddrinfo(name, service, &hints, &found);
    if (problem)
        return err_set(err, ERR_UNAVAILABLE, "--redis: %s: %s", name, gai_strerror(problem));
    for (struct addrinfo *one = found; one && count < PLACES_MAX; one = one->ai_next) {
        places[count].len = one->ai_addrlen;
        memcpy(&places[count++].address, one->ai_addr, one->ai_addrlen);
    }
    freeaddrinfo(found);
    *ret_count = count;
    return 0;
}

/* The first of a name's addresses where a master is; the error is the last one's. */
static int connect_name(const struct redis_url *url, const char *name, unsigned port,
                        int64_t attempt_ms, struct redis_place *ret_place, struct redis_link **ret,
                        struct err *err)
{
    struct redis_place places[PLACES_MAX];
    struct err last = {0};
    unsigned count = 0;
    int rc = look_up(name, port, places, &count, err);
    if (rc)
        return rc;
    for (unsigned i = 0; i < count; i++) {
        last = (struct err){0};
        rc = redis_connect(url, &places[i], clock_mono_ms() + attempt_ms, ret, &last);
        if (!rc) {
            *ret_place = places[i];
            return 0;
        }
    }
    return err_set(err, rc, "%s", last.text);
}

/* --- Sentinel --------------------------------------------------------------------------------- */

struct master_name {
    char host[REDIS_WORD_BYTES];
    unsigned port;
};

static int read_answer(const struct redisReply *reply, const char *master, struct master_name *ret,
                       struct err *err)
{
    if (slice_starts_with(text_of(reply), SLICE_LIT("ERR unknown command")))
        return err_set(err, ERR_INVALID, "is not a Sentinel");
    if (reply->type == REDIS_REPLY_ERROR)
        return redis_reply_error(reply, err);
    if (reply->type == REDIS_REPLY_NIL)
        return err_set(err, ERR_INVALID, "knows no master \"%s\"", master);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return err_set(err, ERR_INVALID, "is not a Sentinel");
    struct slice host = text_of(reply->element[0]), port = text_of(reply->element[1]);
    /* hiredis ends texts with a NUL */
    unsigned long number = port.n ? strtoul(port.p, NULL, 10) : 0;
    if (host.n == 0 || host.n >= sizeof ret->host || number == 0 || number > 65535)
        return err_set(err, ERR_INVALID, "names no address for \"%s\"", master);
    memcpy(ret->host, host.p, host.n);
    ret->host[host.n] = '\0';
    ret->port = (unsigned)number;
    return 0;
}

static bool wants_password(const struct redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           slice_starts_with(text_of(reply), SLICE_LIT("NOAUTH"));
}

/* Sentinels often have no password where Redis has one: it is sent to those only that ask for
 * it. */
static int ask_link(struct redis_link *link, const struct redis_url *url, int64_t deadline_ms,
                    struct master_name *ret, struct err *err)
{
    struct redisReply *reply = NULL;
    struct slice words[] = {SLICE_LIT("SENTINEL"), SLICE_LIT("get-master-addr-by-name"),
                            slice_of(url->master)};
    int rc = redis_link_ask(link, words, 3, deadline_ms, &reply, err);
    if (!rc && url->has_password && wants_password(reply)) {
        freeReplyObject(reply);
        reply = NULL;
        rc = authenticate(link, url, deadline_ms, err);
        rc = rc ? rc : redis_link_ask(link, words, 3, deadline_ms, &reply, err);
    }
    rc = rc ? rc : read_answer(reply, url->master, ret, err);
    if (reply)
        freeReplyObject(reply);
    return rc;
}

static int ask_sentinel(const struct redis_url *url, const struct redis_host *host,
                        struct master_name *ret, struct err *err)
{
    struct redis_place places[PLACES_MAX];
    unsigned count = 0;
    struct err last = {0};
    int rc = look_up(host->name, host->port, places, &count, err);
    if (rc)
        return rc;
    for (unsigned i = 0; i < count; i++) {
        int64_t deadline_ms = clock_mono_ms() + REDIS_SENTINEL_MS;
        struct redis_link *link = NULL;
        last = (struct err){0};
        rc = redis_link_open(&places[i], deadline_ms, &link, &last);
        rc = rc ? rc : ask_link(link, url, deadline_ms, ret, &last);
        redis_link_close(link);
        if (!rc)
            return 0;
    }
    return err_set(err, rc, "--redis: Sentinel %s:%u: %s", host->name, host->port, last.text);
}

int redis_find(const struct redis_url *url, int64_t attempt_ms, struct redis_place *ret_place,
               struct redis_link **ret, struct err *err)
{
    struct err last = {0};
    int rc = 0;
    if (!*url->master)
        return connect_name(url, url->hosts[0].name, url->hosts[0].port, attempt_ms, ret_place, ret,
                            err);
    for (unsigned i = 0; i < url->hosts_count; i++) {
        struct master_name master;
        last = (struct err){0};
        rc = ask_sentinel(url, &url->hosts[i], &master, &last);
        rc = rc ? rc : connect_name(url, master.host, master.port, attempt_ms, ret_place, ret,
                                    &last);
        if (!rc)
            return 0;
    }
    return err_set(err, rc, "%s", last.text);
}
