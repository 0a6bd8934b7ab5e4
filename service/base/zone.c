#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/slice.h"

enum { FILE_BYTES_MAX = 64 * 1024, HEADER_BYTES = 44 };

/* --- reading the file (RFC 8536 section 3) ---------------------------------------------------- */

struct header {
    unsigned is_ut, is_std, leaps, changes, kinds, chars;
};

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t get64(const unsigned char *p)
{
    return (int64_t)((uint64_t)get32(p) << 32 | get32(p + 4));
}

/* What is behind the header of a block whose times have `width` bytes; 0: damaged. */
static size_t read_header(const unsigned char *p, size_t n, size_t width, struct header *ret)
{
    uint32_t counts[6];
    if (n < HEADER_BYTES || memcmp(p, "TZif", 4) != 0)
        return 0;
    for (unsigned i = 0; i < 6; i++)
        if ((counts[i] = get32(p + 20 + 4 * i)) > FILE_BYTES_MAX)
            return 0;
    *ret = (struct header){counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
    size_t size = HEADER_BYTES + counts[3] * (width + 1) + counts[4] * 6 + counts[5] +
                  counts[2] * (width + 4) + counts[1] + counts[0];
    return size <= n ? size : 0;
}

static bool read_kinds(const unsigned char *kinds, const struct header *header, struct zone *ret)
{
    const unsigned char *names = kinds + 6 * header->kinds;
    for (unsigned i = 0; i < header->kinds; i++, kinds += 6) {
        unsigned at = kinds[5];
        if (at >= header->chars)
            return false;
        ret->kind[i].offset_s = (int32_t)get32(kinds);
        snprintf(ret->kind[i].name, sizeof ret->kind[i].name, "%.*s",
                 (int)strnlen((const char *)names + at, header->chars - at), names + at);
    }
    return true;
}

/* The second block, with times of 64 bits; version 1, which has none, died out long ago. */
static bool read_zone(const unsigned char *p, size_t n, struct zone *ret)
{
    struct header header;
    size_t first = read_header(p, n, 4, &header);
    if (first == 0 || p[4] < '2')
        return false;
    p += first;
    n -= first;
    if (read_header(p, n, 8, &header) == 0 || header.kinds == 0 || header.kinds > ZONE_KINDS_MAX ||
        header.changes > ZONE_CHANGES_MAX)
        return false;
    const unsigned char *times = p + HEADER_BYTES, *kinds = times + 8 * header.changes;
    ret->changes = header.changes;
    ret->kinds = header.kinds;
    for (unsigned i = 0; i < header.changes; i++) {
        ret->at_s[i] = get64(times + 8 * i);
        if ((ret->kind_of[i] = kinds[i]) >= header.kinds)
            return false;
    }
    return read_kinds(kinds + header.changes, &header, ret);
}

/* --- finding it ------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        char c = name[i] | 32;
        bool is_fine = (c >= 'a' && c <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
                       memchr("_+-/", name[i], 4);
        if (!is_fine)
            return false;
    }
    return n && n < ZONE_NAME_BYTES && name[0] != '/' && name[n - 1] != '/';
}

static bool is_built_in(const char *name, struct zone *ret)
{
    bool is_tokyo = strcmp(name, "Asia/Tokyo") == 0;
    if (!is_tokyo && strcmp(name, "UTC") != 0)
        return false;
    *ret = (struct zone){.kinds = 1, .kind = {{is_tokyo ? 9 * 3600 : 0, "UTC"}}};
    if (is_tokyo)
        memcpy(ret->kind[0].name, "JST", 4);
    return true;
}

int zone_load(const char *name, struct zone *ret, struct err *err)
{
    char path[ZONE_NAME_BYTES + 32];
    unsigned char bytes[FILE_BYTES_MAX];
    size_t n = 0;
    if (!is_name(name))
        return err_set(err, ERR_INVALID, "not the name of a time zone");
    if (is_built_in(name, ret))
        return 0;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_NOT_FOUND, "%s: %s", path, strerror(errno));
    for (ssize_t got = 1; got > 0 && n < sizeof bytes; n += got > 0 ? (size_t)got : 0)
        got = read(fd, bytes + n, sizeof bytes - n);
    close(fd);
    *ret = (struct zone){0};
    return read_zone(bytes, n, ret) ? 0 : err_set(err, ERR_INVALID, "%s: not a time zone", path);
}

/* --- using it --------------------------------------------------------------------------------- */

/* Of the last change at or before the moment; before the first one that of the file's first kind
 * (section 3.2). */
static unsigned kind_at(const struct zone *zone, int64_t s)
{
    unsigned low = 0, high = zone->changes;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (zone->at_s[middle] <= s)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? zone->kind_of[low - 1] : 0;
}

struct zone_time zone_time(const struct zone *zone, int64_t ms)
{
    int64_t s = ms / 1000 - (ms % 1000 < 0);
    unsigned kind = kind_at(zone, s);
    time_t there = s + zone->kind[kind].offset_s;
    struct tm tm = {0};
    gmtime_r(&there, &tm);
    return (struct zone_time){
        .year = tm.tm_year + 1900,
        .month = tm.tm_mon + 1,
        .day = tm.tm_mday,
        .weekday = tm.tm_wday,
        .hour = tm.tm_hour,
        .minute = tm.tm_min,
        .second = tm.tm_sec,
        .offset_s = zone->kind[kind].offset_s,
        .name = zone->kind[kind].name,
    };
}

bool zone_fixed(const char *text, struct zone *ret)
{
    static const char form[] = "+00:00";
    bool is_west = text[0] == '-';
    if (strlen(text) != sizeof form - 1 || (text[0] != '+' && !is_west))
        return false;
    for (unsigned i = 1; form[i]; i++)
        if (form[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    int hours = (text[1] - '0') * 10 + text[2] - '0', minutes = (text[4] - '0') * 10 + text[5] - '0';
    if (hours > 14 || minutes > 59)
        return false;
    int offset_s = hours * 3600 + minutes * 60;
    *ret = (struct zone){.kinds = 1, .kind = {{is_west ? -offset_s : offset_s, ""}}};
    snprintf(ret->kind[0].name, sizeof ret->kind[0].name, "%s", text);
    return true;
}

int64_t zone_moment(const struct zone *zone, int64_t shown_s)
{
    enum { DAY = 86400 };
    int32_t before = zone->kind[kind_at(zone, shown_s - DAY)].offset_s;
    int32_t after = zone->kind[kind_at(zone, shown_s + DAY)].offset_s;
    if (before != after && zone->kind[kind_at(zone, shown_s - before)].offset_s != before &&
        zone->kind[kind_at(zone, shown_s - after)].offset_s == after)
        return shown_s - after;
    return shown_s - before;
}
