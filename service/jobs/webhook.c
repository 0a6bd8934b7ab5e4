#include "jobs/webhook.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/version.h"

enum { CONNECT_MS = 5000, ALL_MS = 10000, ANSWER_BYTES_MAX = 64 * 1024 };

struct webhook {
    const struct webhook_config *config;
    const struct delivery_stop *stop;
    CURL *curl;
    struct webhook_target target; /* of the message under way */
    size_t answer_n;
    char error[CURL_ERROR_SIZE];
};

/* The last gate: whatever libcurl wants to connect to, it gets a socket for the checked address only. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *wanted)
{
    const struct webhook *webhook = context;
    (void)purpose;
    if (wanted->addrlen != webhook->target.address_n ||
        memcmp(&wanted->addr, &webhook->target.address, wanted->addrlen) != 0)
        return CURL_SOCKET_BAD;
    return socket(wanted->family, wanted->socktype | SOCK_CLOEXEC, wanted->protocol);
}

/* What the receiver says is of no interest, but it must not say it for ever. */
static size_t hear(char *bytes, size_t size, size_t count, void *context)
{
    struct webhook *webhook = context;
    (void)bytes;
    webhook->answer_n += size * count;
    return webhook->answer_n > ANSWER_BYTES_MAX ? 0 : size * count;
}

static int goes_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct webhook *webhook = context;
    (void)a, (void)b, (void)c, (void)d;
    return delivery_is_cut_off(webhook->stop);
}

int webhook_new(const struct webhook_config *config, const struct delivery_stop *stop,
                struct webhook **ret, struct err *err)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    if (!webhook || !(webhook->curl = curl_easy_init())) {
        free(webhook);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    webhook->config = config;
    webhook->stop = stop;
    *ret = webhook;
    return 0;
}

void webhook_free(struct webhook *webhook)
{
    if (!webhook)
        return;
    curl_easy_cleanup(webhook->curl);
    free(webhook);
}

static bool add_header(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static struct curl_slist *make_headers(const struct webhook *webhook,
                                       const struct outbox_message *message)
{
    char id[64], timestamp[64], value[WEBHOOK_SIGNATURE_BYTES], signature[sizeof value + 32];
    struct curl_slist *list = NULL;
    int64_t now_s = clock_now_ms() / 1000;
    webhook_sign(&webhook->config->keys, message, now_s, value);
    snprintf(id, sizeof id, "webhook-id: %s", message->id);
    snprintf(timestamp, sizeof timestamp, "webhook-timestamp: %lld", (long long)now_s);
    snprintf(signature, sizeof signature, "webhook-signature: %s", value);
    const char *all[] = {"Content-Type: application/json", "Expect:", id, timestamp, signature};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (!add_header(&list, all[i])) {
            curl_slist_free_all(list);
            return NULL;
        }
    return list;
}

/* A connection is not kept: the next message is another receiver's. */
static void set_up(struct webhook *webhook, const struct outbox_message *message,
                   struct curl_slist *headers, struct curl_slist *pinned)
{
    CURL *curl = webhook->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, message->address);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not what the environment says */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_RESOLVE, pinned);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, webhook);
    if (webhook->config->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, webhook->config->ca);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ALL_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sekisho/" SEKISHO_VERSION);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(message->body));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, message->body);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, hear);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, webhook);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, goes_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, webhook);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, webhook->error);
    webhook->answer_n = 0;
    webhook->error[0] = '\0';
}

static void judge(struct webhook *webhook, CURLcode code, struct delivery *ret)
{
    long status = 0;
    curl_easy_getinfo(webhook->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK && status >= 200 && status <= 299)
        delivery_end(ret, DELIVERY_DONE, "%s", "");
    else if (code == CURLE_WRITE_ERROR && webhook->answer_n > ANSWER_BYTES_MAX)
        delivery_end(ret, DELIVERY_LATER, "the answer is longer than %d bytes", ANSWER_BYTES_MAX);
    else if (code != CURLE_OK)
        delivery_end(ret, DELIVERY_LATER, "%s",
                     webhook->error[0] ? webhook->error : curl_easy_strerror(code));
    else if (status >= 300 && status <= 399)
        delivery_end(ret, DELIVERY_LATER, "status %ld; redirects are not followed", status);
    else
        delivery_end(ret, status == 410 ? DELIVERY_NEVER : DELIVERY_LATER, "status %ld", status);
}

/* "host:port:address". An IPv6 address in brackets needs no look-up, and libcurl wants none for it. */
static struct curl_slist *pin(const struct webhook_target *target)
{
    if (target->host[0] == '[')
        return curl_slist_append(NULL, "-unused.invalid:1");
    char address[ADDRESS_TEXT_BYTES], text[WEBHOOK_HOST_BYTES + ADDRESS_TEXT_BYTES + 16];
    address_format_host((const struct sockaddr *)&target->address, address);
    snprintf(text, sizeof text, strchr(address, ':') ? "%s:%u:[%s]" : "%s:%u:%s", target->host,
             (unsigned)target->port, address);
    return curl_slist_append(NULL, text);
}

void webhook_send(struct webhook *webhook, const struct outbox_message *message,
                  struct delivery *ret)
{
    if (webhook->config->keys.count == 0) {
        delivery_end(ret, DELIVERY_AWAY, "no secret to sign with: --webhook-secret, or an HS256 key");
        return;
    }
    /* looked at when it was added; once more here, where libcurl would make something of it */
    const char *fault = outbox_address_fault(OUTBOX_WEBHOOK, slice_of(message->address));
    if (fault) {
        delivery_end(ret, DELIVERY_NEVER, "%s", fault);
        return;
    }
    webhook_target_find(message->address, &webhook->config->allowed, &webhook->target, ret);
    if (ret->end != DELIVERY_DONE)
        return;
    struct curl_slist *headers = make_headers(webhook, message), *pinned = pin(&webhook->target);
    if (!headers || !pinned) {
        delivery_end(ret, DELIVERY_AWAY, "out of memory");
    } else {
        set_up(webhook, message, headers, pinned);
        judge(webhook, curl_easy_perform(webhook->curl), ret);
        curl_easy_reset(webhook->curl); /* lets go of the lists */
    }
    curl_slist_free_all(headers);
    curl_slist_free_all(pinned);
}
