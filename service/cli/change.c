#include "cli/change.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "cli/moment.h"
#include "cli/propagation.h"

void change_begin(struct change *change, struct cli *cli, const char *method, const char *path)
{
    *change = (struct change){.cli = cli, .request = {.method = method, .path = path}};
    bool has_body = strcmp(method, "DELETE") != 0;
    change->body = has_body ? json_object() : NULL;
    if (!path || (has_body && !change->body))
        change->status = cli_trouble(cli, "out of memory, or a name that is too long");
    /* the CLI asks for what its caller says, whatever it was before */
    if (strcmp(method, "PATCH") == 0 || !has_body)
        change->request.if_match = "*";
}

void change_value(struct change *change, const char *member, json_t *value)
{
    if (!value && change->status == EXIT_OK)
        change->status = cli_trouble(change->cli, "%s: is not UTF-8", member);
    else if (json_object_set_new(change->body, member, value) && change->status == EXIT_OK)
        change->status = cli_trouble(change->cli, "out of memory");
}

void change_text(struct change *change, const char *option, const char *member, const char *text)
{
    if (cli_given(change->cli, option))
        change_value(change, member, *text ? json_string(text) : json_null());
}

void change_word(struct change *change, const char *option, const char *member, const char *word)
{
    if (cli_given(change->cli, option))
        change_value(change, member, json_string(word));
}

void change_bool(struct change *change, const char *option, const char *member, bool value)
{
    if (cli_given(change->cli, option))
        change_value(change, member, json_boolean(value));
}

void change_moment(struct change *change, const char *option, const char *member, const char *text)
{
    char moment[CLOCK_TEXT_BYTES];
    struct err err;
    int64_t ms;
    if (!cli_given(change->cli, option))
        return;
    if (moment_parse(text, clock_now_ms(), &ms, &err)) {
        if (change->status == EXIT_OK)
            change->status = cli_trouble(change->cli, "--%s: %s", option, err.text);
        return;
    }
    change_value(change, member, ms ? json_string(clock_format(ms, moment)) : json_null());
}

bool change_is_empty(const struct change *change)
{
    return json_object_size(change->body) == 0;
}

int change_ask(struct change *change, struct rest_answer *ret)
{
    int status = change->status;
    *ret = (struct rest_answer){0};
    change->request.body = change->body;
    if (status == EXIT_OK)
        status = rest_call(change->cli, &change->request, ret);
    json_decref(change->body);
    change->body = NULL;
    return status;
}

static void say(struct cli *cli, const struct rest_answer *answer, const char *format, va_list args)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    output_text(&cli->out, STYLE_PLAIN, text, 0);
    if (answer->revision[0]) {
        char revision[48];
        snprintf(revision, sizeof revision, "  (revision %s)", answer->revision);
        output_text(&cli->out, STYLE_FAINT, revision, 0);
    }
    fputc('\n', cli->out.file);
}

/* The answer; with --wait one document of both, when all has been waited for. */
static void say_json(struct cli *cli, const struct rest_answer *answer, json_t *propagation)
{
    json_t *value = answer->body ? json_incref(answer->body) : propagation ? json_object() : NULL;
    if (propagation)
        json_object_set(value, "propagation", propagation);
    if (value)
        output_json(&cli->out, value);
    json_decref(value);
}

static int finish(struct change *change, const struct rest_answer *answer, const char *format,
                  va_list args)
{
    struct cli *cli = change->cli;
    json_t *propagation = NULL;
    int status = EXIT_OK;
    if (!cli->common->is_json) { /* at once: it is done, however long the rest takes */
        say(cli, answer, format, args);
        fflush(cli->out.file);
    }
    if (cli->common->wait && answer->revision[0])
        status = propagation_wait(cli, change->request.path, answer->revision, &propagation);
    if (cli->common->is_json)
        say_json(cli, answer, propagation);
    else if (propagation && status == EXIT_OK)
        propagation_print(cli, propagation);
    json_decref(propagation);
    return status;
}

int change_done(struct change *change, const struct rest_answer *answer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = finish(change, answer, format, args);
    va_end(args);
    return status;
}

int change_send(struct change *change, const char *format, ...)
{
    struct rest_answer answer;
    va_list args;
    int status = change_ask(change, &answer);
    if (status)
        return status;
    va_start(args, format);
    status = finish(change, &answer, format, args);
    va_end(args);
    rest_answer_release(&answer);
    return status;
}

json_t *change_read_file(struct cli *cli, const char *path)
{
    json_error_t error;
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file) {
        cli_trouble(cli, "%s: %s", path, strerror(errno));
        return NULL;
    }
    json_t *value = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    if (!is_stdin)
        fclose(file);
    if (!value)
        cli_trouble(cli, "%s:%d:%d: %s", path, error.line, error.column, error.text);
    return value;
}
