#include "jobs/notify.h"

#include <curl/curl.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int load_notices(const struct notify_config *config, const struct answer_keys *links,
                        struct notices **ret, struct err *err)
{
    struct notices_config notices = {
        .folder = config->notices,
        .public_url = config->public_url,
        .contact = config->contact,
        .keys = links,
    };
    struct mailbox from;
    if (!notices.contact && config->smtp.from && mailbox_parse(config->smtp.from, &from, NULL) == 0)
        notices.contact = from.address;
    int r = notices_new(&notices, ret, err);
    return r < 0 ? err_context(err, "--notices and --notice-contact") : 0;
}

int notify_check(const struct notify_config *config, struct err *err)
{
    struct webhook_keys keys = {0};
    struct answer_keys links = {0};
    struct notices *notices = NULL;
    int r = 0;
    if (config->smtp.url)
        r = smtp_check(&config->smtp, err);
    else if (config->smtp.from || config->smtp.user || config->smtp.password_file)
        r = err_set(err, ERR_INVALID, "--mail-from, --smtp-user and --smtp-password-file need --smtp");
    if (r == 0 && config->ca && access(config->ca, R_OK))
        r = err_set(err, ERR_IO, "--notify-ca %s: %s", config->ca, strerror(errno));
    if (r == 0 && config->webhook_secret &&
        (r = webhook_keys_load(config->webhook_secret, NULL, &keys, err)) < 0)
        err_context(err, "--webhook-secret");
    sodium_memzero(&keys, sizeof keys);
    if (r == 0)
        r = load_notices(config, &links, &notices, err);
    notices_free(notices);
    return r;
}

/* Nobody but this machine can open such a link. */
static bool leads_to_loopback(const char *url)
{
    static const char *const hosts[] = {"://127.", "://localhost", "://[::1]"};
    for (unsigned i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (strstr(url, hosts[i]))
            return true;
    return false;
}

static int start(struct notify *notify, struct store *store, const struct keyring *keyring,
                 struct err *err)
{
    const struct notify_config *config = &notify->config;
    answer_keys_init(&notify->links, keyring);
    notify->webhook.allowed = config->webhook_allow;
    notify->webhook.ca = config->ca;
    int r = webhook_keys_load(config->webhook_secret, keyring, &notify->webhook.keys, err);
    if (r == 0)
        r = load_notices(config, &notify->links, &notify->notices, err);
    if (r == 0 && curl_global_init(CURL_GLOBAL_DEFAULT))
        r = err_set(err, ERR_NOMEM, "libcurl does not start");
    struct outbox_sender_config sender = {
        .store = store,
        .node = config->node,
        .smtp = config->smtp.url ? &config->smtp : NULL,
        .webhook = &notify->webhook,
        .retry_ms = config->retry_ms,
    };
    if (config->smtp.url && leads_to_loopback(config->public_url))
        log_warn("links_local", "url=%s hint=\"the links in mails lead here; name the address that "
                 "tenants can open with --public-url\"", config->public_url);
    if (!config->smtp.url)
        log_info("mail_off", "reason=\"no --smtp: mails wait in the outbox\"");
    return r < 0 ? r : outbox_sender_start(&sender, &notify->sender, err);
}

int notify_start(const struct notify_config *config, struct store *store,
                 const struct keyring *keyring, struct notify **ret, struct err *err)
{
    struct notify *notify = calloc(1, sizeof *notify);
    if (!notify)
        return err_set(err, ERR_NOMEM, "out of memory");
    notify->config = *config;
    int r = start(notify, store, keyring, err);
    if (r < 0)
        notify_stop(notify);
    else
        *ret = notify;
    return r;
}

void notify_stop(struct notify *notify)
{
    if (!notify)
        return;
    outbox_sender_stop(notify->sender);
    notices_free(notify->notices);
    sodium_memzero(notify, sizeof *notify);
    free(notify);
}
