/*
 * sekisho agi: the AGI program, for a PBX that can run a program but has no FastAGI.
 *
 *     standard input ─► agi_parse ─► GET /v1/authorize at the dial listener ─► agi_answer ─► standard output
 *
 * The dialplan's floor stands until SEKISHO_VERDICT is set, and that is the last thing set. So on any
 * trouble this ends without it and with a status other than 0, which the dialplan sees as FAILURE.
 *
 * Asterisk runs one command of several that come together and then waits for more input (doors/agi.h),
 * so each is sent when the one before was answered.
 */
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/rest_client.h"
#include "doors/agi_parse.h"
#include "doors/agi_reply.h"

struct agi_options {
    struct common common;
    struct option_list tenant, account, origin, number_from;
};
#define AT(member) .offset = offsetof(struct agi_options, member)

enum { REPLY_BYTES = 2048, VARIABLE_BYTES_MAX = 80 };

/* --- time ---------------------------------------------------------------------------------------------- */

static void out_of_time(int signal)
{
    static const char text[] = "sekisho agi: not done within the time limit\n";
    (void)signal;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        _exit(EXIT_TROUBLE);
    _exit(EXIT_TROUBLE);
}

/* For everything together: a caller is waiting, and Asterisk would wait without end. */
static void limit_time(int64_t ms)
{
    struct itimerval limit = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    signal(SIGALRM, out_of_time);
    setitimer(ITIMER_REAL, &limit, NULL);
}

/* --- talking to Asterisk --------------------------------------------------------------------------------- */

static int read_environment(struct cli *cli, struct agi_env *env)
{
    agi_env_init(env);
    while (env->progress == AGI_MORE) {
        size_t room;
        char *at = agi_env_room(env, &room);
        ssize_t n = read(STDIN_FILENO, at, room);
        if (n <= 0)
            return cli_trouble(cli, "standard input ended within the AGI environment");
        if (agi_env_feed(env, (size_t)n) == AGI_REFUSED)
            return cli_trouble(cli, "AGI environment, line %u: %s", env->lines + 1, env->refusal);
    }
    return EXIT_OK;
}

/* The next line of standard input without its line break; false at its end. Byte by byte: what follows
 * belongs to the next reply. */
static bool read_line(char line[REPLY_BYTES])
{
    size_t n = 0;
    char c;
    while (read(STDIN_FILENO, &c, 1) == 1) {
        if (c == '\n') {
            line[n] = '\0';
            return true;
        }
        if (n < REPLY_BYTES - 1)
            line[n++] = c;
    }
    return false;
}

/* Sends one command line and waits for its "200 …", which goes to `reply`. HANGUP may come between at
 * any time, and a refusal with its usage is several lines. */
static int command(struct cli *cli, struct slice line, char reply[REPLY_BYTES])
{
    if (write(STDOUT_FILENO, line.p, line.n) != (ssize_t)line.n)
        return cli_trouble(cli, "Asterisk does not listen any more");
    do {
        if (!read_line(reply))
            return cli_trouble(cli, "Asterisk ended without a reply");
    } while (strcmp(reply, "HANGUP") == 0 || reply[0] == '\0');
    if (strncmp(reply, "200 ", 4) == 0)
        return EXIT_OK;
    return cli_trouble(cli, "Asterisk replied: %s", reply);
}

/* The value of a channel variable, from "200 result=1 (value)"; not set is empty. */
static int get_variable(struct cli *cli, const char *name, struct slice *ret)
{
    char text[VARIABLE_BYTES_MAX + 32], reply[REPLY_BYTES];
    struct buf line = BUF_OVER(text);
    if (!*name || strlen(name) > VARIABLE_BYTES_MAX ||
        name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")])
        return cli_trouble(cli, "--number-from: %s is no name of a variable", name);
    buf_printf(&line, "GET VARIABLE %s\n", name);
    int status = command(cli, buf_slice(&line), reply);
    if (status)
        return status;
    const char *open = strstr(reply, "result=1 ("), *close = strrchr(reply, ')');
    *ret = SLICE_NONE;
    if (open && close && close >= open + 10)
        ret->p = arena_copy(&cli->arena, (struct slice){open + 10, (size_t)(close - open) - 10});
    *ret = slice_of(ret->p);
    return EXIT_OK;
}

/* Command by command; the verdict is the last. */
static int set_variables(struct cli *cli, struct buf *commands)
{
    char reply[REPLY_BYTES];
    int status = EXIT_OK;
    for (const char *at = commands->p, *end; status == EXIT_OK && *at; at = end) {
        end = strchr(at, '\n') + 1;
        status = command(cli, (struct slice){at, (size_t)(end - at)}, reply);
        if (status == EXIT_OK && strncmp(reply, "200 result=1", 12) != 0)
            status = cli_trouble(cli, "Asterisk replied: %s", reply);
    }
    return status;
}

/* --- asking ------------------------------------------------------------------------------------------------ */

/* Arguments split at commas in the dialplan: one that carries what a caller sent could bring a second
 * --tenant with it. So each may be given once. */
static int only(struct cli *cli, const struct option_list *list, const char *name, const char **ret)
{
    *ret = list->count ? list->items[0] : NULL;
    return list->count > 1 ? cli_trouble(cli, "--%s is given twice", name) : EXIT_OK;
}

static char *add_query(struct cli *cli, char *path, const char *name, struct slice value)
{
    return path && value.n ? rest_query(cli, path, name, arena_copy(&cli->arena, value)) : path;
}

static int ask(struct cli *cli, const struct call *call, const char *origin,
               struct rest_answer *answer)
{
    char *number = arena_copy(&cli->arena, call->number);
    char *path = number ? rest_query(cli, rest_path(cli, "/v1/authorize"), "number", number) : NULL;
    path = add_query(cli, path, "tenant", call->tenant);
    path = add_query(cli, path, "account", call->account);
    path = add_query(cli, path, "call_id", call->call_id);
    path = rest_query(cli, path, "origin", origin);
    if (!path)
        return cli_trouble(cli, "the question is too long");
    struct rest_request request = {.method = "GET", .path = path};
    return rest_call(cli, &request, answer);
}

static const char *text_at(json_t *object, const char *path)
{
    const char *text = json_text(object, path);
    return text ? text : "";
}

static int answer_pbx(struct cli *cli, json_t *verdict)
{
    char bytes[AGI_REPLY_BYTES];
    struct buf commands = BUF_OVER(bytes);
    struct err err;
    struct agi_answer answer = {
        .decision_id = text_at(verdict, "decision_id"),
        .reason = text_at(verdict, "reason"),
        .rule = text_at(verdict, "rule.target"),
        .number = text_at(verdict, "number"),
        .divert = text_at(verdict, "divert_to"),
        .degraded = json_text(verdict, "degraded"),
        .dial = text_at(verdict, "dial"),
        .verdict = text_at(verdict, "verdict"),
    };
    if (agi_answer_write(&answer, &commands, &err))
        return cli_trouble(cli, "%s: answered what is no verdict: %s", cli->common->url, err.text);
    return set_variables(cli, &commands);
}

static int agi(struct cli *cli, const void *given)
{
    const struct agi_options *options = given;
    const char *tenant, *account, *origin, *number_from;
    struct slice number = SLICE_NONE;
    struct rest_answer answer;
    struct agi_env env;
    struct call call;
    struct err err;
    limit_time(cli->common->timeout_ms);
    int status = only(cli, &options->tenant, "tenant", &tenant);
    status = status ? status : only(cli, &options->account, "account", &account);
    status = status ? status : only(cli, &options->origin, "origin", &origin);
    status = status ? status : only(cli, &options->number_from, "number-from", &number_from);
    if (status == EXIT_OK && !tenant)
        status = cli_trouble(cli, "--tenant is missing");
    status = status ? status : read_environment(cli, &env);
    if (status == EXIT_OK && number_from)
        status = get_variable(cli, number_from, &number);
    if (status)
        return status;
    if (agi_env_program_call(&env, slice_of(tenant), slice_of(account), number, &call, &err))
        return cli_trouble(cli, "AGI environment: %s", err.text);
    status = ask(cli, &call, origin, &answer);
    if (status)
        return status;
    status = answer_pbx(cli, answer.body);
    rest_answer_release(&answer);
    return status;
}

static const struct option agi_options[] = {
    {"tenant", OPTION_LIST, OPTION_WHOLE, "TENANT", NULL, NULL, "id of the tenant; required",
     AT(tenant)},
    {"account", OPTION_LIST, OPTION_WHOLE, "ACCOUNT", NULL, NULL,
     "id of the account; without it the channel's account code", AT(account)},
    {"number-from", OPTION_LIST, OPTION_WHOLE, "VARIABLE", NULL, NULL,
     "channel variable that holds the number; without it the extension", AT(number_from)},
    {"origin", OPTION_LIST, OPTION_WHOLE, "ORIGIN", NULL, NULL,
     "how the call came about: dial, forward, transfer, callback, disa, fax, other", AT(origin)},
    {"url", OPTION_TEXT, 0, "URL", "http://127.0.0.1:8080", "SEKISHO_DIAL_URL",
     "the dial listener of sekishod", AT(common.url)},
    {"token-file", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_TOKEN_FILE",
     "file with the bearer token; without it the token is taken from SEKISHO_TOKEN",
     AT(common.token_file)},
    {"ca-file", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_CA_FILE",
     "certificates to trust instead of the system's, PEM", AT(common.ca_file)},
    {"timeout", OPTION_DURATION, 0, "TIME", "500ms", NULL, "how long everything together may take",
     AT(common.timeout_ms), .min = 10, .max = 10000},
    {0}};

const struct command agi_commands[] = {
    {"", "Answers a PBX that ran it as an AGI program: sets SEKISHO_VERDICT and its like",
     "Arguments split at commas in a dialplan: write them there, and pass nothing that a caller sent.\n"
     "On any trouble the variables stay as they are, and AGISTATUS is FAILURE.",
     agi_options, sizeof(struct agi_options), agi, COMMAND_LOCAL},
    {0}};
