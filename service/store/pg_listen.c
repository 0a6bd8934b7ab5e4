#include "store/pg_listen.h"

#include <poll.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    CONNECT_MS = 1000,
    ANSWER_MS = 1000,
    RETRY_MS = 5000,         /* after a failure */
    RETRY_POOLER_MS = 60000, /* somebody may take the pooler away */
};

struct pg_listener {
    struct pg_target *target;
    PGconn *pg; /* NULL: not listening */
    int64_t retry_at_ms;
};

int pg_listener_new(struct pg_target *target, struct pg_listener **ret, struct err *err)
{
    struct pg_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return err_set(err, ERR_NOMEM, "out of memory");
    listener->target = target;
    *ret = listener;
    return 0;
}

void pg_listener_free(struct pg_listener *listener)
{
    if (!listener)
        return;
    PQfinish(listener->pg);
    free(listener);
}

static void hang_up(struct pg_listener *listener, int retry_ms)
{
    PQfinish(listener->pg);
    listener->pg = NULL;
    listener->retry_at_ms = clock_mono_ms() + retry_ms;
}

/* Was it connected just now? */
static bool connect(struct pg_listener *listener)
{
    if (clock_mono_ms() < listener->retry_at_ms)
        return false;
    if (pg_connect(listener->target, CONNECT_MS, &listener->pg, NULL) < 0) {
        listener->pg = NULL;
        hang_up(listener, RETRY_MS);
        return false;
    }
    if (!pg_is_direct(listener->pg)) {
        hang_up(listener, RETRY_POOLER_MS);
        return false;
    }
    /* a NOTIFY has nothing to keep: it need not wait for the disk, nor for a replica */
    if (pg_run(listener->pg, "SET synchronous_commit = off; LISTEN sekisho_feed", ANSWER_MS, NULL,
               NULL) < 0) {
        hang_up(listener, RETRY_MS);
        return false;
    }
    return true;
}

/* Were there notifications that are not our own? */
static bool take_notifications(struct pg_listener *listener)
{
    bool any = false;
    PGnotify *notify;
    if (!PQconsumeInput(listener->pg)) {
        hang_up(listener, RETRY_MS);
        return true; /* look at once; who knows what was missed */
    }
    while ((notify = PQnotifies(listener->pg))) {
        any = any || notify->be_pid != PQbackendPID(listener->pg);
        PQfreemem(notify);
    }
    return any;
}

static void tell_others(struct pg_listener *listener)
{
    if (!listener->pg)
        return;
    if (pg_run(listener->pg, "NOTIFY sekisho_feed", ANSWER_MS, NULL, NULL) == 0)
        (void)!take_notifications(listener); /* the caller looks at the feed anyway */
    else
        hang_up(listener, RETRY_MS);
}

/* Why somebody rang, each reason seen once. True: the caller is to look at the feed. */
static bool answer_bell(struct pg_listener *listener, struct sql_bell *bell)
{
    bool is_wanted = atomic_exchange(&bell->is_wanted, false);
    bool has_committed = atomic_exchange(&bell->has_committed, false);
    if (has_committed)
        tell_others(listener);
    return is_wanted || has_committed;
}

bool pg_listener_wait(struct pg_listener *listener, struct sql_bell *bell, int timeout_ms)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms, left_ms;
    if (!listener->pg && connect(listener))
        return true;
    while ((left_ms = deadline_ms - clock_mono_ms()) > 0) {
        struct pollfd fds[] = {{.fd = bell->fd, .events = POLLIN},
                               {.fd = listener->pg ? PQsocket(listener->pg) : -1, .events = POLLIN}};
        if (poll(fds, 2, (int)left_ms) <= 0)
            continue;
        uint64_t count; /* emptied first: who rings from now on is seen the next time */
        if (fds[0].revents & POLLIN && read(bell->fd, &count, sizeof count) > 0 &&
            answer_bell(listener, bell))
            return true;
        if (fds[1].revents && listener->pg && take_notifications(listener))
            return true;
    }
    return false;
}
