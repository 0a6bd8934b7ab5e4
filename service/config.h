/*
 * What the daemon was told: one table (config.c) feeds flags, environment, file, --help and the lint
 * that compares it with the manual. Flags win over environment over file over default.
 *
 *     argv, environ, FILE ─► config_load ─► struct config ─► main.c builds the world from it
 *
 * Whatever is wrong ends the start, with the place it came from: a policy service that guesses what
 * was meant by a misspelt key is worse than one that does not start.
 */
#ifndef SEKISHO_CONFIG_H
#define SEKISHO_CONFIG_H

#include <stdbool.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/options.h"
#include "jobs/notify.h"

struct config {
    const char *state;     /* folder */
    const char *store;     /* URL, ready for store_open() */
    int64_t store_connections; /* to PostgreSQL, at most */
    const char *keys;      /* folder, ready for keyring_load() */
    const char *node;      /* this node's name among the others */
    const char *numbering; /* folder, or NULL for the data compiled in */

    struct endpoint dial_listen, admin_listen, agi_listen;
    struct networks dial_allow, agi_allow; /* empty: everyone (only on loopback) */

    const char *tls_cert, *tls_key; /* files for the admin listener; both or neither (NULL) */
    const char *public_url;         /* of the admin listener, without a slash at the end */
    const char *problem_base;       /* absolute URI before a problem's name: PUBLIC-URL/problems/ */

    const char *redis;        /* URL, or NULL: none */
    int64_t redis_max_age_ms;
    int64_t stale_max_ms; /* of rules while the store is away */
    int64_t attempts_days; /* that attempts are kept; 0: for ever */
    const char *cdr_map, *cdr_time_zone; /* of call records that come without */
    struct notify_config notify;
    unsigned threads; /* of the dial listener; at least 1 */
    enum log_level log_level;

    /* --- what the above is made from ------------------------------------------------------------ */
    struct config_words {
        const char *file, *dial_listen, *admin_listen, *agi_listen;
        struct option_list dial_allow, agi_allow, webhook_allow;
        int log_level, smtp_starttls;
        int64_t threads;
        bool check, print, version, help;
    } words;
    struct arena arena; /* holds every text */
    enum option_source sources[OPTIONS_MAX];
};

/*
 * Reads and checks everything that can be checked without starting: combinations of options, files
 * that must be readable, addresses. out: *ret, to be given back with config_release() after 0.
 *   0            ready to run
 *   CONFIG_DONE  --help, --version, --print-config or --check-config was asked for and answered on
 *                standard output; nothing to release, exit with status 0
 *   ERR_*        err says what is wrong and where it was written
 */
enum { CONFIG_DONE = 1 };
int config_load(int argc, char **argv, struct config *ret, struct err *err) MUST_CHECK;
void config_release(struct config *config);

#endif
