/* --redis in all its spellings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/redis_url.h"

struct example {
    const char *text;
    const char *host;
    unsigned port;
    const char *user, *password, *master;
    unsigned db;
};

static void urls_are_taken_apart(void **state)
{
    static const struct example examples[] = {
        {"redis://localhost", "localhost", 6379, "", NULL, "", 0},
        {"redis://localhost/", "localhost", 6379, "", NULL, "", 0},
        {"redis://192.0.2.1:7000/3", "192.0.2.1", 7000, "", NULL, "", 3},
        {"redis://[2001:db8::1]", "2001:db8::1", 6379, "", NULL, "", 0},
        {"redis://[::1]:7000/15", "::1", 7000, "", NULL, "", 15},
        {"redis://:secret@h", "h", 6379, "", "secret", "", 0},
        {"redis://sekisho:secret@h:1", "h", 1, "sekisho", "secret", "", 0},
        {"redis://sekisho:@h:65535", "h", 65535, "sekisho", "", "", 0},
        {"redis://a%3ab:p%40%2F%25@h", "h", 6379, "a:b", "p@/%", "", 0},
        {"redis://u:p@ss/w:rd@h/1", "h", 6379, "u", "p@ss/w:rd", "", 1},
        {"redis+sentinel://h/main", "h", 26379, "", NULL, "main", 0},
        {"redis+sentinel://h:5000/main/2", "h", 5000, "", NULL, "main", 2},
        {"redis+sentinel://u:p@[::1]:5000/ma%2Fin", "::1", 5000, "u", "p", "ma/in", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *one = &examples[i];
        struct redis_url url;
        struct err err = {0};
        if (redis_url_parse(one->text, &url, &err))
            fail_msg("%s: %s", one->text, err.text);
        assert_int_equal(url.hosts_count, 1);
        assert_string_equal(url.hosts[0].name, one->host);
        assert_int_equal(url.hosts[0].port, one->port);
        assert_string_equal(url.user, one->user);
        assert_int_equal(url.has_password, one->password != NULL);
        assert_string_equal(url.password, one->password ? one->password : "");
        assert_string_equal(url.master, one->master);
        assert_int_equal(url.db, one->db);
    }
}

static void several_sentinels(void **state)
{
    struct redis_url url;
    (void)state;
    assert_int_equal(redis_url_parse("redis+sentinel://a,b:1,[::1]:2/m", &url, NULL), 0);
    assert_int_equal(url.hosts_count, 3);
    assert_string_equal(url.hosts[0].name, "a");
    assert_int_equal(url.hosts[0].port, 26379);
    assert_string_equal(url.hosts[1].name, "b");
    assert_int_equal(url.hosts[1].port, 1);
    assert_string_equal(url.hosts[2].name, "::1");
    assert_int_equal(url.hosts[2].port, 2);
}

static void what_is_none_is_refused_without_repeating_it(void **state)
{
    static const char *const wrong[] = {
        "", "redis", "redis:", "redis:/", "redis://", "rediss://h", "http://h", "REDIS//h",
        "redis:///1", "redis://h:", "redis://h:0", "redis://h:65536", "redis://h:6379x",
        "redis://h/x", "redis://h/70000", "redis://h/1/2", "redis://::1", "redis://[::1", "redis://[::1]x",
        "redis://a,b", "redis://hunter2@h", "redis://:@h", "redis://u:hunter2%@h",
        "redis://u:hunter2%4@h", "redis://u:hunter2%zz@h", "redis://u:hunter2%00@h",
        "redis://u:hunter2@", "redis+sentinel://h", "redis+sentinel://h/", "redis+sentinel:///m",
        "redis+sentinel://a,,b/m", "redis+sentinel://a/m/x", "redis+sentinel://a/m/1/2",
        "redis+sentinel://1,2,3,4,5,6,7,8,9/m", "redis+sentinel://u:hunter2@a:x/m",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct redis_url url = {.db = 77};
        struct err err = {0};
        if (redis_url_parse(wrong[i], &url, &err) != ERR_INVALID)
            fail_msg("accepted: %s", wrong[i]);
        assert_int_equal(err.code, ERR_INVALID);
        assert_null(strstr(err.text, "hunter2"));
        assert_int_equal(url.db, 77);
    }
}

static void words_have_a_limit(void **state)
{
    char text[700];
    struct redis_url url;
    (void)state;
    for (int n = 250; n < 260; n++) {
        memset(text, 'a', sizeof text);
        snprintf(text, sizeof text, "redis://u:%0*d@h", n, 0);
        assert_int_equal(redis_url_parse(text, &url, NULL), n < REDIS_WORD_BYTES ? 0 : ERR_INVALID);
        snprintf(text, sizeof text, "redis://%0*d", n, 0);
        assert_int_equal(redis_url_parse(text, &url, NULL), n < REDIS_WORD_BYTES ? 0 : ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(several_sentinels),
        cmocka_unit_test(what_is_none_is_refused_without_repeating_it),
        cmocka_unit_test(words_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
