/*
 * A real redis-server for a test: on a free port of loopback, in a temporary folder, with the users
 * of docker/redis-users.acl and passwords "secret-USER" as an operator would write them in. Beside
 * them a user "tester" who may do anything, for what a test does behind sekisho's back.
 */
#ifndef SEKISHO_TESTS_REDIS_SERVER_H
#define SEKISHO_TESTS_REDIS_SERVER_H

/* clang-format off: cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <sys/types.h>

struct redis_server {
    pid_t pid; /* 0: not running */
    unsigned port;
    char folder[64];
    char url[128]; /* as sekisho */
};

/* `more` are lines for its configuration file. Waits until it answers. */
void redis_server_start(struct redis_server *server, const char *more);
/* One that watches `master`, as "main"; it has no users. */
void redis_server_start_sentinel(struct redis_server *server, const struct redis_server *master,
                                 unsigned quorum);
/* Again, after redis_server_kill(): same port, nothing remembered. */
void redis_server_again(struct redis_server *server);
void redis_server_kill(struct redis_server *server);
/* Kills it and removes its folder. */
void redis_server_end(struct redis_server *server);
void redis_server_signal(const struct redis_server *server, int signal);

/* As tester; the reply is the caller's. Fails the test when there is none. */
redisReply *redis_server_ask(const struct redis_server *server, const char *format, ...);
/* The same for who does not care what it says, as long as it is no error. */
void redis_server_do(const struct redis_server *server, const char *format, ...);

unsigned free_port(void);

/* Waits until `condition` holds, for at most 20 seconds: machines are slow at times. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int tries_ = 0;                                                                            \
        while (!(condition) && tries_++ < 2000)                                                    \
            usleep(10000);                                                                         \
        if (!(condition))                                                                          \
            fail_msg("not within 20 s: %s", #condition);                                           \
    } while (0)

#endif
