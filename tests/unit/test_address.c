/* Listeners and access lists as people write them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/address.h"

static void endpoints_are_read_and_written(void **state)
{
    static const struct {
        const char *text, *back;
        bool is_loopback;
    } cases[] = {{"127.0.0.1:8080", "127.0.0.1:8080", true},
                 {"127.1.2.3:1", "127.1.2.3:1", true},
                 {"localhost:0", "127.0.0.1:0", true},
                 {"[::1]:4573", "[::1]:4573", true},
                 {"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true},
                 {"0.0.0.0:8080", "0.0.0.0:8080", false},
                 {"[::]:65535", "[::]:65535", false},
                 {"192.0.2.1:80", "192.0.2.1:80", false},
                 {"[2001:db8::1]:80", "[2001:db8::1]:80", false}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint endpoint;
        char text[ADDRESS_TEXT_BYTES];
        assert_int_equal(endpoint_parse(cases[i].text, &endpoint, NULL), 0);
        assert_string_equal(address_format((struct sockaddr *)&endpoint.address, text),
                            cases[i].back);
        assert_int_equal(endpoint_is_loopback(&endpoint), cases[i].is_loopback);
        assert_false(endpoint.is_off);
    }
    struct endpoint off;
    assert_int_equal(endpoint_parse("off", &off, NULL), 0);
    assert_true(off.is_off && endpoint_is_loopback(&off));
}

static void other_texts_are_no_endpoints(void **state)
{
    static const char *const texts[] = {"",         "8080",      "127.0.0.1",       "127.0.0.1:",
                                        ":8080",    "host:80",   "127.0.0.1:65536", "::1:80",
                                        "[::1]",    "[]:80",     "127.0.0.1:80x",   "127.0.0.1:-1",
                                        "1.2.3:80", "[1.2.3:80", "::1]:80",         "OFF"};
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct endpoint endpoint = {.port = 7};
        assert_int_equal(endpoint_parse(texts[i], &endpoint, NULL), ERR_INVALID);
        assert_int_equal(endpoint.port, 7);
    }
}

static bool contains(const char *network, const char *address)
{
    struct network item;
    struct networks networks = {1, &item};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    assert_int_equal(network_parse(network, &item, NULL), 0);
    if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
        return networks_contain(&networks, (struct sockaddr *)&in);
    assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
    return networks_contain(&networks, (struct sockaddr *)&in6);
}

static void networks_contain_what_they_say(void **state)
{
    (void)state;
    assert_true(contains("192.0.2.0/24", "192.0.2.255"));
    assert_false(contains("192.0.2.0/24", "192.0.3.0"));
    assert_true(contains("192.0.2.128/25", "192.0.2.128"));
    assert_false(contains("192.0.2.128/25", "192.0.2.127"));
    assert_true(contains("192.0.2.7", "192.0.2.7"));
    assert_false(contains("192.0.2.7", "192.0.2.6"));
    assert_true(contains("192.0.2.0/24", "::ffff:192.0.2.9"));
    assert_true(contains("::ffff:192.0.2.0/120", "192.0.2.9"));
    assert_true(contains("0.0.0.0/0", "203.0.113.1"));
    assert_false(contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("::/0", "203.0.113.1"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::1"));

    struct networks none = {0, NULL};
    struct sockaddr_in in = {.sin_family = AF_INET};
    assert_false(networks_contain(&none, (struct sockaddr *)&in));
    struct network everything = {.bits = 0};
    struct sockaddr_storage other = {.ss_family = AF_UNIX};
    assert_false(networks_contain(&(struct networks){1, &everything}, (struct sockaddr *)&other));
}

static void other_texts_are_no_networks(void **state)
{
    static const char *const texts[] = {"",          "10.0.0.1/8",     "10.0.0.0/33", "10/8",
                                        "::1/64",    "::/129",         "10.0.0.0/",   "10.0.0.0/-1",
                                        "localhost", "10.0.0.0/8/8",   "10.0.0.0/ 8", "::1]"};
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct network network;
        assert_int_equal(network_parse(texts[i], &network, NULL), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_read_and_written),
        cmocka_unit_test(other_texts_are_no_endpoints),
        cmocka_unit_test(networks_contain_what_they_say),
        cmocka_unit_test(other_texts_are_no_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
