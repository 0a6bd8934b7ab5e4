#include "suite.h"

#include "pg_proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct pg_proxy {
    struct sockaddr_un address, server;
    int listener;
    _Atomic int mode, is_over;
    _Atomic unsigned lost, running;
    pthread_t thread;
};

struct pair {
    struct pg_proxy *proxy;
    int client, server;
};

static bool pass(int from, int to, char *bytes, size_t size, ssize_t *ret)
{
    *ret = recv(from, bytes, size, 0);
    return *ret > 0 && send(to, bytes, (size_t)*ret, MSG_NOSIGNAL) == *ret;
}

/* From the client; false when the connection is to break. */
static bool pass_question(struct pair *pair)
{
    char bytes[65536];
    ssize_t n = recv(pair->client, bytes, sizeof bytes, 0);
    if (n <= 0)
        return false;
    int mode = atomic_load(&pair->proxy->mode);
    if (mode == PROXY_HANG) {
        atomic_fetch_add(&pair->proxy->lost, 1);
        return true; /* it is never heard of again */
    }
    bool is_commit = memmem(bytes, (size_t)n, "; COMMIT", 8) != NULL;
    if (mode == PROXY_PASS || !is_commit)
        return send(pair->server, bytes, (size_t)n, MSG_NOSIGNAL) == n;
    if (mode != PROXY_LOSE_ALL)
        atomic_store(&pair->proxy->mode, PROXY_PASS);
    if (mode != PROXY_LOSE_COMMIT) {
        assert_true(send(pair->server, bytes, (size_t)n, MSG_NOSIGNAL) == n);
        assert_true(recv(pair->server, bytes, sizeof bytes, 0) > 0); /* so it is committed */
    }
    atomic_fetch_add(&pair->proxy->lost, 1);
    return false;
}

static void *serve(void *context)
{
    struct pair *pair = context;
    char bytes[65536];
    ssize_t n;
    for (bool goes_on = true; goes_on && !atomic_load(&pair->proxy->is_over);) {
        struct pollfd fds[] = {{.fd = pair->client, .events = POLLIN},
                               {.fd = pair->server, .events = POLLIN}};
        if (poll(fds, 2, 100) <= 0)
            continue;
        if (fds[0].revents)
            goes_on = pass_question(pair);
        if (goes_on && fds[1].revents)
            goes_on = pass(pair->server, pair->client, bytes, sizeof bytes, &n);
    }
    close(pair->client);
    close(pair->server);
    atomic_fetch_sub(&pair->proxy->running, 1);
    free(pair);
    return NULL;
}

static void let_in(struct pg_proxy *proxy, int client)
{
    pthread_t thread;
    struct pair *pair = malloc(sizeof *pair);
    assert_non_null(pair);
    *pair = (struct pair){proxy, client, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(pair->server, (struct sockaddr *)&proxy->server, sizeof proxy->server) != 0) {
        close(pair->client);
        close(pair->server);
        free(pair);
        return;
    }
    atomic_fetch_add(&proxy->running, 1);
    assert_int_equal(pthread_create(&thread, NULL, serve, pair), 0);
    pthread_detach(thread);
}

static void *accept_all(void *context)
{
    struct pg_proxy *proxy = context;
    while (!atomic_load(&proxy->is_over)) {
        struct pollfd fd = {.fd = proxy->listener, .events = POLLIN};
        if (poll(&fd, 1, 100) <= 0)
            continue;
        int client = accept(proxy->listener, NULL, NULL);
        bool is_closed = atomic_load(&proxy->mode) == PROXY_LOSE_ALL && atomic_load(&proxy->lost);
        if (is_closed)
            close(client);
        else
            let_in(proxy, client);
    }
    return NULL;
}

static struct sockaddr_un at(const char *folder, int port)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.%d", folder, port);
    return address;
}

struct pg_proxy *pg_proxy_start(const char *folder)
{
    struct pg_proxy *proxy = calloc(1, sizeof *proxy);
    assert_non_null(proxy);
    proxy->server = at(folder, 5432);
    proxy->address = at(folder, 5433);
    proxy->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(proxy->address.sun_path);
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&proxy->address,
                          sizeof proxy->address), 0);
    assert_int_equal(listen(proxy->listener, 16), 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, accept_all, proxy), 0);
    return proxy;
}

void pg_proxy_set(struct pg_proxy *proxy, enum pg_proxy_mode mode)
{
    atomic_store(&proxy->lost, 0);
    atomic_store(&proxy->mode, mode);
}

unsigned pg_proxy_lost(struct pg_proxy *proxy)
{
    return atomic_load(&proxy->lost);
}

void pg_proxy_stop(struct pg_proxy *proxy)
{
    atomic_store(&proxy->is_over, 1);
    pthread_join(proxy->thread, NULL);
    while (atomic_load(&proxy->running))
        usleep(1000);
    close(proxy->listener);
    unlink(proxy->address.sun_path);
    free(proxy);
}
