/* The AGI environment: what a real Asterisk sends, and what somebody in its caller id might. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doors/agi_parse.h"

/* as Asterisk 22 prints it, up to the caller's name, and from there on */
#define BEGIN(script)                                                                              \
    "agi_network: yes\nagi_network_script: " script "\n"                                           \
    "agi_request: agi://127.0.0.1:4573/" script "\nagi_channel: PJSIP/6001-00000001\n"             \
    "agi_language: en\nagi_type: PJSIP\nagi_uniqueid: 1795288589.1\nagi_version: 22.10.0\n"        \
    "agi_callerid: 6001\n"
#define NAME(name) "agi_calleridname: " name "\n"
#define END(extension, accountcode)                                                                \
    "agi_callingpres: 0\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\n"               \
    "agi_dnid: unknown\nagi_rdnis: unknown\nagi_context: sekisho\nagi_extension: " extension "\n"  \
    "agi_priority: 3\nagi_enhanced: 0.0\nagi_accountcode: " accountcode "\nagi_threadid: 1402\n"
#define ASKS BEGIN("authorize?tenant=acme") NAME("Alice") END("0312345678", "1001")

/* Feeds `pieces` bytes at a time; stops, as a session does, when it is decided. */
static void feed(struct agi_env *env, const char *text, size_t n, size_t pieces)
{
    agi_env_init(env);
    for (size_t at = 0; at < n && env->progress == AGI_MORE;) {
        size_t room;
        char *to = agi_env_room(env, &room);
        size_t now = n - at < pieces ? n - at : pieces;
        if (now > room)
            now = room;
        memcpy(to, text + at, now);
        at += now;
        enum agi_progress progress = agi_env_feed(env, now);
        assert_int_equal(progress, env->progress);
    }
}

/* Why there is no call, or NULL and *ret. */
static const char *ask(struct agi_env *env, struct call *ret)
{
    static struct err err;
    if (env->progress == AGI_MORE)
        return "unfinished";
    if (env->progress == AGI_REFUSED)
        return env->refusal;
    return agi_env_call(env, ret, &err) ? err.text : NULL;
}

/* From byte by byte to all at once. */
static const size_t pieces[] = {1, 2, 3, 7, 64, 1000, SIZE_MAX};
enum { PIECES_COUNT = sizeof pieces / sizeof *pieces };

struct asked {
    const char *text, *tenant, *account, *number;
};

static void check_asked(const struct asked *asked)
{
    static struct agi_env env;
    for (size_t i = 0; i < PIECES_COUNT; i++) {
        struct call call;
        feed(&env, asked->text, strlen(asked->text), pieces[i]);
        const char *why = ask(&env, &call);
        if (why)
            fail_msg("refused: %s\n%s", why, asked->text);
        assert_true(slice_equals_text(call.tenant, asked->tenant));
        assert_true(slice_equals_text(call.account, asked->account));
        assert_true(slice_equals_text(call.number, asked->number));
        assert_false(call.is_outside_token);
    }
}

struct refused {
    const char *text, *why;
};

static void check_refused(const struct refused *refused, size_t piece)
{
    static struct agi_env env;
    struct call call;
    feed(&env, refused->text, strlen(refused->text), piece);
    const char *why = ask(&env, &call);
    if (!why)
        fail_msg("not refused: %s", refused->text);
    assert_string_equal(why, refused->why);
}

static void asks(void **state)
{
    (void)state;
    static const struct asked table[] = {
        {ASKS "\n", "acme", "1001", "0312345678"},
        {ASKS "agi_arg_1: 0101212\n\n", "acme", "1001", "0101212"},
        {ASKS "agi_arg_1: 0101212\nagi_arg_2: 6001\n\n", "acme", "6001", "0101212"},
        {ASKS "agi_arg_1: \nagi_arg_2: \n\n", "acme", "1001", "0312345678"},
        {BEGIN("authorize?tenant=acme&account=1002") NAME("A") END("110", "1001")
         "agi_arg_1: 119\nagi_arg_2: 6001\n\n", "acme", "1002", "119"},
        {BEGIN("authorize?account=a%2eb&tenant=a%63me") NAME("A") END("110", "") "\n",
         "acme", "a.b", "110"},
        /* what is missing reads unknown */
        {BEGIN("authorize?tenant=acme") NAME("unknown") END("unknown", "unknown") "\n",
         "acme", "", ""},
        /* names in any encoding, keys of a newer Asterisk, what was hung up meanwhile */
        {BEGIN("authorize?tenant=acme") NAME("\x83\x5c \xe5\xb1\xb1: \"x\"") END("1", "2") "\n",
         "acme", "2", "1"},
        {ASKS "agi_tenantid: acme\n\n", "acme", "1001", "0312345678"},
        {ASKS "\nHANGUP\n", "acme", "1001", "0312345678"},
        {ASKS "\nHANG", "acme", "1001", "0312345678"},
        /* without agi_network_script the request tells */
        {"agi_request: agi://[::1]:4573/authorize?tenant=acme\nagi_extension: 1\n\n",
         "acme", "", "1"},
        {"agi_request: hagi://pbx.example/authorize?tenant=acme\nagi_arg_1: 1\n\n",
         "acme", "", "1"},
        /* tenants and accounts that cannot exist are the engine's to answer */
        {BEGIN("authorize?tenant=No%20One") NAME("A") END("1", "-") "\n", "No One", "-", "1"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_asked(&table[i]);
}

static void refuses_lines(void **state)
{
    (void)state;
    static const struct refused table[] = {
        /* a line break in the caller's name: the forged line comes first, the real one after */
        {BEGIN("authorize?tenant=acme") NAME("x\nagi_accountcode: boss") END("1", "1001") "\n",
         "repeated key"},
        {BEGIN("authorize?tenant=acme") NAME("x\nagi_extension: 110") END("1", "1001") "\n",
         "repeated key"},
        {BEGIN("authorize?tenant=acme") NAME("x\nagi_network_script: authorize?tenant=b")
         END("1", "1001") "\n", "repeated key"},
        {BEGIN("authorize?tenant=acme") NAME("x\nagi_threadid: 1") END("1", "1001") "\n",
         "repeated key"},
        {ASKS "agi_arg_1: 1\nagi_arg_2: 2\nagi_arg_1: 3\n\n", "repeated key"},
        {BEGIN("authorize?tenant=acme") NAME("a\rb") END("1", "2") "\n", "control character"},
        {"agi_network: yes\r\n\r\n", "control character"},
        {"agi_network: y\tes\n", "control character"},
        {"agi_network: y\x1b[2Jes\n", "control character"},
        {"agi_network: y\x7f\n", "control character"},
        {"agi_network:yes\n", "line without a key and a value"},
        {"agi_network\n", "line without a key and a value"},
        {"agi_network:\n", "line without a key and a value"},
        {"GET / HTTP/1.1\n", "line without a key and a value"},
        {"Host: example.com\n", "key that is none of AGI"},
        {": yes\n", "key that is none of AGI"},
        {"agi_: yes\n", "key that is none of AGI"},
        {"agi_Network: yes\n", "key that is none of AGI"},
        {" agi_network: yes\n", "key that is none of AGI"},
        {"agi_arg_: 1\n", "argument without a number"},
        {"agi_arg_0: 1\n", "argument without a number"},
        {"agi_arg_01: 1\n", "argument without a number"},
        {"agi_arg_x: 1\n", "argument without a number"},
        {"agi_arg_65: 1\n", "argument number too large"},
        {"agi_arg_100: 1\n", "argument without a number"},
        /* half of one is none */
        {"", "unfinished"},
        {ASKS, "unfinished"},
        {ASKS "agi_arg_1: 0101", "unfinished"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t j = 0; j < PIECES_COUNT; j++)
            check_refused(&table[i], pieces[j]);
}

/* Seen only when it came with the rest: a session that is answered at the empty line reads no further. */
static void refuses_bytes_after_the_end(void **state)
{
    (void)state;
    static const struct refused table[] = {
        {BEGIN("authorize?tenant=acme") NAME("x\nagi_extension: 1\n") END("1", "1001") "\n",
         "bytes after the end"},
        {ASKS "\nHANGUP\nx", "bytes after the end"},
        {ASKS "\n\n", "bytes after the end"},
        {ASKS "\n200 result=1\n", "bytes after the end"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        check_refused(&table[i], SIZE_MAX);
}

static void refuses_questions(void **state)
{
    (void)state;
#define SCRIPT(script) BEGIN(script) NAME("A") END("1", "1001") "\n"
    static const struct refused table[] = {
        {"\n", "no number"},
        {"agi_network_script: authorize?tenant=acme\n\n", "no number"},
        {"agi_extension: 1\n\n", "script is not authorize"},
        {"agi_request: /usr/bin/program\nagi_extension: 1\n\n", "script is not authorize"},
        {"agi_request: agi://127.0.0.1\nagi_extension: 1\n\n", "script is not authorize"},
        {SCRIPT("check?tenant=acme"), "script is not authorize"},
        {SCRIPT("/authorize?tenant=acme"), "script is not authorize"},
        {SCRIPT("authorize/x?tenant=acme"), "script is not authorize"},
        {SCRIPT("authoriz%65?tenant=acme"), "script is not authorize"},
        {SCRIPT("authorize"), "no tenant in the query"},
        {SCRIPT("authorize?"), "no tenant in the query"},
        {SCRIPT("authorize?tenant="), "no tenant in the query"},
        {SCRIPT("authorize?account=1001"), "no tenant in the query"},
        {SCRIPT("authorize?tenant=acme&tenant=evil"), "tenant twice in the query"},
        {SCRIPT("authorize?tenant=&tenant=evil"), "tenant twice in the query"},
        {SCRIPT("authorize?tenant=acme&number=110"), "unknown key in the query"},
        {SCRIPT("authorize?tenant=acme&tenan%74=evil"), "unknown key in the query"},
        {SCRIPT("authorize?tenant=acme&&account=1"), "query without key=value"},
        {SCRIPT("authorize?tenant"), "query without key=value"},
        {SCRIPT("authorize?tenant=a%0acme"), "bad encoding of tenant in the query"},
        {SCRIPT("authorize?tenant=acme%00"), "bad encoding of tenant in the query"},
        {SCRIPT("authorize?tenant=acme%7f"), "bad encoding of tenant in the query"},
        {SCRIPT("authorize?tenant=acme%"), "bad encoding of tenant in the query"},
        {SCRIPT("authorize?tenant=acme%6"), "bad encoding of tenant in the query"},
        {SCRIPT("authorize?tenant=acme%g1"), "bad encoding of tenant in the query"},
        {SCRIPT("authorize?tenant=acme&origin=moon"), "unknown origin in the query"},
        {SCRIPT("authorize?tenant=acme&min_revision=-1"), "min_revision in the query is no number"},
        {SCRIPT("authorize?tenant=acme&min_revision=18446744073709551616"),
         "min_revision in the query is no number"},
        /* an extension with a comma in it pushed the account to the third place */
        {ASKS "agi_arg_1: 03\nagi_arg_2: boss\nagi_arg_3: 1001\n\n", "more than two arguments"},
        {ASKS "agi_arg_64: x\n\n", "more than two arguments"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        for (size_t j = 0; j < PIECES_COUNT; j++)
            check_refused(&table[i], pieces[j]);
}

static void reads_the_rest_of_the_question(void **state)
{
    (void)state;
    static struct agi_env env;
    struct call call;
    const char text[] =
        SCRIPT("authorize?tenant=acme&origin=forward&min_revision=42&source_ip=192.0.2.7");
    feed(&env, text, sizeof text - 1, SIZE_MAX);
    assert_int_equal(agi_env_call(&env, &call, NULL), 0);
    assert_int_equal(call.origin, ORIGIN_FORWARD);
    assert_int_equal(call.min_revision, 42);
    assert_true(slice_equals_text(call.source_ip, "192.0.2.7"));
    assert_true(slice_equals_text(call.call_id, "1795288589.1"));
}

static void refuses_nul(void **state)
{
    (void)state;
    static const char nul_value[] = "agi_network: y\0es\n", nul_line[] = "agi_network: yes\n\0\n";
    static struct agi_env env;
    feed(&env, nul_value, sizeof nul_value - 1, SIZE_MAX);
    assert_string_equal(env.refusal, "control character");
    feed(&env, nul_line, sizeof nul_line - 1, SIZE_MAX);
    assert_string_equal(env.refusal, "control character");
}

/* Each byte in each place of a value of each length. */
static void refuses_every_control_character(void **state)
{
    (void)state;
    static struct agi_env env;
    for (size_t n = 1; n < 20; n++) {
        for (size_t place = 0; place < n; place++) {
            for (int c = 0; c < 256; c++) {
                char text[64] = "agi_x: ";
                memset(text + 7, c ^ 0x55 ? 'y' : 0xff, n);
                text[7 + place] = (char)c;
                text[7 + n] = '\n';
                feed(&env, text, 8 + n, SIZE_MAX);
                bool is_control = c == '\n' ? n > place + 1 : c < 0x20 || c == 0x7f;
                assert_int_equal(env.progress == AGI_REFUSED, is_control);
            }
        }
    }
}

/* `lines` lines, each `n` bytes long before its line break, and the end. */
static size_t make_lines(char *out, unsigned lines, size_t n)
{
    char *at = out;
    for (unsigned i = 0; i < lines; i++, at += n) {
        memset(at, 'x', n);
        memcpy(at, "agi_x", 5);
        at[5] = (char)('0' + i / 10);
        at[6] = (char)('0' + i % 10);
        at[7] = ':';
        at[8] = ' ';
        at[n] = '\n';
        at++;
    }
    *at++ = '\n';
    return (size_t)(at - out);
}

static void keeps_limits(void **state)
{
    (void)state;
    static char text[AGI_ENV_BYTES_MAX * 2];
    static struct agi_env env;
    static const struct {
        unsigned lines;
        size_t bytes;
        const char *refusal;
    } table[] = {
        {AGI_LINES_MAX, 100, NULL},
        {AGI_LINES_MAX + 1, 100, "too many lines"},
        {1, AGI_LINE_BYTES_MAX, NULL},
        {1, AGI_LINE_BYTES_MAX + 1, "line too long"},
        {7, AGI_LINE_BYTES_MAX, NULL},
        {8, AGI_LINE_BYTES_MAX, "environment too large"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t n = make_lines(text, table[i].lines, table[i].bytes);
        for (size_t j = 0; j < PIECES_COUNT; j++) {
            feed(&env, text, n, pieces[j]);
            assert_int_equal(env.progress, table[i].refusal ? AGI_REFUSED : AGI_COMPLETE);
            if (table[i].refusal)
                assert_string_equal(env.refusal, table[i].refusal);
        }
    }
    /* exactly full, and one past it */
    size_t n = make_lines(text, 8, AGI_LINE_BYTES_MAX - 1) - 1;
    assert_int_equal(n, AGI_ENV_BYTES_MAX);
    text[n] = '\n';
    feed(&env, text, n + 1, SIZE_MAX);
    assert_string_equal(env.refusal, "environment too large");
    memmove(text + 1000, text + 1001, n); /* one byte less, empty line included */
    feed(&env, text, n, SIZE_MAX);
    assert_int_equal(env.progress, AGI_COMPLETE);
    /* a line that never ends is refused before it ends */
    memset(text, 'x', AGI_LINE_BYTES_MAX + 1);
    feed(&env, text, AGI_LINE_BYTES_MAX + 1, 100);
    assert_string_equal(env.refusal, "line too long");
}

static void program_takes_its_command_line(void **state)
{
    (void)state;
    static struct agi_env env;
    struct call call;
    const char text[] = "agi_request: /usr/bin/sekisho\nagi_uniqueid: 1.2\nagi_extension: 110\n"
                        "agi_accountcode: 1001\nagi_arg_1: agi\nagi_arg_2: --tenant\n"
                        "agi_arg_3: acme\n\n";
    feed(&env, text, sizeof text - 1, SIZE_MAX);
    assert_int_equal(agi_env_program_call(&env, slice_of("acme"), SLICE_NONE, SLICE_NONE, &call, NULL),
                     0);
    assert_true(slice_equals_text(call.tenant, "acme"));
    assert_true(slice_equals_text(call.account, "1001"));
    assert_true(slice_equals_text(call.number, "110"));
    assert_true(slice_equals_text(call.call_id, "1.2"));
    assert_int_equal(agi_env_program_call(&env, slice_of("acme"), slice_of("6001"), slice_of("0312"),
                                          &call, NULL),
                     0);
    assert_true(slice_equals_text(call.account, "6001"));
    assert_true(slice_equals_text(call.number, "0312"));
    feed(&env, "\n", 1, 1);
    assert_int_equal(agi_env_program_call(&env, slice_of("acme"), SLICE_NONE, SLICE_NONE, &call, NULL),
                     ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks),
        cmocka_unit_test(refuses_lines),
        cmocka_unit_test(refuses_bytes_after_the_end),
        cmocka_unit_test(refuses_questions),
        cmocka_unit_test(reads_the_rest_of_the_question),
        cmocka_unit_test(refuses_nul),
        cmocka_unit_test(refuses_every_control_character),
        cmocka_unit_test(keeps_limits),
        cmocka_unit_test(program_takes_its_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
