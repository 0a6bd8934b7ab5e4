#include "engine/ear.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "engine/feed.h"
#include "engine/trust.h"
#include "store/store.h"

enum { LISTEN_MS = 250 }; /* how soon the log tells of another rung of the ladder */

struct ear {
    struct store *store;
    const struct trusted *trusted;
    struct feed *feed;
    pthread_t thread;
    atomic_bool is_stopping;
};

static void log_trust(enum trust before, enum trust now)
{
    static const char *const words[] = {"current", "stale", "floor"};
    if (now != before)
        log_warn("rung", "from=%s to=%s", words[before], words[now]);
}

static void *keep_listening(void *context)
{
    struct ear *ear = context;
    enum trust before = TRUST_CURRENT;
    while (!atomic_load(&ear->is_stopping)) {
        if (store_feed_wait(ear->store, LISTEN_MS))
            feed_wake(ear->feed);
        enum trust now = trusted_now(ear->trusted, instant_now());
        log_trust(before, now);
        before = now;
    }
    return NULL;
}

int ear_start(struct store *store, const struct trusted *trusted, struct feed *feed, struct ear **ret,
              struct err *err)
{
    struct ear *ear = calloc(1, sizeof *ear);
    if (!ear)
        return err_set(err, ERR_NOMEM, "out of memory");
    ear->store = store;
    ear->trusted = trusted;
    ear->feed = feed;
    if (pthread_create(&ear->thread, NULL, keep_listening, ear)) {
        free(ear);
        return err_set(err, ERR_UNAVAILABLE, "no thread to listen to the store");
    }
    *ret = ear;
    return 0;
}

void ear_stop(struct ear *ear)
{
    atomic_store(&ear->is_stopping, true);
    store_feed_interrupt(ear->store);
    pthread_join(ear->thread, NULL);
    free(ear);
}
