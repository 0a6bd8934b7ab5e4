#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/version.h"
#include "base/zone.h"
#include "cache/redis_url.h"
#include "core/numbering.h"
#include "engine/node.h"
#include "jobs/cdr_map.h"
#include "store/store.h"

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
     "name of this node among those of the cluster; without it the host's and the dial port",
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

static int name_source(const struct config *config, const char *name, struct err *err)
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
    return endpoint_parse(text, ret, err) ? name_source(config, name, err) : 0;
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
            return name_source(config, name, err);
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
    return name_source(config, "node", err);
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
            return name_source(config, "public-url", err);
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

/* --- what must not be started with ------------------------------------------------------------------ */

static int check_listeners(const struct config *config, struct err *err)
{
    const struct endpoint *all[] = {&config->dial_listen, &config->admin_listen,
                                    &config->agi_listen};
    if (!endpoint_is_loopback(&config->dial_listen) && config->dial_allow.count == 0)
        return err_set(err, ERR_INVALID, "dial-listen %s is not on loopback: name who may ask with "
                       "--dial-allow", config->words.dial_listen);
    if (!endpoint_is_loopback(&config->agi_listen) && config->agi_allow.count == 0)
        return err_set(err, ERR_INVALID, "agi-listen %s is not on loopback and FastAGI has no "
                       "tokens: name who may ask with --agi-allow", config->words.agi_listen);
    if (!endpoint_is_loopback(&config->admin_listen) && !config->tls_cert)
        return err_set(err, ERR_INVALID, "admin-listen %s is not on loopback: give it --tls-cert "
                       "and --tls-key", config->words.admin_listen);
    for (unsigned i = 0; i < 3; i++)
        for (unsigned j = 0; j < i; j++)
            if (all[i]->port && all[i]->len == all[j]->len &&
                memcmp(&all[i]->address, &all[j]->address, all[i]->len) == 0)
                return err_set(err, ERR_INVALID, "two listeners have the same address and port");
    if (all[0]->is_off && all[1]->is_off && all[2]->is_off)
        return err_set(err, ERR_INVALID, "every listener is off");
    return 0;
}

static int check_readable(const struct config *config, const char *name, const char *path,
                          bool want_folder, struct err *err)
{
    struct stat stat_of;
    bool is_there = stat(path, &stat_of) == 0;
    if (is_there && want_folder != S_ISDIR(stat_of.st_mode))
        err_set(err, ERR_INVALID, "%s: is %sa folder", path, want_folder ? "not " : "");
    else if (!is_there || access(path, want_folder ? R_OK | X_OK : R_OK))
        err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    else
        return 0;
    return name_source(config, name, err);
}

static int check_tls(const struct config *config, struct err *err)
{
    struct stat key;
    if (!config->tls_cert != !config->tls_key)
        return err_set(err, ERR_INVALID, "--tls-cert and --tls-key go together");
    if (!config->tls_cert)
        return 0;
    int rc = check_readable(config, "tls-cert", config->tls_cert, false, err);
    rc = rc ? rc : check_readable(config, "tls-key", config->tls_key, false, err);
    if (rc == 0 && stat(config->tls_key, &key) == 0 && key.st_mode & S_IRWXO) {
        err_set(err, ERR_INVALID, "%s: everyone on this machine can read the private key",
                config->tls_key);
        return name_source(config, "tls-key", err);
    }
    return rc;
}

static int check_redis(const struct config *config, struct err *err)
{
    struct redis_url url;
    int rc = config->redis ? redis_url_parse(config->redis, &url, err) : 0;
    explicit_bzero(&url, sizeof url);
    return rc ? name_source(config, "redis", err) : 0;
}

static int check_cdr(const struct config *config, struct err *err)
{
    struct cdr_map map;
    struct zone zone;
    if (cdr_map_parse(slice_of(config->cdr_map), &map, err))
        return name_source(config, "cdr-map", err);
    if (!zone_fixed(config->cdr_time_zone, &zone) && zone_load(config->cdr_time_zone, &zone, err))
        return name_source(config, "cdr-time-zone", err);
    return 0;
}

static int check(const struct config *config, struct err *err)
{
    /* the URL may hold a password, so it is not repeated */
    int rc = store_check_url(config->store, err);
    if (rc)
        return name_source(config, "store", err);
    rc = check_listeners(config, err);
    rc = rc ? rc : check_tls(config, err);
    rc = rc ? rc : check_redis(config, err);
    rc = rc ? rc : check_cdr(config, err);
    rc = rc ? rc : notify_check(&config->notify, err);
    if (rc == 0 && access(config->keys, F_OK) == 0)
        rc = check_readable(config, "keys", config->keys, true, err);
    if (rc == 0 && config->numbering)
        rc = check_readable(config, "numbering", config->numbering, true, err);
    return rc;
}

/* What the start would find out by itself: for --check-config, so that a restart does not fail. */
static int check_contents(const struct config *config, struct err *err)
{
    struct numbering *numbering = NULL;
    struct keyring *keyring = NULL;
    if (config->numbering && numbering_load(config->numbering, &numbering, err))
        return name_source(config, "numbering", err);
    numbering_free(numbering);
    int rc = keyring_load(config->keys, false, &keyring, err);
    keyring_free(keyring);
    bool is_first_start = access(config->keys, F_OK) || rc == ERR_NOT_FOUND; /* makes a key */
    return rc && !is_first_start ? name_source(config, "keys", err) : 0;
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
        rc = check(&config, err);
    if (rc == 0 && !is_answered && config.words.check) {
        rc = check_contents(&config, err);
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
