#include "jobs/smtp.h"

#include <curl/curl.h>
#include <sodium.h>
#include <sys/socket.h>

#include "base/log.h"
#include "jobs/secret_file.h"

enum {
    CONNECT_MS = 10000,
    MESSAGE_MS = 30000,
    IDLE_S_MAX = 20, /* relays hang up on idle clients */
    REPLY_BYTES = 200,
};

struct smtp {
    struct smtp_config config;
    struct mailbox from;
    const struct delivery_stop *stop;
    CURL *curl;
    struct slice rest;          /* of the message, not yet sent */
    bool has_sent;              /* some of it */
    char reply[REPLY_BYTES];    /* what the relay refused with, or "" */
    char error[CURL_ERROR_SIZE];
    char bytes[MAIL_BYTES_MAX];
};

/* --- options ---------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

static long tls_wanted(const struct smtp_config *config, const char *host)
{
    bool is_off = config->starttls == STARTTLS_OFF ||
                  (config->starttls == STARTTLS_AUTO && is_loopback(host));
    return is_off ? CURLUSESSL_NONE : CURLUSESSL_ALL;
}

static int read_url(const struct smtp_config *config, long *ret_tls, struct err *err)
{
    char *scheme = NULL, *host = NULL, *user = NULL, *path = NULL;
    CURLU *url = curl_url();
    int r = 0;
    if (!url)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (curl_url_set(url, CURLUPART_URL, config->url, 0) ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) ||
        (strcmp(scheme, "smtp") != 0 && strcmp(scheme, "smtps") != 0))
        r = err_set(err, ERR_INVALID, "--smtp: expected smtp://HOST:PORT or smtps://HOST:PORT");
    else if (!curl_url_get(url, CURLUPART_USER, &user, 0) ||
             (!curl_url_get(url, CURLUPART_PATH, &path, 0) && strcmp(path, "/") != 0))
        r = err_set(err, ERR_INVALID, "--smtp: no user and no path here; see --smtp-user");
    else
        *ret_tls = tls_wanted(config, host);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_free(path);
    curl_url_cleanup(url);
    return r;
}

int smtp_check(const struct smtp_config *config, struct err *err)
{
    char password[SECRET_BYTES_MAX];
    struct mailbox from;
    long tls;
    int r = read_url(config, &tls, err);
    if (r < 0)
        return r;
    if (!config->from)
        return err_set(err, ERR_INVALID, "--smtp needs --mail-from");
    if ((r = mailbox_parse(config->from, &from, err)) < 0)
        return err_context(err, "--mail-from");
    if (!config->user != !config->password_file)
        return err_set(err, ERR_INVALID, "--smtp-user and --smtp-password-file go together");
    if (config->password_file && (r = secret_file_read(config->password_file, password, err)) < 0)
        err_context(err, "--smtp-password-file");
    sodium_memzero(password, sizeof password);
    return r;
}

/* --- a message -------------------------------------------------------------------------------- */

static size_t give(char *to, size_t size, size_t count, void *context)
{
    struct smtp *smtp = context;
    size_t n = size * count < smtp->rest.n ? size * count : smtp->rest.n;
    memcpy(to, smtp->rest.p, n);
    smtp->rest = (struct slice){smtp->rest.p + n, smtp->rest.n - n};
    smtp->has_sent |= n > 0;
    return n;
}

/* libcurl shows the lines of the relay as headers; the first that refuses something is kept. */
static size_t hear(char *line, size_t size, size_t count, void *context)
{
    struct smtp *smtp = context;
    size_t n = size * count;
    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (n && (line[0] == '4' || line[0] == '5') && !smtp->reply[0])
        snprintf(smtp->reply, sizeof smtp->reply, "%.*s", (int)(n < REPLY_BYTES ? n : REPLY_BYTES),
                 line);
    return size * count;
}

static int goes_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct smtp *smtp = context;
    (void)a, (void)b, (void)c, (void)d;
    return delivery_is_cut_off(smtp->stop);
}

int smtp_new(const struct smtp_config *config, const struct delivery_stop *stop, struct smtp **ret,
             struct err *err)
{
    struct smtp *smtp = calloc(1, sizeof *smtp);
    long tls = CURLUSESSL_ALL;
    int r = 0;
    if (!smtp || !(smtp->curl = curl_easy_init()))
        r = err_set(err, ERR_NOMEM, "out of memory");
    if (r == 0)
        r = read_url(config, &tls, err);
    if (r == 0)
        r = mailbox_parse(config->from, &smtp->from, err);
    if (r < 0) {
        smtp_free(smtp);
        return r;
    }
    smtp->config = *config;
    smtp->stop = stop;
    CURL *curl = smtp->curl;
    curl_easy_setopt(curl, CURLOPT_URL, config->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* not what the environment says */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, tls);
    if (config->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)MESSAGE_MS);
    curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long)IDLE_S_MAX);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, smtp->from.address);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, hear);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, smtp);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, goes_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, smtp);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, smtp->error);
    *ret = smtp;
    return 0;
}

void smtp_free(struct smtp *smtp)
{
    if (!smtp)
        return;
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (smtp->curl) {
        /* or libcurl says QUIT to a relay that is silent, and waits for its answer */
        curl_easy_getinfo(smtp->curl, CURLINFO_ACTIVESOCKET, &fd);
        if (fd != CURL_SOCKET_BAD)
            shutdown(fd, SHUT_RDWR);
        curl_easy_cleanup(smtp->curl);
    }
    free(smtp);
}

static int log_in(struct smtp *smtp, struct err *err)
{
    char password[SECRET_BYTES_MAX];
    if (!smtp->config.user)
        return 0;
    int r = secret_file_read(smtp->config.password_file, password, err);
    if (r == 0) {
        curl_easy_setopt(smtp->curl, CURLOPT_USERNAME, smtp->config.user);
        curl_easy_setopt(smtp->curl, CURLOPT_PASSWORD, password);
    }
    sodium_memzero(password, sizeof password);
    return r;
}

/*
 * A relay's "no for ever" is about the message when it answers the recipient or the text. To the greeting,
 * the login or the sender it is about us: the next message would fare the same, and this one is as good as
 * ever once somebody has put it right.
 */
static void judge(struct smtp *smtp, CURLcode code, struct delivery *ret)
{
    bool is_about_us = strncmp(smtp->error, "MAIL failed", 11) == 0;
    bool is_about_it = (code == CURLE_SEND_ERROR && !is_about_us) || smtp->has_sent;
    const char *why = smtp->error[0] ? smtp->error : curl_easy_strerror(code);
    if (code == CURLE_OK)
        delivery_end(ret, DELIVERY_DONE, "%s", "");
    else if (smtp->reply[0] && is_about_it)
        delivery_end(ret, smtp->reply[0] == '5' ? DELIVERY_NEVER : DELIVERY_LATER,
                     "the relay said: %s", smtp->reply);
    else
        delivery_end(ret, smtp->has_sent ? DELIVERY_LATER : DELIVERY_AWAY, "%s%s%s", why,
                     smtp->reply[0] ? ": " : "", smtp->reply);
}

void smtp_send(struct smtp *smtp, const struct outbox_message *message, struct delivery *ret)
{
    struct buf text = {smtp->bytes, 0, sizeof smtp->bytes, false};
    struct err err = {0};
    /* looked at when it was added; once more here, where it would be a command */
    const char *fault = outbox_address_fault(OUTBOX_MAIL, slice_of(message->address));
    mail_write(&text, &smtp->from, message, clock_now_ms());
    if (fault || text.overflowed) {
        delivery_end(ret, DELIVERY_NEVER, "%s", fault ? fault : "the message is too long");
        return;
    }
    struct curl_slist *recipients = curl_slist_append(NULL, message->address);
    if (!recipients || log_in(smtp, &err)) {
        delivery_end(ret, DELIVERY_AWAY, "%s", recipients ? err.text : "out of memory");
        curl_slist_free_all(recipients);
        return;
    }
    smtp->rest = buf_slice(&text);
    smtp->has_sent = false;
    smtp->reply[0] = smtp->error[0] = '\0';
    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, recipients);
    judge(smtp, curl_easy_perform(smtp->curl), ret);
    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_easy_setopt(smtp->curl, CURLOPT_PASSWORD, NULL);
    curl_slist_free_all(recipients);
}
