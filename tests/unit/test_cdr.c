/* Call records: layouts found and told, records out of bytes, whose they are, what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/numbering.h"
#include "jobs/cdr_call.h"
#include "jobs/cdr_reader.h"

#define LINE16                                                                                     \
    "\"acme\",\"6001\",\"0312345678\",\"out\",\"\"\"Desk\"\" <6001>\",\"PJSIP/6001-00000001\","        \
    "\"PJSIP/trunk-00000002\",\"Dial\",\"x\",\"2026-11-30 21:00:00\",\"2026-11-30 21:00:05\","      \
    "\"2026-11-30 21:01:00\",60,55,\"ANSWERED\",\"DOCUMENTATION\""
#define ID ",\"1796040000.42\""  /* 2026-11-30T12:00:00Z */
#define NEW ",\"\",\"1796040000.42\",7"

/* --- layouts ------------------------------------------------------------------------------------ */

static const char *detect(const char *text)
{
    static struct cdr_detected detected;
    struct err err = {0};
    if (cdr_layout_detect(slice_of(text), &detected, &err) < 0)
        return "";
    assert_true(detected.why[0] != '\0');
    return detected.layout.text;
}

static void a_layout_is_found(void **state)
{
    (void)state;
    assert_string_equal(detect(LINE16 "\n"), "master");
    assert_string_equal(detect(LINE16 ID "\n" LINE16 ID "\n"), "master+uniqueid");
    assert_string_equal(detect(LINE16 ",\"pbx1-1796040000.42\"\n"), "master+uniqueid");
    assert_string_equal(detect(LINE16 ",\"\"\n" LINE16 ",\"note 7\"\n"), "master+userfield");
    assert_string_equal(detect(LINE16 ID ",\"\"\n"), "master+uniqueid+userfield");
    assert_string_equal(detect(LINE16 NEW "\n"), "master+new");
    assert_string_equal(detect(LINE16 ID NEW "\n"), "master+uniqueid+new");
    assert_string_equal(detect(LINE16 ",\"vip\"" NEW "\n"), "master+userfield+new");
    assert_string_equal(detect(LINE16 ID ",\"\"" NEW "\n"), "master+uniqueid+userfield+new");
    /* the rest of a record at the end of a sample, and lines that are none, do not mislead */
    assert_string_equal(detect(LINE16 ID "\n" LINE16 ID "\n\"to\"rn\n" LINE16), "master+uniqueid");
    assert_string_equal(detect(LINE16 ID "\r\n"), "master+uniqueid");
    assert_string_equal(detect("calldate,clid,SRC,dst,dcontext,nonsense,billsec\n"),
                        "columns:start,clid,src,dst,dcontext,,billsec");
}

static void what_fits_no_layout_is_said(void **state)
{
    static const char *const texts[] = {"", "\n\n", "a,b,c\n", "{\"start\":\"x\"}\n",
                                        "\"unfinished", "calldate,src\n"};
    struct cdr_detected detected;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err err = {0};
        assert_int_equal(cdr_layout_detect(slice_of(texts[i]), &detected, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "say which layout"));
    }
}

static void a_layout_can_be_told(void **state)
{
    struct cdr_layout layout;
    (void)state;
    assert_int_equal(cdr_layout_parse(SLICE_LIT("master+userfield+new"), &layout, NULL), 0);
    assert_int_equal(layout.columns, 20);
    assert_int_equal(layout.field_of[16], CDR_USERFIELD);
    assert_int_equal(layout.field_of[19], CDR_SEQUENCE);
    assert_int_equal(cdr_layout_parse(SLICE_LIT("columns:start,,dst"), &layout, NULL), 0);
    assert_int_equal(layout.columns, 3);
    assert_int_equal(layout.field_of[1], -1);
    static const char *const wrong[] = {"", "Master", "master+", "master+new+uniqueid", "columns:",
                                        "columns:dst", "columns:start,dst,foo"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = {0};
        assert_int_equal(cdr_layout_parse(slice_of(wrong[i]), &layout, &err), ERR_INVALID);
        assert_true(err.text[0] != '\0');
    }
}

static void the_zone_is_told_by_ids_of_channels(void **state)
{
    struct cdr_detected detected = {0};
    (void)state;
    assert_int_equal(cdr_layout_detect(SLICE_LIT(LINE16 ID "\n"), &detected, NULL), 0);
    assert_true(detected.has_offset);
    assert_int_equal(detected.offset_s, 9 * 3600);
    assert_int_equal(cdr_layout_detect(SLICE_LIT(LINE16 ",\"1796072399.1\"\n"), &detected, NULL), 0);
    assert_true(detected.has_offset);
    assert_int_equal(detected.offset_s, 0); /* made a second before the record began */
    assert_int_equal(cdr_layout_detect(SLICE_LIT(LINE16 ",\"1796072000.1\"\n"), &detected, NULL), 0);
    assert_false(detected.has_offset); /* no time zone is that far apart */
    assert_int_equal(cdr_layout_detect(SLICE_LIT(LINE16 "\n"), &detected, NULL), 0);
    assert_false(detected.has_offset);
}

static void times_are_read(void **state)
{
    int64_t s;
    (void)state;
    assert_true(cdr_time_parse(SLICE_LIT("2026-11-30 21:00:00"), &s));
    assert_int_equal(s, 1796072400);
    assert_true(cdr_time_parse(SLICE_LIT("1970-01-01T00:00:01.123456"), &s));
    assert_int_equal(s, 1);
    assert_true(cdr_time_parse(SLICE_LIT("2028-02-29 23:59:60"), &s));
    static const char *const wrong[] = {"", "2026-11-30", "2026-11-30 21:00", "2026-11-31 00:00:00",
                                        "2026-02-29 00:00:00", "2026-00-01 00:00:00", "1969-12-31 00:00:00",
                                        "2026-11-30 24:00:00", "2026-11-30 21:00:00Z", "2026-11-30 21:0x:00",
                                        "2026/11/30 21:00:00", "2026-11-30 21:00:00.x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(cdr_time_parse(slice_of(wrong[i]), &s));
    assert_true(cdr_uniqueid_time(SLICE_LIT("sekisho-1796040000.7"), &s));
    assert_int_equal(s, 1796040000);
    assert_false(cdr_uniqueid_time(SLICE_LIT("sekisho-31105-1"), &s));
    assert_false(cdr_uniqueid_time(SLICE_LIT("1796040000."), &s));
    assert_false(cdr_uniqueid_time(SLICE_LIT("x1796040000.1"), &s));
}

/* --- the reader --------------------------------------------------------------------------------- */

/* What comes of a text: for each record its line and number, or its reason. */
static const char *read_all(enum cdr_format format, const char *layout_text, const char *text,
                            bool is_open, size_t *ret_consumed)
{
    static char out[4096];
    struct buf buf = BUF_OVER(out);
    struct cdr_layout layout = {0};
    struct cdr_reader *reader = malloc(sizeof *reader);
    struct cdr cdr;
    enum cdr_reason reason;
    assert_non_null(reader);
    if (format == CDR_CSV)
        assert_int_equal(cdr_layout_parse(slice_of(layout_text), &layout, NULL), 0);
    cdr_reader_init(reader, format, &layout, slice_of(text), is_open);
    while (cdr_reader_next(reader, &cdr, &reason)) {
        buf_printf(&buf, "%s%u:%.*s", buf.n ? " " : "", cdr.line,
                   SLICE_ARG(reason ? slice_of(cdr_reason_word(reason)) : cdr.fields[CDR_DST]));
        assert_true(cdr.offset + cdr.bytes <= strlen(text) && cdr.bytes > 0);
    }
    if (ret_consumed)
        *ret_consumed = cdr_reader_consumed(reader);
    cdr_reader_release(reader);
    free(reader);
    return out;
}

static void bad_lines_are_told_and_the_next_ones_read(void **state)
{
    static const char text[] = LINE16 "\n"
                               "\"torn\",\"6001\",\"03\n"
                               LINE16 "\n"
                               "\"a\"b\",1,2\n"
                               "1,2,3\n\n"
                               LINE16 ",extra\n"
                               LINE16;
    (void)state;
    assert_string_equal(read_all(CDR_CSV, "master", text, false, NULL),
                        "1:0312345678 2:quoting 3:0312345678 4:quoting 5:columns 7:columns 8:0312345678");
}

static void line_breaks_in_quotes_are_part_of_a_field(void **state)
{
    (void)state;
    assert_string_equal(read_all(CDR_CSV, "columns:clid,dst,start", "\"a\nb \"\"c\"\"\",01,x\r\n\"d\",02,y\n",
                                 false, NULL),
                        "1:01 3:02");
    assert_string_equal(read_all(CDR_CSV, "columns:start,dst", "calldate,dst\nx,1\n", false, NULL), "2:1");
}

static void what_is_not_whole_is_left(void **state)
{
    size_t n;
    (void)state;
    assert_string_equal(read_all(CDR_CSV, "columns:start,dst", "x,1\ny,2\nz,", true, &n), "1:1 2:2");
    assert_int_equal(n, 8);
    assert_string_equal(read_all(CDR_CSV, "columns:start,dst", "x,1\n\"y\n", true, &n), "1:1");
    assert_int_equal(n, 4);
    assert_string_equal(read_all(CDR_CSV, "columns:start,dst", "x,1\ny,2", false, &n), "1:1 2:2");
    assert_int_equal(n, 7);
    assert_string_equal(read_all(CDR_NDJSON, NULL, "{\"dst\":\"1\"}\n{\"dst\":", true, &n), "1:1");
    assert_int_equal(n, 12);
    assert_string_equal(read_all(CDR_NDJSON, NULL, "{\"dst\":\"1\"}\n{\"dst\":", false, &n), "1:1 2:json");
}

static void json_lines_are_read_by_the_names_of_fields(void **state)
{
    (void)state;
    assert_string_equal(read_all(CDR_NDJSON, NULL,
                                 "{\"number\":\"1\",\"other\":[]}\n\n  \n{\"DST\":2}\n[]\n{\"dst\":1.5}\n"
                                 "{\"dst\":null}\n{\"a\":1,\"a\":2}\nx\n",
                                 false, NULL),
                        "1:1 4:2 5:json 6:json 7: 8:json 9:json");
}

/* --- the map ------------------------------------------------------------------------------------ */

static const char *mapped(const char *map_text, const char *accountcode, const char *channel,
                          const char *context)
{
    static char out[256];
    struct cdr_map map;
    struct cdr_names names;
    struct cdr cdr = {0};
    struct err err = {0};
    cdr.fields[CDR_ACCOUNTCODE] = slice_of(accountcode);
    cdr.fields[CDR_CHANNEL] = slice_of(channel);
    cdr.fields[CDR_DCONTEXT] = slice_of(context);
    cdr.fields[CDR_SRC] = SLICE_LIT("7001");
    cdr.fields[CDR_DST] = SLICE_LIT("0312345678");
    if (cdr_map_parse(slice_of(map_text), &map, &err))
        fail_msg("%s: %s", map_text, err.text);
    if (!cdr_map_apply(&map, &cdr, &names))
        return "other context";
    snprintf(out, sizeof out, "%.*s/%.*s/%.*s", SLICE_ARG(names.tenant), SLICE_ARG(names.account),
             SLICE_ARG(names.number));
    return out;
}

static void a_map_says_whose_call_it_is(void **state)
{
    (void)state;
    assert_string_equal(mapped(CDR_MAP_DEFAULT, "acme", "PJSIP/6001-00000001", "out"),
                        "acme/6001/0312345678");
    assert_string_equal(mapped(CDR_MAP_DEFAULT, "acme", "Local/03@out-00000001;2", "out"),
                        "acme/7001/0312345678");
    assert_string_equal(mapped(CDR_MAP_DEFAULT, "Not A Slug", "PJSIP/6001-00000001", "out"),
                        "/6001/0312345678");
    assert_string_equal(mapped("tenant=channel", "", "SIP/acme-1", ""), "acme//0312345678");
    assert_string_equal(mapped("tenant:acme account=accountcode", "12", "", ""), "acme/12/0312345678");
    assert_string_equal(mapped("channel=PJSIP/{tenant}-{account}-*", "", "PJSIP/a-b-6001-0000002a", ""),
                        "a-b/6001/0312345678");
    assert_string_equal(mapped("channel=PJSIP/{tenant}-{account}-*", "", "PJSIP/acme-0000002a", ""),
                        "//0312345678");
    assert_string_equal(mapped("channel=PJSIP/{tenant}-{account}-* tenant=accountcode", "zed",
                               "PJSIP/A-6001-0000002a", ""),
                        "zed//0312345678"); /* A is no tenant: nothing of it is taken */
    assert_string_equal(mapped("channel=Local/{number}@{tenant}-out-*", "", "Local/0110@acme-out-0001;1", ""),
                        "acme//0110");
    assert_string_equal(mapped("accountcode={tenant}:{account}", "acme:6001", "", ""),
                        "acme/6001/0312345678");
}

static void contexts_are_chosen(void **state)
{
    static const char map[] = "tenant=accountcode context=out-* context=emergency context!=out-test*";
    (void)state;
    assert_string_equal(mapped(map, "acme", "", "out-a"), "acme//0312345678");
    assert_string_equal(mapped(map, "acme", "", "emergency"), "acme//0312345678");
    assert_string_equal(mapped(map, "acme", "", "out-"), "other context");
    assert_string_equal(mapped(map, "acme", "", "from-trunk"), "other context");
    assert_string_equal(mapped(map, "acme", "", "out-test1"), "other context");
    assert_string_equal(mapped("tenant=accountcode context!=in", "acme", "", "out"), "acme//0312345678");
}

static void a_map_that_is_none_is_refused(void **state)
{
    static const char *const wrong[] = {
        "tenant", "tenant=", "=x", "tenant=foo", "foo={tenant}", "channel=PJSIP/*", "channel={tenant}{account}",
        "channel={foo}", "channel={tenant", "tenant:Acme", "number:1", "dst=x",
        "channel={tenant}-*-*-*-*-*-*"};
    struct cdr_map map;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct err err = {0};
        if (cdr_map_parse(slice_of(wrong[i]), &map, &err) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i]);
        assert_non_null(strstr(err.text, wrong[i]));
    }
    char longest[CDR_MAP_BYTES + 1];
    memset(longest, 'x', CDR_MAP_BYTES);
    longest[CDR_MAP_BYTES] = '\0';
    assert_int_equal(cdr_map_parse(slice_of(longest), &map, NULL), ERR_INVALID);
    assert_int_equal(cdr_map_parse(SLICE_NONE, &map, NULL), 0);
}

/* --- calls -------------------------------------------------------------------------------------- */

struct bench {
    struct numbering *numbering;
    struct cdr_map map;
    struct zone zone;
    struct cdr_terms terms;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    assert_int_equal(numbering_builtin(&bench->numbering, NULL), 0);
    assert_int_equal(cdr_map_parse(SLICE_LIT(CDR_MAP_DEFAULT), &bench->map, NULL), 0);
    assert_int_equal(zone_load("Asia/Tokyo", &bench->zone, NULL), 0);
    bench->terms = (struct cdr_terms){"pbx1", &bench->map, &bench->zone, INT64_C(1796040000000),
                                      INT64_C(1796040000000) - 86400000};
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    numbering_free(bench->numbering);
    free(bench);
    return 0;
}

static struct cdr a_cdr(const char *start, const char *dst)
{
    struct cdr cdr = {0};
    cdr.fields[CDR_ACCOUNTCODE] = SLICE_LIT("acme");
    cdr.fields[CDR_CHANNEL] = SLICE_LIT("PJSIP/6001-00000001");
    cdr.fields[CDR_START] = slice_of(start);
    cdr.fields[CDR_DST] = slice_of(dst);
    cdr.fields[CDR_BILLSEC] = SLICE_LIT("61");
    cdr.fields[CDR_DISPOSITION] = SLICE_LIT("NO ANSWER");
    return cdr;
}

static void times_have_bounds(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *start;
        enum cdr_reason reason;
    } cases[] = {
        {"2026-11-30 21:00:00", CDR_TAKEN},       {"2026-11-30T12:00:00Z", CDR_TAKEN},
        {"1796040000", CDR_TAKEN},                {"2026-11-30T21:00:00.5+09:00", CDR_TAKEN},
        {"2026-11-30 21:10:01", CDR_IN_FUTURE},   {"2026-11-30 21:09:59", CDR_TAKEN},
        {"2026-11-30 12:00:00+00", CDR_TAKEN},    {"2026-11-30 17:30:00.123456+05:30", CDR_TAKEN},
        {"2026-11-30 12:30:00+00", CDR_IN_FUTURE},
        {"2026-11-29 20:59:59", CDR_TOO_OLD},     {"2026-11-29 21:00:00", CDR_TAKEN},
        {"", CDR_BAD_TIME},                       {"yesterday", CDR_BAD_TIME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cdr cdr = a_cdr(cases[i].start, "0312345678");
        struct call_record record;
        if (cdr_call_begin(&bench->terms, &cdr, &record) != cases[i].reason)
            fail_msg("%s", cases[i].start);
        if (i < 3)
            assert_true(record.at_ms == INT64_C(1796040000000));
    }
}

static void a_number_is_read_as_the_tenant_dials(void **state)
{
    struct bench *bench = *state;
    static const struct {
        const char *dialed, *outside_line, *wanted; /* number kind country overseas; "": none */
    } cases[] = {
        {"0312345678", "", "0312345678 geographic  0"},
        {"00312345678", "0", "0312345678 geographic  0"},
        {"0010 1 212 555 0100", "0", "01012125550100 international US 1"},
        {"+12125550100", "", "01012125550100 international US 1"},
        {"186122003301037793555010", "", "01037793555010 international MC 1"},
        {"110", "", "110 emergency  0"},
        {"0110", "0", "110 emergency  0"},
        {"6002", "", "6002 unknown  0"},
        {"s", "", ""}, {"", "", ""}, {"*97", "", ""}, {"abc@d", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cdr cdr = a_cdr("2026-11-30 21:00:00", cases[i].dialed);
        struct call_record record;
        char got[160] = "";
        assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &record), CDR_TAKEN);
        if (cdr_call_number(bench->numbering, cases[i].outside_line, &record) == CDR_TAKEN)
            snprintf(got, sizeof got, "%s %s %s %d", record.number, record.kind, record.country,
                     record.is_overseas);
        assert_string_equal(got, cases[i].wanted);
    }
}

static void the_rest_is_taken_over(void **state)
{
    struct bench *bench = *state;
    struct cdr cdr = a_cdr("2026-11-30 21:00:00", "0312345678");
    struct call_record record, other;
    cdr.fields[CDR_DCONTEXT] = SLICE_LIT("out\nand on");
    cdr.fields[CDR_UNIQUEID] = SLICE_LIT("1796040000.42");
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &record), CDR_TAKEN);
    assert_string_equal(record.tenant, "acme");
    assert_string_equal(record.account, "6001");
    assert_string_equal(record.source, "pbx1");
    assert_string_equal(record.context, "out\nand on");
    assert_string_equal(record.call_id, "1796040000.42");
    assert_int_equal(record.seconds, 61);
    assert_int_equal(record.disposition, CALL_NO_ANSWER);
    assert_int_equal(strlen(record.id), 32);

    /* without a sequence all fields make the record itself */
    cdr.fields[CDR_BILLSEC] = SLICE_LIT("62");
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &other), CDR_TAKEN);
    assert_string_not_equal(record.id, other.id);
    /* with one only what names it, and the source */
    cdr.fields[CDR_SEQUENCE] = SLICE_LIT("7");
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &record), CDR_TAKEN);
    cdr.fields[CDR_BILLSEC] = SLICE_LIT("63");
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &other), CDR_TAKEN);
    assert_string_equal(record.id, other.id);
    bench->terms.source = "pbx2";
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &other), CDR_TAKEN);
    assert_string_not_equal(record.id, other.id);
    bench->terms.source = "pbx1";
}

static void what_is_not_utf8_is_refused_only_where_it_is_kept(void **state)
{
    struct bench *bench = *state;
    struct cdr cdr = a_cdr("2026-11-30 21:00:00", "0312345678");
    struct call_record record;
    cdr.fields[CDR_CLID] = SLICE_LIT("\x8e\xf3\x95\x74"); /* Shift_JIS */
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &record), CDR_TAKEN);
    cdr.fields[CDR_DCONTEXT] = SLICE_LIT("\x8e\xf3\x95\x74");
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &record), CDR_BAD_CHARSET);
    cdr = a_cdr("2026-11-30 21:00:00", "0312345678");
    cdr.fields[CDR_ACCOUNTCODE] = SLICE_NONE;
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &record), CDR_NO_TENANT);
    cdr = a_cdr("2026-11-30 21:00:00", "00000000000000000000000000000000000000000000000000000000000000000");
    assert_int_equal(cdr_call_begin(&bench->terms, &cdr, &record), CDR_NO_NUMBER);
}

#define CALL_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layout_is_found),
        cmocka_unit_test(what_fits_no_layout_is_said),
        cmocka_unit_test(a_layout_can_be_told),
        cmocka_unit_test(the_zone_is_told_by_ids_of_channels),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(bad_lines_are_told_and_the_next_ones_read),
        cmocka_unit_test(line_breaks_in_quotes_are_part_of_a_field),
        cmocka_unit_test(what_is_not_whole_is_left),
        cmocka_unit_test(json_lines_are_read_by_the_names_of_fields),
        cmocka_unit_test(a_map_says_whose_call_it_is),
        cmocka_unit_test(contexts_are_chosen),
        cmocka_unit_test(a_map_that_is_none_is_refused),
        CALL_TEST(times_have_bounds),
        CALL_TEST(a_number_is_read_as_the_tenant_dials),
        CALL_TEST(the_rest_is_taken_over),
        CALL_TEST(what_is_not_utf8_is_refused_only_where_it_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
