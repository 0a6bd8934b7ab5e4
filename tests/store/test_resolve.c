/*
 * Names of hosts within a known time. The name server is this file: getaddrinfo() here takes the place
 * of the library's.
 */
#include "suite.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "store/pg_resolve.h"

static atomic_int is_silent, is_ignorant, asked;

static struct addrinfo *address_new(const char *text, struct addrinfo *next)
{
    struct addrinfo *info = calloc(1, sizeof *info + sizeof(struct sockaddr_in));
    assert_non_null(info);
    struct sockaddr_in *address = (struct sockaddr_in *)(info + 1);
    address->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, text, &address->sin_addr), 1);
    info->ai_addr = (struct sockaddr *)address;
    info->ai_addrlen = sizeof *address;
    info->ai_next = next;
    return info;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **ret)
{
    (void)host, (void)port, (void)hints;
    atomic_fetch_add(&asked, 1);
    while (atomic_load(&is_silent))
        nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
    if (atomic_load(&is_ignorant))
        return EAI_NONAME;
    *ret = address_new("192.0.2.1", address_new("192.0.2.2", NULL));
    return 0;
}

void freeaddrinfo(struct addrinfo *info)
{
    for (struct addrinfo *next; info; info = next) {
        next = info->ai_next;
        free(info);
    }
}

static int setup(void **state)
{
    struct pg_resolver *resolver;
    OK(pg_resolver_new(&resolver, &err));
    atomic_store(&is_silent, 0);
    atomic_store(&is_ignorant, 0);
    atomic_store(&asked, 0);
    *state = resolver;
    return 0;
}

static int look(struct pg_resolver *resolver, int ms, struct pg_addresses *ret, struct err *err)
{
    *err = (struct err){0};
    return pg_resolve(resolver, "db.example", clock_mono_ms() + ms, ret, err);
}

static void what_is_no_name_is_not_looked_up(void **state)
{
    static const char *const none[] = {NULL, "", "/run/postgresql", "@abstract", "192.0.2.1",
                                       "2001:db8::1", "fe80::1%eth0"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(pg_resolve_is_needed(none[i]));
    assert_true(pg_resolve_is_needed("db.example"));
    assert_true(pg_resolve_is_needed("localhost"));
    pg_resolver_free(*state);
}

static void a_name_has_its_addresses_in_order(void **state)
{
    struct pg_addresses found;
    struct err said;
    assert_int_equal(look(*state, 20000, &found, &said), 0);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.list[0], "192.0.2.1");
    assert_string_equal(found.list[1], "192.0.2.2");
    pg_resolver_free(*state);
}

static void a_name_that_is_not_known_is_told(void **state)
{
    struct pg_addresses found;
    struct err said;
    atomic_store(&is_ignorant, 1);
    assert_int_equal(look(*state, 20000, &found, &said), ERR_UNAVAILABLE);
    assert_non_null(strstr(said.text, "db.example"));
    pg_resolver_free(*state);
}

static void a_silent_name_server_is_waited_for_so_long_and_no_longer(void **state)
{
    struct pg_addresses found = {0};
    struct err said;
    atomic_store(&is_silent, 1);
    for (int i = 0; i < 3; i++) {
        int64_t start_ms = clock_mono_ms();
        assert_int_equal(look(*state, 100, &found, &said), ERR_UNAVAILABLE);
        assert_in_range(clock_mono_ms() - start_ms, 95, 20000);
        assert_non_null(strstr(said.text, "no name server answered"));
    }
    assert_int_equal(atomic_load(&asked), 1); /* one thread a host, not one a question */
    assert_int_equal(found.count, 0);
    atomic_store(&is_silent, 0);
    assert_int_equal(look(*state, 20000, &found, &said), 0);
    pg_resolver_free(*state);
}

static void what_was_known_last_is_good_enough(void **state)
{
    struct pg_addresses found = {0};
    struct err said;
    assert_int_equal(look(*state, 20000, &found, &said), 0);
    atomic_store(&is_ignorant, 1);
    found = (struct pg_addresses){0};
    assert_int_equal(look(*state, 20000, &found, &said), 0);
    assert_int_equal(found.count, 2);
    atomic_store(&is_silent, 1);
    found = (struct pg_addresses){0};
    assert_int_equal(look(*state, 50, &found, &said), 0);
    assert_int_equal(found.count, 2);
    pg_resolver_free(*state); /* while a thread still waits: it frees what is left */
    atomic_store(&is_silent, 0);
    nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL); /* for the leak checker */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_no_name_is_not_looked_up, setup),
        cmocka_unit_test_setup(a_name_has_its_addresses_in_order, setup),
        cmocka_unit_test_setup(a_name_that_is_not_known_is_told, setup),
        cmocka_unit_test_setup(a_silent_name_server_is_waited_for_so_long_and_no_longer, setup),
        cmocka_unit_test_setup(what_was_known_last_is_good_enough, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
