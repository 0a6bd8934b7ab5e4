/*
 * Where webhooks may lead, with a resolver of our own: names that point inside, change their mind between
 * two look-ups, or have several addresses. (Spellings of addresses: test_outbox_webhook.py.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jobs/webhook.h"

/* --- the resolver: stands in for libc's, in libcurl too ------------------------------------------- */

static const char *answers[4][3]; /* of the first look-up, the second …; addresses */
static unsigned lookups;

static struct addrinfo *make_address(const char *text, uint16_t port)
{
    struct {
        struct addrinfo info;
        struct sockaddr_storage address;
    } *made = calloc(1, sizeof *made);
    assert_non_null(made);
    struct sockaddr_in *four = (struct sockaddr_in *)&made->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&made->address;
    bool is_four = inet_pton(AF_INET, text, &four->sin_addr) == 1;
    if (is_four)
        four->sin_port = htons(port);
    else
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
    if (!is_four)
        six->sin6_port = htons(port);
    made->address.ss_family = is_four ? AF_INET : AF_INET6;
    made->info = (struct addrinfo){.ai_family = made->address.ss_family,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_addrlen = is_four ? sizeof *four : sizeof *six,
                                   .ai_addr = (struct sockaddr *)&made->address};
    return &made->info;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    struct addrinfo **end = ret;
    unsigned at = lookups++;
    (void)host, (void)hints;
    *ret = NULL;
    for (unsigned i = 0; at < 4 && i < 3 && answers[at][i]; i++) {
        *end = make_address(answers[at][i], (uint16_t)strtoul(service ? service : "0", NULL, 10));
        end = &(*end)->ai_next;
    }
    return *ret ? 0 : EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static void resolve(unsigned at, const char *a, const char *b)
{
    answers[at][0] = a;
    answers[at][1] = b;
    answers[at][2] = NULL;
    lookups = 0;
}

/* --- what is refused ------------------------------------------------------------------------------ */

static struct delivery find(const char *url, const struct networks *allowed,
                            struct webhook_target *ret)
{
    struct delivery end = {0};
    webhook_target_find(url, allowed, ret, &end);
    return end;
}

static void names_that_point_inside_are_refused(void **state)
{
    static const char *const inside[] = {"127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1",
                                         "169.254.169.254", "100.64.0.1", "0.0.0.0", "198.18.0.1",
                                         "::1", "::", "fe80::1", "fc00::1", "::ffff:10.0.0.1",
                                         "64:ff9b::a00:1", "2002:a00:1::", "2001:0:a00:1::", "ff02::1",
                                         "::127.0.0.1", "3fff::1"};
    const struct networks none = {0};
    (void)state;
    for (unsigned i = 0; i < sizeof inside / sizeof *inside; i++) {
        struct webhook_target target;
        resolve(0, inside[i], NULL);
        struct delivery end = find("https://hook.example.jp/", &none, &target);
        assert_int_equal(end.end, DELIVERY_NEVER);
        assert_non_null(strstr(end.why, "is not a public address"));
        resolve(0, "93.184.216.34", inside[i]); /* beside a good one, whichever comes first */
        assert_int_equal(find("https://hook.example.jp/", &none, &target).end, DELIVERY_NEVER);
        resolve(0, inside[i], "93.184.216.34");
        assert_int_equal(find("https://hook.example.jp/", &none, &target).end, DELIVERY_NEVER);
    }
}

static void public_addresses_pass(void **state)
{
    static const char *const outside[] = {"93.184.216.34", "172.15.255.255", "172.32.0.1",
                                          "100.128.0.1", "169.253.0.1", "2400:cb00::1", "2a00:1450::1",
                                          "::ffff:93.184.216.34"};
    const struct networks none = {0};
    (void)state;
    for (unsigned i = 0; i < sizeof outside / sizeof *outside; i++) {
        struct webhook_target target;
        resolve(0, outside[i], NULL);
        assert_int_equal(find("https://hook.example.jp:8443/", &none, &target).end, DELIVERY_DONE);
        assert_int_equal(target.port, 8443);
        assert_string_equal(target.host, "hook.example.jp");
        resolve(0, outside[i], NULL);
        assert_int_equal(find("https://hook.example.jp:8080/", &none, &target).end, DELIVERY_NEVER);
        resolve(0, outside[i], NULL);
        assert_int_equal(find("http://hook.example.jp:443/", &none, &target).end, DELIVERY_NEVER);
    }
}

static void a_name_without_address_is_for_later(void **state)
{
    struct webhook_target target;
    const struct networks none = {0};
    (void)state;
    resolve(0, NULL, NULL);
    assert_int_equal(find("https://hook.example.jp/", &none, &target).end, DELIVERY_LATER);
}

/* --- rebinding ------------------------------------------------------------------------------------ */

struct listener {
    int fd;
    uint16_t port;
    pthread_t thread;
    char request[4096];
};

/* Answers one request. */
static void *serve(void *context)
{
    struct listener *listener = context;
    static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    int fd = accept(listener->fd, NULL, NULL);
    if (fd < 0)
        return NULL;
    size_t n = 0;
    while (n + 1 < sizeof listener->request && !strstr(listener->request, "{}")) {
        ssize_t got = read(fd, listener->request + n, sizeof listener->request - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    if (write(fd, answer, sizeof answer - 1) < 0)
        listener->request[0] = '\0';
    close(fd);
    return NULL;
}

static void listen_here(struct listener *listener)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof here;
    *listener = (struct listener){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_int_equal(bind(listener->fd, (struct sockaddr *)&here, sizeof here), 0);
    assert_int_equal(listen(listener->fd, 5), 0);
    assert_int_equal(getsockname(listener->fd, (struct sockaddr *)&here, &n), 0);
    listener->port = ntohs(here.sin_port);
    pthread_create(&listener->thread, NULL, serve, listener);
}

static void the_address_that_was_checked_is_connected_to(void **state)
{
    struct listener listener;
    struct network network;
    struct webhook_config config = {.keys = {1, {"a key of thirty-two bytes ......"}},
                                    .allowed = {1, &network}};
    struct delivery_stop stop = {0};
    struct webhook *webhook = NULL;
    struct delivery end = {0};
    char url[64];
    (void)state;
    listen_here(&listener);
    assert_int_equal(network_parse("127.0.0.1/32", &network, NULL), 0);
    assert_int_equal(webhook_new(&config, &stop, &webhook, NULL), 0);
    snprintf(url, sizeof url, "http://hook.example.jp:%u/in", listener.port);
    struct outbox_message message = {.tenant = "acme", .id = "01KAKM3Z5Q8H4V0XJ6S2M9C7RT",
                                     .address = url, .body = "{}"};
    resolve(1, "127.0.0.2", NULL); /* what a second look-up would say */
    resolve(0, "127.0.0.1", NULL);
    webhook_send(webhook, &message, &end);
    assert_int_equal(end.end, DELIVERY_DONE);
    assert_int_equal(lookups, 1);
    pthread_join(listener.thread, NULL);
    close(listener.fd);
    assert_non_null(strstr(listener.request, "Host: hook.example.jp"));
    assert_non_null(strstr(listener.request, "webhook-id: 01KAKM3Z5Q8H4V0XJ6S2M9C7RT\r\n"));
    webhook_free(webhook);
}

static void without_a_secret_nothing_goes_out(void **state)
{
    const struct webhook_config config = {0};
    struct delivery_stop stop = {0};
    struct webhook *webhook = NULL;
    struct delivery end = {0};
    struct outbox_message message = {.tenant = "acme", .id = "x", .body = "{}",
                                     .address = "https://hook.example.jp/"};
    (void)state;
    assert_int_equal(webhook_new(&config, &stop, &webhook, NULL), 0);
    lookups = 0;
    webhook_send(webhook, &message, &end);
    assert_int_equal(end.end, DELIVERY_AWAY);
    assert_int_equal(lookups, 0);
    webhook_free(webhook);
}

/* The example of the Standard Webhooks specification could not be used: its secret is not derived. */
static void every_tenant_has_a_secret_of_its_own(void **state)
{
    const struct webhook_keys keys = {1, {"a key of thirty-two bytes ......"}}, none = {0};
    char a[WEBHOOK_SECRET_BYTES], b[WEBHOOK_SECRET_BYTES], again[WEBHOOK_SECRET_BYTES];
    struct err err = {0};
    (void)state;
    assert_int_equal(webhook_secret(&keys, SLICE_LIT("acme"), a, &err), 0);
    assert_int_equal(webhook_secret(&keys, SLICE_LIT("beta"), b, &err), 0);
    assert_int_equal(webhook_secret(&keys, SLICE_LIT("acme"), again, &err), 0);
    assert_string_equal(a, again);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 6 + 44);
    assert_int_equal(webhook_secret(&none, SLICE_LIT("acme"), a, &err), ERR_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_point_inside_are_refused),
        cmocka_unit_test(public_addresses_pass),
        cmocka_unit_test(a_name_without_address_is_for_later),
        cmocka_unit_test(the_address_that_was_checked_is_connected_to),
        cmocka_unit_test(without_a_secret_nothing_goes_out),
        cmocka_unit_test(every_tenant_has_a_secret_of_its_own),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
