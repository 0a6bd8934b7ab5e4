/*
 * The AGI environment, from any bytes to a call and back to an answer.
 *
 * The first byte is how many bytes come at a time, so that every cut is tried. What must hold:
 * the cuts make no difference; a call borrows only from the environment and has no control characters;
 * an answer about it is whole lines that each set one known variable, or nothing.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "doors/agi_parse.h"
#include "doors/agi_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct agi_env whole, pieces;

static void feed(struct agi_env *env, const uint8_t *data, size_t size, size_t step)
{
    agi_env_init(env);
    for (size_t at = 0; at < size && env->progress == AGI_MORE;) {
        size_t room, now = size - at < step ? size - at : step;
        char *to = agi_env_room(env, &room);
        assert(room > 0);
        if (now > room)
            now = room;
        memcpy(to, data + at, now);
        at += now;
        enum agi_progress progress = agi_env_feed(env, now);
        assert(progress == env->progress && (progress == AGI_REFUSED) == (env->refusal != NULL));
    }
}

static void check_text(const struct agi_env *env, struct slice text)
{
    for (size_t i = 0; i < text.n; i++)
        assert((unsigned char)text.p[i] >= 0x20 && text.p[i] != 0x7f);
    assert(!text.n || (text.p >= env->bytes && text.p + text.n <= env->bytes + env->n));
}

static void check_call(const struct agi_env *env, const struct call *call)
{
    check_text(env, call->tenant);
    check_text(env, call->account);
    check_text(env, call->number);
    check_text(env, call->call_id);
    check_text(env, call->source_ip);
    assert(call->tenant.n > 0 && call->origin < ORIGIN_COUNT && !call->is_outside_token);
}

/* Each line: SET VARIABLE SEKISHO_… "…" and no quote inside that is not escaped. */
static void check_lines(const struct buf *reply)
{
    static const char begin[] = "SET VARIABLE SEKISHO_";
    const char *at = reply->p;
    unsigned lines = 0;
    assert(reply->n < AGI_REPLY_BYTES);
    while (at < reply->p + reply->n) {
        assert(!strncmp(at, begin, sizeof begin - 1));
        at = strchr(at, '"');
        assert(at);
        for (at++; *at != '"'; at++) {
            assert((unsigned char)*at >= 0x20);
            at += *at == '\\';
        }
        assert(at[1] == '\n');
        at += 2;
        lines++;
    }
    assert(lines == 7);
}

/* The dialed bytes in every place of a verdict that could ever carry them. */
static void check_reply(const struct call *call)
{
    char bytes[AGI_REPLY_BYTES];
    struct buf reply = BUF_OVER(bytes);
    struct verdict verdict = {.action = ACTION_DIVERT, .has_rule = true};
    verdict.number.readings_count = 1;
#define FILL(field, text) memcpy(field, (text).p, (text).n < sizeof field ? (text).n : sizeof field - 1)
    if (call->number.n) {
        FILL(verdict.dial, call->number);
        FILL(verdict.number.readings[0].number, call->number);
    }
    FILL(verdict.rule.target, call->tenant);
    if (call->account.n)
        FILL(verdict.divert_to, call->account);
    struct agi_answer answer = agi_answer_of(&verdict);
    if (!agi_answer_write(&answer, &reply, NULL))
        check_lines(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call call, again;
    if (size < 1)
        return 0;
    feed(&whole, data + 1, size - 1, SIZE_MAX);
    feed(&pieces, data + 1, size - 1, data[0] + 1u);
    /* only what follows the end is seen or not by how it came */
    bool is_late = whole.progress == AGI_REFUSED && pieces.progress == AGI_COMPLETE;
    assert(is_late || whole.progress == pieces.progress);
    assert(is_late || whole.refusal == pieces.refusal);
    if (is_late)
        assert(!strcmp(whole.refusal, "bytes after the end"));
    if (whole.progress != AGI_COMPLETE)
        return 0;

    if (!agi_env_program_call(&whole, SLICE_LIT("t"), SLICE_NONE, SLICE_NONE, &call, NULL))
        check_text(&whole, call.number);
    struct err err = {0}, err_again = {0};
    int failed = agi_env_call(&whole, &call, &err);
    assert(failed == agi_env_call(&pieces, &again, &err_again) && !strcmp(err.text, err_again.text));
    if (failed)
        return 0;
    check_call(&whole, &call);
    assert(slice_equals(call.tenant, again.tenant) && slice_equals(call.account, again.account) &&
           slice_equals(call.number, again.number));
    check_reply(&call);
    return 0;
}
