#include "cli/rest_client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/version.h"
#include "cli/rest_trouble.h"

enum { TOKEN_BYTES_MAX = 4096, CONNECT_MS_MAX = 5000, PAGE_ITEMS_MAX = 100 };

/* --- credential ------------------------------------------------------------------------------------- */

/* A token is one word of visible ASCII; anything else could add a header of its own. */
static bool is_token(struct slice token)
{
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] > '~')
            return false;
    return token.n > 0 && token.n <= TOKEN_BYTES_MAX;
}

static int read_token_file(struct cli *cli, struct slice *ret)
{
    const char *path = cli->common->token_file;
    char *text = arena_alloc(&cli->arena, TOKEN_BYTES_MAX + 2);
    FILE *file = text ? fopen(path, "re") : NULL;
    if (!file)
        return cli_trouble(cli, "--token-file or SEKISHO_TOKEN_FILE: %s: %s", path,
                           strerror(errno));
    size_t n = fread(text, 1, TOKEN_BYTES_MAX + 1, file);
    fclose(file);
    while (n && isspace((unsigned char)text[n - 1]))
        n--;
    *ret = (struct slice){text, n};
    return is_token(*ret) ? EXIT_OK : cli_trouble(cli, "%s: holds no token", path);
}

/* *ret is empty when there is none: some routes are open. */
static int find_token(struct cli *cli, struct slice *ret)
{
    *ret = slice_of(getenv("SEKISHO_TOKEN"));
    if (cli->common->token_file)
        return read_token_file(cli, ret);
    if (ret->n && !is_token(*ret))
        return cli_trouble(cli, "SEKISHO_TOKEN: is no token");
    return EXIT_OK;
}

/* --- one exchange ------------------------------------------------------------------------------------ */

struct exchange {
    CURL *curl;
    struct curl_slist *headers;
    char *sent; /* the body, from malloc */
    char *text; /* the answer, from malloc */
    size_t text_bytes;
    bool is_too_long;
    char error[CURL_ERROR_SIZE];
    struct rest_answer *answer;
};

static size_t take_body(char *bytes, size_t one, size_t n, void *context)
{
    struct exchange *exchange = context;
    (void)one;
    if (n > REST_ANSWER_BYTES_MAX - exchange->text_bytes) {
        exchange->is_too_long = true;
        return 0;
    }
    char *text = realloc(exchange->text, exchange->text_bytes + n + 1);
    if (!text)
        return 0;
    memcpy(text + exchange->text_bytes, bytes, n);
    exchange->text = text;
    exchange->text_bytes += n;
    return n;
}

/* Copies the value of a header line named `name`. */
static void take_value(struct slice line, const char *name, char *ret, size_t cap)
{
    size_t name_len = strlen(name);
    if (line.n <= name_len || line.p[name_len] != ':' || strncasecmp(line.p, name, name_len) != 0)
        return;
    line.p += name_len + 1;
    line.n -= name_len + 1;
    while (line.n && isspace((unsigned char)*line.p))
        line.p++, line.n--;
    while (line.n && isspace((unsigned char)line.p[line.n - 1]))
        line.n--;
    if (line.n < cap)
        snprintf(ret, cap, "%.*s", SLICE_ARG(line));
}

static size_t take_header(char *bytes, size_t one, size_t n, void *context)
{
    struct exchange *exchange = context;
    struct slice line = {bytes, n};
    (void)one;
    take_value(line, "ETag", exchange->answer->etag, sizeof exchange->answer->etag);
    take_value(line, "Sekisho-Revision", exchange->answer->revision,
               sizeof exchange->answer->revision);
    return n;
}

static bool add_header(struct exchange *exchange, const char *name, const char *value, size_t n)
{
    char line[TOKEN_BYTES_MAX + 64];
    snprintf(line, sizeof line, "%s: %.*s", name, (int)n, value);
    struct curl_slist *headers = curl_slist_append(exchange->headers, line);
    explicit_bzero(line, sizeof line);
    if (headers)
        exchange->headers = headers;
    return headers != NULL;
}

static bool set_headers(struct exchange *exchange, const struct rest_request *request,
                        struct slice token)
{
    struct slice accept = slice_of(request->accept ? request->accept : "application/json");
    const char *type = request->body ? "application/json" : request->content_type;
    bool ok = add_header(exchange, "Accept", accept.p, accept.n);
    if (token.n) {
        char bearer[TOKEN_BYTES_MAX + 8];
        int n = snprintf(bearer, sizeof bearer, "Bearer %.*s", SLICE_ARG(token));
        ok = ok && add_header(exchange, "Authorization", bearer, (size_t)n);
        explicit_bzero(bearer, sizeof bearer);
    }
    if (request->if_match)
        ok = ok && add_header(exchange, "If-Match", request->if_match, strlen(request->if_match));
    if (request->is_new)
        ok = ok && add_header(exchange, "If-None-Match", "*", 1);
    if (request->idempotency_key)
        ok = ok && add_header(exchange, "Idempotency-Key", request->idempotency_key,
                              strlen(request->idempotency_key));
    if (type)
        ok = ok && add_header(exchange, "Content-Type", type, strlen(type)) &&
             add_header(exchange, "Expect", "", 0); /* libcurl would ask before a large body */
    return ok;
}

static bool prepare(struct cli *cli, struct exchange *exchange, const struct rest_request *request)
{
    CURL *curl = exchange->curl;
    struct slice base = slice_of(cli->common->url);
    if (base.n && base.p[base.n - 1] == '/')
        base.n--;
    char *url = arena_printf(&cli->arena, "%.*s%s", SLICE_ARG(base), request->path);
    bool ok = url && curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
    if (request->body) {
        exchange->sent = json_dumps(request->body, JSON_COMPACT);
        ok = ok && exchange->sent;
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->sent);
    } else if (request->content_type) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->text.n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->text.p ? request->text.p : "");
    }
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* a tenant called ".." is not a way up */
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, exchange->headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sekisho/" SEKISHO_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (request->accept) { /* as long as it takes, but not without a byte for as long as --timeout */
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)(cli->common->timeout_ms + 999) / 1000);
    } else {
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)cli->common->timeout_ms);
    }
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    if (cli->common->ca_file)
        ok = ok && curl_easy_setopt(curl, CURLOPT_CAINFO, cli->common->ca_file) == CURLE_OK;
    return ok;
}

static void exchange_release(struct exchange *exchange)
{
    curl_slist_free_all(exchange->headers);
    curl_easy_cleanup(exchange->curl);
    free(exchange->sent);
    free(exchange->text);
}

/* --- one exchange, read ------------------------------------------------------------------------------ */

static int read_answer(struct cli *cli, struct exchange *exchange,
                       const struct rest_request *request, struct slice token,
                       struct rest_answer *answer)
{
    json_error_t error;
    long status = 0;
    curl_easy_getinfo(exchange->curl, CURLINFO_RESPONSE_CODE, &status);
    answer->status = (int)status;
    if (request->accept && status >= 200 && status <= 299) {
        answer->text = (struct slice){exchange->text, exchange->text_bytes};
        exchange->text = NULL;
        return EXIT_OK;
    }
    if (exchange->text_bytes)
        answer->body = json_loadb(exchange->text, exchange->text_bytes, JSON_REJECT_DUPLICATES,
                                  &error);
    if (status >= 400 && status < 500 && request->is_extra) {
        rest_answer_release(answer);
        return EXIT_OK;
    }
    if (status < 200 || status > 299)
        return trouble_refused(cli, request, answer, token);
    if (exchange->text_bytes && !json_is_object(answer->body))
        return cli_trouble(cli, "%s: answered something else than JSON; is it the admin listener?",
                           cli->common->url);
    return EXIT_OK;
}

static const char *why(const struct exchange *exchange, CURLcode code)
{
    if (exchange->is_too_long)
        return "the answer is too long";
    return exchange->error[0] ? exchange->error : curl_easy_strerror(code);
}

/* --- calls ------------------------------------------------------------------------------------------- */

int rest_call(struct cli *cli, const struct rest_request *request, struct rest_answer *ret)
{
    struct exchange exchange = {.answer = ret};
    struct slice token;
    *ret = (struct rest_answer){0};
    int status = find_token(cli, &token);
    if (status)
        return status;
    exchange.curl = curl_easy_init();
    if (!exchange.curl || !set_headers(&exchange, request, token) ||
        !prepare(cli, &exchange, request)) {
        status = cli_trouble(cli, "%s: cannot be asked", cli->common->url);
    } else {
        CURLcode code = curl_easy_perform(exchange.curl);
        status = code ? trouble_no_answer(cli, code, why(&exchange, code))
                      : read_answer(cli, &exchange, request, token, ret);
    }
    exchange_release(&exchange);
    if (status)
        rest_answer_release(ret);
    return status;
}

void rest_answer_release(struct rest_answer *answer)
{
    json_decref(answer->body);
    free((char *)answer->text.p);
    answer->body = NULL;
    answer->text = SLICE_NONE;
}

/* Cuts `items` to `limit`; true when no more are wanted. */
static bool is_full(json_t *items, unsigned limit)
{
    while (limit && json_array_size(items) > limit)
        json_array_remove(items, json_array_size(items) - 1);
    return limit && json_array_size(items) == limit;
}

int rest_list(struct cli *cli, const char *path, const char *member, unsigned limit, json_t **ret)
{
    json_t *whole = NULL;
    const char *next = NULL;
    do {
        char page[16], *url = arena_printf(&cli->arena, "%s", path);
        unsigned have = (unsigned)json_array_size(json_object_get(whole, member));
        unsigned want = limit && limit - have < PAGE_ITEMS_MAX ? limit - have : PAGE_ITEMS_MAX;
        struct rest_answer answer;
        snprintf(page, sizeof page, "%u", want);
        url = rest_query(cli, rest_query(cli, url, "limit", page), "cursor", next);
        struct rest_request request = {.method = "GET", .path = url};
        int status = url ? rest_call(cli, &request, &answer) : cli_trouble(cli, "out of memory");
        if (status) {
            json_decref(whole);
            return status;
        }
        next = json_text(answer.body, "next");
        next = next ? arena_printf(&cli->arena, "%s", next) : NULL;
        if (whole)
            json_array_extend(json_object_get(whole, member),
                              json_object_get(answer.body, member));
        else
            whole = json_incref(answer.body);
        rest_answer_release(&answer);
    } while (next && !is_full(json_object_get(whole, member), limit));
    json_object_del(whole, "next");
    *ret = whole;
    return EXIT_OK;
}

char *rest_path(struct cli *cli, const char *pattern, ...)
{
    char text[1024] = "";
    struct buf path = BUF_OVER(text);
    va_list args;
    va_start(args, pattern);
    for (const char *p = pattern; *p; p++) {
        if (p[0] == '{' && p[1] == '}') {
            buf_add_form(&path, slice_of(va_arg(args, const char *)));
            p++;
        } else {
            buf_add_char(&path, *p);
        }
    }
    va_end(args);
    return path.overflowed ? NULL : arena_copy(&cli->arena, buf_slice(&path));
}

char *rest_query(struct cli *cli, char *path, const char *name, const char *value)
{
    char text[1024] = "";
    struct buf encoded = BUF_OVER(text);
    if (!path || !value)
        return path;
    buf_add_form(&encoded, slice_of(value));
    if (encoded.overflowed)
        return NULL;
    return arena_printf(&cli->arena, "%s%c%s=%s", path, strchr(path, '?') ? '&' : '?', name, text);
}
