/* The FastAGI door with real sockets on loopback and an engine that answers by the first digit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "doors/agi.h"
#include "engine/engine.h"

enum { PATIENCE_MS = 5000 };

static const char asks[] =
    "agi_network: yes\nagi_network_script: authorize?tenant=acme\n"
    "agi_request: agi://127.0.0.1/authorize?tenant=acme\nagi_channel: PJSIP/6001-1\n"
    "agi_uniqueid: 1.2\nagi_extension: 0312345678\nagi_accountcode: 1001\nagi_threadid: 3\n\n";

/* Stands in for the engine: 0… is allowed, 1… denied, 9… made unfit to be sent. */
void engine_decide(struct engine *engine, const struct call *call, struct verdict *ret)
{
    (void)engine;
    memset(ret, 0, sizeof *ret);
    ret->action = call->number.n && call->number.p[0] == '0' ? ACTION_ALLOW : ACTION_DENY;
    ret->reason = REASON_DEFAULT;
    snprintf(ret->dial, sizeof ret->dial, "%.*s", SLICE_ARG(call->number));
    snprintf(ret->decision_id, sizeof ret->decision_id, "01JABCDEFGHJKMNPQRSTVWXYZ0");
    if (call->number.n && call->number.p[0] == '9')
        snprintf(ret->dial, sizeof ret->dial, "9&x");
}

/* --- a door and its clients --------------------------------------------------------------------- */

static struct agi *start(struct agi_config config)
{
    struct agi *agi = NULL;
    struct err err = {0};
    if (!config.listen.len)
        assert_int_equal(endpoint_parse("127.0.0.1:0", &config.listen, &err), 0);
    if (agi_listen(&config, NULL, &agi, &err))
        fail_msg("%s", err.text);
    return agi;
}

static int client_from(const struct agi *agi, const char *source)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_in_range(fd, 0, 100000);
    assert_int_equal(inet_aton(source, &address.sin_addr), 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)agi_port(agi));
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int client(const struct agi *agi)
{
    return client_from(agi, "127.0.0.1");
}

static void say(int fd, const char *text, size_t n)
{
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* All that comes until the end, which has to come; closes. A reset is an end too. */
static const char *hear(int fd)
{
    static char bytes[4096];
    size_t n = 0;
    for (;;) {
        struct pollfd waits = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&waits, 1, PATIENCE_MS), 1);
        ssize_t now = recv(fd, bytes + n, sizeof bytes - 1 - n, 0);
        if (now <= 0)
            break;
        n += (size_t)now;
    }
    bytes[n] = '\0';
    close(fd);
    return bytes;
}

static void assert_says(const char *reply, const char *verdict)
{
    char last[64];
    snprintf(last, sizeof last, "SET VARIABLE SEKISHO_VERDICT \"%s\"\n", verdict);
    size_t n = strlen(reply), last_n = strlen(last);
    assert_in_range(n, last_n, 2000);
    assert_string_equal(reply + n - last_n, last);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Waits for a counter to get where it has to. */
#define assert_reaches(agi, counter, value)                                                        \
    do {                                                                                           \
        int64_t until = clock_mono_ms() + PATIENCE_MS;                                             \
        while (agi_counters(agi).counter != (uint64_t)(value) && clock_mono_ms() < until)          \
            sleep_ms(1);                                                                           \
        assert_int_equal(agi_counters(agi).counter, value);                                        \
    } while (0)

/* --- tests -------------------------------------------------------------------------------------- */

static void answers_and_closes(void **state)
{
    (void)state;
    struct agi *agi = start((struct agi_config){.threads = 2});
    for (int i = 0; i < 50; i++) {
        int fd = client(agi);
        say(fd, asks, sizeof asks - 1);
        assert_says(hear(fd), "allow");
    }
    assert_reaches(agi, answered, 50);
    assert_reaches(agi, open, 0);
    assert_int_equal(agi_counters(agi).connections, 50);
    agi_stop(agi);
}

static void takes_byte_by_byte(void **state)
{
    (void)state;
    struct agi *agi = start((struct agi_config){.threads = 1});
    int fd = client(agi);
    for (size_t i = 0; i < sizeof asks - 1; i++) {
        say(fd, asks + i, 1);
        if (i % 16 == 0)
            sleep_ms(1);
    }
    assert_says(hear(fd), "allow");
    agi_stop(agi);
}

static void sets_nothing_on_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "agi_network_script: authorize?tenant=acme\nagi_extension: 03\nagi_extension: 0990\n\n",
        "agi_network_script: other?tenant=acme\nagi_extension: 03\n\n",
        "agi_network_script: authorize\nagi_extension: 03\n\n",
        "agi_network_script: authorize?tenant=acme\n\n",
        "\n",
    };
    enum { COUNT = sizeof texts / sizeof *texts };
    struct agi *agi = start((struct agi_config){.threads = 1});
    for (size_t i = 0; i < COUNT; i++) {
        int fd = client(agi);
        say(fd, texts[i], strlen(texts[i]));
        assert_string_equal(hear(fd), "");
    }
    assert_reaches(agi, bad_environments, COUNT);
    /* a verdict that cannot be said is none either */
    const char nine[] = "agi_network_script: authorize?tenant=acme\nagi_extension: 9\n\n";
    int fd = client(agi);
    say(fd, nine, sizeof nine - 1);
    assert_string_equal(hear(fd), "");
    assert_reaches(agi, failed, 1);
    assert_int_equal(agi_counters(agi).answered, 0);
    agi_stop(agi);
}

static void half_an_environment_is_none(void **state)
{
    (void)state;
    struct agi *agi = start((struct agi_config){.threads = 1});
    int fd = client(agi);
    say(fd, asks, 100);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_string_equal(hear(fd), "");
    close(client(agi));
    assert_reaches(agi, cut_short, 2);
    assert_reaches(agi, open, 0);
    agi_stop(agi);
}

static void ends_who_is_too_slow(void **state)
{
    (void)state;
    struct agi *agi = start((struct agi_config){.threads = 1, .session_ms_max = 800});
    int64_t begun = clock_mono_ms();
    int silent = client(agi), slow = client(agi);
    for (size_t i = 0; i < 20; i++) { /* talking does not help */
        say(slow, asks + i, 1);
        sleep_ms(4);
    }
    assert_string_equal(hear(silent), "");
    assert_string_equal(hear(slow), "");
    assert_in_range(clock_mono_ms() - begun, 700, PATIENCE_MS - 1);
    assert_int_equal(agi_counters(agi).timeouts, 2);
    /* and others were answered meanwhile and are after */
    int fd = client(agi);
    say(fd, asks, sizeof asks - 1);
    assert_says(hear(fd), "allow");
    agi_stop(agi);
}

static void turns_away_who_is_too_many(void **state)
{
    (void)state;
    enum { MAX = 8, MORE = 5 };
    struct agi *agi = start((struct agi_config){.threads = 1, .sessions_max = MAX});
    int waiting[MAX];
    for (int i = 0; i < MAX; i++)
        waiting[i] = client(agi);
    assert_reaches(agi, open, MAX);
    for (int i = 0; i < MORE; i++)
        assert_string_equal(hear(client(agi)), "");
    assert_reaches(agi, refused_full, MORE);
    /* those inside are still answered, in any order, and their places used again */
    for (int i = 0; i < MAX; i += 2) {
        say(waiting[i], asks, sizeof asks - 1);
        assert_says(hear(waiting[i]), "allow");
    }
    assert_reaches(agi, open, MAX / 2);
    for (int i = 0; i < MAX; i += 2)
        waiting[i] = client(agi);
    assert_reaches(agi, open, MAX);
    for (int i = MAX - 1; i >= 0; i--) {
        say(waiting[i], asks, sizeof asks - 1);
        assert_says(hear(waiting[i]), "allow");
    }
    agi_stop(agi);
}

static void answers_only_whom_it_may(void **state)
{
    (void)state;
    struct network network;
    assert_int_equal(network_parse("127.0.9.0/24", &network, NULL), 0);
    struct agi *agi =
        start((struct agi_config){.threads = 1, .allow = {.count = 1, .items = &network}});
    int fd = client_from(agi, "127.0.9.7");
    say(fd, asks, sizeof asks - 1);
    assert_says(hear(fd), "allow");
    assert_string_equal(hear(client_from(agi, "127.0.0.1")), "");
    assert_reaches(agi, refused_address, 1);
    agi_stop(agi);
}

static void needs_a_list_beyond_loopback(void **state)
{
    (void)state;
    struct agi_config config = {.threads = 1};
    struct agi *agi = NULL;
    struct err err = {0};
    assert_int_equal(endpoint_parse("0.0.0.0:0", &config.listen, &err), 0);
    assert_int_equal(agi_listen(&config, NULL, &agi, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "--agi-listen"));
    assert_non_null(strstr(err.text, "--agi-allow"));
    assert_null(agi);
    /* a taken port is said, and nothing is left behind */
    agi = start((struct agi_config){.threads = 1});
    struct agi *second = NULL;
    char text[64];
    snprintf(text, sizeof text, "127.0.0.1:%u", agi_port(agi));
    err = (struct err){0};
    assert_int_equal(endpoint_parse(text, &config.listen, &err), 0);
    assert_int_equal(agi_listen(&config, NULL, &second, &err), ERR_IO);
    assert_null(second);
    agi_stop(agi);
    agi_stop(NULL);
}

/* The clients are sockets of this process, too: it runs out while there are connections in the queue. */
static void survives_without_descriptors(void **state)
{
    (void)state;
    enum { CLIENTS = 20, LEFT = 10 };
    struct agi *agi = start((struct agi_config){.threads = 1});
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_in_range(fds[i], 0, 100000);
    }
    struct rlimit before, now;
    getrlimit(RLIMIT_NOFILE, &before);
    now = before;
    now.rlim_cur = (rlim_t)fds[CLIENTS - 1] + 1 + LEFT;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)agi_port(agi))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);
    assert_reaches(agi, connections, CLIENTS);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    struct agi_counters counters = agi_counters(agi);
    assert_int_equal(counters.open, LEFT);
    assert_int_equal(counters.refused_full, CLIENTS - LEFT);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    assert_reaches(agi, open, 0);
    int fd = client(agi);
    say(fd, asks, sizeof asks - 1);
    assert_says(hear(fd), "allow");
    agi_stop(agi);
}

static void drains(void **state)
{
    (void)state;
    struct agi *agi = start((struct agi_config){.threads = 2});
    int early[6];
    for (size_t i = 0; i < 6; i++)
        early[i] = client(agi);
    assert_reaches(agi, open, 6);
    agi_drain(agi);
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    for (int late = client(agi); late >= 0 && clock_mono_ms() < until; late = client(agi))
        close(late);
    assert_int_equal(client(agi), -1);
    assert_int_equal(errno, ECONNREFUSED);
    for (size_t i = 0; i < 6; i++) {
        say(early[i], asks, sizeof asks - 1);
        assert_says(hear(early[i]), "allow");
    }
    agi_stop(agi);
}

static void stops_in_spite_of_the_silent(void **state)
{
    (void)state;
    struct agi *agi = start((struct agi_config){.threads = 2, .session_ms_max = 50});
    int fd = client(agi);
    assert_reaches(agi, open, 1);
    agi_stop(agi);
    assert_string_equal(hear(fd), "");
}

int main(void)
{
    log_set_level(LOG_ERROR); /* what is refused here is refused on purpose */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_closes),
        cmocka_unit_test(takes_byte_by_byte),
        cmocka_unit_test(sets_nothing_on_an_error),
        cmocka_unit_test(half_an_environment_is_none),
        cmocka_unit_test(ends_who_is_too_slow),
        cmocka_unit_test(turns_away_who_is_too_many),
        cmocka_unit_test(answers_only_whom_it_may),
        cmocka_unit_test(needs_a_list_beyond_loopback),
        cmocka_unit_test(survives_without_descriptors),
        cmocka_unit_test(drains),
        cmocka_unit_test(stops_in_spite_of_the_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
