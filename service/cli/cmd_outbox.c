/* sekisho outbox: messages to tenants. */
#include "cli/rest_client.h"

struct outbox_options {
    struct common common;
    const char *state, *about, *tenant, *id;
    int64_t limit;
};
#define AT(member) .offset = offsetof(struct outbox_options, member)

static const struct column columns[] = {{"ID", "id", CELL_TEXT},
                                        {"TENANT", "tenant", CELL_TEXT},
                                        {"CHANNEL", "channel", CELL_TEXT},
                                        {"ADDRESS", "address", CELL_TEXT},
                                        {"STATE", "state", CELL_TEXT},
                                        {"TRIED", "attempts", CELL_TEXT},
                                        {"DUE", "due_at", CELL_MOMENT},
                                        {"CHANGED", "updated_at", CELL_MOMENT},
                                        {"ABOUT", "about", CELL_TEXT},
                                        {"ERROR", "last_error", CELL_TEXT},
                                        {0}};

static int list(struct cli *cli, const void *given)
{
    const struct outbox_options *options = given;
    char *path = rest_path(cli, "/v1/outbox");
    json_t *answer;
    path = rest_query(cli, path, "state", options->state);
    path = rest_query(cli, path, "about", options->about);
    path = rest_query(cli, path, "tenant", options->tenant);
    int status = rest_list(cli, path, "messages", (unsigned)options->limit, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, columns, json_object_get(answer, "messages"), "no messages");
    json_decref(answer);
    return EXIT_OK;
}

static int call(struct cli *cli, const struct rest_request *request, bool is_whole)
{
    struct rest_answer answer;
    int status = rest_call(cli, request, &answer);
    if (status)
        return status;
    const char *body = json_text(answer.body, "body"), *subject = json_text(answer.body, "subject");
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        output_record(&cli->out, columns, answer.body);
    if (!cli->common->is_json && is_whole && body && subject) {
        fputc('\n', cli->out.file);
        output_text(&cli->out, STYLE_STRONG, subject, 0);
        fputs("\n\n", cli->out.file);
        for (struct slice rest = slice_of(body); rest.n;) { /* line ends are ours to write */
            const char *end = memchr(rest.p, '\n', rest.n);
            size_t n = end ? (size_t)(end - rest.p) : rest.n;
            char *line = arena_copy(&cli->arena, (struct slice){rest.p, n});
            output_text(&cli->out, STYLE_PLAIN, line ? line : "", 0);
            fputc('\n', cli->out.file);
            n += end != NULL;
            rest = (struct slice){rest.p + n, rest.n - n};
        }
    }
    rest_answer_release(&answer);
    return EXIT_OK;
}

static int show(struct cli *cli, const void *given)
{
    const struct outbox_options *options = given;
    struct rest_request request = {.method = "GET",
                                   .path = rest_path(cli, "/v1/outbox/{}", options->id)};
    return call(cli, &request, true);
}

static int retry(struct cli *cli, const void *given)
{
    const struct outbox_options *options = given;
    struct rest_request request = {.method = "POST",
                                   .path = rest_path(cli, "/v1/outbox/{}/retry", options->id)};
    return call(cli, &request, false);
}

static int secret(struct cli *cli, const void *given)
{
    const struct outbox_options *options = given;
    struct rest_request request = {
        .method = "GET",
        .path = rest_path(cli, "/v1/tenants/{}/webhook-secret", options->tenant)};
    struct rest_answer answer;
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    const char *text = json_text(answer.body, "secret");
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        fprintf(cli->out.file, "%s\n", text ? text : "");
    rest_answer_release(&answer);
    return EXIT_OK;
}

static const struct option list_options[] = {
    {"state", OPTION_TEXT, 0, "STATE", NULL, NULL, "only waiting, sending, sent or given_up",
     AT(state)},
    {"about", OPTION_TEXT, 0, "MATTER", NULL, NULL, "only of one matter, such as campaign:ID",
     AT(about)},
    {"tenant", OPTION_TEXT, 0, "TENANT", NULL, NULL, "only to this tenant", AT(tenant)},
    {"limit", OPTION_INT, 0, "N", "50", NULL, "show so many; 0 shows all", AT(limit),
     .max = 1000000},
    {0}};

static const struct option id_options[] = {
    {"ID", OPTION_TEXT, OPTION_POSITIONAL, NULL, NULL, NULL, "the message", AT(id)}, {0}};

static const struct option tenant_options[] = {
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, NULL, NULL, NULL, "whose secret", AT(tenant)}, {0}};

const struct command outbox_commands[] = {
    {"list", "Lists messages, oldest first", NULL, list_options, sizeof(struct outbox_options),
     list, 0},
    {"show", "Shows a message as it goes out", NULL, id_options, sizeof(struct outbox_options),
     show, 0},
    {"retry", "Has a message sent again, now",
     "Also one that was given up, or sent: it goes out under the id that it had.\n", id_options,
     sizeof(struct outbox_options), retry, 0},
    {"secret", "Shows the secret with which a tenant checks its webhooks", NULL, tenant_options,
     sizeof(struct outbox_options), secret, 0},
    {0}};
