/* Counters: nothing is lost between threads, and what is told is what Prometheus reads. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>

#include "doors/metrics.h"

static char text[64 * 1024];

static const char *rendered(const struct metrics *metrics)
{
    struct buf buf = BUF_OVER(text);
    metrics_render(metrics, &buf);
    assert_false(buf.overflowed);
    return text;
}

static void has_line(const struct metrics *metrics, const char *line)
{
    const char *found = strstr(rendered(metrics), line);
    if (!found || (found > text && found[-1] != '\n'))
        fail_msg("no line \"%s\" in\n%s", line, text);
}

/* more threads than there are shards, so that some share one, at the same time */
enum { THREADS = 300, EACH = 2000 };

static void *count(void *context)
{
    struct verdict verdict = {.action = ACTION_DENY, .reason = REASON_RULE};
    for (int i = 0; i < EACH; i++) {
        metrics_verdict(context, DOOR_DIAL, &verdict, 100);
        metrics_http(context, DOOR_ADMIN, 204);
    }
    return NULL;
}

static void loses_nothing_between_threads(void **state)
{
    (void)state;
    struct metrics *metrics;
    pthread_t threads[THREADS];
    assert_int_equal(metrics_new(&metrics, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, metrics), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    has_line(metrics, "sekisho_verdicts_total{action=\"deny\",reason=\"rule\"} 600000\n");
    has_line(metrics, "sekisho_http_responses_total{door=\"admin\",status=\"2xx\"} 600000\n");
    has_line(metrics, "sekisho_decide_seconds_count 600000\n");
    metrics_free(metrics);
}

static void puts_times_into_buckets(void **state)
{
    (void)state;
    struct metrics *metrics;
    struct verdict verdict = {.action = ACTION_ALLOW, .degraded = DEGRADED_FLOOR};
    static const int64_t times_ns[] = {0, 250, 251, 999999, 1000000, 150000000, 150000001,
                                       5000000000};
    assert_int_equal(metrics_new(&metrics, NULL), 0);
    for (size_t i = 0; i < sizeof times_ns / sizeof *times_ns; i++)
        metrics_verdict(metrics, DOOR_AGI, &verdict, times_ns[i]);
    has_line(metrics, "sekisho_decide_seconds_bucket{le=\"2.5e-07\"} 2\n");
    has_line(metrics, "sekisho_decide_seconds_bucket{le=\"5e-07\"} 3\n");
    has_line(metrics, "sekisho_decide_seconds_bucket{le=\"0.001\"} 5\n");
    has_line(metrics, "sekisho_decide_seconds_bucket{le=\"0.15\"} 6\n");
    has_line(metrics, "sekisho_decide_seconds_bucket{le=\"1\"} 7\n");
    has_line(metrics, "sekisho_decide_seconds_bucket{le=\"+Inf\"} 8\n");
    has_line(metrics, "sekisho_decide_seconds_sum 5.302000501\n");
    has_line(metrics, "sekisho_degraded_verdicts_total{degraded=\"floor\"} 8\n");
    has_line(metrics, "sekisho_door_verdicts_total{door=\"agi\"} 8\n");
    metrics_free(metrics);
}

static void counts_connections_up_and_down(void **state)
{
    (void)state;
    struct metrics *metrics;
    assert_int_equal(metrics_new(&metrics, NULL), 0);
    for (int i = 0; i < 3; i++)
        metrics_connections(metrics, DOOR_DIAL, 1);
    metrics_connections(metrics, DOOR_DIAL, -1);
    has_line(metrics, "sekisho_connections{door=\"dial\"} 2\n");
    metrics_free(metrics);
}

static double read_number(const void *context)
{
    return *(const double *)context;
}

static void tells_what_others_keep(void **state)
{
    (void)state;
    struct metrics *metrics;
    const double number = 12.5;
    assert_int_equal(metrics_new(&metrics, NULL), 0);
    for (int i = 0; i < METRICS_SOURCES_MAX; i++)
        assert_int_equal(metrics_add(metrics, METRIC_GAUGE, "sekisho_thing_seconds", "A thing.",
                                     read_number, &number, NULL), 0);
    assert_int_equal(metrics_add(metrics, METRIC_GAUGE, "x", "X.", read_number, &number, NULL),
                     ERR_LIMIT);
    has_line(metrics, "# HELP sekisho_thing_seconds A thing.\n# TYPE sekisho_thing_seconds gauge\n"
                      "sekisho_thing_seconds 12.5\n");
    metrics_free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loses_nothing_between_threads),
        cmocka_unit_test(puts_times_into_buckets),
        cmocka_unit_test(counts_connections_up_and_down),
        cmocka_unit_test(tells_what_others_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
