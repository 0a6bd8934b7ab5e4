/* What clocks of other places show, against the C library's own reading of the same files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/zone.h"

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    assert_true(clock_parse(slice_of(text), &ms));
    return ms;
}

static void shows(const char *zone_name, const char *moment, const char *expected)
{
    struct zone zone;
    struct err err = {0};
    char text[64];
    if (zone_load(zone_name, &zone, &err))
        fail_msg("%s: %s", zone_name, err.text);
    struct zone_time t = zone_time(&zone, ms_of(moment));
    snprintf(text, sizeof text, "%d-%02d-%02d %02d:%02d:%02d %s", t.year, t.month, t.day, t.hour,
             t.minute, t.second, t.name);
    assert_string_equal(text, expected);
}

static void a_clock_there_shows(void **state)
{
    (void)state;
    shows("Asia/Tokyo", "2026-12-31T15:00:00Z", "2027-01-01 00:00:00 JST");
    shows("UTC", "2026-12-31T15:00:00.999Z", "2026-12-31 15:00:00 UTC");
    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK))
        skip();
    shows("Europe/Berlin", "2027-03-28T00:59:59Z", "2027-03-28 01:59:59 CET");
    shows("Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-28 03:00:00 CEST");
    shows("America/New_York", "2026-12-01T04:30:00Z", "2026-11-30 23:30:00 EST");
    shows("Asia/Kolkata", "2026-12-01T00:00:00Z", "2026-12-01 05:30:00 IST");
}

static void as_the_c_library_reads_it(void **state)
{
    static const char *const names[] = {"Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe",
                                        "Asia/Seoul", "Pacific/Apia", "America/Los_Angeles"};
    (void)state;
    if (access("/usr/share/zoneinfo/Europe/London", R_OK))
        skip();
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone zone;
        assert_int_equal(zone_load(names[i], &zone, NULL), 0);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t s = 0; s < INT64_C(2100000000); s += 1234567) {
            struct tm tm;
            time_t t = s;
            struct zone_time ours = zone_time(&zone, s * 1000);
            localtime_r(&t, &tm);
            if (ours.hour != tm.tm_hour || ours.minute != tm.tm_min || ours.day != tm.tm_mday ||
                ours.weekday != tm.tm_wday || strcmp(ours.name, tm.tm_zone) != 0)
                fail_msg("%s at %lld", names[i], (long long)s);
        }
    }
}

static void what_is_no_zone_is_refused(void **state)
{
    static const char *const names[] = {"", "/etc/passwd", "../../../etc/passwd", "Asia/Tokyo/",
                                        "a b", "Mars/Base_1", "Asia", "zone.tab"};
    (void)state;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        struct zone zone;
        struct err err = {0};
        assert_int_not_equal(zone_load(names[i], &zone, &err), 0);
        assert_true(err.text[0] != '\0');
    }
}

static void a_shown_time_becomes_a_moment(void **state)
{
    struct zone zone;
    (void)state;
    assert_int_equal(zone_load("Asia/Tokyo", &zone, NULL), 0);
    assert_int_equal(zone_moment(&zone, 1796040000), 1796040000 - 9 * 3600);
    assert_true(zone_fixed("-03:30", &zone));
    assert_int_equal(zone_moment(&zone, 1796040000), 1796040000 + 3 * 3600 + 1800);
    static const char *const wrong[] = {"", "+9:00", "+0900", "+15:00", "+09:60", "+09:0x", "09:00 "};
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(zone_fixed(wrong[i], &zone));
    if (zone_load("America/New_York", &zone, NULL))
        skip();
    for (int64_t s = 1700000000; s < 1800000000; s += 12345) { /* there and back */
        struct zone_time shown = zone_time(&zone, s * 1000);
        int64_t back = zone_moment(&zone, s + shown.offset_s);
        assert_true(back == s || back == s - 3600); /* of an hour shown twice the first */
    }
    assert_int_equal(zone_moment(&zone, 1772937000), 1772937000 + 5 * 3600); /* 2026-03-08 02:30: never */
    assert_int_equal(zone_moment(&zone, 1793496600), 1793496600 + 4 * 3600); /* 2026-11-01 01:30: twice */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_there_shows),
        cmocka_unit_test(a_shown_time_becomes_a_moment),
        cmocka_unit_test(as_the_c_library_reads_it),
        cmocka_unit_test(what_is_no_zone_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
