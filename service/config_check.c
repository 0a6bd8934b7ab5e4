#include "config_check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/zone.h"
#include "cache/redis_url.h"
#include "core/numbering.h"
#include "jobs/cdr_map.h"
#include "store/store.h"

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
    return config_name_source(config, name, err);
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
        return config_name_source(config, "tls-key", err);
    }
    return rc;
}

static int check_redis(const struct config *config, struct err *err)
{
    struct redis_url url;
    int rc = config->redis ? redis_url_parse(config->redis, &url, err) : 0;
    explicit_bzero(&url, sizeof url);
    return rc ? config_name_source(config, "redis", err) : 0;
}

static int check_cdr(const struct config *config, struct err *err)
{
    struct cdr_map map;
    struct zone zone;
    if (cdr_map_parse(slice_of(config->cdr_map), &map, err))
        return config_name_source(config, "cdr-map", err);
    if (!zone_fixed(config->cdr_time_zone, &zone) && zone_load(config->cdr_time_zone, &zone, err))
        return config_name_source(config, "cdr-time-zone", err);
    return 0;
}

int config_check(const struct config *config, struct err *err)
{
    /* the URL may hold a password, so it is not repeated */
    int rc = store_check_url(config->store, err);
    if (rc)
        return config_name_source(config, "store", err);
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

int config_check_contents(const struct config *config, struct err *err)
{
    struct numbering *numbering = NULL;
    struct keyring *keyring = NULL;
    if (config->numbering && numbering_load(config->numbering, &numbering, err))
        return config_name_source(config, "numbering", err);
    numbering_free(numbering);
    int rc = keyring_load(config->keys, false, &keyring, err);
    keyring_free(keyring);
    bool is_first_start = access(config->keys, F_OK) || rc == ERR_NOT_FOUND; /* makes a key */
    return rc && !is_first_start ? config_name_source(config, "keys", err) : 0;
}
