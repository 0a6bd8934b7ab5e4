#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_now_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_coarse_ms(void)
{
    return read_ns(CLOCK_REALTIME_COARSE) / 1000000;
}

int64_t clock_mono_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

/* Reads exactly `width` digits at *at; false when there are fewer or the value is above `max`. */
static bool take_digits(struct slice text, size_t *at, size_t width, int max, int *ret)
{
    int value = 0;
    if (text.n - *at < width)
        return false;
    for (size_t end = *at + width; *at < end; ++*at) {
        char c = text.p[*at];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *ret = value;
    return value <= max;
}

static bool take_char(struct slice text, size_t *at, const char *any_of)
{
    if (*at >= text.n || text.p[*at] == '\0' || !strchr(any_of, text.p[*at]))
        return false;
    ++*at;
    return true;
}

static bool take_fraction(struct slice text, size_t *at, int *ret_ms)
{
    int ms = 0, scale = 100;
    *ret_ms = 0;
    if (!take_char(text, at, "."))
        return true;
    size_t first = *at;
    for (; *at < text.n && text.p[*at] >= '0' && text.p[*at] <= '9'; ++*at, scale /= 10)
        ms += (text.p[*at] - '0') * scale;
    *ret_ms = ms;
    return *at > first;
}

static bool take_offset(struct slice text, size_t *at, int *ret_minutes)
{
    *ret_minutes = 0;
    if (take_char(text, at, "Zz"))
        return true;
    bool west = *at < text.n && text.p[*at] == '-';
    int hours, minutes;
    if (!take_char(text, at, "+-") || !take_digits(text, at, 2, 23, &hours) ||
        !take_char(text, at, ":") || !take_digits(text, at, 2, 59, &minutes))
        return false;
    *ret_minutes = (west ? -1 : 1) * (hours * 60 + minutes);
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool clock_parse(struct slice text, int64_t *ret_ms)
{
    struct tm tm = {0};
    int year, month, ms, offset;
    size_t at = 0;
    bool ok = take_digits(text, &at, 4, 9999, &year) && take_char(text, &at, "-") &&
              take_digits(text, &at, 2, 12, &month) && take_char(text, &at, "-") &&
              take_digits(text, &at, 2, 31, &tm.tm_mday) && take_char(text, &at, "Tt ") &&
              take_digits(text, &at, 2, 23, &tm.tm_hour) && take_char(text, &at, ":") &&
              take_digits(text, &at, 2, 59, &tm.tm_min) && take_char(text, &at, ":") &&
              take_digits(text, &at, 2, 59, &tm.tm_sec) && take_fraction(text, &at, &ms) &&
              take_offset(text, &at, &offset);
    if (!ok || at != text.n || year < 1970 || month < 1 || tm.tm_mday < 1 ||
        tm.tm_mday > days_in_month(year, month))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    int64_t result = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + ms;
    if (result <= 0)
        return false;
    *ret_ms = result;
    return true;
}

char *clock_format(int64_t ms, char text[CLOCK_TEXT_BYTES])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(text, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms % 1000)
        n += (size_t)snprintf(text + n, CLOCK_TEXT_BYTES - n, ".%03d", (int)(ms % 1000));
    snprintf(text + n, CLOCK_TEXT_BYTES - n, "Z");
    return text;
}
