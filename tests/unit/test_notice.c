/* What tenants are told: in their language, with their clock, and nothing of it is looked at twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "jobs/notice.h"

static const struct answer_keys keys = {1, {"a key of thirty-two bytes ......"}};
static char folder[] = "/tmp/sekisho-notices-XXXXXX";
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    memcpy(strrchr(folder, '-') + 1, "XXXXXX", 6);
    arena_init(&arena, 8 << 20);
    return mkdtemp(folder) ? 0 : -1;
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path_of("campaign.ja.txt"));
    unlink(path_of("campaign.en.txt"));
    arena_release(&arena);
    return rmdir(folder);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct notices *load(const char *from, const char *contact)
{
    struct notices *notices = NULL;
    struct err err = {0};
    struct notices_config config = {from, "https://sekisho.example.jp", contact, &keys};
    if (notices_new(&config, &notices, &err))
        fail_msg("%s", err.text);
    return notices;
}

static struct tenant a_tenant(const char *locale, const char *time_zone)
{
    return (struct tenant){.id = "acme", .name = "株式会社アクメ", .locale = locale,
                           .time_zone = time_zone};
}

static struct notice_text render(const char *from, const char *contact, const struct tenant *tenant,
                                 const char *const *accounts, unsigned count)
{
    struct notices *notices = load(from, contact);
    struct target target = {TARGET_PREFIX, "010"};
    struct notice notice = {.campaign = "01KAKM3Z5Q8H4V0XJ6S2M9C7RT", .tenant = tenant,
                            .target = &target, .accounts = accounts, .accounts_count = count};
    struct notice_text text = {0};
    struct err err = {0};
    assert_true(clock_parse(SLICE_LIT("2026-12-09T15:00:00Z"), &notice.from_ms));
    if (notice_render(notices, &notice, &arena, &text, &err))
        fail_msg("%s", err.text);
    notices_free(notices);
    return text;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

static void in_japanese(void **state)
{
    (void)state;
    static const char *const accounts[] = {"1001", "1002"};
    struct tenant tenant = a_tenant("ja-JP", "Asia/Tokyo");
    struct notice_text text = render(NULL, "サポート窓口 0120-000-000", &tenant, accounts, 2);
    assert_string_equal(text.locale, "ja");
    has(text.subject, "株式会社アクメ 様");
    has(text.body, "010 から始まる番号への発信（国際電話）");
    has(text.body, "2026年12月10日（木）0時00分");
    has(text.body, "  1001\n  1002\n");
    has(text.body, "サポート窓口 0120-000-000");
    has(text.body, text.link);
    has(text.body, "110");
    has_not(text.body, "{{");
    has_not(text.subject, "{{");
}

static void in_english_for_everybody_else(void **state)
{
    (void)state;
    static const char *const locales[] = {"en", "en-US", "de", "jav", "ko-KR"};
    for (unsigned i = 0; i < sizeof locales / sizeof *locales; i++) {
        struct tenant tenant = a_tenant(locales[i], "America/New_York");
        struct notice_text text = render(NULL, NULL, &tenant, NULL, 0);
        assert_string_equal(text.locale, "en");
        has(text.body, "calls to numbers that begin with 010 (international calls)");
        if (access("/usr/share/zoneinfo/America/New_York", R_OK) == 0)
            has(text.body, "Wednesday, 9 December 2026, 10:00 EST");
        has(text.body, "all extensions");
        has(text.body, "the sender of this mail");
        has_not(text.body, "{{");
    }
}

static void an_unknown_zone_is_told_in_utc(void **state)
{
    (void)state;
    struct tenant tenant = a_tenant("ja", "Mars/Base");
    has(render(NULL, NULL, &tenant, NULL, 0).body, "2026年12月9日（水）15時00分（UTC）");
}

static void the_link_is_good_for_the_tenant(void **state)
{
    (void)state;
    struct tenant tenant = a_tenant("ja", "Asia/Tokyo");
    struct notice_text text = render(NULL, NULL, &tenant, NULL, 0);
    static const char start[] = "https://sekisho.example.jp/a/";
    struct answer_link link;
    assert_int_equal(strncmp(text.link, start, sizeof start - 1), 0);
    assert_int_equal(answer_link_check(&keys, slice_of(text.link + sizeof start - 1), 1, &link, NULL),
                     0);
    assert_string_equal(link.tenant, "acme");
    assert_string_equal(link.campaign, "01KAKM3Z5Q8H4V0XJ6S2M9C7RT");
    assert_string_equal(link.account, "");
}

static void long_lists_are_cut(void **state)
{
    (void)state;
    const char *accounts[NOTICE_ACCOUNTS_SHOWN];
    struct tenant tenant = a_tenant("ja", "Asia/Tokyo");
    for (unsigned i = 0; i < NOTICE_ACCOUNTS_SHOWN; i++)
        accounts[i] = "2000";
    has(render(NULL, NULL, &tenant, accounts, 5000).body, "  2000\n  ほか 4980 件");
    has_not(render(NULL, NULL, &tenant, accounts, NOTICE_ACCOUNTS_SHOWN).body, "ほか 0");
}

static void names_in_braces_of_tenants_stay_what_they_are(void **state)
{
    (void)state;
    struct tenant tenant = a_tenant("ja", "Asia/Tokyo");
    tenant.name = "{{link}}{{contact}}";
    struct notice_text text = render(NULL, "HELP", &tenant, NULL, 0);
    has(text.subject, "{{link}}{{contact}} 様");
    has_not(text.subject, "https");
    has_not(text.subject, "HELP");
}

static void an_operator_has_words_of_its_own(void **state)
{
    (void)state;
    struct tenant tenant = a_tenant("ja", "Asia/Tokyo"), other = a_tenant("en", "UTC");
    write_text("campaign.ja.txt", "Subject: {{calls}}\n\nここです: {{link}}\n");
    struct notice_text text = render(folder, NULL, &tenant, NULL, 0);
    assert_string_equal(text.subject, "010 から始まる番号への発信（国際電話）");
    assert_int_equal(strncmp(text.body, "ここです: https://", strlen("ここです: https://")), 0);
    has(render(folder, NULL, &other, NULL, 0).body, "Leave open"); /* compiled in */
}

static void bad_texts_are_refused_at_the_start(void **state)
{
    static const char *const bad[] = {
        "", "Subject: x\n", "Hello\n\n{{link}}", "Subject: x\n\nno way to answer",
        "Subject: x\n\n{{link}} {{datum}}", "Subject: {{x}}\n\n{{link}}",
        "Subject: x\nBcc: all@example.com\n\n{{link}}", "Subject: x\n\n{{link}}\x01",
        "Subject: x\n\n{{link}}\xff", "Subject: x\r\n\r\n{{link}}"};
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct notices *notices = NULL;
        struct err err = {0};
        struct notices_config config = {folder, "https://x", NULL, &keys};
        write_text("campaign.en.txt", bad[i]);
        assert_int_equal(notices_new(&config, &notices, &err), ERR_INVALID);
        has(err.text, "campaign.en.txt");
    }
}

static void targets_in_words(void **state)
{
    static const struct {
        struct target target;
        const char *ja, *en;
    } all[] = {
        {{TARGET_PREFIX, "0990"}, "0990 から始まる番号への発信", "calls to numbers that begin with 0990"},
        {{TARGET_COUNTRY, "country:SO"}, "国・地域 SO への発信（国際電話）",
         "calls to the country or territory SO (international calls)"},
        {{TARGET_GROUP, "group:high-risk"}, "「high-risk」に分類される宛先への発信（国際電話）",
         "calls to destinations of the group \"high-risk\" (international calls)"},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        char ja[200], en[200];
        struct buf out = BUF_OVER(ja);
        notice_add_calls(&out, NOTICE_JA, &all[i].target);
        assert_string_equal(ja, all[i].ja);
        out = BUF_OVER(en);
        notice_add_calls(&out, NOTICE_EN, &all[i].target);
        assert_string_equal(en, all[i].en);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_japanese, set_up, tear_down),
        cmocka_unit_test_setup_teardown(in_english_for_everybody_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_zone_is_told_in_utc, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_link_is_good_for_the_tenant, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lists_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_in_braces_of_tenants_stay_what_they_are, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_operator_has_words_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_texts_are_refused_at_the_start, set_up, tear_down),
        cmocka_unit_test(targets_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
