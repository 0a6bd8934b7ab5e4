/*
 * A proxy before Redis that can be told to swallow what pub/sub tells, and nothing else: every
 * command is answered, PING too, as when tracking ended without the connection.
 */
#ifndef SEKISHO_TESTS_CACHE_PROXY_H
#define SEKISHO_TESTS_CACHE_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct proxy {
    unsigned port, server_port;
    int listen_fd, stop_fd;
    pthread_t thread;
    atomic_bool swallows_messages;
    atomic_uint swallowed;
};

void proxy_start(struct proxy *proxy, unsigned server_port);
void proxy_stop(struct proxy *proxy);

#endif
