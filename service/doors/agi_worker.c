#include "doors/agi_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "doors/agi_reply.h"
#include "doors/metrics.h"
#include "engine/engine.h"

enum { EVENTS_AT_A_TIME = 64, LOG_LINES_A_SECOND = 5 };

static void count(struct agi_worker *worker, enum agi_count what, int change)
{
    /* only this thread writes, so an atomic addition would lock the bus for nothing */
    uint64_t now = atomic_load_explicit(&worker->counts[what], memory_order_relaxed);
    atomic_store_explicit(&worker->counts[what], now + (uint64_t)change, memory_order_relaxed);
}

/* What every door counts, under the same names. */
static void count_for_all(struct agi_worker *worker, enum agi_count what)
{
    struct metrics *metrics = worker->shared->metrics;
    if (metrics && what == COUNT_REFUSED_ADDRESS)
        metrics_refused(metrics, DOOR_AGI);
    if (metrics && what == COUNT_TIMEOUTS)
        metrics_cut_off(metrics, DOOR_AGI);
}

static void count_open(struct agi_worker *worker, int change)
{
    count(worker, COUNT_OPEN, change);
    if (worker->shared->metrics)
        metrics_connections(worker->shared->metrics, DOOR_AGI, change);
}

/* --- saying what was refused -------------------------------------------------------------------- */

/* A peer that sends rubbish in a loop must not fill the disk; the counters have the full number. */
static bool may_log(struct agi_worker *worker)
{
    int64_t second = clock_mono_ms() / 1000;
    if (second != worker->log_second) {
        worker->log_second = second;
        worker->log_lines = 0;
    }
    return worker->log_lines++ < LOG_LINES_A_SECOND;
}

/* The address comes first, for programs that ban; nothing that the peer wrote comes with it. */
static void refuse(struct agi_worker *worker, enum agi_count what, const union agi_peer *peer,
                   const char *reason, unsigned line)
{
    char text[ADDRESS_TEXT_BYTES];
    count(worker, what, +1);
    count_for_all(worker, what);
    if (may_log(worker))
        log_warn("agi_refused", "peer=%s reason=\"%s\" line=%u", address_format(&peer->any, text),
                 reason, line);
}

/* --- one session -------------------------------------------------------------------------------- */

static void end_session(struct agi_worker *worker, struct agi_session *session)
{
    close(session->fd);
    agi_session_give_back(&worker->sessions, session);
    count_open(worker, -1);
}

static void decide(struct agi_worker *worker, const struct call *call, struct verdict *ret)
{
    struct metrics *metrics = worker->shared->metrics;
    int64_t begun_ns = metrics ? clock_mono_ns() : 0;
    engine_decide(worker->shared->engine, call, ret);
    if (metrics)
        metrics_verdict(metrics, DOOR_AGI, ret, clock_mono_ns() - begun_ns);
}

/* The environment is complete: one verdict, one send. */
static void answer(struct agi_worker *worker, struct agi_session *session)
{
    struct call call;
    struct verdict verdict;
    struct err err;
    char bytes[AGI_REPLY_BYTES];
    struct buf reply = BUF_OVER(bytes);

    if (agi_env_call(&session->env, &call, &err)) {
        refuse(worker, COUNT_BAD_ENVIRONMENTS, &session->peer, err.text, session->env.lines);
        return;
    }
    decide(worker, &call, &verdict);
    struct agi_answer said = agi_answer_of(&verdict);
    if (agi_answer_write(&said, &reply, &err)) {
        count(worker, COUNT_FAILED, +1);
        if (may_log(worker))
            log_error("agi_reply", "decision_id=%s error=\"%s\"", verdict.decision_id, err.text);
        return;
    }
    /*
     * MSG_MORE: the answer leaves with the FIN of the close that follows, in one segment. Sent alone it
     * wakes Asterisk, whose first `200 result=1` may then be here, unread, before we close: the kernel
     * sends a RST in place of the FIN, and Asterisk logs an ERROR (2 calls in 100, on Asterisk 22).
     * The socket's buffer was empty, so a send that falls short is a connection that broke.
     */
    ssize_t sent = send(session->fd, reply.p, reply.n, MSG_NOSIGNAL | MSG_MORE);
    count(worker, sent == (ssize_t)reply.n ? COUNT_ANSWERED : COUNT_FAILED, +1);
}

/* True while the session has to wait for more. */
static bool read_session(struct agi_worker *worker, struct agi_session *session)
{
    size_t room;
    char *at = agi_env_room(&session->env, &room);
    ssize_t n = recv(session->fd, at, room, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0) {
        count(worker, COUNT_CUT_SHORT, +1);
        return false;
    }
    switch (agi_env_feed(&session->env, (size_t)n)) {
    case AGI_MORE: return true;
    case AGI_COMPLETE: answer(worker, session); return false;
    case AGI_REFUSED: break;
    }
    refuse(worker, COUNT_BAD_ENVIRONMENTS, &session->peer, session->env.refusal,
           session->env.lines + 1);
    return false;
}

static void expire_sessions(struct agi_worker *worker)
{
    struct agi_session *session = worker->sessions.oldest;
    if (!session)
        return;
    for (int64_t now = clock_mono_ms(); session && session->deadline_ms <= now;
         session = worker->sessions.oldest) {
        refuse(worker, COUNT_TIMEOUTS, &session->peer, "too slow", session->env.lines);
        end_session(worker, session);
    }
}

/* --- accepting ---------------------------------------------------------------------------------- */

static int watch(struct agi_worker *worker, int fd, uint32_t events, void *tag)
{
    struct epoll_event event = {.events = events, .data.ptr = tag};
    return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static void admit(struct agi_worker *worker, int fd, const union agi_peer *peer)
{
    const struct agi_shared *shared = worker->shared;
    count(worker, COUNT_CONNECTIONS, +1);
    if (shared->allow.count && !networks_contain(&shared->allow, &peer->any)) {
        refuse(worker, COUNT_REFUSED_ADDRESS, peer, "address not allowed", 0);
        close(fd);
        return;
    }
    int64_t deadline_ms = clock_mono_ms() + shared->session_ms_max;
    struct agi_session *session = agi_session_take(&worker->sessions, deadline_ms);
    if (!session) {
        refuse(worker, COUNT_REFUSED_FULL, peer, "too many sessions", 0);
        close(fd);
        return;
    }
    session->fd = fd;
    session->peer = *peer;
    count_open(worker, +1);
    /* the environment is often here already, and epoll need never hear of the session */
    bool waits = read_session(worker, session);
    if (waits && watch(worker, fd, EPOLLIN, session)) {
        count(worker, COUNT_FAILED, +1);
        waits = false;
    }
    if (!waits)
        end_session(worker, session);
}

/* Without a free descriptor accept() fails and the connection stays in the queue, where it would wake us
 * for ever and the PBX would wait. The spare one is there to accept it and turn it away. */
static void turn_away(struct agi_worker *worker)
{
    close(worker->spare_fd);
    union agi_peer peer = {.any.sa_family = AF_UNSPEC};
    socklen_t n = sizeof peer;
    int fd = accept4(worker->shared->listen_fd, &peer.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        count(worker, COUNT_CONNECTIONS, +1);
        refuse(worker, COUNT_REFUSED_FULL, &peer, "no file descriptor free", 0);
        close(fd);
    }
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* False when nobody is waiting any more. */
static bool accept_one(struct agi_worker *worker)
{
    union agi_peer peer;
    socklen_t n = sizeof peer;
    int fd = accept4(worker->shared->listen_fd, &peer.any, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        admit(worker, fd, &peer);
    else if (errno == EMFILE || errno == ENFILE)
        turn_away(worker);
    else if (errno != EINTR && errno != ECONNABORTED)
        return false;
    return true;
}

/* Whoever is in the queue still gets an answer. */
static void stop_listening(struct agi_worker *worker)
{
    struct agi_shared *shared = worker->shared;
    for (size_t i = 0; i < worker->sessions.count && accept_one(worker); i++)
        ;
    epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, shared->listen_fd, NULL);
    epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, shared->wake_fd, NULL);
    if (atomic_fetch_sub(&shared->listening, 1) == 1)
        shutdown(shared->listen_fd, SHUT_RDWR); /* from here on connecting is refused at once */
}

/* --- the loop ----------------------------------------------------------------------------------- */

static int wait_ms(const struct agi_worker *worker)
{
    const struct agi_session *oldest = worker->sessions.oldest;
    if (!oldest)
        return -1;
    int64_t left = oldest->deadline_ms - clock_mono_ms();
    return left > 0 ? (int)left : 0;
}

static void handle(struct agi_worker *worker, void *tag)
{
    if (tag == worker->shared) {
        /* no loop: who is left in the queue is reported again, and a try in vain costs a system call */
        accept_one(worker);
    } else if (tag == worker) {
        stop_listening(worker);
    } else if (!read_session(worker, tag)) {
        /* no other event of this round is this session's: it has one descriptor, and that one event */
        end_session(worker, tag);
    }
}

void *agi_worker_run(void *context)
{
    struct agi_worker *worker = context;
    struct epoll_event events[EVENTS_AT_A_TIME];
    bool is_listening = true;
    while (is_listening || worker->sessions.oldest) {
        int n = epoll_wait(worker->epoll_fd, events, EVENTS_AT_A_TIME, wait_ms(worker));
        for (int i = 0; i < n; i++) {
            is_listening = is_listening && events[i].data.ptr != worker;
            handle(worker, events[i].data.ptr);
        }
        expire_sessions(worker);
    }
    return NULL;
}

int agi_worker_init(struct agi_worker *worker, struct agi_shared *shared, size_t sessions_max,
                    struct err *err)
{
    memset(worker, 0, sizeof *worker);
    worker->shared = shared;
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    /* EPOLLEXCLUSIVE: one connection wakes one worker, not all */
    if (worker->epoll_fd < 0 || worker->spare_fd < 0 ||
        watch(worker, shared->listen_fd, EPOLLIN | EPOLLEXCLUSIVE, shared) ||
        watch(worker, shared->wake_fd, EPOLLIN, worker)) {
        int failed = err_set(err, ERR_IO, "epoll: %s", strerror(errno));
        agi_worker_release(worker);
        return failed;
    }
    int failed = agi_sessions_init(&worker->sessions, sessions_max, err);
    if (failed)
        agi_worker_release(worker);
    return failed;
}

void agi_worker_release(struct agi_worker *worker)
{
    if (worker->epoll_fd >= 0)
        close(worker->epoll_fd);
    if (worker->spare_fd >= 0)
        close(worker->spare_fd);
    agi_sessions_release(&worker->sessions);
}
