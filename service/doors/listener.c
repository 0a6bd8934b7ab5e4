/* Starting and stopping the HTTP listeners: sockets, who may reach them, TLS, threads. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/listen.h"
#include "base/log.h"
#include "doors/connection.h"
#include "doors/health.h"

enum {
    BACKLOG = 1024,
    ADMIN_STACK_BYTES = 1 << 20,
    DIAL_CONNECTIONS_MAX = 10000,
    ADMIN_CONNECTIONS_MAX = 512,
    ADMIN_PER_ADDRESS_MAX = 128, /* dial has none: a PBX node is one address */
    DIAL_MEMORY_BYTES = 24 * 1024,  /* of the library, a connection: 16 kB of header and some */
    ADMIN_MEMORY_BYTES = 32 * 1024,
    PEM_BYTES_MAX = 1024 * 1024,
    STOP_MS = 2000,
};

/* Beside /v1/authorize (authorize.c), what a load balancer needs. */
static const char *const ready_query[] = {"verbose", NULL};
static const struct route dial_routes[] = {
    {.method = "GET", .pattern = "/livez", .handler = health_live},
    {.method = "GET", .pattern = "/readyz", .handler = health_ready, .query = ready_query},
    {0},
};

/* --- what may be opened --------------------------------------------------------------------- */

static int check_config(const struct http_config *config, struct err *err)
{
    bool is_loopback = endpoint_is_loopback(&config->listen);
    if (!config->tls_cert != !config->tls_key)
        return err_set(err, ERR_INVALID, "--tls-cert and --tls-key go together");
    if (config->door == DOOR_DIAL && !is_loopback && config->allow.count == 0)
        return err_set(err, ERR_INVALID,
                       "--dial-listen is open to other machines: name those that may ask with "
                       "--dial-allow");
    if (config->door == DOOR_ADMIN && !is_loopback && !config->tls_cert)
        return err_set(err, ERR_INVALID,
                       "--admin-listen is open to other machines: it needs --tls-cert and "
                       "--tls-key");
    return 0;
}

/* A whole file, NUL-terminated, as the library wants it. Returns new. */
static int read_pem(const char *option, const char *path, char **ret, struct err *err)
{
    struct stat info;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        rc = err_set(err, ERR_INVALID, "%s: %s: %s", option, path, strerror(errno));
    } else if (!S_ISREG(info.st_mode) || info.st_size == 0 || info.st_size > PEM_BYTES_MAX) {
        rc = err_set(err, ERR_INVALID, "%s: %s is no PEM file", option, path);
    } else {
        size_t n = (size_t)info.st_size;
        char *text = calloc(1, n + 1);
        if (text && read(fd, text, n) == (ssize_t)n)
            *ret = text;
        else
            rc = err_set(err, ERR_INVALID, "%s: %s cannot be read", option, path);
        if (rc)
            free(text);
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* --- callbacks of the library that are about no one request --------------------------------- */

static enum MHD_Result is_welcome(void *context, const struct sockaddr *address, socklen_t len)
{
    struct http *http = context;
    (void)len;
    if (http->allow.count == 0 || networks_contain(&http->allow, address))
        return MHD_YES;
    metrics_refused(http->app->metrics, http->door);
    return MHD_NO;
}

/* We take targets apart ourselves (uri.h), so what the library makes of their escapes is never
 * used. */
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context, (void)connection;
    return strlen(text);
}

/* What the library has to say is mostly about clients that went away. */
static void log_library(void *context, const char *format, va_list args)
{
    struct http *http = context;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    size_t n = strlen(text);
    if (n && text[n - 1] == '\n')
        text[n - 1] = '\0';
    log_debug("http", "door=%s text=\"%s\"", door_word(http->door), text);
}

/* --- start ---------------------------------------------------------------------------------- */

static unsigned threads_of(const struct http_config *config)
{
    if (config->threads)
        return config->threads;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

static unsigned connections_of(const struct http_config *config)
{
    if (config->connections_max)
        return config->connections_max;
    return config->door == DOOR_ADMIN ? ADMIN_CONNECTIONS_MAX : DIAL_CONNECTIONS_MAX;
}

static int start_daemon(struct http *http, const struct http_config *config, const char *cert,
                        const char *key, struct err *err)
{
    unsigned threads = threads_of(config), connections = connections_of(config);
    size_t memory = http->door == DOOR_DIAL ? DIAL_MEMORY_BYTES : ADMIN_MEMORY_BYTES;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    /* Admin requests may wait for the store: each connection has a thread, or one that waits would keep those
     * waiting that share its thread, until they are cut off for a header that nobody read. */
    bool is_shared = http->door == DOOR_DIAL;
    unsigned flags = MHD_USE_ITC | MHD_USE_ERROR_LOG | (http->is_tls ? MHD_USE_TLS : 0) |
                     (is_shared ? MHD_USE_EPOLL_INTERNAL_THREAD
                                : MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION);
    http->daemon = MHD_start_daemon(
        flags, 0, is_welcome, http, http_on_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, log_library, http,
        MHD_OPTION_LISTEN_SOCKET, http->listen_fd,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        /* 0 and 1 are the same to the library, but it warns of 1 */
        MHD_OPTION_THREAD_POOL_SIZE, is_shared && threads > 1 ? threads : 0u,
        MHD_OPTION_THREAD_STACK_SIZE, is_shared ? (size_t)0 : (size_t)ADMIN_STACK_BYTES,
        MHD_OPTION_CONNECTION_LIMIT, connections > threads ? connections : threads,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        http->door == DOOR_ADMIN ? (unsigned)ADMIN_PER_ADDRESS_MAX : 0u, /* 0: none */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u, /* deadline.h is stricter and costs less */
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
        MHD_OPTION_URI_LOG_CALLBACK, http_on_uri, http,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, http,
        MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, http,
        MHD_OPTION_ARRAY, http->is_tls ? tls : &tls[3],
        MHD_OPTION_END);
    if (!http->daemon)
        return err_set(err, http->is_tls ? ERR_INVALID : ERR_IO,
                       http->is_tls ? "cannot listen; are --tls-cert and --tls-key a pair?"
                                    : "cannot start libmicrohttpd");
    return 0;
}

static int start(struct http *http, const struct http_config *config, struct err *err)
{
    char *cert = NULL, *key = NULL;
    int rc = 0;
    if (http->is_tls) {
        rc = read_pem("--tls-cert", config->tls_cert, &cert, err);
        rc = rc ? rc : read_pem("--tls-key", config->tls_key, &key, err);
    }
    if (!rc)
        rc = listen_on(&config->listen, BACKLOG, &http->listen_fd, &http->bound, err);
    if (!rc)
        rc = deadlines_new(http->app->metrics, http->door, &http->deadlines, err);
    if (!rc)
        rc = start_daemon(http, config, cert, key, err);
    if (key)
        explicit_bzero(key, strlen(key)); /* the library made what it needs of it */
    free(key);
    free(cert);
    return rc;
}

static void http_free(struct http *http)
{
    deadlines_free(http->deadlines);
    ready_stocks_free(http->stocks);
    if (http->listen_fd >= 0)
        close(http->listen_fd);
    free(http);
}

int http_listen(const struct http_config *config, struct app *app, struct http **ret,
                struct err *err)
{
    char address[ADDRESS_TEXT_BYTES];
    int rc = check_config(config, err);
    if (rc)
        return rc;
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return err_set(err, ERR_NOMEM, "no memory for a listener");
    http->app = app;
    http->door = config->door;
    http->is_tls = config->tls_cert != NULL;
    http->is_layout_known = strncmp(MHD_get_version(), "0.", 2) == 0;
    http->routes = config->door == DOOR_DIAL ? dial_routes : admin_routes;
    http->allow = config->allow;
    http->listen_fd = -1;
    if (http->door == DOOR_DIAL)
        http->stocks = ready_stocks_new(); /* without it every response is made anew */
    rc = start(http, config, err);
    if (rc) {
        http_free(http);
        return rc;
    }
    log_info("listening", "door=%s address=%s", door_word(http->door),
             address_format((const struct sockaddr *)&http->bound.address, address));
    *ret = http;
    return 0;
}

uint16_t http_port(const struct http *http)
{
    return http->bound.port;
}

/* --- end ------------------------------------------------------------------------------------ */

void http_drain(struct http *http)
{
    atomic_store(&http->app->is_draining, true);
    atomic_store(&http->is_draining, true);
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    http_drain(http);
    MHD_quiesce_daemon(http->daemon);
    /* without this new clients connect into a queue that nobody reads */
    shutdown(http->listen_fd, SHUT_RDWR);
    const struct timespec pause = {0, 10 * 1000000};
    int64_t until_ms = clock_mono_ms() + STOP_MS;
    do {
        deadlines_cut(http->deadlines, true);
        nanosleep(&pause, NULL);
    } while (deadlines_busy(http->deadlines) && clock_mono_ms() < until_ms);
    deadlines_cut(http->deadlines, false);
    MHD_stop_daemon(http->daemon);
    http_free(http);
}
