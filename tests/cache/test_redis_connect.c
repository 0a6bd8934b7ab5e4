/* What an operator reads when --redis names something else than a master that may be used. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "cache/redis_connect.h"
#include "redis_server.h"

enum { ATTEMPT_MS = 300, PLENTY_MS = 10000 };

static struct redis_server server;

static int start(void **state)
{
    (void)state;
    redis_server_start(&server, "");
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_server_end(&server);
    return 0;
}

static int find(const char *user, const char *host, unsigned port, const char *rest,
                int64_t attempt_ms, struct err *err)
{
    char text[256];
    struct redis_url url;
    struct redis_place place;
    struct redis_link *link = NULL;
    snprintf(text, sizeof text, "redis://%s%s:%u%s", user, host, port, rest);
    assert_int_equal(redis_url_parse(text, &url, err), 0);
    int rc = redis_find(&url, attempt_ms, &place, &link, err);
    assert_int_equal(link != NULL, rc == 0);
    redis_link_close(link);
    return rc;
}

static void says(int code, const char *text, int rc, const struct err *err)
{
    if (rc != code || strncmp(err->text, "--redis: ", 9) != 0 || !strstr(err->text, text))
        fail_msg("%d, not %d with \"%s\": %s", rc, code, text, err->text);
}

#define SAYS(code, text, user, port, rest)                                                         \
    do {                                                                                           \
        struct err err_ = {0};                                                                     \
        says(code, text, find(user, "127.0.0.1", port, rest, PLENTY_MS, &err_), &err_);            \
    } while (0)

static void a_master_is_found(void **state)
{
    static const char user[] = "sekisho:secret-sekisho@";
    struct err err = {0};
    (void)state;
    assert_int_equal(find(user, "127.0.0.1", server.port, "", PLENTY_MS, &err), 0);
    /* ::1 is asked first, maybe, and refuses */
    assert_int_equal(find(user, "localhost", server.port, "/0", PLENTY_MS, &err), 0);
}

static void passwords_are_asked_for(void **state)
{
    (void)state;
    SAYS(ERR_FORBIDDEN, "wants a password", "", server.port, "");
    SAYS(ERR_FORBIDDEN, "does not accept", "sekisho:wrong@", server.port, "");
    SAYS(ERR_FORBIDDEN, "does not accept", "nobody:secret-sekisho@", server.port, "");
    SAYS(ERR_FORBIDDEN, "does not accept", ":secret-sekisho@", server.port, "");
    SAYS(ERR_FORBIDDEN, "docker/redis-users.acl", "sekisho:secret-sekisho@", server.port, "/1");
    SAYS(ERR_FORBIDDEN, "docker/redis-users.acl", "replica:secret-replica@", server.port, "");
}

static void a_password_where_none_is_wanted(void **state)
{
    struct redis_server open;
    struct err err = {0};
    (void)state;
    redis_server_start(&open, "");
    redis_server_do(&open, "ACL SETUSER default on nopass allcommands allkeys allchannels");
    SAYS(ERR_UNAVAILABLE, "without any password configured", ":secret@", open.port, "");
    SAYS(ERR_UNAVAILABLE, "DB index is out of range", "", open.port, "/99");
    assert_int_equal(find("", "127.0.0.1", open.port, "/3", PLENTY_MS, &err), 0);
    redis_server_end(&open);
}

static void replicas_and_sentinels_are_refused(void **state)
{
    struct redis_server other;
    char more[64];
    (void)state;
    snprintf(more, sizeof more, "replicaof 127.0.0.1 %u", server.port);
    redis_server_start(&other, more);
    SAYS(ERR_INVALID, "is a replica", "sekisho:secret-sekisho@", other.port, "");
    redis_server_end(&other);
    redis_server_start_sentinel(&other, &server, 1);
    SAYS(ERR_INVALID, "redis+sentinel://", "", other.port, "");
    redis_server_end(&other);
}

static void nobody_there(void **state)
{
    struct err err = {0};
    (void)state;
    SAYS(ERR_UNAVAILABLE, "Connection refused", "", free_port(), "");
    says(ERR_UNAVAILABLE, "nowhere.invalid",
         find("", "nowhere.invalid", 6379, "", ATTEMPT_MS, &err), &err);
}

/* --- what is no Redis ------------------------------------------------------------------------- */

struct impostor {
    int fd;
    unsigned port;
    const char *greeting; /* NULL: hangs up */
};

static void *impose(void *context)
{
    struct impostor *impostor = context;
    char bytes[256];
    int client = accept(impostor->fd, NULL, NULL);
    ssize_t n = recv(client, bytes, sizeof bytes, 0);
    if (impostor->greeting) {
        (void)!send(client, impostor->greeting, strlen(impostor->greeting), MSG_NOSIGNAL);
        while (n > 0)
            n = recv(client, bytes, sizeof bytes, 0);
    }
    close(client);
    return NULL;
}

static int listen_somewhere(unsigned *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(listen(fd, 8), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void what_is_no_redis_is_told(void **state)
{
    static const struct {
        const char *greeting, *text;
        int code;
    } impostors[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", "is not a Redis", ERR_INVALID},
        {"HTTP/1.1 400 Bad Request\r\n\r\n", "is not a Redis", ERR_INVALID},
        {"+hello\r\n", "is not a Redis", ERR_INVALID},
        {"*-1\r\n", "is not a Redis", ERR_INVALID},
        {"*1\r\n$-1\r\n", "is not a Redis", ERR_INVALID},
        {"*2147483647\r\n", "is not a Redis", ERR_INVALID},
        {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "is not a Redis", ERR_INVALID},
        {"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "is full: raise its maxmemory",
         ERR_UNAVAILABLE},
        {"-MISCONF Redis is configured to save RDB snapshots\r\n", "cannot save to disk", ERR_UNAVAILABLE},
        {"-LOADING Redis is loading the dataset in memory\r\n", "still loading", ERR_UNAVAILABLE},
        {"-READONLY You can't write against a read only replica.\r\n", "read-only", ERR_INVALID},
        {"-DENIED Redis is running in protected mode\r\n", "protected mode", ERR_UNAVAILABLE},
        {NULL, "closed the connection", ERR_UNAVAILABLE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof impostors / sizeof *impostors; i++) {
        struct impostor impostor = {.greeting = impostors[i].greeting};
        pthread_t thread;
        impostor.fd = listen_somewhere(&impostor.port);
        pthread_create(&thread, NULL, impose, &impostor);
        SAYS(impostors[i].code, impostors[i].text, "", impostor.port, "");
        pthread_join(thread, NULL);
        close(impostor.fd);
    }
}

/* Drips a byte now and then, so that no single read takes long. */
static void *drip(void *context)
{
    const int *fd = context;
    int client = accept(*fd, NULL, NULL);
    for (int i = 0; i < 200 && send(client, "*", 1, MSG_NOSIGNAL) == 1; i++)
        usleep(20000);
    close(client);
    return NULL;
}

static void who_says_nothing_or_little_is_not_waited_for(void **state)
{
    unsigned port;
    pthread_t thread;
    (void)state;
    for (int drips = 0; drips < 2; drips++) {
        struct err err = {0};
        int fd = listen_somewhere(&port); /* the kernel accepts */
        if (drips)
            pthread_create(&thread, NULL, drip, &fd);
        int64_t started_ms = clock_mono_ms();
        says(ERR_UNAVAILABLE, "no answer in time",
             find("u:p@", "127.0.0.1", port, "", ATTEMPT_MS, &err), &err);
        assert_in_range(clock_mono_ms() - started_ms, ATTEMPT_MS - 1, 5 * ATTEMPT_MS);
        if (drips)
            pthread_join(thread, NULL);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_master_is_found),
        cmocka_unit_test(passwords_are_asked_for),
        cmocka_unit_test(a_password_where_none_is_wanted),
        cmocka_unit_test(replicas_and_sentinels_are_refused),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(what_is_no_redis_is_told),
        cmocka_unit_test(who_says_nothing_or_little_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, start, end);
}
