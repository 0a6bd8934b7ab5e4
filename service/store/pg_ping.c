#include "store/pg_ping.h"

#include <pthread.h>

#include "base/clock.h"

struct pg_ping {
    struct pg_target *target;
    PGconn *pg; /* of the one who asks; NULL: none */
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t is_answered;
    bool is_asking;
    struct err answer; /* of the last one; code 0: all is well */
};

int pg_ping_new(struct pg_target *target, struct pg_ping **ret, struct err *err)
{
    pthread_condattr_t monotonic;
    struct pg_ping *ping = calloc(1, sizeof *ping);
    if (!ping)
        return err_set(err, ERR_NOMEM, "out of memory");
    ping->target = target;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&ping->mutex, NULL);
    pthread_cond_init(&ping->is_answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret = ping;
    return 0;
}

void pg_ping_free(struct pg_ping *ping)
{
    if (!ping)
        return;
    PQfinish(ping->pg);
    pthread_cond_destroy(&ping->is_answered);
    pthread_mutex_destroy(&ping->mutex);
    free(ping);
}

static int left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - clock_mono_ms();
    return left > 1 ? (int)left : 1;
}

static int look(struct pg_ping *ping, int64_t deadline_ms, struct err *err)
{
    PGresult *result = NULL;
    int r = pg_run(ping->pg, "SHOW transaction_read_only", left_ms(deadline_ms), &result, err);
    if (r == 0 && strcmp(PQgetvalue(result, 0, 0), "off") != 0)
        r = err_set(err, ERR_UNAVAILABLE, "store: the database is read-only");
    if (r == 0)
        pg_target_is_well(ping->target);
    PQclear(result);
    return r;
}

static void hang_up(struct pg_ping *ping)
{
    PQfinish(ping->pg);
    ping->pg = NULL;
}

/* A connection kept from earlier says nothing when it turns out dead: then a new one is made. */
static int ask(struct pg_ping *ping, int64_t deadline_ms, struct err *err)
{
    if (ping->pg && look(ping, deadline_ms, NULL) == 0)
        return 0;
    hang_up(ping);
    int r = pg_connect(ping->target, left_ms(deadline_ms), &ping->pg, err);
    if (r < 0) {
        ping->pg = NULL;
        return r;
    }
    r = look(ping, deadline_ms, err);
    if (r < 0)
        hang_up(ping);
    return r;
}

static int wait_for_other(struct pg_ping *ping, int64_t deadline_ms, struct err *err)
{
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
    int waited = 0;
    while (ping->is_asking && waited == 0)
        waited = pthread_cond_timedwait(&ping->is_answered, &ping->mutex, &until);
    if (ping->is_asking)
        return err_set(err, ERR_UNAVAILABLE, "store: no answer in time");
    return ping->answer.code ? err_set(err, ping->answer.code, "%s", ping->answer.text) : 0;
}

int pg_ping(struct pg_ping *ping, int timeout_ms, struct err *err)
{
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    struct err said = {0};
    pthread_mutex_lock(&ping->mutex);
    if (ping->is_asking) {
        int r = wait_for_other(ping, deadline_ms, err);
        pthread_mutex_unlock(&ping->mutex);
        return r;
    }
    ping->is_asking = true;
    pthread_mutex_unlock(&ping->mutex);
    int r = ask(ping, deadline_ms, &said);
    pthread_mutex_lock(&ping->mutex);
    ping->is_asking = false;
    ping->answer = said;
    pthread_cond_broadcast(&ping->is_answered);
    pthread_mutex_unlock(&ping->mutex);
    return r < 0 ? err_set(err, r, "%s", said.text) : 0;
}
