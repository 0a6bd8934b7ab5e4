/* Verdicts as AGI commands, read back the way Asterisk splits a command into words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doors/agi_reply.h"

enum { WORDS_MAX = 127, WORD_BYTES = 512 };

struct words {
    unsigned count;
    char word[WORDS_MAX][WORD_BYTES];
};

/*
 * What res_agi.c does with a line: a quote begins or ends a quoted part, blanks outside of one part
 * words, a backslash takes the next character as it is, in quotes or not.
 */
static void split(const char *line, size_t n, struct words *ret)
{
    bool is_quoted = false, is_in_word = false;
    size_t at = 0;
    ret->count = 0;
    for (size_t i = 0; i <= n; i++) {
        char c = i < n ? line[i] : ' ';
        bool is_blank = i == n || (!is_quoted && (c == ' ' || c == '\t'));
        if (is_blank && is_in_word) {
            ret->word[ret->count++][at] = '\0';
            is_in_word = false;
        }
        if (is_blank)
            continue;
        if (!is_in_word) {
            assert_in_range(ret->count, 0, WORDS_MAX - 1);
            is_in_word = true;
            at = 0;
        }
        if (c == '"') {
            is_quoted = !is_quoted;
            continue;
        }
        if (c == '\\' && i + 1 < n)
            c = line[++i];
        assert_in_range(at, 0, WORD_BYTES - 2);
        ret->word[ret->count][at++] = c;
    }
    assert_false(is_quoted);
}

/* The value of a variable as Asterisk would set it; NULL when the reply does not set it. */
static const char *value_of(const struct buf *reply, const char *name)
{
    static struct words words;
    const char *found = NULL;
    static char value[WORD_BYTES];
    for (const char *at = reply->p, *end; at < reply->p + reply->n; at = end + 1) {
        end = memchr(at, '\n', (size_t)(reply->p + reply->n - at));
        assert_non_null(end); /* whole lines only */
        split(at, (size_t)(end - at), &words);
        assert_int_equal(words.count, 4);
        assert_string_equal(words.word[0], "SET");
        assert_string_equal(words.word[1], "VARIABLE");
        if (strcmp(words.word[2], name))
            continue;
        assert_null(found); /* once */
        snprintf(value, sizeof value, "%s", words.word[3]);
        found = value;
    }
    return found;
}

static int write_verdict(const struct verdict *verdict, struct buf *out)
{
    struct agi_answer answer = agi_answer_of(verdict);
    return agi_answer_write(&answer, out, NULL);
}

static struct verdict denied(void)
{
    struct verdict verdict = {
        .action = ACTION_DENY,
        .reason = REASON_RULE,
        .has_rule = true,
        .rule = {.scope = SCOPE_TENANT, .target = "010", .id = "r1", .source = "onboarding"},
        .number = {.readings_count = 1, .readings = {{.number = "010252615550101"}}},
        .dial = "184010252615550101",
        .decision_id = "01JABCDEFGHJKMNPQRSTVWXYZ0",
    };
    return verdict;
}

static void sets_every_variable(void **state)
{
    (void)state;
    char bytes[AGI_REPLY_BYTES];
    struct buf reply = BUF_OVER(bytes);
    struct verdict verdict = denied();
    assert_int_equal(write_verdict(&verdict, &reply), 0);
    assert_string_equal(reply.p, "SET VARIABLE SEKISHO_DECISION_ID \"01JABCDEFGHJKMNPQRSTVWXYZ0\"\n"
                                 "SET VARIABLE SEKISHO_REASON \"rule\"\n"
                                 "SET VARIABLE SEKISHO_RULE \"010\"\n"
                                 "SET VARIABLE SEKISHO_NUMBER \"010252615550101\"\n"
                                 "SET VARIABLE SEKISHO_DIVERT \"\"\n"
                                 "SET VARIABLE SEKISHO_DIAL \"184010252615550101\"\n"
                                 "SET VARIABLE SEKISHO_VERDICT \"deny\"\n");
}

static void says_where_to_divert_to(void **state)
{
    (void)state;
    char bytes[AGI_REPLY_BYTES];
    struct buf reply = BUF_OVER(bytes);
    struct verdict verdict = denied();
    memcpy(verdict.divert_to, "decoy-1.a_B", 12);
    assert_int_equal(write_verdict(&verdict, &reply), 0);
    assert_string_equal(value_of(&reply, "SEKISHO_DIVERT"), ""); /* a deny diverts nowhere */

    verdict.action = ACTION_DIVERT;
    reply.n = 0;
    assert_int_equal(write_verdict(&verdict, &reply), 0);
    assert_string_equal(value_of(&reply, "SEKISHO_DIVERT"), "decoy-1.a_B");
    assert_string_equal(value_of(&reply, "SEKISHO_VERDICT"), "divert");
}

static void says_degraded_only_then(void **state)
{
    (void)state;
    char bytes[AGI_REPLY_BYTES];
    struct buf reply = BUF_OVER(bytes);
    struct verdict verdict = denied();
    assert_int_equal(write_verdict(&verdict, &reply), 0);
    assert_null(value_of(&reply, "SEKISHO_DEGRADED"));
    verdict.degraded = DEGRADED_FLOOR;
    reply.n = 0;
    assert_int_equal(write_verdict(&verdict, &reply), 0);
    assert_string_equal(value_of(&reply, "SEKISHO_DEGRADED"), "floor");
}

static void has_no_number_of_an_unreadable_one(void **state)
{
    (void)state;
    char bytes[AGI_REPLY_BYTES];
    struct buf reply = BUF_OVER(bytes);
    struct verdict verdict = {.action = ACTION_DENY, .reason = REASON_UNKNOWN_TENANT};
    assert_int_equal(write_verdict(&verdict, &reply), 0);
    assert_string_equal(value_of(&reply, "SEKISHO_REASON"), "unknown_tenant");
    assert_string_equal(value_of(&reply, "SEKISHO_NUMBER"), "");
    assert_string_equal(value_of(&reply, "SEKISHO_RULE"), "");
    assert_string_equal(value_of(&reply, "SEKISHO_VERDICT"), "deny");
}

/* What a rule or a number may not hold, another part has refused long before; if not, nothing is sent. */
static void sends_nothing_that_dial_would_misread(void **state)
{
    (void)state;
    static const char *const dials[] = {"03&PJSIP/evil", "03,30", "03/trunk", "03 12", "sip:a", "0３",
                                        "03\n", "w03", "03\"", "03-12"};
    char bytes[AGI_REPLY_BYTES];
    for (size_t i = 0; i < sizeof dials / sizeof *dials; i++) {
        struct buf reply = BUF_OVER(bytes);
        struct verdict verdict = denied();
        snprintf(verdict.dial, sizeof verdict.dial, "%s", dials[i]);
        assert_int_equal(write_verdict(&verdict, &reply), ERR_INVALID);
        verdict = denied();
        snprintf(verdict.number.readings[0].number, sizeof verdict.number.readings[0].number, "%s",
                 dials[i]);
        assert_int_equal(write_verdict(&verdict, &reply), ERR_INVALID);
        verdict = denied();
        verdict.action = ACTION_DIVERT;
        snprintf(verdict.divert_to, sizeof verdict.divert_to, "a%s&", dials[i]);
        assert_int_equal(write_verdict(&verdict, &reply), ERR_INVALID);
    }
    struct buf reply = BUF_OVER(bytes);
    struct verdict verdict = denied();
    verdict.rule.target[1] = '\n';
    assert_int_equal(write_verdict(&verdict, &reply), ERR_INVALID);
}

static void fits_at_its_longest(void **state)
{
    (void)state;
    char bytes[AGI_REPLY_BYTES];
    struct buf reply = BUF_OVER(bytes);
    struct verdict verdict = denied();
    verdict.action = ACTION_DIVERT;
    verdict.reason = REASON_INVALID_NUMBER;
    verdict.degraded = DEGRADED_STALE;
    memset(verdict.rule.target, '"', sizeof verdict.rule.target - 1);
    memset(verdict.divert_to, 'd', sizeof verdict.divert_to - 1);
    memset(verdict.dial, '9', sizeof verdict.dial - 1);
    memset(verdict.number.readings[0].number, '9', NUMBER_CHARS_MAX);
    assert_int_equal(write_verdict(&verdict, &reply), 0);
    assert_string_equal(value_of(&reply, "SEKISHO_RULE"), verdict.rule.target);
    assert_string_equal(value_of(&reply, "SEKISHO_DIAL"), verdict.dial);

    struct buf small = {bytes, 0, 200, false};
    assert_int_equal(write_verdict(&verdict, &small), ERR_LIMIT);
}

/* Quotes and backslashes in the only value that may hold them. */
static int write_rule(const char *rule, struct buf *out)
{
    struct verdict verdict = denied();
    struct agi_answer answer = agi_answer_of(&verdict);
    answer.rule = rule;
    return agi_answer_write(&answer, out, NULL);
}

/* 200 quoted words in one value would overflow the words of an unpatched Asterisk; escaped they are one. */
static void escapes_what_would_become_words(void **state)
{
    (void)state;
    static const char *const values[] = {
        "", "plain", "\"", "\\", "\\\"", "a\" \"b", "\\\\\"\" x", "name\\", "\xe5\xb1\xb1",
    };
    char bytes[AGI_REPLY_BYTES];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf reply = BUF_OVER(bytes);
        assert_int_equal(write_rule(values[i], &reply), 0);
        assert_string_equal(value_of(&reply, "SEKISHO_RULE"), values[i]);
    }
    char many[401];
    for (size_t i = 0; i < 400; i += 2)
        memcpy(many + i, "\" ", 2);
    many[400] = '\0';
    struct buf reply = BUF_OVER(bytes);
    assert_int_equal(write_rule(many, &reply), 0);
    assert_string_equal(value_of(&reply, "SEKISHO_RULE"), many);
    for (int c = 1; c < 256; c++) {
        char text[4] = {'a', (char)c, 'b', '\0'};
        reply = BUF_OVER(bytes);
        assert_int_equal(write_rule(text, &reply), c >= 0x20 && c != 0x7f ? 0 : ERR_INVALID);
    }
}

/* Answers that came from elsewhere, through `sekisho agi`. */
static void refuses_what_is_no_answer(void **state)
{
    (void)state;
    static const char *const words[] = {"", "ALLOW", "allow ", "allow\"", "error", "yes"};
    char bytes[AGI_REPLY_BYTES];
    struct verdict verdict = denied();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct buf reply = BUF_OVER(bytes);
        struct agi_answer answer = agi_answer_of(&verdict);
        answer.verdict = words[i];
        assert_int_equal(agi_answer_write(&answer, &reply, NULL), ERR_INVALID);
    }
    struct buf reply = BUF_OVER(bytes);
    struct agi_answer answer = agi_answer_of(&verdict);
    answer.reason = "a b";
    assert_int_equal(agi_answer_write(&answer, &reply, NULL), ERR_INVALID);
    answer = agi_answer_of(&verdict);
    answer.decision_id = "x\n";
    assert_int_equal(agi_answer_write(&answer, &reply, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_every_variable),
        cmocka_unit_test(says_where_to_divert_to),
        cmocka_unit_test(says_degraded_only_then),
        cmocka_unit_test(has_no_number_of_an_unreadable_one),
        cmocka_unit_test(sends_nothing_that_dial_would_misread),
        cmocka_unit_test(fits_at_its_longest),
        cmocka_unit_test(escapes_what_would_become_words),
        cmocka_unit_test(refuses_what_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
