#include "doors/agi_parse.h"

#include <string.h>

#include "doors/agi_script.h"

/*
 * Every key that Asterisk 22 prints, in its order, which lets a search begin where the last one ended.
 * All are "known": one of them twice is an attack or a broken PBX. Those of `value` AGI_VALUE_COUNT are
 * only watched for that.
 */
static const struct known_key {
    struct slice name;
    enum agi_key value;
} known_keys[] = {
    {SLICE_LIT("network"), AGI_VALUE_COUNT},
    {SLICE_LIT("network_script"), AGI_SCRIPT},
    {SLICE_LIT("request"), AGI_REQUEST},
    {SLICE_LIT("channel"), AGI_VALUE_COUNT},
    {SLICE_LIT("language"), AGI_VALUE_COUNT},
    {SLICE_LIT("type"), AGI_VALUE_COUNT},
    {SLICE_LIT("uniqueid"), AGI_UNIQUEID},
    {SLICE_LIT("version"), AGI_VALUE_COUNT},
    {SLICE_LIT("callerid"), AGI_VALUE_COUNT},
    {SLICE_LIT("calleridname"), AGI_VALUE_COUNT},
    {SLICE_LIT("callingpres"), AGI_VALUE_COUNT},
    {SLICE_LIT("callingani2"), AGI_VALUE_COUNT},
    {SLICE_LIT("callington"), AGI_VALUE_COUNT},
    {SLICE_LIT("callingtns"), AGI_VALUE_COUNT},
    {SLICE_LIT("dnid"), AGI_VALUE_COUNT},
    {SLICE_LIT("rdnis"), AGI_VALUE_COUNT},
    {SLICE_LIT("context"), AGI_VALUE_COUNT},
    {SLICE_LIT("extension"), AGI_EXTENSION},
    {SLICE_LIT("priority"), AGI_VALUE_COUNT},
    {SLICE_LIT("enhanced"), AGI_VALUE_COUNT},
    {SLICE_LIT("accountcode"), AGI_ACCOUNTCODE},
    {SLICE_LIT("threadid"), AGI_VALUE_COUNT},
};
enum { KEYS_COUNT = sizeof known_keys / sizeof *known_keys };
_Static_assert(KEYS_COUNT <= 32, "agi_env.seen has a bit for each");

void agi_env_init(struct agi_env *env)
{
    /* all but the bytes, which are only read where they were written */
    memset(env, 0, offsetof(struct agi_env, bytes));
}

char *agi_env_room(struct agi_env *env, size_t *ret_n)
{
    *ret_n = sizeof env->bytes - env->n;
    return env->bytes + env->n;
}

static const char *take_argument(struct agi_env *env, struct slice digits, struct slice value)
{
    unsigned number = 0;
    if (digits.n < 1 || digits.n > 2 || digits.p[0] == '0')
        return "argument without a number";
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return "argument without a number";
        number = number * 10 + (unsigned)(digits.p[i] - '0');
    }
    if (number > AGI_LINES_MAX)
        return "argument number too large";
    uint64_t bit = UINT64_C(1) << (number - 1);
    if (env->args_seen & bit)
        return "repeated key";
    env->args_seen |= bit;
    if (number <= 2)
        env->values[number == 1 ? AGI_ARG_1 : AGI_ARG_2] = value;
    return NULL;
}

static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return name.n > 0;
}

static const char *take_value(struct agi_env *env, struct slice name, struct slice value)
{
    for (unsigned tried = 0; tried < KEYS_COUNT; tried++) {
        unsigned i = (env->key_next + tried) % KEYS_COUNT;
        if (!slice_equals(known_keys[i].name, name))
            continue;
        if (env->seen & UINT32_C(1) << i)
            return "repeated key";
        env->seen |= UINT32_C(1) << i;
        env->key_next = i + 1;
        if (known_keys[i].value != AGI_VALUE_COUNT)
            env->values[known_keys[i].value] = value;
        return NULL;
    }
    if (slice_starts_with(name, SLICE_LIT("arg_")))
        return take_argument(env, (struct slice){name.p + 4, name.n - 4}, value);
    /* a key of a newer Asterisk is fine: nothing here depends on it */
    return is_name(name) ? NULL : "key that is none of AGI";
}

/* Eight bytes at a time, because most of the time in this file went here. The two differences have a top
 * bit set if and only if a byte is below 0x20, or is 0x7f (the well-known hasless() and haszero()). */
static bool has_control_character(struct slice text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t found = 0;
    for (; text.n >= 8; text.p += 8, text.n -= 8) {
        uint64_t bytes, flipped;
        memcpy(&bytes, text.p, 8);
        flipped = bytes ^ 0x7f * ones;
        found |= ((bytes - 0x20 * ones) & ~bytes) | ((flipped - ones) & ~flipped);
    }
    for (; text.n; text.p++, text.n--)
        found |= (unsigned char)*text.p < 0x20 || *text.p == 0x7f ? tops : 0;
    return found & tops;
}

/* NULL, or why the line is refused. */
static const char *take_line(struct agi_env *env, struct slice line)
{
    static const struct slice start = SLICE_LIT("agi_");
    if (line.n > AGI_LINE_BYTES_MAX)
        return "line too long";
    if (env->lines == AGI_LINES_MAX)
        return "too many lines";
    if (has_control_character(line))
        return "control character";
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon || colon + 1 == line.p + line.n || colon[1] != ' ')
        return "line without a key and a value";
    struct slice name = {line.p, (size_t)(colon - line.p)};
    if (!slice_starts_with(name, start))
        return "key that is none of AGI";
    name = (struct slice){name.p + start.n, name.n - start.n};
    return take_value(env, name, (struct slice){colon + 2, (size_t)(line.p + line.n - colon) - 2});
}

static enum agi_progress refuse(struct agi_env *env, const char *why)
{
    env->refusal = why;
    return env->progress = AGI_REFUSED;
}

/* Asterisk says nothing after the empty line until it is told to, but that the channel was hung up. */
static bool may_follow(struct slice rest)
{
    return slice_starts_with(SLICE_LIT("HANGUP\n"), rest);
}

enum agi_progress agi_env_feed(struct agi_env *env, size_t n)
{
    size_t from = env->n; /* what came before holds no line break behind line_at */
    env->n += n;
    for (;;) {
        char *end = memchr(env->bytes + from, '\n', env->n - from);
        struct slice line = {env->bytes + env->line_at, 0};
        line.n = (end ? (size_t)(end - env->bytes) : env->n) - env->line_at;
        if (!end) {
            if (line.n > AGI_LINE_BYTES_MAX)
                return refuse(env, "line too long");
            return env->n < sizeof env->bytes ? AGI_MORE : refuse(env, "environment too large");
        }
        from = env->line_at = (size_t)(end - env->bytes) + 1;
        if (line.n == 0)
            break;
        const char *why = take_line(env, line);
        if (why)
            return refuse(env, why);
        env->lines++;
    }
    if (!may_follow((struct slice){env->bytes + env->line_at, env->n - env->line_at}))
        return refuse(env, "bytes after the end");
    return env->progress = AGI_COMPLETE;
}

static struct slice value_of(const struct agi_env *env, enum agi_key key)
{
    struct slice value = env->values[key];
    return slice_equals_text(value, "unknown") ? SLICE_NONE : value;
}

static struct slice first_of(struct slice a, struct slice b)
{
    return slice_is_empty(a) ? b : a;
}

/* The part of the address behind the host, to be decoded in place. */
static struct slice script_of(const struct agi_env *env)
{
    if (env->values[AGI_SCRIPT].p)
        return env->values[AGI_SCRIPT];
    struct slice request = env->values[AGI_REQUEST];
    const char *host = request.n ? memmem(request.p, request.n, "://", 3) : NULL;
    if (!host)
        return SLICE_NONE;
    const char *end = request.p + request.n;
    const char *slash = memchr(host + 3, '/', (size_t)(end - host) - 3);
    return slash ? (struct slice){slash + 1, (size_t)(end - slash) - 1} : SLICE_NONE;
}

int agi_env_call(struct agi_env *env, struct call *ret, struct err *err)
{
    struct agi_script script;
    struct slice text = script_of(env);
    if (env->args_seen & ~UINT64_C(3))
        return err_set(err, ERR_INVALID, "more than two arguments");
    if (!env->values[AGI_ARG_1].p && !env->values[AGI_EXTENSION].p)
        return err_set(err, ERR_INVALID, "no number");
    char *bytes = text.p ? env->bytes + (text.p - env->bytes) : NULL; /* ours, so not const */
    int failed = agi_script_read(bytes, text.n, &script, err);
    if (failed)
        return failed;
    struct slice account = first_of(value_of(env, AGI_ARG_2), value_of(env, AGI_ACCOUNTCODE));
    *ret = (struct call){
        .tenant = script.tenant,
        .account = first_of(script.account, account),
        .number = first_of(value_of(env, AGI_ARG_1), value_of(env, AGI_EXTENSION)),
        .origin = script.origin,
        .call_id = value_of(env, AGI_UNIQUEID),
        .source_ip = script.source_ip,
        .min_revision = script.min_revision,
    };
    return 0;
}

int agi_env_program_call(const struct agi_env *env, struct slice tenant, struct slice account,
                         struct slice number, struct call *ret, struct err *err)
{
    if (slice_is_empty(number) && !env->values[AGI_EXTENSION].p)
        return err_set(err, ERR_INVALID, "no number");
    *ret = (struct call){
        .tenant = tenant,
        .account = first_of(account, value_of(env, AGI_ACCOUNTCODE)),
        .number = first_of(number, value_of(env, AGI_EXTENSION)),
        .call_id = value_of(env, AGI_UNIQUEID),
    };
    return 0;
}
