/* The numbering data: what is compiled in answers right, and a bad file is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "core/numbering.h"

static const char *const good[NUMBERING_FILES] = {
    "key,value\nversion,test.1\ndate,2026-11-01\n",
    "# a comment\ncode,country,min_digits,max_digits,name_en,name_ja\n1,,11,11,NANP,NANP\n44,GB,9,12,\"Britain, Great\",x\n",
    "area,country,use,name_en,name_ja\n212,US,geographic,United States,x\n",
    "prefix,min_digits,max_digits,kind,floor\n03,10,10,geographic,allow\n#7119,5,5,special,deny\n",
    "prefix,before,bare,keep\n184,any,no,yes\n",
    "code\n*21*\n",
    "group,prefix\nrisky,01044\nrisky,0101\nother,01044\n",
};

static int parse_with(enum numbering_file file, const char *text, struct numbering **ret, struct err *err)
{
    struct slice files[NUMBERING_FILES];
    for (int i = 0; i < NUMBERING_FILES; i++)
        files[i] = slice_of(good[i]);
    files[file] = slice_of(text);
    return numbering_parse(files, ret, err);
}

static void test_answers(void **state)
{
    (void)state;
    struct numbering *n;
    struct err err = {0};
    assert_int_equal(parse_with(NUMBERING_ABOUT, good[NUMBERING_ABOUT], &n, &err), 0);
    assert_string_equal(numbering_version(n), "test.1");
    struct country_fact us = numbering_country(n, SLICE_LIT("12125550100"));
    assert_string_equal(us.country, "US");
    assert_int_equal(us.len, 4);
    struct country_fact unlisted_area = numbering_country(n, SLICE_LIT("19995550100"));
    assert_string_equal(unlisted_area.country, "");
    assert_int_equal(unlisted_area.len, 1); /* the code is assigned, the area is not */
    assert_int_equal(numbering_country(n, SLICE_LIT("999")).len, 0);
    assert_int_equal(numbering_kind(n, SLICE_LIT("0312345678")), KIND_GEOGRAPHIC);
    assert_int_equal(numbering_kind(n, SLICE_LIT("031234567")), KIND_UNKNOWN);
    assert_int_equal(numbering_kind(n, SLICE_LIT("#7119")), KIND_SPECIAL);
    assert_true(numbering_floor_allows(n, SLICE_LIT("0312345678")));
    assert_false(numbering_floor_allows(n, SLICE_LIT("#7119")));
    assert_string_equal(numbering_country_name(n, SLICE_LIT("GB"), false), "Britain, Great");
    struct group_match groups[GROUP_MATCHES_MAX];
    assert_int_equal(numbering_groups(n, SLICE_LIT("01044207946"), groups), 2);
    assert_int_equal(groups[0].len, 5);
    assert_true(numbering_has_group(n, SLICE_LIT("other")));
    assert_false(numbering_has_group(n, SLICE_LIT("othe")));
    numbering_free(n);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        enum numbering_file file;
        const char *text, *says;
    } bad[] = {
        {NUMBERING_ABOUT, "key,value\n", "without version"},
        {NUMBERING_ABOUT, "", "without version"},
        {NUMBERING_COUNTRIES, "code,country\n1,US\n", "countries.csv: the first line must be"},
        {NUMBERING_COUNTRIES,
         "code,country,min_digits,max_digits,name_en,name_ja\n44,GB,9,12,x,x\n44,FR,9,12,x,x\n",
         "countries.csv: line 3: the same prefix twice"},
        {NUMBERING_COUNTRIES, "code,country,min_digits,max_digits,name_en,name_ja\n4x,GB,9,12,x,x\n",
         "line 2: '4x' is no prefix"},
        {NUMBERING_COUNTRIES, "code,country,min_digits,max_digits,name_en,name_ja\n44,GBR,9,12,x,x\n",
         "country is not"},
        {NUMBERING_COUNTRIES, "code,country,min_digits,max_digits,name_en,name_ja\n44,GB,19,12,x,x\n",
         "do not fit"},
        {NUMBERING_COUNTRIES, "code,country,min_digits,max_digits,name_en,name_ja\n44,\"GB,9,12,x,x\n",
         "quotes do not match"},
        {NUMBERING_NANP, "area,country,use,name_en,name_ja\n21,US,x,x,x\n", "three digits"},
        {NUMBERING_KINDS, "prefix,min_digits,max_digits,kind,floor\n03,10,10,nonsense,allow\n", "unknown kind"},
        {NUMBERING_KINDS, "prefix,min_digits,max_digits,kind,floor\n0101,10,10,mobile,allow\n", "010 is"},
        {NUMBERING_KINDS, "prefix,min_digits,max_digits,kind,floor\n03,10,10,mobile,maybe\n", "floor is"},
        {NUMBERING_KINDS, "prefix,min_digits,max_digits,kind,floor\n03,10,10\n", "too few columns"},
        {NUMBERING_PREFIXES, "prefix,before,bare,keep\n184,never,no,yes\n", "before is"},
        {NUMBERING_SERVICES, "code\n21\n", "looks like *21*"},
        {NUMBERING_GROUPS, "group,prefix\nRisky,01044\n", "a group is"},
        {NUMBERING_GROUPS, "group,prefix\nrisky,0104x\n", "is no prefix"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct numbering *n = NULL;
        struct err err = {0};
        assert_int_equal(parse_with(bad[i].file, bad[i].text, &n, &err), ERR_INVALID);
        assert_null(n);
        if (!strstr(err.text, bad[i].says))
            print_error("%zu: '%s' does not say '%s'\n", i, err.text, bad[i].says);
        assert_non_null(strstr(err.text, bad[i].says));
    }
}

static void test_builtin_and_directory_agree(void **state)
{
    (void)state;
    struct numbering *builtin, *loaded = NULL;
    struct err err = {0};
    assert_int_equal(numbering_builtin(&builtin, &err), 0);
    assert_int_equal(numbering_load("schema/numbering", &loaded, &err), 0);
    assert_string_equal(numbering_version(builtin), numbering_version(loaded));
    assert_string_equal(numbering_country(loaded, SLICE_LIT("18765550100")).country, "JM");
    assert_string_equal(numbering_country_name(loaded, SLICE_LIT("JP"), false), "Japan");
    numbering_free(loaded);
    numbering_free(builtin);
    assert_int_equal(numbering_load("schema/nothing-here", &loaded, &err), ERR_IO);
    assert_non_null(strstr(err.text, "schema/nothing-here/about.csv"));
}

static void test_no_digits_is_an_emergency_in_the_data(void **state)
{
    (void)state;
    struct numbering *n;
    struct err err = {0};
    assert_int_equal(numbering_builtin(&n, &err), 0);
    for (int i = 0; i < 1000; i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", i);
        assert_int_not_equal(numbering_kind(n, slice_of(text)), KIND_EMERGENCY);
    }
    numbering_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_builtin_and_directory_agree),
        cmocka_unit_test(test_no_digits_is_an_emergency_in_the_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
