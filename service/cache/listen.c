#include "cache/listen.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "cache/pool.h"
#include "cache/redis_connect.h"
#include "cache/tracking.h"

enum {
    ATTEMPT_MS = 1000,         /* to connect and set everything up */
    PAUSE_MIN_MS = 50,         /* before trying again, doubled each time… */
    PAUSE_MAX_MS = 2000,       /* …up to this, less a random half */
    HEARD_MS = 5 * LISTEN_BEAT_MS / 2,
    CANARY_LIVES_MS = 10 * LISTEN_BEAT_MS,
};

struct listener {
    struct listener_config config;
    char canary[sizeof CACHE_CANARY + 16];
    int stop_fd; /* readable: end */
    pthread_t thread;
    bool is_stopped; /* of who started it alone */

    /* of the thread alone */
    struct redis_link *ears, *hand;
    int64_t beat_at_ms; /* when the next beat is due */
    bool awaits_canary, awaits_pong, awaits_hand;
    bool heard_canary; /* in this life of the connections */
    bool was_set_out;  /* in this life or one before */
    struct redis_place place;

    _Atomic int64_t heard_at_ms; /* when the canary was last heard; 0: not hearing */
    _Atomic uint64_t invalidations, flushes, reconnects;
};

/* --- setting up ------------------------------------------------------------------------------- */

static void hang_up(struct listener *listener)
{
    redis_link_close(listener->ears);
    redis_link_close(listener->hand);
    listener->ears = listener->hand = NULL;
    atomic_store(&listener->heard_at_ms, 0);
}

/* Finds Redis and sets up ears and hand; the pool learns where it is as soon as that is known. */
static int set_out(struct listener *listener, struct err *err)
{
    const struct redis_url *url = listener->config.url;
    int rc = redis_find(url, ATTEMPT_MS, &listener->place, &listener->hand, err);
    if (rc) {
        pool_lost(listener->config.pool);
        return rc;
    }
    pool_found(listener->config.pool, &listener->place);
    int64_t deadline_ms = clock_mono_ms() + ATTEMPT_MS;
    rc = redis_connect(url, &listener->place, deadline_ms, &listener->ears, err);
    if (rc)
        return rc;
    rc = tracking_start(listener->ears, CACHE_TOLD, deadline_ms, err);
    if (rc)
        return err_context(err, "--redis: client tracking, which needs Redis 6 or newer");
    listener->awaits_canary = listener->awaits_pong = listener->awaits_hand = false;
    listener->beat_at_ms = clock_mono_ms();
    return 0;
}

/* --- hearing ---------------------------------------------------------------------------------- */

static struct slice element_text(const struct redisReply *array, size_t i)
{
    if (array->type != REDIS_REPLY_ARRAY || i >= array->elements ||
        array->element[i]->type != REDIS_REPLY_STRING)
        return SLICE_NONE;
    return (struct slice){array->element[i]->str, array->element[i]->len};
}

static void hear_canary(struct listener *listener)
{
    char address[ADDRESS_TEXT_BYTES];
    if (!listener->heard_canary)
        log_info("redis_listening", "address=%s",
                 address_format((const struct sockaddr *)&listener->place.address, address));
    listener->awaits_canary = false;
    listener->heard_canary = true;
    atomic_store(&listener->heard_at_ms, clock_mono_ms());
}

static void doubt(struct listener *listener)
{
    listener->config.heard(listener->config.context, NULL);
}

/* One key that is tracked: an edit, or somebody's canary. */
static void hear_key(struct listener *listener, struct slice key)
{
    struct cache_name name;
    size_t prefix = sizeof CACHE_TOLD - 1;
    if (slice_equals_text(key, listener->canary))
        hear_canary(listener);
    if (slice_starts_with(key, SLICE_LIT(CACHE_CANARY)))
        return; /* other nodes' are heard, too */
    atomic_fetch_add(&listener->invalidations, 1);
    if (key.n != prefix + sizeof name.text - 1)
        return; /* no node of ours made it */
    memcpy(name.text, key.p + prefix, sizeof name.text - 1);
    name.text[sizeof name.text - 1] = '\0';
    listener->config.heard(listener->config.context, &name);
}

/* Keys that were written, or nil: all of them. */
static void hear_keys(struct listener *listener, const struct redisReply *keys)
{
    if (keys->type == REDIS_REPLY_NIL) {
        atomic_fetch_add(&listener->flushes, 1);
        doubt(listener);
    }
    for (size_t i = 0; keys->type == REDIS_REPLY_ARRAY && i < keys->elements; i++)
        hear_key(listener, element_text(keys, i));
}

static int hear(struct listener *listener, const struct redisReply *reply, struct err *err)
{
    struct slice kind = element_text(reply, 0);
    if (slice_equals_text(kind, "message") && reply->elements == 3 &&
        slice_equals_text(element_text(reply, 1), TRACKING_CHANNEL)) {
        hear_keys(listener, reply->element[2]);
        return 0;
    }
    if (slice_equals_text(kind, "pong")) {
        listener->awaits_pong = false;
        return 0;
    }
    return reply->type == REDIS_REPLY_ERROR ? redis_reply_error(reply, err)
                                            : err_set(err, ERR_INVALID, "an unexpected message");
}

static int read_ears(struct listener *listener, struct err *err)
{
    struct redisReply *reply = NULL;
    int rc = redis_link_take_in(listener->ears, err);
    do {
        rc = rc ? rc : redis_link_next(listener->ears, &reply, err);
        if (rc || !reply)
            break;
        rc = hear(listener, reply, err);
        freeReplyObject(reply);
    } while (!rc);
    return rc;
}

/* The answer to the canary's SET. */
static int read_hand(struct listener *listener, struct err *err)
{
    struct redisReply *reply = NULL;
    int rc = redis_link_take_in(listener->hand, err);
    rc = rc ? rc : redis_link_next(listener->hand, &reply, err);
    if (rc || !reply)
        return rc;
    listener->awaits_hand = false;
    if (reply->type == REDIS_REPLY_ERROR)
        rc = redis_reply_error(reply, err);
    freeReplyObject(reply);
    return rc;
}

/* --- beating ---------------------------------------------------------------------------------- */

static int send_beat(struct listener *listener, struct err *err)
{
    char lives_ms[16];
    snprintf(lives_ms, sizeof lives_ms, "%d", CANARY_LIVES_MS);
    struct slice ping[] = {SLICE_LIT("PING")};
    struct slice set[] = {SLICE_LIT("SET"), slice_of(listener->canary), SLICE_LIT("1"),
                          SLICE_LIT("PX"), slice_of(lives_ms)};
    int64_t now_ms = clock_mono_ms();
    listener->beat_at_ms = now_ms + LISTEN_BEAT_MS;
    listener->awaits_canary = listener->awaits_pong = listener->awaits_hand = true;
    int rc = redis_link_send(listener->ears, ping, 1, now_ms, err);
    return rc ? rc : redis_link_send(listener->hand, set, 5, now_ms, err);
}

/* Was everything of the beat before heard? Then the next one. */
static int beat(struct listener *listener, struct err *err)
{
    if (listener->awaits_hand)
        return err_set(err, ERR_UNAVAILABLE, "no answer for %d ms", LISTEN_BEAT_MS);
    if (listener->awaits_canary && listener->awaits_pong)
        return err_set(err, ERR_UNAVAILABLE, "the tracking connection is silent");
    if (listener->awaits_canary)
        return err_set(err, ERR_UNAVAILABLE, "tracking has ended: the canary was not heard");
    return send_beat(listener, err);
}

/* Until the thread is to end (0) or something is wrong. */
static int listen_on_ears(struct listener *listener, struct err *err)
{
    int rc = 0;
    while (!rc) {
        struct pollfd fds[] = {{.fd = redis_link_fd(listener->ears), .events = POLLIN},
                               {.fd = redis_link_fd(listener->hand), .events = POLLIN},
                               {.fd = listener->stop_fd, .events = POLLIN}};
        int64_t left_ms = listener->beat_at_ms - clock_mono_ms();
        if (poll(fds, 3, left_ms > 0 ? (int)left_ms : 0) < 0)
            continue; /* a signal */
        if (fds[2].revents)
            return 0;
        if (fds[0].revents)
            rc = read_ears(listener, err);
        if (!rc && fds[1].revents)
            rc = read_hand(listener, err);
        if (!rc && clock_mono_ms() >= listener->beat_at_ms)
            rc = beat(listener, err);
    }
    return rc;
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool is_stopping(struct listener *listener, int wait_ms)
{
    struct pollfd stop = {.fd = listener->stop_fd, .events = POLLIN};
    return poll(&stop, 1, wait_ms) > 0;
}

static void log_lost(const struct err *err)
{
    char text[LOG_VALUE_BYTES];
    log_warn("redis_lost", "reason=%s", log_value(slice_of(err->text), text));
}

/* One life of the connections; 0 when the thread is to end. */
static int live_once(struct listener *listener, struct err *err)
{
    listener->heard_canary = false;
    int rc = set_out(listener, err);
    if (rc)
        return rc;
    if (listener->was_set_out)
        atomic_fetch_add(&listener->reconnects, 1);
    listener->was_set_out = true;
    doubt(listener); /* what was put before these ears were there */
    rc = listen_on_ears(listener, err);
    if (rc) {
        err_context(err, "--redis");
        doubt(listener);
    }
    return rc;
}

/* Half of it at least, so that nodes that lost Redis together do not come back together. */
static int with_jitter(int pause_ms)
{
    return pause_ms / 2 + (int)randombytes_uniform((uint32_t)pause_ms / 2);
}

static void *listen_to_redis(void *context)
{
    struct listener *listener = context;
    int pause_ms = PAUSE_MIN_MS;
    bool has_told = false; /* an outage is logged once */
    for (;;) {
        struct err err = {0};
        int rc = live_once(listener, &err);
        hang_up(listener);
        if (!rc)
            return NULL;
        if (!has_told || listener->heard_canary)
            log_lost(&err);
        has_told = true;
        pause_ms = listener->heard_canary ? PAUSE_MIN_MS : pause_ms;
        if (is_stopping(listener, with_jitter(pause_ms)))
            return NULL;
        pause_ms = pause_ms > PAUSE_MAX_MS / 2 ? PAUSE_MAX_MS : 2 * pause_ms;
    }
}

int listener_start(const struct listener_config *config, struct listener **ret, struct err *err)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return err_set(err, ERR_NOMEM, "out of memory");
    unsigned char id[8];
    size_t prefix = sizeof CACHE_CANARY - 1;
    listener->config = *config;
    randombytes_buf(id, sizeof id);
    memcpy(listener->canary, CACHE_CANARY, prefix);
    sodium_bin2hex(listener->canary + prefix, sizeof listener->canary - prefix, id, sizeof id);
    listener->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (listener->stop_fd < 0 ||
        pthread_create(&listener->thread, NULL, listen_to_redis, listener) != 0) {
        if (listener->stop_fd >= 0)
            close(listener->stop_fd);
        free(listener);
        return err_set(err, ERR_UNAVAILABLE, "no thread to listen to Redis");
    }
    *ret = listener;
    return 0;
}

void listener_stop(struct listener *listener)
{
    if (listener->is_stopped)
        return;
    eventfd_write(listener->stop_fd, 1);
    pthread_join(listener->thread, NULL);
    listener->is_stopped = true;
}

void listener_free(struct listener *listener)
{
    if (!listener)
        return;
    listener_stop(listener);
    close(listener->stop_fd);
    free(listener);
}

bool listener_is_hearing(const struct listener *listener)
{
    int64_t heard_at_ms = atomic_load(&listener->heard_at_ms);
    return heard_at_ms && clock_mono_ms() - heard_at_ms < HEARD_MS;
}

struct listener_totals listener_totals(const struct listener *listener)
{
    return (struct listener_totals){
        .invalidations = atomic_load(&listener->invalidations),
        .flushes = atomic_load(&listener->flushes),
        .reconnects = atomic_load(&listener->reconnects),
    };
}
