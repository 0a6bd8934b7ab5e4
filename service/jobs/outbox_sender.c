#include "jobs/outbox_sender.h"

#include <pthread.h>
#include <sodium.h>

#include "base/log.h"

enum {
    WEBHOOK_THREADS = 3, /* a few, because receivers may be slow */
    THREADS = 1 + WEBHOOK_THREADS,
    MAILS_AT_ONCE = 4, /* of one claim: 30 s each at most, well within the lease */
    LEASE_MS = 180000,
    POLL_MS = 2000,
    COUNT_MS = 10000,
    PURGE_MS = 3600000,
    PURGED_AT_ONCE = 500,
    PAUSE_MS_MAX = 2 * 3600 * 1000,
    AWAY_MS_MAX = 30000,
};
static const int64_t kept_ms = INT64_C(180) * 24 * 3600 * 1000;

struct worker {
    struct outbox_sender *sender;
    enum outbox_channel channel;
    bool is_keeper; /* counts and purges as well */
    struct smtp *smtp;
    struct webhook *webhook;
    int64_t counted_at_ms, purged_at_ms;
    pthread_t thread;
    bool is_running;
};

struct outbox_sender {
    struct outbox_sender_config config;
    char run[ULID_BYTES];
    struct outbox_claimer claimer;
    struct delivery_stop stop;
    _Atomic uint64_t sent, failed, given_up, waiting;
    struct worker workers[THREADS];
    pthread_mutex_t lock; /* guards is_stopping */
    pthread_cond_t wake;
    bool is_stopping;
};

/* --- one message ------------------------------------------------------------------------------ */

int64_t outbox_pause_ms(int64_t retry_ms, unsigned attempts)
{
    int64_t pause_ms = retry_ms;
    for (unsigned i = 1; i < attempts && pause_ms < PAUSE_MS_MAX; i++)
        pause_ms *= 2;
    if (pause_ms > PAUSE_MS_MAX)
        pause_ms = PAUSE_MS_MAX;
    /* between three quarters and five quarters of it */
    return pause_ms * 3 / 4 + (int64_t)randombytes_uniform((uint32_t)(pause_ms / 2) + 1);
}

static void log_end(const struct outbox_message *message, enum outbox_state state,
                    const struct delivery *end)
{
    char text[LOG_VALUE_BYTES];
    if (end->end == DELIVERY_DONE)
        log_info("message_sent", "message=%s tenant=%s channel=%s about=%s attempts=%u", message->id,
                 message->tenant, outbox_channel_words[message->channel], message->about,
                 (unsigned)message->attempts);
    else
        log_warn(state == OUTBOX_GIVEN_UP ? "message_given_up" : "message_failed",
                 "message=%s tenant=%s channel=%s about=%s attempts=%u reason=%s", message->id,
                 message->tenant, outbox_channel_words[message->channel], message->about,
                 (unsigned)message->attempts, log_value(slice_of(end->why), text));
}

static void settle(struct outbox_sender *sender, const struct outbox_message *message,
                   const struct delivery *end)
{
    char text[LOG_VALUE_BYTES];
    struct err err = {0};
    enum outbox_state state = end->end == DELIVERY_DONE ? OUTBOX_SENT
                              : end->end == DELIVERY_NEVER ||
                                      message->attempts >= OUTBOX_ATTEMPTS_MAX
                                  ? OUTBOX_GIVEN_UP
                                  : OUTBOX_WAITING;
    int64_t due_at_ms = clock_now_ms() + outbox_pause_ms(sender->config.retry_ms, (unsigned)message->attempts);
    log_end(message, state, end);
    atomic_fetch_add(state == OUTBOX_SENT       ? &sender->sent
                     : state == OUTBOX_GIVEN_UP ? &sender->given_up
                                                : &sender->failed, 1);
    /* when this fails after a delivery, the lease ends and the message goes out once more */
    if (outbox_settle(sender->config.store, &sender->claimer, message, state, due_at_ms, end->why,
                      &err))
        log_error("message_not_settled", "message=%s state=%s reason=%s", message->id,
                  outbox_state_words[state], log_value(slice_of(err.text), text));
}

/* A message whose claim was never followed by an end may be one that ends the daemon. */
static void deliver(struct worker *worker, const struct outbox_message *message,
                    struct delivery *ret)
{
    if (message->attempts > OUTBOX_ATTEMPTS_MAX)
        delivery_end(ret, DELIVERY_NEVER, "begun %d times without an end", OUTBOX_ATTEMPTS_MAX);
    else if (worker->channel == OUTBOX_MAIL)
        smtp_send(worker->smtp, message, ret);
    else
        webhook_send(worker->webhook, message, ret);
}

/* --- a thread --------------------------------------------------------------------------------- */

static bool is_stopping(struct outbox_sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    bool is_it = sender->is_stopping;
    pthread_mutex_unlock(&sender->lock);
    return is_it;
}

static bool wait_ms(struct outbox_sender *sender, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&sender->lock);
    while (!sender->is_stopping &&
           pthread_cond_timedwait(&sender->wake, &sender->lock, &until) == 0)
        continue;
    bool goes_on = !sender->is_stopping;
    pthread_mutex_unlock(&sender->lock);
    return goes_on;
}

static void give_back(struct outbox_sender *sender, const struct outbox_message *message)
{
    struct err err = {0};
    if (outbox_settle(sender->config.store, &sender->claimer, message, OUTBOX_WAITING,
                      clock_now_ms(), message->last_error, &err))
        log_debug("message_not_given_back", "message=%s", message->id); /* its lease ends */
}

/* Delivers what is due. Returns how long to wait before the next look; 0: there may be more. */
static int64_t work(struct worker *worker, struct arena *arena)
{
    struct outbox_sender *sender = worker->sender;
    struct outbox_message *messages = NULL;
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    unsigned count = 0, limit = worker->channel == OUTBOX_MAIL ? MAILS_AT_ONCE : 1;
    int64_t began_ms = clock_mono_ms();
    if (outbox_claim(sender->config.store, &sender->claimer, worker->channel, limit, LEASE_MS,
                     arena, &messages, &count, &err)) {
        log_warn("outbox_not_read", "reason=%s", log_value(slice_of(err.text), text));
        return POLL_MS * 2;
    }
    bool is_away = false;
    for (unsigned i = 0; i < count; i++) {
        struct delivery end = {0};
        if (is_away || is_stopping(sender) || clock_mono_ms() - began_ms > LEASE_MS / 2) {
            give_back(sender, &messages[i]);
            continue;
        }
        deliver(worker, &messages[i], &end);
        settle(sender, &messages[i], &end);
        is_away = end.end == DELIVERY_AWAY;
    }
    int64_t retry_ms = sender->config.retry_ms;
    int64_t pause_ms = is_away ? AWAY_MS_MAX : POLL_MS;
    return count && !is_away ? 0 : retry_ms < pause_ms ? retry_ms : pause_ms;
}

static void count_waiting(struct outbox_sender *sender)
{
    struct outbox_counts counts;
    struct txn *txn;
    if (store_begin(sender->config.store, NULL, &txn, NULL))
        return;
    if (outbox_count(txn, SLICE_NONE, &counts, NULL) == 0)
        atomic_store(&sender->waiting, counts.of[OUTBOX_WAITING] + counts.of[OUTBOX_SENDING]);
    store_rollback(txn);
}

static void keep(struct worker *worker)
{
    struct outbox_sender *sender = worker->sender;
    int64_t now_ms = clock_mono_ms();
    if (!worker->is_keeper)
        return;
    if (!worker->counted_at_ms || now_ms - worker->counted_at_ms > COUNT_MS) {
        count_waiting(sender);
        worker->counted_at_ms = now_ms;
    }
    if (!worker->purged_at_ms || now_ms - worker->purged_at_ms > PURGE_MS) {
        unsigned removed = PURGED_AT_ONCE;
        while (removed == PURGED_AT_ONCE && !is_stopping(sender))
            if (outbox_purge(sender->config.store, clock_now_ms() - kept_ms, PURGED_AT_ONCE,
                             &removed, NULL))
                break;
        worker->purged_at_ms = now_ms;
    }
}

static void *run(void *context)
{
    struct worker *worker = context;
    int64_t pause_ms = 0;
    do {
        struct arena arena;
        arena_init(&arena, 4 << 20);
        keep(worker);
        pause_ms = work(worker, &arena);
        arena_release(&arena);
    } while (wait_ms(worker->sender, pause_ms));
    return NULL;
}

/* --- start and stop --------------------------------------------------------------------------- */

static int start_worker(struct outbox_sender *sender, struct worker *worker, unsigned place,
                        struct err *err)
{
    int r = 0;
    worker->sender = sender;
    worker->channel = place == 0 ? OUTBOX_MAIL : OUTBOX_WEBHOOK;
    worker->is_keeper = place == 1;
    if (worker->channel == OUTBOX_MAIL && !sender->config.smtp)
        return 0;
    r = worker->channel == OUTBOX_MAIL
            ? smtp_new(sender->config.smtp, &sender->stop, &worker->smtp, err)
            : webhook_new(sender->config.webhook, &sender->stop, &worker->webhook, err);
    if (r == 0 && pthread_create(&worker->thread, NULL, run, worker))
        r = err_set(err, ERR_UNAVAILABLE, "no thread to send messages");
    worker->is_running = r == 0;
    return r;
}

/* While the store is away there is nothing to give back: the leases end by themselves. */
static void release_old(struct outbox_sender *sender)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    if (outbox_release(sender->config.store, &sender->claimer, &err))
        log_warn("outbox_not_released", "reason=%s", log_value(slice_of(err.text), text));
}

int outbox_sender_start(const struct outbox_sender_config *config, struct outbox_sender **ret,
                        struct err *err)
{
    struct outbox_sender *sender = calloc(1, sizeof *sender);
    pthread_condattr_t attr;
    int r = 0;
    if (!sender)
        return err_set(err, ERR_NOMEM, "out of memory");
    sender->config = *config;
    ulid_make(clock_now_ms(), sender->run);
    sender->claimer = (struct outbox_claimer){config->node, sender->run};
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&sender->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&sender->lock, NULL);
    release_old(sender);
    for (unsigned i = 0; i < THREADS && r == 0; i++)
        r = start_worker(sender, &sender->workers[i], i, err);
    if (r < 0)
        outbox_sender_stop(sender);
    else
        *ret = sender;
    return r;
}

void outbox_sender_stop(struct outbox_sender *sender)
{
    if (!sender)
        return;
    pthread_mutex_lock(&sender->lock);
    sender->is_stopping = true;
    atomic_store(&sender->stop.at_ms, clock_mono_ms());
    pthread_cond_broadcast(&sender->wake);
    pthread_mutex_unlock(&sender->lock);
    for (unsigned i = 0; i < THREADS; i++) {
        struct worker *worker = &sender->workers[i];
        if (worker->is_running)
            pthread_join(worker->thread, NULL);
        smtp_free(worker->smtp);
        webhook_free(worker->webhook);
    }
    pthread_cond_destroy(&sender->wake);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}

struct outbox_totals outbox_sender_totals(const struct outbox_sender *sender)
{
    return (struct outbox_totals){
        .sent = atomic_load(&sender->sent),
        .failed = atomic_load(&sender->failed),
        .given_up = atomic_load(&sender->given_up),
        .waiting = atomic_load(&sender->waiting),
    };
}
