/*
 * The smallest FastAGI server on epoll: waits for the empty line, answers a constant, closes. It parses
 * nothing and decides nothing; what sekisho's FastAGI door is measured against.
 *
 *     agi_constant [THREADS]        prints the port it took on 127.0.0.1
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "SET VARIABLE SEKISHO_DECISION_ID \"01JABCDEFGHJKMNPQRSTVWXYZ0\"\n"
                             "SET VARIABLE SEKISHO_REASON \"rule\"\n"
                             "SET VARIABLE SEKISHO_RULE \"010\"\n"
                             "SET VARIABLE SEKISHO_NUMBER \"01012125550100\"\n"
                             "SET VARIABLE SEKISHO_DIVERT \"\"\n"
                             "SET VARIABLE SEKISHO_DIAL \"01012125550100\"\n"
                             "SET VARIABLE SEKISHO_VERDICT \"deny\"\n";
static int listen_fd;
static char last_byte[1 << 20]; /* of each connection, by descriptor: the empty line may come in two pieces */

static void must(int succeeded, const char *what)
{
    if (!succeeded) {
        fprintf(stderr, "agi_constant: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void watch(int epoll_fd, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void serve_one(int epoll_fd, int fd)
{
    char bytes[16384];
    if (fd == listen_fd) {
        int accepted = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
        if (accepted >= 0)
            watch(epoll_fd, accepted, EPOLLIN);
        return;
    }
    bytes[0] = last_byte[fd];
    ssize_t n = recv(fd, bytes + 1, sizeof bytes - 1, 0);
    last_byte[fd] = n > 0 ? bytes[n] : 0;
    if (n > 0 && memcmp(bytes + n - 1, "\n\n", 2) != 0)
        return; /* more to come */
    last_byte[fd] = 0;
    if (n > 0 && send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
        perror("agi_constant: send");
    close(fd);
}

static void *serve(void *unused)
{
    struct epoll_event events[64];
    int epoll_fd = epoll_create1(0);
    must(epoll_fd >= 0, "epoll_create1");
    watch(epoll_fd, listen_fd, EPOLLIN | EPOLLEXCLUSIVE);
    for (;;) {
        int n = epoll_wait(epoll_fd, events, 64, -1);
        for (int i = 0; i < n; i++)
            serve_one(epoll_fd, events[i].data.fd);
    }
    return unused;
}

int main(int argc, char **argv)
{
    long threads = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    must(listen_fd >= 0 && bind(listen_fd, (struct sockaddr *)&address, n) == 0 &&
             listen(listen_fd, 4096) == 0 &&
             getsockname(listen_fd, (struct sockaddr *)&address, &n) == 0,
         "listen");
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    for (long i = 1; i < threads; i++) {
        pthread_t thread;
        must((errno = pthread_create(&thread, NULL, serve, NULL)) == 0, "pthread_create");
    }
    serve(NULL);
}
