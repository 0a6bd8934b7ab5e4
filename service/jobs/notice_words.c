/* Dates, targets and languages in words. */
#include "base/zone.h"
#include "jobs/notice.h"

enum notice_language notice_language(struct slice locale)
{
    bool is_ja = locale.n >= 2 && (locale.p[0] | 32) == 'j' && (locale.p[1] | 32) == 'a' &&
                 (locale.n == 2 || locale.p[2] == '-');
    return is_ja ? NOTICE_JA : NOTICE_EN;
}

void notice_add_calls(struct buf *out, enum notice_language language, const struct target *target)
{
    struct slice text = slice_of(target->text);
    bool is_ja = language == NOTICE_JA;
    const char *colon = strchr(target->text, ':');
    bool is_abroad = target->type != TARGET_PREFIX || slice_starts_with(text, SLICE_LIT("010"));
    if (target->type == TARGET_COUNTRY)
        buf_printf(out, is_ja ? "国・地域 %s への発信" : "calls to the country or territory %s", colon + 1);
    else if (target->type == TARGET_GROUP)
        buf_printf(out, is_ja ? "「%s」に分類される宛先への発信" : "calls to destinations of the group \"%s\"",
                   colon + 1);
    else
        buf_printf(out, is_ja ? "%s から始まる番号への発信" : "calls to numbers that begin with %s", target->text);
    if (is_abroad)
        buf_add_text(out, is_ja ? "（国際電話）" : " (international calls)");
}

void notice_add_date(struct buf *out, enum notice_language language, const char *time_zone,
                     int64_t ms)
{
    static const char *const days_ja[] = {"日", "月", "火", "水", "木", "金", "土"};
    static const char *const days_en[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday",
                                          "Friday", "Saturday"};
    static const char *const months[] = {"January", "February", "March", "April", "May", "June",
                                         "July", "August", "September", "October", "November",
                                         "December"};
    struct zone zone;
    bool is_known = zone_load(time_zone, &zone, NULL) == 0;
    if (!is_known && zone_load("UTC", &zone, NULL))
        return;
    struct zone_time t = zone_time(&zone, ms);
    /* the zone is named where a reader could take it for another one */
    bool is_named = language != NOTICE_JA || strcmp(t.name, "JST") != 0;
    if (language == NOTICE_JA)
        buf_printf(out, "%d年%d月%d日（%s）%d時%02d分", t.year, t.month, t.day, days_ja[t.weekday],
                   t.hour, t.minute);
    else
        buf_printf(out, "%s, %d %s %d, %02d:%02d", days_en[t.weekday], t.day, months[t.month - 1],
                   t.year, t.hour, t.minute);
    if (is_named)
        buf_printf(out, language == NOTICE_JA ? "（%s）" : " %s", t.name);
}
