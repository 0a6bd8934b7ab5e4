#include "config.h"

#include <unistd.h>

#include "base/version.h"
#include "config_check.h"
#include "engine/node.h"

enum {
    CONFIG_BYTES_MAX = 1 << 20,
    THREADS_MAX = 256,
    STORE_CONNECTIONS_MAX = 1000,
    ATTEMPTS_DAYS_MAX = 36600
};
#define RETRY_MS_MAX ((int64_t)2 * 60 * 60 * 1000)
#define REDIS_MAX_AGE_MS_MAX ((int64_t)30 * 24 * 60 * 60 * 1000)

#define AT(member) .offset = offsetof(struct config, member)
#define WORD(member) AT(words.member)

static const struct option table[] = {
    {"config", OPTION_PATH, OPTION_ARGV_ONLY, "FILE", NULL, "SEKISHO_CONFIG",
     "file of \"key = value\" lines; the keys are the names of these options", WORD(file)},
    {"state", OPTION_PATH, 0, "DIR", "/var/lib/sekisho", "SEKISHO_STATE",
     "folder for what the daemon keeps; made when it is not there", AT(state)},
    {"node", OPTION_TEXT, 0, "NAME", NULL, "SEKISHO_NODE",
     "name of this node among those of the cluster; without it the host's name and the dial port",
     AT(node)},
    {"store", OPTION_TEXT, OPTION_SECRET, "URL", "sqlite:STATE/sekisho.db", "SEKISHO_STORE",
     "where tenants, rules and audit live: sqlite:FILE, or "
     "postgres://USER:PASSWORD@HOST:PORT/DATABASE for more than one node",
     AT(store)},
    {"store-connections", OPTION_INT, 0, "N", "10", "SEKISHO_STORE_CONNECTIONS",
     "connections to PostgreSQL at once, beside two to listen and to ask whether it is there; who finds all "
     "taken for two seconds gets 503",
     AT(store_connections), .min = 2, .max = STORE_CONNECTIONS_MAX},
    {"keys", OPTION_PATH, 0, "DIR", "STATE/keys", "SEKISHO_KEYS",
     "folder of the keys that tokens are signed with; the first start makes one", AT(keys)},
    {"dial-listen", OPTION_TEXT, 0, "HOST:PORT", "127.0.0.1:8080", "SEKISHO_DIAL_LISTEN",
     "where PBX nodes ask over HTTP; port 0 picks one and the log names it", WORD(dial_listen)},
    {"dial-allow", OPTION_LIST, 0, "CIDR,…", NULL, "SEKISHO_DIAL_ALLOW",
     "addresses that may ask; required when dial-listen is not on loopback", WORD(dial_allow)},
    {"admin-listen", OPTION_TEXT, 0, "HOST:PORT", "127.0.0.1:8081", "SEKISHO_ADMIN_LISTEN",
     "REST API for people and provisioning; on TLS when it is not on loopback",
     WORD(admin_listen)},
    {"tls-cert", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_TLS_CERT",
     "certificate chain of the admin listener, PEM", AT(tls_cert)},
    {"tls-key", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_TLS_KEY",
     "its private key, PEM, readable by the daemon alone", AT(tls_key)},
    {"agi-listen", OPTION_TEXT, 0, "HOST:PORT", "127.0.0.1:4573", "SEKISHO_AGI_LISTEN",
     "where Asterisk asks by FastAGI; \"off\" closes this or another listener", WORD(agi_listen)},
    {"agi-allow", OPTION_LIST, 0, "CIDR,…", NULL, "SEKISHO_AGI_ALLOW",
     "addresses that may ask by FastAGI, which has no tokens; required when agi-listen is not on "
     "loopback",
     WORD(agi_allow)},
    {"public-url", OPTION_TEXT, 0, "URL", NULL, "SEKISHO_PUBLIC_URL",
     "how others reach the admin listener, for the links in answers; without it made from "
     "admin-listen",
     AT(public_url)},
    {"redis", OPTION_TEXT, OPTION_SECRET, "URL", NULL, "SEKISHO_REDIS",
     "Redis that the nodes of a cluster share: redis://[user:password@]host[:port][/db], or "
     "redis+sentinel://[user:password@]host:port,…/MASTER[/db]",
     AT(redis)},
    {"redis-max-age", OPTION_DURATION, 0, "TIME", "24h", "SEKISHO_REDIS_MAX_AGE",
     "how old a ruleset from Redis may be; then it is as if it were not there", AT(redis_max_age_ms),
     .min = 1000, .max = REDIS_MAX_AGE_MS_MAX},
    {"stale-max", OPTION_DURATION, 0, "TIME", "24h", "SEKISHO_STALE_MAX",
     "how long the last known rules may decide while the store is away; then only the floor does",
     AT(stale_max_ms)},
    {"attempts-days", OPTION_INT, 0, "N", "0", "SEKISHO_ATTEMPTS_DAYS",
     "days after which attempts are removed; 0 keeps them for ever", AT(attempts_days),
     .max = ATTEMPTS_DAYS_MAX},
    {"smtp", OPTION_TEXT, 0, "URL", NULL, "SEKISHO_SMTP",
     "relay for mails to tenants: smtp://HOST:PORT or smtps://HOST:PORT", AT(notify.smtp.url)},
    {"smtp-starttls", OPTION_CHOICE, 0, "auto|required|off", "auto", "SEKISHO_SMTP_STARTTLS",
     "TLS with an smtp:// relay; auto requires it unless the relay is on loopback",
     WORD(smtp_starttls)},
    {"smtp-user", OPTION_TEXT, 0, "NAME", NULL, "SEKISHO_SMTP_USER", "login at the relay",
     AT(notify.smtp.user)},
    {"smtp-password-file", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_SMTP_PASSWORD_FILE",
     "its password, in a file that others cannot read", AT(notify.smtp.password_file)},
    {"mail-from", OPTION_TEXT, 0, "ADDRESS", NULL, "SEKISHO_MAIL_FROM",
     "who writes to tenants: info@example.jp or \"NAME <info@example.jp>\"", AT(notify.smtp.from)},
    {"webhook-allow", OPTION_LIST, 0, "CIDR,…", NULL, "SEKISHO_WEBHOOK_ALLOW",
     "networks that webhooks may lead to beside public addresses, with http and any port",
     WORD(webhook_allow)},
    {"webhook-secret", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_WEBHOOK_SECRET",
     "file whose first line signs webhooks, and its second as well; without it the keys do",
     AT(notify.webhook_secret)},
    {"notify-ca", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_NOTIFY_CA",
     "certificates to trust for mail and webhooks in place of the system's, PEM", AT(notify.ca)},
    {"notices", OPTION_PATH, 0, "DIR", NULL, "SEKISHO_NOTICES",
     "folder of texts for notices in place of those compiled in", AT(notify.notices)},
    {"notice-contact", OPTION_TEXT, 0, "TEXT", NULL, "SEKISHO_NOTICE_CONTACT",
     "whom tenants may ask, as notices say it; without it the sender of mails", AT(notify.contact)},
    {"outbox-retry", OPTION_DURATION, 0, "TIME", "30s", "SEKISHO_OUTBOX_RETRY",
     "first pause before a message is tried again; it doubles up to two hours",
     AT(notify.retry_ms), .min = 10, .max = RETRY_MS_MAX},
    {"numbering", OPTION_PATH, 0, "DIR", NULL, "SEKISHO_NUMBERING",
     "folder of numbering data to use in place of what is compiled in", AT(numbering)},
    {"cdr-map", OPTION_TEXT, 0, "MAP",
     "tenant=tenantid tenant=accountcode account=account account=channel account=src",
     "SEKISHO_CDR_MAP",
     "whose call a record is, where the sender does not say: api/cdr.md", AT(cdr_map)},
    {"cdr-time-zone", OPTION_TEXT, 0, "ZONE", "Asia/Tokyo", "SEKISHO_CDR_TIME_ZONE",
     "time zone of call records, where neither the sender nor the records say", AT(cdr_time_zone)},
    {"threads", OPTION_INT, 0, "N", "0", "SEKISHO_THREADS",
     "threads that answer dial questions; 0 is one a processor", WORD(threads),
     .max = THREADS_MAX},
    {"log-level", OPTION_CHOICE, 0, "error|warn|info|debug", "info", "SEKISHO_LOG_LEVEL",
     "how much is written to standard error", WORD(log_level)},
    {"check-config", OPTION_FLAG, OPTION_ARGV_ONLY, NULL, NULL, NULL,
     "check options and files, then exit", WORD(check)},
    {"print-config", OPTION_FLAG, OPTION_ARGV_ONLY, NULL, NULL, NULL,
     "print every option as it would be used, with its source and without passwords, then exit",
     WORD(print)},
    {"version", OPTION_FLAG, OPTION_ARGV_ONLY, NULL, NULL, NULL, "print the version, then exit",
     WORD(version)},
    {"help", OPTION_FLAG, OPTION_ARGV_ONLY, NULL, NULL, NULL, "print this, then exit", WORD(help)},
    {0}};

/* --- answers ---------------------------------------------------------------------------------------- */

static void print_help(void)
{
    printf("usage: sekishod [options]\n\n"
           "Answers, for every call of every tenant: may this account dial this number now, and why?"
           "\n\noptions, stronger first: flag, environment variable, configuration file, default\n");
    options_print_help(table, stdout);
}

/* As a configuration file, strongest source first. */
static void print_config(const struct config *config)
{
    static const char *const titles[] = {"not set", "default", "file", "environment",
                                         "command line"};
    for (int source = SOURCE_ARGV; source >= SOURCE_NONE; source--) {
        bool has_title = false;
        for (const struct option *option = table; option->name; option++) {
            char text[2048] = "";
            struct buf value = BUF_OVER(text);
            if (option->flags & OPTION_ARGV_ONLY || (int)config->sources[option - table] != source)
                continue;
            option_print(option, config, &value);
            if (!has_title)
                printf("# %s\n", titles[source]);
            has_title = true;
            printf("%s%s =%s%s\n", value.n ? "" : "# ", option->name, value.n ? " " : "", text);
        }
    }
}

/* --- from words to what the daemon uses ------------------------------------------------------------ */

int config_name_source(const struct config *config, const char *name, struct err *err)
{
    const struct option *option = option_find(table, name);
    switch (config->sources[option - table]) {
    case SOURCE_ENV: return err_context(err, "%s", option->env);
    case SOURCE_FILE: return err_context(err, "%s: %s", config->words.file, name);
    default: return err_context(err, "--%s", name);
    }
}

static int resolve_listen(const struct config *config, const char *name, const char *text,
                          struct endpoint *ret, struct err *err)
{
    return endpoint_parse(text, ret, err) ? config_name_source(config, name, err) : 0;
}

static int resolve_networks(struct config *config, const char *name,
                            const struct option_list *list, struct networks *ret, struct err *err)
{
    if (list->count == 0)
        return 0;
    struct network *items = arena_alloc(&config->arena, list->count * sizeof *items);
    if (!items)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (unsigned i = 0; i < list->count; i++)
        if (network_parse(list->items[i], &items[i], err))
            return config_name_source(config, name, err);
    *ret = (struct networks){list->count, items};
    return 0;
}

static int resolve_paths(struct config *config, struct err *err)
{
    const struct option *store = option_find(table, "store"), *keys = option_find(table, "keys");
    if (config->sources[store - table] == SOURCE_DEFAULT)
        config->store = arena_printf(&config->arena, "sqlite:%s/sekisho.db", config->state);
    if (config->sources[keys - table] == SOURCE_DEFAULT)
        config->keys = arena_printf(&config->arena, "%s/keys", config->state);
    return config->store && config->keys ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

/* "pbx1-8080". Port 0 is a test or a trial: the process tells such nodes apart. */
static const char *default_node(struct config *config)
{
    char host[NODE_NAME_BYTES / 2] = "";
    const struct endpoint *listen = &config->dial_listen;
    gethostname(host, sizeof host - 1); /* too long is cut short */
    for (char *c = host; *c; c++)
        if (!node_name_is_valid((struct slice){c, 1}) && (c == host || !memchr("._-", *c, 3)))
            *c = c == host ? 'n' : '-';
    if (listen->is_off || listen->port == 0)
        return arena_printf(&config->arena, "%s-pid%ld", host[0] ? host : "node", (long)getpid());
    return arena_printf(&config->arena, "%s-%u", host[0] ? host : "node", (unsigned)listen->port);
}

static int resolve_node(struct config *config, struct err *err)
{
    if (!config->node) {
        config->sources[option_find(table, "node") - table] = SOURCE_DEFAULT;
        config->node = default_node(config);
        return config->node ? 0 : err_set(err, ERR_NOMEM, "out of memory");
    }
    if (node_name_is_valid(slice_of(config->node)))
        return 0;
    err_set(err, ERR_INVALID, "expected 1 to %d of letters, digits, \".\", \"_\" and \"-\", a letter "
            "or digit first", NODE_NAME_BYTES - 1);
    return config_name_source(config, "node", err);
}

/* Without a slash at the end, so that paths can follow. */
static int resolve_urls(struct config *config, struct err *err)
{
    char text[ADDRESS_TEXT_BYTES];
    const struct endpoint *reached =
        config->admin_listen.is_off ? &config->dial_listen : &config->admin_listen;
    if (!config->public_url) {
        config->sources[option_find(table, "public-url") - table] = SOURCE_DEFAULT;
        config->public_url =
            arena_printf(&config->arena, "%s://%s", config->tls_cert ? "https" : "http",
                         address_format((const struct sockaddr *)&reached->address, text));
    } else {
        struct slice url = slice_of(config->public_url);
        if (!slice_starts_with(url, SLICE_LIT("http://")) &&
            !slice_starts_with(url, SLICE_LIT("https://"))) {
            err_set(err, ERR_INVALID, "expected http://… or https://…");
            return config_name_source(config, "public-url", err);
        }
        url.n -= url.p[url.n - 1] == '/';
        config->public_url = arena_copy(&config->arena, url);
    }
    if (config->public_url)
        config->problem_base = arena_printf(&config->arena, "%s/problems/", config->public_url);
    return config->problem_base ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int resolve(struct config *config, struct err *err)
{
    const struct config_words *words = &config->words;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    config->threads = words->threads ? (unsigned)words->threads
                      : processors > 0 ? (unsigned)processors : 1;
    if (config->threads > THREADS_MAX)
        config->threads = THREADS_MAX;
    config->log_level = (enum log_level)words->log_level;
    int rc = resolve_paths(config, err);
    rc = rc ? rc : resolve_listen(config, "dial-listen", words->dial_listen,
                                  &config->dial_listen, err);
    rc = rc ? rc : resolve_listen(config, "admin-listen", words->admin_listen,
                                  &config->admin_listen, err);
    rc = rc ? rc : resolve_listen(config, "agi-listen", words->agi_listen,
                                  &config->agi_listen, err);
    rc = rc ? rc : resolve_networks(config, "dial-allow", &words->dial_allow,
                                    &config->dial_allow, err);
    rc = rc ? rc : resolve_networks(config, "agi-allow", &words->agi_allow,
                                    &config->agi_allow, err);
    rc = rc ? rc : resolve_networks(config, "webhook-allow", &words->webhook_allow,
                                    &config->notify.webhook_allow, err);
    rc = rc ? rc : resolve_node(config, err);
    rc = rc ? rc : resolve_urls(config, err);
    config->notify.smtp.starttls = (enum smtp_starttls)words->smtp_starttls;
    config->notify.smtp.ca = config->notify.ca;
    config->notify.node = config->node;
    config->notify.public_url = config->public_url;
    return rc;
}

/* --- loading ---------------------------------------------------------------------------------------- */

static int read_sources(struct config *config, int argc, char **argv, struct err *err)
{
    struct options options;
    /* the first pass finds --help, which is answered whatever else is wrong, and --config */
    int rc = options_init(&options, table, config, &config->arena, config->sources, err);
    rc = rc ? rc : options_read_argv(&options, argc, argv, err);
    if (rc || config->words.help || config->words.version)
        return rc;
    const char *file = config->words.file, *from = "--config";
    if (!file) {
        from = option_find(table, "config")->env;
        file = getenv(from);
    }

    rc = options_init(&options, table, config, &config->arena, config->sources, err);
    if (rc == 0 && file && *file)
        rc = options_read_file(&options, file, err);
    if (rc == ERR_IO)
        return err_context(err, "%s", from);
    rc = rc ? rc : options_read_env(&options, err);
    return rc ? rc : options_read_argv(&options, argc, argv, err);
}

int config_load(int argc, char **argv, struct config *ret, struct err *err)
{
    struct config config = {0};
    arena_init(&config.arena, CONFIG_BYTES_MAX);
    int rc = read_sources(&config, argc, argv, err);
    bool is_answered = rc == 0;
    if (rc == 0 && config.words.help)
        print_help();
    else if (rc == 0 && config.words.version)
        printf("sekishod %s\n", SEKISHO_VERSION);
    else
        is_answered = false;

    if (rc == 0 && !is_answered)
        rc = resolve(&config, err);
    if (rc == 0 && !is_answered && config.words.print) {
        print_config(&config);
        is_answered = true;
    }
    if (rc == 0 && !is_answered)
        rc = config_check(&config, err);
    if (rc == 0 && !is_answered && config.words.check) {
        rc = config_check_contents(&config, err);
        is_answered = rc == 0;
        if (is_answered)
            printf("the configuration is good\n");
    }
    if (rc || is_answered) {
        config_release(&config);
        return rc ? rc : CONFIG_DONE;
    }
    *ret = config;
    return 0;
}

void config_release(struct config *config)
{
    arena_release(&config->arena);
}
