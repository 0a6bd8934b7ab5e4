/* UTF-8 and Shift_JIS: told apart, and turned into each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/charset.h"

#define TOKYO_SJIS "\x93\x8c\x8b\x9e" /* 東京; its bytes are no UTF-8 */
#define MARKS_SJIS "\x81\x9b\x81\x7e" /* ○× */

static void names(void **state)
{
    enum charset charset;
    struct err err = {0};
    (void)state;
    assert_int_equal(charset_of(SLICE_LIT("CP932"), &charset, &err), 0);
    assert_string_equal(charset_word(charset), "shift_jis");
    assert_int_equal(charset_of(SLICE_LIT("Utf-8"), &charset, &err), 0);
    assert_string_equal(charset_word(charset), "utf-8");
    assert_int_equal(charset_of(SLICE_LIT("latin1"), &charset, &err), ERR_INVALID);
}

static void detected_by_the_lines_that_break(void **state)
{
    (void)state;
    assert_int_equal(charset_detect(SLICE_LIT("010,x\n")), CHARSET_UTF8);
    assert_int_equal(charset_detect(SLICE_LIT("010,○\n東京\n")), CHARSET_UTF8);
    assert_int_equal(charset_detect(SLICE_LIT("010," MARKS_SJIS "\n" TOKYO_SJIS)),
                     CHARSET_SHIFT_JIS);
    /* one line that is broken either way does not turn the file around */
    assert_int_equal(charset_detect(SLICE_LIT("東京\n大阪\n\xff\xff\n")), CHARSET_UTF8);
    assert_int_equal(charset_detect(SLICE_LIT(TOKYO_SJIS "\n\xff\xff\n")), CHARSET_SHIFT_JIS);
    assert_int_equal(charset_detect(SLICE_NONE), CHARSET_UTF8);
}

static void marks(void **state)
{
    (void)state;
    assert_true(slice_equals_text(charset_skip_mark(SLICE_LIT("\xef\xbb\xbf" "a")), "a"));
    assert_true(slice_equals_text(charset_skip_mark(SLICE_LIT("\xef\xbb")), "\xef\xbb"));
    assert_true(charset_is_utf16(SLICE_LIT("\xff\xfe" "0")));
    assert_false(charset_is_utf16(SLICE_LIT("0")));
}

static void there_and_back(void **state)
{
    struct recoder to, from;
    struct err err = {0};
    struct slice utf8, sjis;
    char one[64], two[64];
    (void)state;
    assert_int_equal(recoder_init(&to, CHARSET_SHIFT_JIS, RECODE_TO_UTF8, &err), 0);
    assert_int_equal(recoder_init(&from, CHARSET_SHIFT_JIS, RECODE_FROM_UTF8, &err), 0);
    assert_int_equal(recode(&to, SLICE_LIT(MARKS_SJIS), one, sizeof one, &utf8, &err), 0);
    assert_true(slice_equals_text(utf8, "○×"));
    assert_int_equal(recode(&from, utf8, two, sizeof two, &sjis, &err), 0);
    assert_true(slice_equals_text(sjis, MARKS_SJIS));
    /* torn in the middle of a character; then the next text is read as ever */
    assert_int_equal(recode(&to, SLICE_LIT("a\x93"), one, sizeof one, &utf8, &err), ERR_INVALID);
    err = (struct err){0};
    assert_int_equal(recode(&to, SLICE_LIT(TOKYO_SJIS), one, sizeof one, &utf8, &err), 0);
    assert_true(slice_equals_text(utf8, "東京"));
    assert_int_equal(recode(&from, SLICE_LIT("📞"), two, sizeof two, &sjis, &err), ERR_INVALID);
    err = (struct err){0};
    assert_int_equal(recode(&to, SLICE_LIT(TOKYO_SJIS), one, 3, &utf8, &err), ERR_LIMIT);
    recoder_release(&to);
    recoder_release(&from);
}

static void utf8_is_checked(void **state)
{
    struct recoder recoder;
    struct err err = {0};
    struct slice text;
    char out[8];
    (void)state;
    assert_int_equal(recoder_init(&recoder, CHARSET_UTF8, RECODE_TO_UTF8, &err), 0);
    assert_int_equal(recode(&recoder, SLICE_LIT("東京 longer than the room"), out, sizeof out, &text,
                            &err), 0);
    assert_int_equal(recode(&recoder, SLICE_LIT(TOKYO_SJIS), out, sizeof out, &text, &err),
                     ERR_INVALID);
    recoder_release(&recoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),          cmocka_unit_test(detected_by_the_lines_that_break),
        cmocka_unit_test(marks),          cmocka_unit_test(there_and_back),
        cmocka_unit_test(utf8_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
