#include "cache/redis_link.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

/* hiredis 0.14 refuses more than 8 levels; 1.2 takes millions and frees them by recursion, which ends
 * at the end of the stack. What we ask for has three at most. */
enum { REPLY_DEPTH_MAX = 7 };

/* An element takes at least four bytes. hiredis makes room for as many as the reply announces, before one
 * is there, and looks at each when it is thrown away: 16 GB and ten seconds for a line of garbage. */
enum { REPLY_ELEMENTS_MAX = REDIS_REPLY_BYTES_MAX / 4 };

#if HIREDIS_MAJOR >= 1
typedef size_t elements_t;
#else
typedef int elements_t;
#endif

struct redis_link {
    int fd;
    redisReader *reader;
    redisReplyObjectFunctions functions; /* hiredis's own, but for create_array() */
    void *(*create_array)(const redisReadTask *task, elements_t count);
    size_t pending_bytes; /* taken in since the last whole reply */
};

/* Until the socket can be read or written. ERR_UNAVAILABLE when it is not by then. */
static int wait_for(int fd, short events, int64_t deadline_ms, struct err *err)
{
    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        struct pollfd pollfd = {.fd = fd, .events = events};
        if (left_ms < 0)
            return err_set(err, ERR_UNAVAILABLE, "no answer in time");
        int n = poll(&pollfd, 1, left_ms > 60000 ? 60000 : (int)left_ms);
        if (n > 0)
            return 0;
        if (n == 0 && deadline_ms <= clock_mono_ms())
            return err_set(err, ERR_UNAVAILABLE, "no answer in time");
        if (n < 0 && errno != EINTR)
            return err_set(err, ERR_UNAVAILABLE, "%s", strerror(errno));
    }
}

static int connect_to(int fd, const struct redis_place *place, int64_t deadline_ms, struct err *err)
{
    int problem = 0, yes = 1;
    socklen_t n = sizeof problem;
    if (connect(fd, (const struct sockaddr *)&place->address, place->len) != 0) {
        if (errno != EINPROGRESS)
            return err_set(err, ERR_UNAVAILABLE, "%s", strerror(errno));
        int rc = wait_for(fd, POLLOUT, deadline_ms, err);
        if (rc)
            return rc;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &n) != 0)
            problem = errno;
    }
    if (problem)
        return err_set(err, ERR_UNAVAILABLE, "%s", strerror(problem));
    /* both only make it better; a socket that cannot is still good */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    return 0;
}

static void *create_array(const redisReadTask *task, elements_t count)
{
    const struct redis_link *link = task->privdata;
    return count <= REPLY_ELEMENTS_MAX ? link->create_array(task, count) : NULL;
}

static void bound_arrays(struct redis_link *link)
{
    link->functions = *link->reader->fn;
    link->create_array = link->functions.createArray;
    link->functions.createArray = create_array;
    link->reader->fn = &link->functions;
    link->reader->privdata = link;
}

int redis_link_open(const struct redis_place *place, int64_t deadline_ms, struct redis_link **ret,
                    struct err *err)
{
    struct redis_link *link = calloc(1, sizeof *link);
    if (!link)
        return err_set(err, ERR_NOMEM, "out of memory");
    link->fd = socket(place->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    link->reader = redisReaderCreate();
    int rc = 0;
    if (link->reader)
        bound_arrays(link);
    if (link->fd < 0)
        rc = err_set(err, ERR_UNAVAILABLE, "%s", strerror(errno));
    else if (!link->reader)
        rc = err_set(err, ERR_NOMEM, "out of memory");
    else
        rc = connect_to(link->fd, place, deadline_ms, err);
    if (rc)
        redis_link_close(link);
    else
        *ret = link;
    return rc;
}

void redis_link_close(struct redis_link *link)
{
    if (!link)
        return;
    if (link->fd >= 0)
        close(link->fd);
    if (link->reader)
        redisReaderFree(link->reader);
    free(link);
}

int redis_link_fd(const struct redis_link *link)
{
    return link->fd;
}

static int send_all(int fd, struct slice bytes, int64_t deadline_ms, struct err *err)
{
    int rc = 0;
    while (!rc && bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n >= 0)
            bytes = (struct slice){bytes.p + n, bytes.n - (size_t)n};
        else if (errno == EAGAIN)
            rc = wait_for(fd, POLLOUT, deadline_ms, err);
        else if (errno != EINTR)
            rc = err_set(err, ERR_UNAVAILABLE, "%s", strerror(errno));
    }
    return rc;
}

int redis_link_send(struct redis_link *link, const struct slice *words, unsigned count,
                    int64_t deadline_ms, struct err *err)
{
    const char *texts[REDIS_WORDS_MAX];
    size_t lengths[REDIS_WORDS_MAX];
    char *command = NULL;
    for (unsigned i = 0; i < count && i < REDIS_WORDS_MAX; i++) {
        texts[i] = words[i].p;
        lengths[i] = words[i].n;
    }
    long long n = count <= REDIS_WORDS_MAX
                      ? redisFormatCommandArgv(&command, (int)count, texts, lengths) : -1;
    if (n < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = send_all(link->fd, (struct slice){command, (size_t)n}, deadline_ms, err);
    redisFreeCommand(command);
    return rc;
}

int redis_link_take_in(struct redis_link *link, struct err *err)
{
    char bytes[16384];
    ssize_t n = recv(link->fd, bytes, sizeof bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        return err_set(err, ERR_UNAVAILABLE, "%s", strerror(errno));
    if (n == 0)
        return err_set(err, ERR_UNAVAILABLE, "closed the connection");
    link->pending_bytes += (size_t)n;
    if (link->pending_bytes > REDIS_REPLY_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "an answer of more than %d MB", REDIS_REPLY_BYTES_MAX >> 20);
    if (redisReaderFeed(link->reader, bytes, (size_t)n) != REDIS_OK)
        return err_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

int redis_link_next(struct redis_link *link, struct redisReply **ret, struct err *err)
{
    void *reply = NULL;
    if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
        return err_set(err, ERR_INVALID, "is not a Redis: %s", link->reader->errstr);
    if (!reply && link->reader->ridx > REPLY_DEPTH_MAX)
        return err_set(err, ERR_INVALID, "is not a Redis: an answer nested that deeply");
    if (reply)
        link->pending_bytes = link->reader->len - link->reader->pos;
    *ret = reply;
    return 0;
}

int redis_link_await(struct redis_link *link, int64_t deadline_ms, struct redisReply **ret,
                     struct err *err)
{
    struct redisReply *reply = NULL;
    int rc = redis_link_next(link, &reply, err); /* may have come with the one before */
    while (!rc && !reply) {
        rc = wait_for(link->fd, POLLIN, deadline_ms, err);
        rc = rc ? rc : redis_link_take_in(link, err);
        rc = rc ? rc : redis_link_next(link, &reply, err);
    }
    if (!rc)
        *ret = reply;
    return rc;
}

int redis_link_ask(struct redis_link *link, const struct slice *words, unsigned count,
                   int64_t deadline_ms, struct redisReply **ret, struct err *err)
{
    int rc = redis_link_send(link, words, count, deadline_ms, err);
    return rc ? rc : redis_link_await(link, deadline_ms, ret, err);
}
