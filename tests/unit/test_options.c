/* One table, four sources: kinds, who wins, and what is said of mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "base/options.h"

struct target {
    const char *text, *path, *secret, *word;
    int64_t duration, size, number;
    int choice;
    bool flag;
    struct option_list list, rest;
};
#define AT(member) .offset = offsetof(struct target, member)

static const struct option table[] = {
    {"WORD", OPTION_TEXT, OPTION_POSITIONAL, "WORD", NULL, NULL, "a word", AT(word)},
    {"REST", OPTION_LIST, OPTION_POSITIONAL | OPTION_OPTIONAL, "REST", NULL, NULL, "more",
     AT(rest)},
    {"text", OPTION_TEXT, 0, "TEXT", "default", "TEST_TEXT", "a text", AT(text)},
    {"path", OPTION_PATH, 0, "FILE", NULL, NULL, "a path", AT(path)},
    {"secret", OPTION_TEXT, OPTION_SECRET, "URL", NULL, NULL, "a URL", AT(secret)},
    {"wait", OPTION_DURATION, 0, "TIME", "30s", "TEST_WAIT", "how long", AT(duration),
     .min = 1000, .max = 86400000},
    {"room", OPTION_SIZE, 0, "SIZE", "64k", NULL, "how much", AT(size)},
    {"count", OPTION_INT, 0, "N", "3", NULL, "how many", AT(number), .min = 1, .max = 10},
    {"level", OPTION_CHOICE, 0, "low|mid|high", "mid", NULL, "how loud", AT(choice)},
    {"loud", OPTION_FLAG, 0, NULL, NULL, "TEST_LOUD", "whether", AT(flag)},
    {"only-flag", OPTION_FLAG, OPTION_ARGV_ONLY, NULL, NULL, NULL, "not in files", AT(flag)},
    {"names", OPTION_LIST, 0, "NAME,…", "a, b", "TEST_NAMES", "who", AT(list)},
    {0}};

struct fixture {
    struct arena arena;
    struct target target;
    enum option_source sources[OPTIONS_MAX];
    struct options options;
    struct err err;
    char path[32];
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.path = "/tmp/test_options.XXXXXX"};
    arena_init(&fixture.arena, 1 << 20);
    unsetenv("TEST_TEXT");
    unsetenv("TEST_WAIT");
    unsetenv("TEST_LOUD");
    unsetenv("TEST_NAMES");
    int fd = mkstemp(fixture.path);
    if (fd < 0)
        return -1;
    close(fd);
    *state = &fixture;
    return options_init(&fixture.options, table, &fixture.target, &fixture.arena, fixture.sources,
                        &fixture.err);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    arena_release(&f->arena);
    return 0;
}

static int read_argv(struct fixture *f, int argc, const char *const *argv)
{
    return options_read_argv(&f->options, argc, (char **)argv, &f->err);
}
#define ARGV(f, ...)                                                                               \
    read_argv(f, (int)(sizeof((const char *[]){"test", __VA_ARGS__}) / sizeof(char *)),            \
              (const char *[]){"test", __VA_ARGS__})

static int read_file(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return options_read_file(&f->options, f->path, &f->err);
}

/* The error's text without the name of the temporary file. */
static const char *text_of(const struct fixture *f)
{
    size_t n = strlen(f->path);
    return strncmp(f->err.text, f->path, n) == 0 ? f->err.text + n : f->err.text;
}

static void defaults_are_set(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(f->target.text, "default");
    assert_null(f->target.path);
    assert_int_equal(f->target.duration, 30000);
    assert_int_equal(f->target.size, 65536);
    assert_int_equal(f->target.choice, 1);
    assert_false(f->target.flag);
    assert_int_equal(f->target.list.count, 2);
    assert_int_equal(options_source(&f->options, "text"), SOURCE_DEFAULT);
    assert_false(options_given(&f->options, "text"));
}

static void stronger_sources_win(void **state)
{
    struct fixture *f = *state;
    setenv("TEST_TEXT", "environment", 1);
    setenv("TEST_WAIT", "2m", 1);
    assert_int_equal(read_file(f, "# comment\n\n text = file \r\nwait=5s\ncount = 7\n"), 0);
    assert_int_equal(options_read_env(&f->options, &f->err), 0);
    assert_int_equal(ARGV(f, "--text=flag"), 0);
    assert_string_equal(f->target.text, "flag");
    assert_int_equal(f->target.duration, 120000);
    assert_int_equal(f->target.number, 7);
    assert_int_equal(options_source(&f->options, "text"), SOURCE_ARGV);
    assert_int_equal(options_source(&f->options, "wait"), SOURCE_ENV);
    assert_int_equal(options_source(&f->options, "count"), SOURCE_FILE);
    assert_int_equal(options_source(&f->options, "room"), SOURCE_DEFAULT);
}

static void an_empty_variable_is_not_set(void **state)
{
    struct fixture *f = *state;
    setenv("TEST_WAIT", "", 1);
    assert_int_equal(options_read_env(&f->options, &f->err), 0);
    assert_int_equal(f->target.duration, 30000);
}

static void lists_replace_weaker_sources_and_add_within_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_file(f, "names = c\nnames = d, e\n"), 0);
    assert_int_equal(f->target.list.count, 3);
    assert_string_equal(f->target.list.items[2], "e");
    assert_int_equal(ARGV(f, "--names", "x", "--names", "y"), 0);
    assert_int_equal(f->target.list.count, 2);
    assert_string_equal(f->target.list.items[0], "x");
    assert_string_equal(f->target.list.items[1], "y");
}

static void flags_and_words_mix(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(options_missing(&f->options)->name, "WORD");
    assert_int_equal(ARGV(f, "one", "--loud", "two", "--level", "high", "--", "--text"), 0);
    assert_string_equal(f->target.word, "one");
    assert_int_equal(f->target.rest.count, 2);
    assert_string_equal(f->target.rest.items[1], "--text");
    assert_true(f->target.flag);
    assert_int_equal(f->target.choice, 2);
    assert_null(options_missing(&f->options));
    assert_int_equal(ARGV(f, "--loud=no"), 0);
    assert_false(f->target.flag);
}

static void a_flag_may_stand_in_for_a_word(void **state)
{
    static const struct option words[] = {
        {"OWNER", OPTION_TEXT, OPTION_POSITIONAL, "OWNER", NULL, NULL, "whose", AT(text),
         .unless = "ours"},
        {"WORD", OPTION_TEXT, OPTION_POSITIONAL, "WORD", NULL, NULL, "what", AT(word)},
        {"ours", OPTION_FLAG, 0, NULL, NULL, NULL, "nobody's", AT(flag)},
        {0}};
    struct fixture *f = *state;
    assert_int_equal(options_init(&f->options, words, &f->target, &f->arena, f->sources, NULL), 0);
    assert_int_equal(ARGV(f, "me", "it"), 0);
    assert_string_equal(f->target.text, "me");
    assert_string_equal(f->target.word, "it");

    assert_int_equal(options_init(&f->options, words, &f->target, &f->arena, f->sources, NULL), 0);
    assert_int_equal(ARGV(f, "it", "--ours"), 0);
    assert_null(f->target.text);
    assert_string_equal(f->target.word, "it");
    assert_null(options_missing(&f->options));
    assert_int_equal(ARGV(f, "me", "it", "--ours"), ERR_INVALID);
    assert_string_equal(f->err.text, "\"it\" is one word too many");
}

static void quantities_know_their_units(void **state)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {{"1s", 1000},   {"1500ms", 1500}, {"15m", 900000}, {"24h", 86400000},
                 {"1d", 86400000}, {"30", -1},     {"s", -1},       {"1.5h", -1},
                 {"-1s", -1},      {"2d", -1},     {"0", -1},       {"1 s", -1},
                 {"9223372036854775807h", -1},     {"99999999999999999999s", -1}};
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        int rc = ARGV(f, "--wait", cases[i].text);
        assert_int_equal(rc, cases[i].ms < 0 ? ERR_INVALID : 0);
        if (rc == 0)
            assert_int_equal(f->target.duration, cases[i].ms);
    }
    assert_int_equal(ARGV(f, "--room", "16M"), 0);
    assert_int_equal(f->target.size, 16 << 20);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *arg, *text;
    } cases[] = {
        {"--txet=1", "unknown option --txet; did you mean --text?"},
        {"--zebra", "unknown option --zebra"},
        {"--count=11", "--count: 11 is out of bounds, 1 to 10"},
        {"--count=2x", "--count: expected a whole number, got \"2x\""},
        {"--wait=500ms", "--wait: 500ms is out of bounds, 1s to 1d"},
        {"--wait=soon", "--wait: expected a duration such as 30s, 15m or 7d, got \"soon\""},
        {"--level=hi", "--level: expected one of low|mid|high, got \"hi\""},
        {"--loud=perhaps", "--loud: expected yes or no, got \"perhaps\""},
        {"--path=", "--path: expected a path"},
        {"--text", "--text needs a value: TEXT"},
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(ARGV(f, cases[i].arg), ERR_INVALID);
        assert_string_equal(f->err.text, cases[i].text);
    }
}

static void a_flag_is_not_the_value_of_the_one_before(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ARGV(f, "--text", "--loud"), ERR_INVALID);
    assert_string_equal(f->err.text, "--text needs a value: TEXT");
    assert_int_equal(ARGV(f, "--text=--loud", "--path", "-"), 0);
    assert_string_equal(f->target.text, "--loud");
    assert_string_equal(f->target.path, "-");
}

static void mistakes_in_a_file_carry_their_line(void **state)
{
    static const struct {
        const char *file, *text;
    } cases[] = {
        {"text = a\nlevle = low\n", ":2: unknown option levle; did you mean level?"},
        {"text = a\ntext = b\n", ":2: text was set before"},
        {"count = many\n", ":1: count: expected a whole number, got \"many\""},
        {"text\n", ":1: expected \"key = value\""},
        {"only-flag = yes\n", ":1: only-flag belongs on the command line"},
        {"WORD = a\n", ":1: unknown option WORD"},
    };
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(options_init(&f->options, table, &f->target, &f->arena, f->sources,
                                      &f->err), 0);
        assert_int_equal(read_file(f, cases[i].file), ERR_INVALID);
        assert_string_equal(text_of(f), cases[i].text);
    }
    unlink(f->path);
    assert_int_equal(options_read_file(&f->options, f->path, &f->err), ERR_IO);
    assert_string_equal(text_of(f), ": No such file or directory");
}

static void a_file_has_a_limit(void **state)
{
    struct fixture *f = *state;
    char line[] = "# 345678901234567890123456789012345678901234567890123456789012\n";
    FILE *file = fopen(f->path, "w");
    for (size_t n = 0; n <= OPTIONS_FILE_BYTES_MAX; n += sizeof line - 1)
        fputs(line, file);
    fclose(file);
    assert_int_equal(options_read_file(&f->options, f->path, &f->err), ERR_LIMIT);
}

static void print_of(struct fixture *f, const char *name, char *text, size_t cap)
{
    struct buf out = {text, 0, cap, false};
    *text = '\0';
    option_print(option_find(table, name), &f->target, &out);
}

static void what_is_printed_reads_back(void **state)
{
    static const char *const args[][2] = {{"wait", "15m"},  {"room", "16M"}, {"count", "9"},
                                          {"level", "low"}, {"loud", "yes"}, {"names", "x, y"},
                                          {"text", "t"},    {"wait", "1500ms"}};
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof args / sizeof *args; i++) {
        char flag[64], text[64];
        snprintf(flag, sizeof flag, "--%s=%s", args[i][0], args[i][1]);
        assert_int_equal(ARGV(f, flag), 0);
        print_of(f, args[i][0], text, sizeof text);
        assert_string_equal(text, args[i][1]);
    }
}

static void passwords_are_not_printed(void **state)
{
    static const char *const urls[][2] = {
        {"postgres://me:secret@db/x", "postgres://me:***@db/x"},
        {"postgres://me:se@cr:et@db/x", "postgres://me:***@db/x"},
        {"postgres://me@db/x", "postgres://me@db/x"},
        {"postgres://db/x?user=me&password=secret&a=b", "postgres://db/x?user=me&password=***&a=b"},
        {"sqlite:/var/x.db", "sqlite:/var/x.db"}};
    struct fixture *f = *state;
    for (unsigned i = 0; i < sizeof urls / sizeof *urls; i++) {
        char text[96];
        assert_int_equal(ARGV(f, "--secret", urls[i][0]), 0);
        print_of(f, "secret", text, sizeof text);
        assert_string_equal(text, urls[i][1]);
    }
}

static void help_shows_default_and_variable(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    options_print_help(table, out);
    fclose(out);
    assert_non_null(strstr(text, "  WORD                      a word\n"));
    assert_non_null(strstr(text, "  --wait TIME               how long [30s, TEST_WAIT]\n"));
    assert_non_null(strstr(text, "  --loud                    whether [TEST_LOUD]\n"));
    assert_non_null(strstr(text, "  [REST…]                   more\n"));
    free(text);
}

static void near_words_are_found(void **state)
{
    static const struct {
        const char *word, *best;
    } cases[] = {{"tenants", "tenant"}, {"tennat", "tenant"}, {"chek", "check"}, {"rul", "rule"},
                 {"zzz", NULL},         {"", NULL},           {"x", NULL}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nearest nearest;
        nearest_init(&nearest, cases[i].word);
        nearest_offer(&nearest, "tenant");
        nearest_offer(&nearest, "check");
        nearest_offer(&nearest, "rule");
        if (cases[i].best)
            assert_string_equal(nearest.best, cases[i].best);
        else
            assert_null(nearest.best);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_set),
        TEST(stronger_sources_win),
        TEST(an_empty_variable_is_not_set),
        TEST(lists_replace_weaker_sources_and_add_within_one),
        TEST(flags_and_words_mix),
        TEST(a_flag_may_stand_in_for_a_word),
        TEST(quantities_know_their_units),
        TEST(mistakes_are_named),
        TEST(a_flag_is_not_the_value_of_the_one_before),
        TEST(mistakes_in_a_file_carry_their_line),
        TEST(a_file_has_a_limit),
        TEST(what_is_printed_reads_back),
        TEST(passwords_are_not_printed),
        TEST(help_shows_default_and_variable),
        TEST(near_words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
