/*
 * Places FastAGI calls as Asterisk does, one connection a call, and prints how fast they were answered.
 *
 *     agi_load --port PORT [--calls 20000] [--concurrent 32] [--tenants 1] [--prefix 033] [--in-pieces]
 *              [--pid PID]
 *
 * One line of JSON: calls a second, percentiles of the time from connect() to the end of the answer, and
 * with --pid the processor time that the server's process spent on each. --tenants N asks for tenants
 * t0 … tN-1 at random, for numbers of --prefix and seven random digits. --in-pieces sends a line at a time, as Asterisk does; the default is one send,
 * which leaves more of the machine to the server. Only loopback; ends with status 1 when a call was
 * not answered.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

enum { CALLS_MAX = 2000000, CONCURRENT_MAX = 10000, ENV_BYTES = 2048, PATIENCE_MS = 5000 };

struct connection {
    int fd;
    bool is_sent;
    int64_t begun_ns;
    size_t n; /* of the answer */
    char answer[2048];
};

static struct {
    int port, concurrent, pid;
    long calls, tenants;
    const char *prefix;
    bool in_pieces;
} option = {.concurrent = 32, .calls = 20000, .tenants = 1, .prefix = "033"};

static struct connection *connections;
static uint32_t *times_us; /* of the calls answered so far */
static long begun, answered, failed;
static int epoll_fd;

static void must(bool succeeded, const char *what)
{
    if (!succeeded) {
        fprintf(stderr, "agi_load: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static size_t make_environment(char out[ENV_BYTES])
{
    long tenant = random() % option.tenants, line = random() % 10000000;
    int n = snprintf(out, ENV_BYTES,
                     "agi_network: yes\nagi_network_script: authorize?tenant=t%ld\n"
                     "agi_request: agi://127.0.0.1:%d/authorize?tenant=t%ld\n"
                     "agi_channel: PJSIP/6001-%08lx\nagi_language: en\nagi_type: PJSIP\n"
                     "agi_uniqueid: 1795288589.%ld\nagi_version: 22.10.0\nagi_callerid: 6001\n"
                     "agi_calleridname: Alice\nagi_callingpres: 0\nagi_callingani2: 0\n"
                     "agi_callington: 0\nagi_callingtns: 0\nagi_dnid: unknown\nagi_rdnis: unknown\n"
                     "agi_context: sekisho\nagi_extension: s\nagi_priority: 9\nagi_enhanced: 0.0\n"
                     "agi_accountcode: 6001\nagi_threadid: 140222334455\n"
                     "agi_arg_1: %s%07ld\nagi_arg_2: 6001\n\n",
                     tenant, option.port, tenant, begun, begun, option.prefix, line);
    return (size_t)n;
}

static void begin(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)option.port)};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = connection};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    begun++;
    connection->n = 0;
    connection->is_sent = false;
    connection->begun_ns = clock_mono_ns();
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    must(connection->fd >= 0, "socket");
    int on = 1;
    must(setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
    int now = connect(connection->fd, (struct sockaddr *)&address, sizeof address);
    must(now == 0 || errno == EINPROGRESS, "connect");
    must(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) == 0, "epoll_ctl");
}

static void end(struct connection *connection)
{
    static const char wanted[] = "SET VARIABLE SEKISHO_VERDICT \"";
    close(connection->fd);
    connection->fd = -1;
    if (memmem(connection->answer, connection->n, wanted, sizeof wanted - 1))
        times_us[answered++] = (uint32_t)((clock_mono_ns() - connection->begun_ns) / 1000);
    else
        failed++;
    if (begun < option.calls)
        begin(connection);
}

/* False when the connection is broken. */
static bool ask(struct connection *connection)
{
    char environment[ENV_BYTES];
    size_t n = make_environment(environment), step = n;
    for (size_t at = 0; at < n; at += step) {
        if (option.in_pieces)
            step = (size_t)((char *)memchr(environment + at, '\n', n - at) - environment) - at + 1;
        if (send(connection->fd, environment + at, step, MSG_NOSIGNAL) != (ssize_t)step)
            return false;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    connection->is_sent = true;
    return epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event) == 0;
}

static void proceed(struct connection *connection)
{
    if (!connection->is_sent) {
        if (!ask(connection))
            end(connection);
        return;
    }
    for (;;) { /* the answer and its end mostly come together */
        ssize_t n = recv(connection->fd, connection->answer + connection->n,
                         sizeof connection->answer - connection->n, 0);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            end(connection);
            return;
        }
        connection->n += (size_t)n;
    }
}

static void run(void)
{
    struct epoll_event events[256];
    for (int i = 0; i < option.concurrent && begun < option.calls; i++)
        begin(&connections[i]);
    while (answered + failed < option.calls) {
        int n = epoll_wait(epoll_fd, events, 256, PATIENCE_MS);
        must(n > 0, "nothing came for 5 s");
        for (int i = 0; i < n; i++)
            proceed(events[i].data.ptr);
    }
}

/* Processor time of the server, in clock ticks; fields 14 and 15 of proc(5)'s stat. */
static long server_ticks(void)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", option.pid);
    FILE *file = option.pid ? fopen(path, "r") : NULL;
    if (!file)
        return 0;
    const char *read = fgets(line, sizeof line, file), *name_end = read ? strrchr(line, ')') : NULL;
    fclose(file);
    if (name_end)
        sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (long)(user + system);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t percentile(double share)
{
    return answered ? times_us[(long)((double)(answered - 1) * share)] : 0;
}

static void report(int64_t took_ns, long ticks)
{
    double seconds = (double)took_ns / 1e9;
    qsort(times_us, (size_t)answered, sizeof *times_us, compare);
    printf("{\"calls\":%ld,\"failed\":%ld,\"concurrent\":%d,\"seconds\":%.3f,\"calls_per_s\":%.0f,"
           "\"p50_us\":%u,\"p95_us\":%u,\"p99_us\":%u,\"max_us\":%u",
           answered, failed, option.concurrent, seconds, (double)answered / seconds,
           percentile(0.5), percentile(0.95), percentile(0.99), percentile(1));
    if (option.pid)
        printf(",\"server_cpu_us_per_call\":%.2f",
               (double)ticks * 1e6 / (double)sysconf(_SC_CLK_TCK) / (double)option.calls);
    printf("}\n");
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"port", required_argument, NULL, 'p'},       {"calls", required_argument, NULL, 'n'},
        {"concurrent", required_argument, NULL, 'c'}, {"tenants", required_argument, NULL, 't'},
        {"prefix", required_argument, NULL, 'x'},     {"in-pieces", no_argument, NULL, 'i'},
        {"pid", required_argument, NULL, 'P'},        {0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        long value = optarg ? strtol(optarg, NULL, 10) : 0;
        switch (c) {
        case 'p': option.port = (int)value; break;
        case 'n': option.calls = value; break;
        case 'c': option.concurrent = (int)value; break;
        case 't': option.tenants = value; break;
        case 'x': option.prefix = optarg; break;
        case 'i': option.in_pieces = true; break;
        case 'P': option.pid = (int)value; break;
        default: exit(2);
        }
    }
    if (option.port < 1 || option.calls < 1 || option.calls > CALLS_MAX || option.tenants < 1 ||
        option.concurrent < 1 || option.concurrent > CONCURRENT_MAX || strlen(option.prefix) > 64) {
        fprintf(stderr, "agi_load: --port, or a number out of range\n");
        exit(2);
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    connections = calloc((size_t)option.concurrent, sizeof *connections);
    times_us = calloc((size_t)option.calls, sizeof *times_us);
    epoll_fd = epoll_create1(0);
    must(connections && times_us && epoll_fd >= 0, "start");
    long ticks = server_ticks();
    int64_t started_ns = clock_mono_ns();
    run();
    report(clock_mono_ns() - started_ns, server_ticks() - ticks);
    return failed ? 1 : 0;
}
