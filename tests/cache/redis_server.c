#include "redis_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* --- configuration ---------------------------------------------------------------------------- */

/* What docker/redis-users.acl asks an operator to do: a password after each "on". */
static void write_users(FILE *conf)
{
    char line[1024];
    FILE *users = fopen("docker/redis-users.acl", "r");
    if (!users)
        fail_msg("docker/redis-users.acl: %s", strerror(errno));
    while (fgets(line, sizeof line, users)) {
        char name[64];
        int end = 0;
        if (sscanf(line, "user %63s on%n", name, &end) == 1 && end > 0)
            fprintf(conf, "%.*s >secret-%s%s", end, line, name, line + end);
        else
            fputs(line, conf);
    }
    fclose(users);
    fprintf(conf, "user tester on >secret-tester allcommands allkeys allchannels\n");
}

static FILE *open_conf(struct redis_server *server)
{
    char path[128];
    *server = (struct redis_server){.port = free_port()};
    snprintf(server->folder, sizeof server->folder, "/tmp/sekisho-redis-XXXXXX");
    assert_non_null(mkdtemp(server->folder));
    snprintf(path, sizeof path, "%s/redis.conf", server->folder);
    snprintf(server->url, sizeof server->url, "redis://sekisho:secret-sekisho@127.0.0.1:%u",
             server->port);
    FILE *conf = fopen(path, "w");
    assert_non_null(conf);
    fprintf(conf, "port %u\nbind 127.0.0.1\ndir %s\nlogfile %s/log\nsave \"\"\n", server->port,
            server->folder, server->folder);
    return conf;
}

/* --- life ------------------------------------------------------------------------------------- */

static redisContext *log_in(const struct redis_server *server)
{
    redisContext *context =
        redisConnectWithTimeout("127.0.0.1", (int)server->port, (struct timeval){5, 0});
    assert_non_null(context);
    redisSetTimeout(context, (struct timeval){10, 0});
    /* Sentinels have no users, and say so */
    freeReplyObject(redisCommand(context, "AUTH tester secret-tester"));
    return context;
}

static bool answers(const struct redis_server *server)
{
    redisContext *context = log_in(server);
    redisReply *reply = context->err ? NULL : redisCommand(context, "PING");
    bool is_up = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    redisFree(context);
    return is_up;
}

static void run(struct redis_server *server, bool is_sentinel)
{
    char path[128];
    snprintf(path, sizeof path, "%s/redis.conf", server->folder);
    server->pid = fork();
    assert_true(server->pid >= 0);
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails hard leaves nothing behind */
        execlp("redis-server", "redis-server", path, is_sentinel ? "--sentinel" : NULL, NULL);
        _exit(127);
    }
    WAIT_FOR(answers(server));
}

void redis_server_start(struct redis_server *server, const char *more)
{
    FILE *conf = open_conf(server);
    write_users(conf);
    fprintf(conf, "%s\n", more);
    fclose(conf);
    run(server, false);
}

void redis_server_start_sentinel(struct redis_server *server, const struct redis_server *master,
                                 unsigned quorum)
{
    FILE *conf = open_conf(server);
    fprintf(conf,
            "sentinel monitor main 127.0.0.1 %u %u\n"
            "sentinel auth-user main sentinel\n"
            "sentinel auth-pass main secret-sentinel\n"
            "sentinel down-after-milliseconds main 1000\n"
            "sentinel failover-timeout main 5000\n",
            master->port, quorum);
    fclose(conf);
    run(server, true);
}

void redis_server_again(struct redis_server *server)
{
    run(server, false);
}

void redis_server_signal(const struct redis_server *server, int signal)
{
    assert_int_equal(kill(server->pid, signal), 0);
}

void redis_server_kill(struct redis_server *server)
{
    if (server->pid == 0)
        return;
    redis_server_signal(server, SIGKILL);
    assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
    server->pid = 0;
}

void redis_server_end(struct redis_server *server)
{
    char command[128];
    redis_server_kill(server);
    snprintf(command, sizeof command, "rm -rf %s", server->folder);
    assert_int_equal(system(command), 0);
}

/* --- asking ----------------------------------------------------------------------------------- */

static redisReply *ask(const struct redis_server *server, const char *format, va_list args)
{
    redisContext *context = log_in(server);
    redisReply *reply = redisvCommand(context, format, args);
    if (!reply)
        fail_msg("%s: %s", format, context->errstr);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    redisFree(context);
    return reply;
}

redisReply *redis_server_ask(const struct redis_server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = ask(server, format, args);
    va_end(args);
    return reply;
}

void redis_server_do(const struct redis_server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    freeReplyObject(ask(server, format, args));
    va_end(args);
}
