#include "store/pg_connect.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/clock.h"
#include "store/pg_resolve.h"

enum {
    HOSTS_MAX = 16,
    KEYWORDS_MAX = 64,
    SERVER_VERSION_MIN = 130000, /* pg_current_xact_id() and its like */
    PID_MS = 1000,
};

struct pg_target {
    PQconninfoOption *given;
    char *hosts[HOSTS_MAX], *addresses[HOSTS_MAX], *ports[HOSTS_MAX]; /* NULL: libpq's default */
    char *lists[3];                                                   /* what these point into */
    unsigned count;
    _Atomic unsigned good; /* where the last connection was made */
    _Atomic int64_t well_ms;
    struct pg_resolver *resolver;
    char name[192];
};

/* --- the URL --------------------------------------------------------------------------------- */

static const char *given(const struct pg_target *target, const char *keyword)
{
    for (const PQconninfoOption *option = target->given; option->keyword; option++)
        if (strcmp(option->keyword, keyword) == 0)
            return option->val && *option->val ? option->val : NULL;
    return NULL;
}

/* Splits a comma-separated list in place of its copy; returns how many, or more than HOSTS_MAX. */
static unsigned split(char *list, char **ret)
{
    unsigned count = 0;
    for (char *p = list; p; count++) {
        char *comma = strchr(p, ',');
        if (comma)
            *comma = '\0';
        if (count < HOSTS_MAX)
            ret[count] = *p ? p : NULL;
        p = comma ? comma + 1 : NULL;
    }
    return count;
}

static bool is_port(const char *text)
{
    size_t n = strspn(text, "0123456789");
    long port = n <= 5 ? strtol(text, NULL, 10) : 0;
    return n && text[n] == '\0' && port >= 1 && port <= 65535;
}

/* One entry for each host; a single port counts for all of them. */
static int split_hosts(struct pg_target *target, struct err *err)
{
    static const char *const keywords[] = {"host", "hostaddr", "port"};
    char **const parts[] = {target->hosts, target->addresses, target->ports};
    unsigned counts[3] = {0};
    for (int i = 0; i < 3; i++) {
        const char *value = given(target, keywords[i]);
        if (value && !(target->lists[i] = strdup(value)))
            return err_set(err, ERR_NOMEM, "out of memory");
        counts[i] = target->lists[i] ? split(target->lists[i], parts[i]) : 0;
        if (counts[i] > HOSTS_MAX)
            return err_set(err, ERR_INVALID, "at most %d hosts can be named", HOSTS_MAX);
    }
    target->count = counts[0] > counts[1] ? counts[0] : counts[1];
    bool is_uneven = counts[0] && counts[1] && counts[0] != counts[1];
    if (target->count == 0)
        target->count = 1;
    if (is_uneven || (counts[2] > 1 && counts[2] != target->count))
        return err_set(err, ERR_INVALID, "not as many ports as hosts are named");
    for (unsigned i = 0; i < counts[2]; i++)
        if (target->ports[i] && !is_port(target->ports[i]))
            return err_set(err, ERR_INVALID, "a port is a number from 1 to 65535");
    for (unsigned i = 1; counts[2] == 1 && i < target->count; i++)
        target->ports[i] = target->ports[0];
    return 0;
}

static void make_name(struct pg_target *target)
{
    struct buf name = BUF_OVER(target->name);
    const char *user = given(target, "user"), *database = given(target, "dbname");
    buf_printf(&name, "postgres://%s%s", user ? user : "", user ? "@" : "");
    for (unsigned i = 0; i < target->count; i++) {
        const char *host = target->hosts[i] ? target->hosts[i] : target->addresses[i];
        buf_printf(&name, "%s%s%s%s", i ? "," : "", host ? host : "",
                   target->ports[i] ? ":" : "", target->ports[i] ? target->ports[i] : "");
    }
    buf_printf(&name, "/%s", database ? database : "");
}

/* What libpq says may repeat any part of the URL; only the name of a parameter that it does not know is safe. */
static int refuse_url(const char *said, struct err *err)
{
    static const char unknown[] = "invalid URI query parameter: \"";
    size_t n = 0;
    const char *name = said ? strstr(said, unknown) : NULL;
    if (name) {
        name += sizeof unknown - 1;
        n = strspn(name, "abcdefghijklmnopqrstuvwxyz_");
    }
    if (n && name[n] == '"')
        return err_set(err, ERR_INVALID, "there is no parameter %.*s", (int)n, name);
    return err_set(err, ERR_INVALID, "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE");
}

int pg_target_new(const char *url, struct pg_target **ret, struct err *err)
{
    struct pg_target *target = calloc(1, sizeof *target);
    if (!target)
        return err_set(err, ERR_NOMEM, "out of memory");
    char *said = NULL;
    target->given = PQconninfoParse(url, &said);
    int r = target->given ? split_hosts(target, err) : refuse_url(said, err);
    PQfreemem(said);
    if (r == 0)
        r = pg_resolver_new(&target->resolver, err);
    if (r < 0) {
        pg_target_free(target);
        return r;
    }
    make_name(target);
    *ret = target;
    return 0;
}

void pg_target_free(struct pg_target *target)
{
    if (!target)
        return;
    pg_resolver_free(target->resolver);
    PQconninfoFree(target->given);
    for (int i = 0; i < 3; i++)
        free(target->lists[i]);
    free(target);
}

const char *pg_target_name(const struct pg_target *target)
{
    return target->name;
}

int64_t pg_target_well_ms(const struct pg_target *target)
{
    return atomic_load(&target->well_ms);
}

void pg_target_is_well(struct pg_target *target)
{
    atomic_store(&target->well_ms, clock_mono_ms());
}

/* --- answers and errors ---------------------------------------------------------------------- */

bool pg_state_is(const PGresult *result, const char *state)
{
    const char *is = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    return is && strcmp(is, state) == 0;
}

/* What comes of many wanting the same at once; nothing is wrong with the database. */
static const struct {
    const char *state, *text;
} waits[] = {
    {"55P03", "another change holds it for too long"},                          /* lock_timeout */
    {"40P01", "two changes waited for each other, and this one gave way"},      /* deadlock */
    {"40001", "another change was faster"},
};

static const char *text_of_wait(const char *state)
{
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (strcmp(state, waits[i].state) == 0)
            return waits[i].text;
    return NULL;
}

static int code_of(const char *state)
{
    if (strcmp(state, "23505") == 0)
        return ERR_EXISTS;
    if (strcmp(state, "23503") == 0)
        return ERR_NOT_FOUND;
    if (strcmp(state, "42501") == 0)
        return ERR_FORBIDDEN;
    if (text_of_wait(state))
        return ERR_CROWDED;
    if (strncmp(state, "23", 2) == 0 || strncmp(state, "22", 2) == 0)
        return ERR_INVALID;
    if (strncmp(state, "42", 2) == 0 || strncmp(state, "26", 2) == 0 ||
        strncmp(state, "0A", 2) == 0)
        return ERR_IO;
    return ERR_UNAVAILABLE; /* too slow, read-only, out of memory or disk, ending, gone */
}

/* One line: libpq writes several, with hints. */
static int first_line(const char *text, char *ret, size_t size)
{
    snprintf(ret, size, "%.*s", (int)strcspn(text, "\n"), text);
    return (int)strlen(ret);
}

int pg_error(PGconn *pg, const PGresult *result, struct err *err)
{
    char line[160];
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *said = state ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (state && text_of_wait(state))
        said = text_of_wait(state);
    if (first_line(said ? said : PQerrorMessage(pg), line, sizeof line) == 0)
        snprintf(line, sizeof line, "%s", "the connection broke");
    return err_set(err, state ? code_of(state) : ERR_UNAVAILABLE, "store: %s", line);
}

/* Waits until the socket is ready for what libpq asks; 0 when `deadline_ms` comes first. */
static int wait_for(PGconn *pg, short events, int64_t deadline_ms)
{
    for (;;) {
        int64_t left_ms = deadline_ms - clock_mono_ms();
        struct pollfd fd = {.fd = PQsocket(pg), .events = events};
        int r = left_ms > 0 ? poll(&fd, 1, (int)left_ms) : 0;
        if (r >= 0 || errno != EINTR)
            return r > 0;
    }
}

int pg_result(PGconn *pg, int silence_ms, PGresult **ret, struct err *err)
{
    int unsent;
    int64_t deadline_ms = clock_mono_ms() + silence_ms;
    while ((unsent = PQflush(pg)) > 0 || (unsent == 0 && PQisBusy(pg))) {
        if (!wait_for(pg, POLLIN | (unsent ? POLLOUT : 0), deadline_ms))
            return err_set(err, ERR_UNAVAILABLE, "store: the database was silent for %d ms",
                           silence_ms);
        if (!PQconsumeInput(pg))
            break; /* PQgetResult() says what was still received, then that it broke */
    }
    PGresult *result = PQgetResult(pg);
    if (PQstatus(pg) == CONNECTION_BAD) {
        int r = pg_error(pg, result, err);
        PQclear(result);
        return r == ERR_UNAVAILABLE ? r : ERR_UNAVAILABLE;
    }
    *ret = result;
    return 0;
}

int pg_run(PGconn *pg, const char *text, int silence_ms, PGresult **ret, struct err *err)
{
    PGresult *result = NULL, *last = NULL;
    int r = PQsendQuery(pg, text) ? 0 : pg_error(pg, NULL, err);
    while (r == 0 && (r = pg_result(pg, silence_ms, &result, err)) == 0 && result) {
        PQclear(last);
        last = result;
    }
    if (r == 0 && PQresultStatus(last) != PGRES_COMMAND_OK &&
        PQresultStatus(last) != PGRES_TUPLES_OK)
        r = pg_error(pg, last, err);
    if (r < 0 || !ret)
        PQclear(last);
    else
        *ret = last;
    return r;
}

bool pg_is_direct(PGconn *pg)
{
    PGresult *result;
    if (pg_run(pg, "SELECT pg_backend_pid()", PID_MS, &result, NULL) < 0)
        return false;
    bool is_same = strtol(PQgetvalue(result, 0, 0), NULL, 10) == PQbackendPID(pg);
    PQclear(result);
    return is_same;
}

/* --- connecting ------------------------------------------------------------------------------ */

static void ignore_notice(void *unused, const PGresult *result)
{
    (void)unused;
    (void)result;
}

static PGconn *start(const struct pg_target *target, unsigned at, const char *address)
{
    /* stronger than the URL: the store must write, and two lines of it are one host here */
    const struct {
        const char *keyword, *value;
        bool always;
    } ours[] = {
        {"host", target->hosts[at], true},
        {"hostaddr", address, true},
        {"port", target->ports[at], true},
        {"target_session_attrs", "read-write", true},
        {"client_encoding", "UTF8", true},
        {"fallback_application_name", "sekisho", true},
        {"tcp_user_timeout", "5000", false},
        {"keepalives_idle", "10", false},
        {"keepalives_interval", "5", false},
        {"keepalives_count", "3", false},
    };
    const char *keywords[KEYWORDS_MAX + 1], *values[KEYWORDS_MAX + 1];
    unsigned n = 0;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (ours[i].value && (ours[i].always || !given(target, ours[i].keyword))) {
            keywords[n] = ours[i].keyword;
            values[n++] = ours[i].value;
        }
    for (const PQconninfoOption *option = target->given; option->keyword; option++) {
        bool is_ours = !option->val || !*option->val;
        for (size_t i = 0; i < sizeof ours / sizeof *ours && !is_ours; i++)
            is_ours = ours[i].always && strcmp(ours[i].keyword, option->keyword) == 0;
        if (!is_ours && n < KEYWORDS_MAX) {
            keywords[n] = option->keyword;
            values[n++] = option->val;
        }
    }
    keywords[n] = values[n] = NULL;
    return PQconnectStartParams(keywords, values, 0);
}

/* Until the server can be asked, or not. */
static int finish(PGconn *pg, int64_t deadline_ms, struct err *err)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(pg) != CONNECTION_BAD && status != PGRES_POLLING_OK &&
           status != PGRES_POLLING_FAILED) {
        short events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_for(pg, events, deadline_ms))
            return err_set(err, ERR_UNAVAILABLE, "store: %s did not answer in time",
                           PQhost(pg) && *PQhost(pg) ? PQhost(pg) : "the database");
        status = PQconnectPoll(pg);
    }
    return status == PGRES_POLLING_OK ? 0 : pg_error(pg, NULL, err);
}

static int check_server(PGconn *pg, struct err *err)
{
    const char *encoding = PQparameterStatus(pg, "server_encoding");
    int version = PQserverVersion(pg);
    if (version < SERVER_VERSION_MIN)
        return err_set(err, ERR_VERSION, "store: PostgreSQL %d is too old, at least %d is needed",
                       version / 10000, SERVER_VERSION_MIN / 10000);
    if (encoding && strcmp(encoding, "UTF8") != 0)
        return err_set(err, ERR_VERSION, "store: the database is encoded in %s, not UTF8", encoding);
    return 0;
}

/* `address`: where the host is; NULL: as libpq finds it without asking anybody. */
static int connect_at(const struct pg_target *target, unsigned at, const char *address,
                      int64_t deadline_ms, PGconn **ret, struct err *err)
{
    PGconn *pg = start(target, at, address);
    if (!pg)
        return err_set(err, ERR_NOMEM, "out of memory");
    int r = finish(pg, deadline_ms, err);
    if (r == 0)
        r = check_server(pg, err);
    if (r == 0 && PQsetnonblocking(pg, 1) != 0)
        r = pg_error(pg, NULL, err);
    if (r < 0) {
        PQfinish(pg);
        return r;
    }
    PQsetNoticeReceiver(pg, ignore_notice, NULL);
    *ret = pg;
    return 0;
}

/* One of `left` that are still to be tried may have this much of the time. */
static int64_t share(int64_t deadline_ms, unsigned left)
{
    int64_t now_ms = clock_mono_ms();
    return now_ms + (deadline_ms - now_ms) / left;
}

static int connect_to(const struct pg_target *target, unsigned at, int64_t deadline_ms,
                      PGconn **ret, struct err *err)
{
    struct pg_addresses addresses;
    struct err said = {0};
    const char *host = target->hosts[at];
    if (target->addresses[at] || !pg_resolve_is_needed(host))
        return connect_at(target, at, target->addresses[at], deadline_ms, ret, err);
    int r = pg_resolve(target->resolver, host, share(deadline_ms, 2), &addresses, err);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < addresses.count; i++) {
        said = (struct err){0};
        r = connect_at(target, at, addresses.list[i], share(deadline_ms, addresses.count - i), ret,
                       &said);
        if (r == 0)
            return 0;
    }
    return err_set(err, r, "%s", said.text);
}

int pg_connect(struct pg_target *target, int timeout_ms, PGconn **ret, struct err *err)
{
    unsigned first = atomic_load(&target->good);
    int r = ERR_UNAVAILABLE;
    int64_t deadline_ms = clock_mono_ms() + timeout_ms;
    struct err said, all = {0};
    for (unsigned i = 0; i < target->count; i++) {
        unsigned at = (first + i) % target->count;
        said = (struct err){0};
        r = connect_to(target, at, share(deadline_ms, target->count - i), ret, &said);
        if (r == 0) {
            atomic_store(&target->good, at);
            pg_target_is_well(target);
            return 0;
        }
        size_t n = strlen(all.text);
        snprintf(all.text + n, sizeof all.text - n, "%s%s", i ? "; " : "", said.text);
    }
    return err_set(err, r, "%s", all.text);
}
