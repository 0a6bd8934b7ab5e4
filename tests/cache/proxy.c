#include "proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "redis_server.h"

enum { PAIRS_MAX = 32 };

struct pair {
    int client, server;
};

static struct sockaddr_in loopback(unsigned port)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool write_whole(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Passes on what has come; from the server without its messages, when they are to be swallowed. */
static bool pass_on(struct proxy *proxy, int from, int to, bool is_from_server)
{
    static const char message[] = "*3\r\n$7\r\nmessage\r\n";
    char bytes[65536];
    ssize_t n = recv(from, bytes, sizeof bytes, 0);
    if (n <= 0)
        return false;
    const char *swallow = is_from_server && atomic_load(&proxy->swallows_messages)
                              ? memmem(bytes, (size_t)n, message, sizeof message - 1) : NULL;
    if (swallow)
        atomic_fetch_add(&proxy->swallowed, 1);
    return write_whole(to, bytes, swallow ? (size_t)(swallow - bytes) : (size_t)n);
}

static void accept_pair(struct proxy *proxy, struct pair *pairs, unsigned *count)
{
    struct sockaddr_in address = loopback(proxy->server_port);
    int client = accept(proxy->listen_fd, NULL, NULL);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client >= 0 && *count < PAIRS_MAX &&
        connect(server, (struct sockaddr *)&address, sizeof address) == 0) {
        pairs[(*count)++] = (struct pair){client, server};
        return;
    }
    close(server);
    close(client);
}

static void close_pair(struct pair *pairs, unsigned at, unsigned *count)
{
    close(pairs[at].client);
    close(pairs[at].server);
    pairs[at] = pairs[--*count];
}

static void *run(void *context)
{
    struct proxy *proxy = context;
    struct pair pairs[PAIRS_MAX];
    unsigned count = 0;
    for (;;) {
        struct pollfd fds[2 + 2 * PAIRS_MAX] = {{.fd = proxy->stop_fd, .events = POLLIN},
                                                {.fd = proxy->listen_fd, .events = POLLIN}};
        for (unsigned i = 0; i < count; i++) {
            fds[2 + 2 * i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
            fds[3 + 2 * i] = (struct pollfd){.fd = pairs[i].server, .events = POLLIN};
        }
        poll(fds, 2 + 2 * count, -1);
        if (fds[0].revents)
            break;
        for (unsigned i = count; i-- > 0;) {
            struct pair *pair = &pairs[i];
            bool has_asked = fds[2 + 2 * i].revents, has_answered = fds[3 + 2 * i].revents;
            if ((has_asked && !pass_on(proxy, pair->client, pair->server, false)) ||
                (has_answered && !pass_on(proxy, pair->server, pair->client, true)))
                close_pair(pairs, i, &count);
        }
        if (fds[1].revents)
            accept_pair(proxy, pairs, &count);
    }
    while (count)
        close_pair(pairs, 0, &count);
    return NULL;
}

void proxy_start(struct proxy *proxy, unsigned server_port)
{
    memset(proxy, 0, sizeof *proxy);
    proxy->port = free_port();
    proxy->server_port = server_port;
    struct sockaddr_in address = loopback(proxy->port);
    proxy->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    proxy->stop_fd = eventfd(0, EFD_CLOEXEC);
    int yes = 1;
    setsockopt(proxy->listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    assert_int_equal(bind(proxy->listen_fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(proxy->listen_fd, 16), 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void proxy_stop(struct proxy *proxy)
{
    eventfd_write(proxy->stop_fd, 1);
    pthread_join(proxy->thread, NULL);
    close(proxy->stop_fd);
    close(proxy->listen_fd);
}
