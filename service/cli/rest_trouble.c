#include "cli/rest_trouble.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"

enum { CLAIMS_BYTES_MAX = 4096 };

static const char url_hint[] = "--url or SEKISHO_URL name its admin listener";

int trouble_no_answer(struct cli *cli, CURLcode code, const char *why)
{
    cli_trouble(cli, "%s: %s", cli->common->url, why);
    switch ((int)code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        fprintf(stderr, "--ca-file or SEKISHO_CA_FILE name the certificates to trust.\n");
        break;
    case CURLE_OPERATION_TIMEDOUT:
        fprintf(stderr, "--timeout or SEKISHO_TIMEOUT give it longer; %s.\n", url_hint);
        break;
    case CURLE_WRITE_ERROR: /* the answer was too long */
        break;
    default: fprintf(stderr, "Is sekishod there? %s, by http:// or https://.\n", url_hint);
    }
    return EXIT_TROUBLE;
}

/* When the token says that it ends; false when that cannot be read. Nothing is verified. */
static bool read_expiry(struct slice token, int64_t *ret_ms)
{
    char claims[CLAIMS_BYTES_MAX];
    size_t n;
    const char *end = token.p + token.n, *payload = memchr(token.p, '.', token.n);
    const char *signature = payload ? memchr(payload + 1, '.', (size_t)(end - payload - 1)) : NULL;
    if (!signature || sodium_base642bin((unsigned char *)claims, sizeof claims, payload + 1,
                                        (size_t)(signature - payload - 1), NULL, &n, NULL,
                                        sodium_base64_VARIANT_URLSAFE_NO_PADDING))
        return false;
    json_t *json = json_loadb(claims, n, 0, NULL);
    json_int_t seconds = json_integer_value(json_object_get(json, "exp"));
    json_decref(json);
    *ret_ms = (int64_t)seconds * 1000;
    return seconds > 0 && seconds < INT32_MAX * (json_int_t)64;
}

static void explain_token(struct slice token)
{
    char text[CLOCK_TEXT_BYTES], moment[MOMENT_BYTES];
    int64_t expires_at_ms;
    if (token.n && read_expiry(token, &expires_at_ms) && expires_at_ms <= clock_now_ms())
        fprintf(stderr, "It expired at %s. ", output_moment(clock_format(expires_at_ms, text), moment));
    fprintf(stderr, "SEKISHO_TOKEN, --token-file or SEKISHO_TOKEN_FILE give the credential;\n"
                    "\"sekisho token issue\" makes one.\n");
}

/* Each member at fault, with its text unless that was said already. */
static void print_faults(struct output *out, const struct rest_answer *answer)
{
    const char *detail = json_text(answer->body, "detail");
    json_t *error;
    size_t i;
    json_array_foreach(json_object_get(answer->body, "errors"), i, error) {
        const char *pointer = json_text(error, "pointer"), *text = json_text(error, "detail");
        fputs("  ", stderr);
        output_text(out, STYLE_STRONG, pointer ? pointer : "", 0);
        if (text && !(detail && strcmp(detail, text) == 0)) {
            fputs("  ", stderr);
            output_text(out, STYLE_PLAIN, text, 0);
        }
        fputc('\n', stderr);
    }
}

static void print_hint(struct cli *cli, struct output *out, const struct rest_request *request,
                       const struct rest_answer *answer, struct slice token)
{
    const char *request_id = json_text(answer->body, "request_id");
    if (answer->status == 401) {
        explain_token(token);
    } else if (answer->status == 404) {
        char asked[2048];
        snprintf(asked, sizeof asked, "%s %s%s", request->method, cli->common->url, request->path);
        fputs("It asked: ", stderr);
        output_text(out, STYLE_PLAIN, asked, 0);
        bool is_ours = json_text(answer->body, "code") != NULL;
        fprintf(stderr, "\n%s%s.\n", is_ours ? "Is a name in it wrong? If not: " : "", url_hint);
    } else if (answer->status >= 500 && request_id) {
        fputs("request_id ", stderr);
        output_text(out, STYLE_PLAIN, request_id, 0);
        fputs(" finds it in the log of sekishod\n", stderr);
    }
}

int trouble_refused(struct cli *cli, const struct rest_request *request,
                    const struct rest_answer *answer, struct slice token)
{
    const char *title = json_text(answer->body, "title"), *detail = json_text(answer->body, "detail");
    struct output out;
    output_init(&out, stderr, (enum output_color)cli->common->color);
    if (cli->common->is_json && answer->body) {
        output_json(&out, answer->body);
        return EXIT_TROUBLE;
    }
    if (answer->status == 412 && request->is_new)
        return cli_trouble(cli, "it is there already; \"put\" and \"set\" change it (412)");
    cli_trouble(cli, "%s%s%s (%d)", title ? title : "the answer is no problem document",
                detail ? ": " : "", detail ? detail : "", answer->status);
    print_faults(&out, answer);
    print_hint(cli, &out, request, answer, token);
    return EXIT_TROUBLE;
}
