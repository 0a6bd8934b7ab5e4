#include "doors/agi.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/listen.h"
#include "base/log.h"
#include "doors/agi_worker.h"

enum {
    SESSIONS_MAX_DEFAULT = 4096,
    SESSION_MS_MAX_DEFAULT = 2000,
    BACKLOG = 4096, /* the kernel takes the lower of this and net.core.somaxconn */
};

struct agi {
    struct agi_shared shared;
    struct endpoint bound;
    struct agi_worker *workers;
    unsigned workers_count, running_count; /* initialized; of them, with a thread */
};

static int listen_at(struct agi *agi, const struct agi_config *config, struct err *err)
{
    char text[ADDRESS_TEXT_BYTES];
    const struct sockaddr *address = (const struct sockaddr *)&config->listen.address;
    if (!endpoint_is_loopback(&config->listen) && config->allow.count == 0)
        return err_set(err, ERR_INVALID,
                       "--agi-listen %s can be reached from other machines: name those that may ask "
                       "with --agi-allow, or listen on 127.0.0.1",
                       address_format(address, text));
    return listen_on(&config->listen, BACKLOG, &agi->shared.listen_fd, &agi->bound, err);
}

/* --- threads ------------------------------------------------------------------------------------ */

static unsigned cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static int make_workers(struct agi *agi, const struct agi_config *config, struct err *err)
{
    unsigned wanted = config->threads ? config->threads : cores();
    size_t sessions = config->sessions_max ? config->sessions_max : SESSIONS_MAX_DEFAULT;
    sessions = (sessions + wanted - 1) / wanted;
    agi->workers = aligned_alloc(_Alignof(struct agi_worker), wanted * sizeof *agi->workers);
    if (!agi->workers)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (; agi->workers_count < wanted; agi->workers_count++) {
        int failed = agi_worker_init(&agi->workers[agi->workers_count], &agi->shared, sessions, err);
        if (failed)
            return failed;
    }
    atomic_store(&agi->shared.listening, wanted);
    return 0;
}

/* Signals are for the main thread: the workers inherit a mask that blocks them all. */
static int run_workers(struct agi *agi, struct err *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    for (; agi->running_count < agi->workers_count && !failed; agi->running_count += !failed) {
        struct agi_worker *worker = &agi->workers[agi->running_count];
        failed = pthread_create(&worker->thread, NULL, agi_worker_run, worker);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? err_set(err, ERR_IO, "thread for FastAGI: %s", strerror(failed)) : 0;
}

int agi_listen(const struct agi_config *config, struct engine *engine, struct agi **ret,
               struct err *err)
{
    char text[ADDRESS_TEXT_BYTES];
    struct agi *agi = calloc(1, sizeof *agi);
    if (!agi)
        return err_set(err, ERR_NOMEM, "out of memory");
    unsigned ms = config->session_ms_max ? config->session_ms_max : SESSION_MS_MAX_DEFAULT;
    agi->shared.engine = engine;
    agi->shared.metrics = config->metrics;
    agi->shared.allow = config->allow;
    agi->shared.session_ms_max = ms;
    agi->shared.listen_fd = -1;
    agi->shared.wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int failed = agi->shared.wake_fd < 0 ? err_set(err, ERR_IO, "eventfd: %s", strerror(errno)) : 0;
    if (!failed)
        failed = listen_at(agi, config, err);
    if (!failed)
        failed = make_workers(agi, config, err);
    if (!failed)
        failed = run_workers(agi, err);
    if (failed) {
        agi_stop(agi);
        return failed;
    }
    log_info("listening", "door=agi address=%s",
             address_format((const struct sockaddr *)&agi->bound.address, text));
    *ret = agi;
    return 0;
}

unsigned agi_port(const struct agi *agi)
{
    return agi->bound.port;
}

void agi_drain(struct agi *agi)
{
    uint64_t one = 1;
    /* cannot fail: the counter of an eventfd takes more additions than there are calls to this */
    if (write(agi->shared.wake_fd, &one, sizeof one) < 0)
        return;
}

void agi_stop(struct agi *agi)
{
    if (!agi)
        return;
    if (agi->running_count)
        agi_drain(agi);
    for (unsigned i = 0; i < agi->running_count; i++)
        pthread_join(agi->workers[i].thread, NULL);
    for (unsigned i = 0; i < agi->workers_count; i++)
        agi_worker_release(&agi->workers[i]);
    free(agi->workers);
    if (agi->shared.listen_fd >= 0)
        close(agi->shared.listen_fd);
    if (agi->shared.wake_fd >= 0)
        close(agi->shared.wake_fd);
    free(agi);
}

struct agi_counters agi_counters(const struct agi *agi)
{
    uint64_t sums[AGI_COUNT_COUNT] = {0};
    for (unsigned i = 0; i < agi->workers_count; i++)
        for (enum agi_count what = 0; what < AGI_COUNT_COUNT; what++)
            sums[what] += atomic_load_explicit(&agi->workers[i].counts[what], memory_order_relaxed);
    return (struct agi_counters){
        .connections = sums[COUNT_CONNECTIONS],
        .answered = sums[COUNT_ANSWERED],
        .refused_address = sums[COUNT_REFUSED_ADDRESS],
        .refused_full = sums[COUNT_REFUSED_FULL],
        .bad_environments = sums[COUNT_BAD_ENVIRONMENTS],
        .timeouts = sums[COUNT_TIMEOUTS],
        .cut_short = sums[COUNT_CUT_SHORT],
        .failed = sums[COUNT_FAILED],
        .open = sums[COUNT_OPEN],
    };
}
