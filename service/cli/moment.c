#include "cli/moment.h"

#include <string.h>

#include "base/clock.h"
#include "base/option.h"

/* "2026-12-01" or "2026-12-01 09:00" in local time. */
static bool parse_local(const char *text, int64_t *ret_ms)
{
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M",
                                          "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};
    for (unsigned i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(text, formats[i], &tm);
        if (!end || *end || tm.tm_year < 70)
            continue;
        int day = tm.tm_mday;
        time_t seconds = mktime(&tm);
        if (seconds <= 0 || tm.tm_mday != day) /* 30 February */
            return false;
        *ret_ms = (int64_t)seconds * 1000;
        return true;
    }
    return false;
}

/* "7d": a duration as options have it. */
static bool parse_from_now(const char *text, int64_t now_ms, int64_t *ret_ms)
{
    static const struct option duration = {"", OPTION_DURATION, 0, NULL, NULL, NULL, NULL,
                                           .min = 1000, .max = 100LL * 366 * 86400 * 1000};
    int64_t ms;
    if (option_set(&duration, text, &ms, NULL, NULL))
        return false;
    *ret_ms = (now_ms + ms) / 1000 * 1000;
    return true;
}

int moment_parse(const char *text, int64_t now_ms, int64_t *ret_ms, struct err *err)
{
    int64_t ms = 0;
    if (strcmp(text, "never") != 0 && strcmp(text, "always") != 0 &&
        !clock_parse(slice_of(text), &ms) && !parse_local(text, &ms) &&
        !parse_from_now(text, now_ms, &ms))
        return err_set(err, ERR_INVALID,
                       "expected a moment such as 2026-12-01, \"2026-12-01 09:00\", "
                       "2026-12-01T09:00:00+09:00, 7d (from now) or never, got \"%s\"", text);
    *ret_ms = ms;
    return 0;
}
