#include "doors/ready.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "doors/answer.h"

enum {
    SLOTS = 64,    /* a length has its slot */
    KEPT_MAX = 2,  /* in a slot; what comes back beyond that is freed */
    DATE_BYTES = 32,
};

struct ready_stock {
    pthread_t thread;
    struct ready_stock *next;
    struct ready *slots[SLOTS];
    unsigned kept[SLOTS];
};

struct ready_stocks {
    pthread_mutex_t lock; /* guards first and the links */
    struct ready_stock *first;
};

struct ready_stocks *ready_stocks_new(void)
{
    struct ready_stocks *stocks = calloc(1, sizeof *stocks);
    if (stocks)
        pthread_mutex_init(&stocks->lock, NULL);
    return stocks;
}

static void ready_free(struct ready *ready)
{
    MHD_destroy_response(ready->response);
    free(ready);
}

void ready_stocks_free(struct ready_stocks *stocks)
{
    if (!stocks)
        return;
    for (struct ready_stock *stock = stocks->first, *next; stock; stock = next) {
        next = stock->next;
        for (unsigned slot = 0; slot < SLOTS; slot++)
            for (struct ready *ready = stock->slots[slot], *behind; ready; ready = behind) {
                behind = ready->next;
                ready_free(ready);
            }
        free(stock);
    }
    pthread_mutex_destroy(&stocks->lock);
    free(stocks);
}

struct ready_stock *ready_stock(struct ready_stocks *stocks)
{
    pthread_mutex_lock(&stocks->lock);
    struct ready_stock *stock = stocks->first;
    while (stock && !pthread_equal(stock->thread, pthread_self()))
        stock = stock->next;
    if (!stock && (stock = calloc(1, sizeof *stock))) {
        stock->thread = pthread_self();
        stock->next = stocks->first;
        stocks->first = stock;
    }
    pthread_mutex_unlock(&stocks->lock);
    return stock;
}

/* A Date of our own in place of the one the library would make for each answer (RFC 9110 section
 * 6.6.1; good to the second). Replacing it costs an allocation, once a second. */
static bool set_date(struct ready *ready, int64_t now_s)
{
    char text[DATE_BYTES];
    struct tm tm;
    time_t seconds = (time_t)now_s;
    if (ready->date_s == now_s)
        return true;
    gmtime_r(&seconds, &tm); /* the C locale: nobody calls setlocale() */
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    ready->date_s = now_s;
    /* adding a second Date takes the place of the first */
    return MHD_add_response_header(ready->response, MHD_HTTP_HEADER_DATE, text) == MHD_YES;
}

static struct ready *ready_new(const char *content_type, size_t n)
{
    struct ready *ready = malloc(sizeof *ready + n);
    if (!ready)
        return NULL;
    *ready = (struct ready){.content_type = content_type, .n = n, .date_s = -1};
    ready->response = MHD_create_response_from_buffer(n, ready->body, MHD_RESPMEM_PERSISTENT);
    if (!ready->response || !answer_add_common(ready->response, content_type, NULL)) {
        if (ready->response)
            MHD_destroy_response(ready->response);
        free(ready);
        return NULL;
    }
    return ready;
}

static struct ready *find(struct ready_stock *stock, const char *content_type, size_t n)
{
    struct ready **link = &stock->slots[n % SLOTS];
    for (; *link; link = &(*link)->next) {
        struct ready *ready = *link;
        if (ready->n == n && ready->content_type == content_type) {
            *link = ready->next;
            stock->kept[n % SLOTS]--;
            return ready;
        }
    }
    return NULL;
}

struct ready *ready_take(struct ready_stock *stock, const char *content_type, struct slice body,
                         int64_t now_ms)
{
    struct ready *ready = find(stock, content_type, body.n);
    if (!ready && !(ready = ready_new(content_type, body.n)))
        return NULL;
    if (!set_date(ready, now_ms / 1000)) {
        ready_free(ready);
        return NULL;
    }
    memcpy(ready->body, body.p, body.n);
    return ready;
}

void ready_give_back(struct ready_stock *stock, struct ready *ready)
{
    unsigned slot = ready->n % SLOTS;
    if (stock->kept[slot] == KEPT_MAX) {
        ready_free(ready);
        return;
    }
    stock->kept[slot]++;
    ready->next = stock->slots[slot];
    stock->slots[slot] = ready;
}
