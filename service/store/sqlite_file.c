#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    APPLICATION_ID = 0x534b5348, /* "SKSH"; set by schema/sqlite/0001 */
    LOCK_WAIT_MS = 1000,
    BUSY_WAIT_MS = 2000,
};

static int io_error(struct err *err, const char *name)
{
    return err_set(err, ERR_IO, "--store: %s: %s", name, strerror(errno));
}

/* A new file must be in its folder after a power cut, or the first commits go with it. */
static int sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int fd = open(slash == path ? "/" : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (fd < 0)
        return -1;
    int r = fsync(fd);
    close(fd);
    return r;
}

/* What was committed last is in FILE-wal. SQLite takes it for left over when it lies beside no
 * database, or an empty one, and removes it: such a folder is for people to look at. */
static int refuse_lone_log(const char *name, struct err *err)
{
    struct stat info;
    char log[4096 + 8];
    snprintf(log, sizeof log, "%s-wal", name);
    if (stat(log, &info) != 0 || info.st_size == 0)
        return 0;
    return err_set(err, ERR_VERSION,
                   "--store: %s is empty or gone, but its -wal still has changes: restore the "
                   "one or remove the other", name);
}

/* The database itself is never opened and closed here once it exists: closing any descriptor of it
 * would drop the POSIX locks of a connection that this process already has. */
static int make_file(const char *name, bool *ret_made, struct err *err)
{
    struct stat info;
    *ret_made = false;
    if (stat(name, &info) == 0) {
        if (!S_ISREG(info.st_mode))
            return err_set(err, ERR_IO, "--store: %s: not a file", name);
        if (faccessat(AT_FDCWD, name, R_OK | W_OK, AT_EACCESS) != 0)
            return io_error(err, name);
        return info.st_size == 0 ? refuse_lone_log(name, err) : 0;
    }
    bool is_missing = errno == ENOENT;
    int r = is_missing ? refuse_lone_log(name, err) : 0;
    if (r < 0)
        return r;
    int fd = is_missing ? open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return io_error(err, name);
    close(fd);
    *ret_made = true;
    return 0;
}

static int take_lock(const char *path, int *ret_fd, struct err *err)
{
    char name[4096 + 8];
    snprintf(name, sizeof name, "%s-lock", path);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error(err, name);
    int64_t deadline_ms = clock_mono_ms() + LOCK_WAIT_MS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || clock_mono_ms() >= deadline_ms) {
            int r = errno != EWOULDBLOCK
                        ? io_error(err, name)
                        : err_set(err, ERR_UNAVAILABLE,
                                  "--store: %s is in use by another process", path);
            close(fd);
            return r;
        }
        nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    }
    *ret_fd = fd;
    return 0;
}

int sqlite_file_claim(const char *name, char **ret_path, int *ret_lock_fd, struct err *err)
{
    bool made;
    int r = make_file(name, &made, err);
    if (r < 0)
        return r;
    char *path = realpath(name, NULL);
    if (!path || (made && sync_folder(path) < 0))
        r = io_error(err, name);
    if (r == 0)
        r = take_lock(path, ret_lock_fd, err);
    if (r < 0) {
        free(path);
        return r;
    }
    *ret_path = path;
    return 0;
}

int sqlite_error(sqlite3 *db, int rc, struct err *err)
{
    int extended = db ? sqlite3_extended_errcode(db) : rc;
    int code;
    switch (rc & 0xff) {
    case SQLITE_NOMEM: code = ERR_NOMEM; break;
    case SQLITE_NOTADB: code = ERR_VERSION; break;
    case SQLITE_CONSTRAINT:
        code = extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY
                   ? ERR_EXISTS
               : extended == SQLITE_CONSTRAINT_FOREIGNKEY ? ERR_NOT_FOUND
                                                          : ERR_INVALID;
        break;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE: code = ERR_IO; break;
    default: code = ERR_UNAVAILABLE; /* busy, full, damaged, gone */
    }
    return err_set(err, code, "store: %s", db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

int sqlite_file_check(sqlite3 *db, const char *path, struct err *err)
{
    int has_moved = 0;
    bool has_lost_log = access(sqlite3_filename_wal(sqlite3_db_filename(db, "main")), F_OK) != 0;
    int rc = sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (rc != SQLITE_OK)
        return sqlite_error(db, rc, err);
    if (has_moved || has_lost_log)
        return err_set(err, ERR_UNAVAILABLE,
                       "store: %s%s was removed or replaced; put it back or restart", path,
                       has_moved ? "" : "-wal");
    return 0;
}

/* The first column of a statement that gives one row. */
static int ask(sqlite3 *db, const char *text, int64_t *ret, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, text, -1, &stmt, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    int r = rc == SQLITE_ROW ? 0 : sqlite_error(db, rc, err);
    sqlite3_finalize(stmt);
    return r;
}

/* Before anything is written to the file. An empty one is about to become ours. */
static int recognise(sqlite3 *db, struct err *err)
{
    int64_t id = 0, objects = 0;
    int r = ask(db, "PRAGMA application_id", &id, err);
    if (r == 0 && id == 0)
        r = ask(db, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (r == 0 && (id != 0 || objects != 0) && id != APPLICATION_ID)
        r = err_set(err, ERR_VERSION, "it is a database of another program");
    return r;
}

static int apply_settings(sqlite3 *db, bool is_writer, struct err *err)
{
    static const char writer[] = "PRAGMA journal_mode = WAL;"
                                 "PRAGMA synchronous = FULL;" /* a power cut loses no edit */
                                 "PRAGMA foreign_keys = ON;"
                                 "PRAGMA wal_autocheckpoint = 1000;"
                                 "PRAGMA cache_size = -32768;" /* kB: what a large write touches */
                                 "PRAGMA journal_size_limit = 67108864;";
    static const char reader[] = "PRAGMA query_only = ON;"
                                 "PRAGMA wal_autocheckpoint = 0;";
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    int rc = sqlite3_exec(db, is_writer ? writer : reader, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_error(db, rc, err);
}

int sqlite_file_connect(const char *path, bool is_writer, sqlite3 **ret, struct err *err)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_NOMUTEX | (is_writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
    int rc = sqlite3_open_v2(path, &db, flags, NULL);
    int r = rc == SQLITE_OK ? 0 : sqlite_error(db, rc, err);
    if (r == 0) {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_timeout(db, BUSY_WAIT_MS);
    }
    if (r == 0 && is_writer)
        r = recognise(db, err);
    if (r == 0)
        r = apply_settings(db, is_writer, err);
    if (r < 0) {
        sqlite3_close(db);
        return r;
    }
    *ret = db;
    return 0;
}
