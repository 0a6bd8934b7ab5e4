#include "engine/turns.h"

void turns_init(struct turns *turns)
{
    *turns = (struct turns){.begun = 0};
    pthread_mutex_init(&turns->lock, NULL);
    pthread_cond_init(&turns->has_ended, NULL);
}

void turns_release(struct turns *turns)
{
    pthread_cond_destroy(&turns->has_ended);
    pthread_mutex_destroy(&turns->lock);
}

/* Under the lock, which is let go meanwhile. */
static void take_one(struct turns *turns, int (*fn)(void *context, struct err *err), void *context)
{
    struct err err = {0};
    turns->is_under_way = true;
    turns->begun++;
    pthread_mutex_unlock(&turns->lock);
    int rc = fn(context, &err);
    pthread_mutex_lock(&turns->lock);
    turns->is_under_way = false;
    turns->ended = turns->begun;
    turns->rc = rc;
    turns->err = err;
    pthread_cond_broadcast(&turns->has_ended);
}

int turns_take(struct turns *turns, int (*fn)(void *context, struct err *err), void *context,
               struct err *err)
{
    pthread_mutex_lock(&turns->lock);
    uint64_t wanted = turns->begun + 1;
    while (turns->ended < wanted) {
        if (turns->is_under_way)
            pthread_cond_wait(&turns->has_ended, &turns->lock);
        else
            take_one(turns, fn, context);
    }
    int rc = turns->rc;
    if (rc)
        err_set(err, rc, "%s", turns->err.text);
    pthread_mutex_unlock(&turns->lock);
    return rc;
}

uint64_t turns_mark(struct turns *turns)
{
    pthread_mutex_lock(&turns->lock);
    uint64_t mark = turns->begun;
    pthread_mutex_unlock(&turns->lock);
    return mark;
}

bool turns_ended_since(struct turns *turns, uint64_t mark)
{
    pthread_mutex_lock(&turns->lock);
    bool has = turns->ended > mark;
    pthread_mutex_unlock(&turns->lock);
    return has;
}
