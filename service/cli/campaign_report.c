/*
 * sekisho campaign report: the evidence, as CSV (a line an account) or as JSON (with the accounts in it).
 *
 * The CSV is compared with the digest that the service gives for it: what is kept is what it says.
 */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "cli/campaign.h"

enum { REPORT_CSV, REPORT_JSON };

static int open_output(struct cli *cli, const struct campaign_options *options, FILE **ret)
{
    *ret = options->output && strcmp(options->output, "-") != 0 ? fopen(options->output, "wxe")
                                                                : cli->out.file;
    if (!*ret && errno == EEXIST)
        return cli_trouble(cli, "%s is there already, and evidence is not overwritten: name another file",
                           options->output);
    return *ret ? EXIT_OK : cli_trouble(cli, "%s: %s", options->output, strerror(errno));
}

static int close_output(struct cli *cli, const struct campaign_options *options, FILE *file)
{
    if (file == cli->out.file)
        return EXIT_OK;
    bool is_bad = ferror(file);
    return fclose(file) || is_bad ? cli_trouble(cli, "%s: cannot write", options->output) : EXIT_OK;
}

static int ask_report(struct cli *cli, const char *id, json_t **ret)
{
    struct rest_answer answer;
    struct rest_request request = {.method = "GET",
                                   .path = rest_path(cli, "/v1/campaigns/{}/report", id)};
    int status = rest_call(cli, &request, &answer);
    if (status == EXIT_OK)
        *ret = json_incref(answer.body);
    rest_answer_release(&answer);
    return status;
}

static int check_digest(struct cli *cli, struct slice csv, json_t *report)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof hash + 1];
    const char *said = json_text(report, "accounts.sha256");
    crypto_hash_sha256(hash, (const unsigned char *)csv.p, csv.n);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    if (!said || strcmp(said, hex) != 0)
        return cli_trouble(cli, "the campaign changed while it was read; try again");
    fprintf(stderr, "sekisho %s: %lld accounts, SHA-256 %s\n", cli->command,
            (long long)json_integer_value(
                json_object_get(json_object_get(report, "accounts"), "lines")),
            hex);
    return EXIT_OK;
}

static int report_csv(struct cli *cli, const struct campaign_options *options, FILE *file)
{
    struct rest_answer answer;
    struct rest_request request = {
        .method = "GET",
        .path = rest_path(cli, "/v1/campaigns/{}/report.csv", options->id),
        .accept = "text/csv"};
    json_t *report = NULL;
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    status = ask_report(cli, options->id, &report);
    if (status == EXIT_OK)
        status = check_digest(cli, answer.text, report);
    if (status == EXIT_OK && fwrite(answer.text.p, 1, answer.text.n, file) != answer.text.n)
        status = cli_trouble(cli, "cannot write the report");
    json_decref(report);
    rest_answer_release(&answer);
    return status;
}

static int report_json(struct cli *cli, const struct campaign_options *options, FILE *file)
{
    json_t *report = NULL, *list = NULL;
    struct output out;
    int status = ask_report(cli, options->id, &report);
    if (status == EXIT_OK)
        status = rest_list(cli, rest_path(cli, "/v1/campaigns/{}/accounts", options->id),
                           "accounts", 0, &list);
    if (status == EXIT_OK) {
        json_object_set(json_object_get(report, "accounts"), "list",
                        json_object_get(list, "accounts"));
        output_init(&out, file, COLOR_NEVER);
        output_json(&out, report);
    }
    json_decref(list);
    json_decref(report);
    return status;
}

int campaign_report(struct cli *cli, const void *given)
{
    const struct campaign_options *options = given;
    FILE *file;
    bool is_json = options->format == REPORT_JSON || cli->common->is_json;
    int status = open_output(cli, options, &file);
    if (status)
        return status;
    status = is_json ? report_json(cli, options, file) : report_csv(cli, options, file);
    int closed = close_output(cli, options, file);
    return status ? status : closed;
}
