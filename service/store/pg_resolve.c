#include "store/pg_resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

enum { HOSTS_MAX = 16, HOST_BYTES = 256 };

struct lookup {
    char host[HOST_BYTES];
    bool is_running;
    int failure;               /* of the last one: what getaddrinfo() gave, 0: it went well */
    struct pg_addresses known; /* what it gave last, if it ever did */
};

struct pg_resolver {
    pthread_mutex_t mutex; /* guards all that follows */
    pthread_cond_t done;
    unsigned users; /* its owner, and each thread */
    unsigned count;
    struct lookup lookups[HOSTS_MAX];
};

struct errand {
    struct pg_resolver *resolver;
    struct lookup *lookup;
};

int pg_resolver_new(struct pg_resolver **ret, struct err *err)
{
    pthread_condattr_t monotonic;
    struct pg_resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return err_set(err, ERR_NOMEM, "out of memory");
    resolver->users = 1;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&resolver->mutex, NULL);
    pthread_cond_init(&resolver->done, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret = resolver;
    return 0;
}

void pg_resolver_free(struct pg_resolver *resolver)
{
    if (!resolver)
        return;
    pthread_mutex_lock(&resolver->mutex);
    bool is_last = --resolver->users == 0;
    pthread_mutex_unlock(&resolver->mutex);
    if (!is_last)
        return;
    pthread_cond_destroy(&resolver->done);
    pthread_mutex_destroy(&resolver->mutex);
    free(resolver);
}

bool pg_resolve_is_needed(const char *host)
{
    struct in6_addr address;
    return host && host[0] && host[0] != '/' && host[0] != '@' && !strchr(host, '%') &&
           inet_pton(AF_INET, host, &address) != 1 && inet_pton(AF_INET6, host, &address) != 1;
}

/* --- in a thread of its own ------------------------------------------------------------------- */

static void keep(struct pg_addresses *known, const struct addrinfo *found)
{
    struct pg_addresses addresses = {0};
    for (; found && addresses.count < PG_ADDRESSES_MAX; found = found->ai_next)
        if (getnameinfo(found->ai_addr, found->ai_addrlen, addresses.list[addresses.count],
                        PG_ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST) == 0)
            addresses.count++;
    *known = addresses;
}

static void *look_up(void *context)
{
    struct errand errand = *(struct errand *)context;
    struct pg_resolver *resolver = errand.resolver;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    free(context);
    /* the name is written once, before the first thread for it */
    int failure = getaddrinfo(errand.lookup->host, NULL, &hints, &found);
    pthread_mutex_lock(&resolver->mutex);
    if (failure == 0)
        keep(&errand.lookup->known, found);
    errand.lookup->failure = failure;
    errand.lookup->is_running = false;
    pthread_cond_broadcast(&resolver->done);
    pthread_mutex_unlock(&resolver->mutex);
    if (failure == 0)
        freeaddrinfo(found);
    pg_resolver_free(resolver);
    return NULL;
}

/* Under the lock. */
static int start(struct pg_resolver *resolver, struct lookup *lookup, struct err *err)
{
    pthread_t thread;
    struct errand *errand = malloc(sizeof *errand);
    if (!errand)
        return err_set(err, ERR_NOMEM, "out of memory");
    *errand = (struct errand){resolver, lookup};
    if (pthread_create(&thread, NULL, look_up, errand)) {
        free(errand);
        return err_set(err, ERR_UNAVAILABLE, "store: no thread to look up %s", lookup->host);
    }
    pthread_detach(thread);
    lookup->is_running = true;
    resolver->users++;
    return 0;
}

/* --- for who needs it ------------------------------------------------------------------------- */

/* Under the lock. NULL: too long, or too many. */
static struct lookup *lookup_of(struct pg_resolver *resolver, const char *host)
{
    for (unsigned i = 0; i < resolver->count; i++)
        if (strcmp(resolver->lookups[i].host, host) == 0)
            return &resolver->lookups[i];
    if (resolver->count == HOSTS_MAX || strlen(host) >= HOST_BYTES)
        return NULL;
    struct lookup *lookup = &resolver->lookups[resolver->count++];
    memcpy(lookup->host, host, strlen(host) + 1);
    return lookup;
}

/* Under the lock, which it gives up while it waits. */
static int wait_for(struct pg_resolver *resolver, struct lookup *lookup, int64_t deadline_ms,
                    struct pg_addresses *ret, struct err *err)
{
    struct timespec until = {deadline_ms / 1000, deadline_ms % 1000 * 1000000};
    int waited = 0, r = lookup->is_running ? 0 : start(resolver, lookup, err);
    if (r < 0)
        return r;
    while (lookup->is_running && waited == 0)
        waited = pthread_cond_timedwait(&resolver->done, &resolver->mutex, &until);
    if (lookup->known.count == 0)
        return err_set(err, ERR_UNAVAILABLE, "store: host %s: %s", lookup->host,
                       lookup->is_running ? "no name server answered in time"
                                          : gai_strerror(lookup->failure));
    *ret = lookup->known;
    return 0;
}

int pg_resolve(struct pg_resolver *resolver, const char *host, int64_t deadline_ms,
               struct pg_addresses *ret, struct err *err)
{
    pthread_mutex_lock(&resolver->mutex);
    struct lookup *lookup = lookup_of(resolver, host);
    int r = lookup ? wait_for(resolver, lookup, deadline_ms, ret, err)
                   : err_set(err, ERR_INVALID, "store: the name of a host is too long");
    pthread_mutex_unlock(&resolver->mutex);
    return r;
}
