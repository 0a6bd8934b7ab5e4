#include "auth/issued.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum { ISSUED_PATH_BYTES = 4096 };

static int path_of(const char *dir, char path[ISSUED_PATH_BYTES], struct err *err)
{
    if (snprintf(path, ISSUED_PATH_BYTES, "%s/issued.ndjson", dir) >= ISSUED_PATH_BYTES)
        return err_set(err, ERR_INVALID, "the path is too long");
    return 0;
}

static json_t *tenants_of(const struct credential *credential)
{
    if (credential->tenants_count == 0)
        return json_null();
    json_t *tenants = json_array();
    for (const char *id = NULL; (id = credential_next_tenant(credential, id));)
        json_array_append_new(tenants, json_string(id));
    return tenants;
}

json_t *issued_record(const struct credential *credential)
{
    char issued[CLOCK_TEXT_BYTES], expires[CLOCK_TEXT_BYTES];
    return json_pack("{s:s, s:s, s:o, s:s?, s:s, s:s}", "jti", credential->jti, "role",
                     role_word(credential->role), "tenants", tenants_of(credential), "subject",
                     credential->subject[0] ? credential->subject : NULL, "issued_at",
                     clock_format(credential->issued_at_ms, issued), "expires_at",
                     clock_format(credential->expires_at_ms, expires));
}

/* A line that was cut short must not take ours with it. */
static bool ends_within_line(int fd)
{
    struct stat st;
    char last = '\n';
    return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
           last != '\n';
}

/* Under a lock: O_APPEND keeps lines whole, but another process's line may be seen half written. */
static int append_line(int fd, const char *json, struct err *err)
{
    char *line = NULL;
    if (flock(fd, LOCK_EX))
        return err_set(err, ERR_IO, "%s", strerror(errno));
    int n = asprintf(&line, "%s%s\n", ends_within_line(fd) ? "\n" : "", json);
    if (n < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    ssize_t written = write(fd, line, (size_t)n);
    int rc = 0;
    if (written != n || fsync(fd) != 0)
        rc = err_set(err, ERR_IO, "%s", written < 0 ? strerror(errno) : "not all could be written");
    free(line);
    return rc;
}

int issued_append(const char *dir, const struct credential *credential, struct err *err)
{
    char path[ISSUED_PATH_BYTES];
    int rc = path_of(dir, path, err);
    if (rc)
        return rc;
    json_t *record = issued_record(credential);
    char *json = json_dumps(record, JSON_COMPACT);
    json_decref(record);
    if (!json)
        return err_set(err, ERR_NOMEM, "out of memory");
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    rc = fd < 0 ? err_set(err, ERR_IO, "%s", strerror(errno)) : append_line(fd, json, err);
    if (fd >= 0)
        close(fd);
    free(json);
    return rc ? err_context(err, "%s", path) : 0;
}

/* The record of one line; NULL when it is none. */
static json_t *record_of_line(const char *line, size_t n)
{
    json_t *record = json_loadb(line, n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_string(json_object_get(record, "jti")) &&
        json_is_string(json_object_get(record, "role")) &&
        json_is_string(json_object_get(record, "expires_at")))
        return record;
    json_decref(record);
    return NULL;
}

int issued_read(const char *dir, json_t **ret, unsigned *ret_unreadable, struct err *err)
{
    char path[ISSUED_PATH_BYTES], *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int rc = path_of(dir, path, err);
    if (rc)
        return rc;
    json_t *records = json_array();
    FILE *file = fopen(path, "re");
    *ret_unreadable = 0;
    if (!file && errno != ENOENT)
        rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    while (file && (n = getline(&line, &cap, file)) > 0) {
        json_t *record = record_of_line(line, (size_t)n);
        if (record)
            json_array_append_new(records, record);
        else
            ++*ret_unreadable;
    }
    free(line);
    if (file && ferror(file))
        rc = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (file)
        fclose(file);
    if (rc)
        json_decref(records);
    else
        *ret = records;
    return rc;
}
