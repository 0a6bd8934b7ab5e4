/*
 * The file under the SQLite driver: made private, recognised as ours, and held by one process.
 *
 * Why one process: SQLite up to 3.51.2 can lose commits when one connection commits while another
 * resets the write-ahead log. A lock file beside the database (FILE-lock) keeps a second daemon
 * out, and within this process one connection alone commits and checkpoints.
 */
#ifndef SEKISHO_STORE_SQLITE_FILE_H
#define SEKISHO_STORE_SQLITE_FILE_H

#include <stdbool.h>

#include <sqlite3.h>

#include "base/err.h"

/* Makes the file (mode 0600) when there is none and takes its lock, waiting a moment for a process
 * that is just ending. Returns new: *ret_path, the one true path. Close *ret_lock_fd last. */
int sqlite_file_claim(const char *name, char **ret_path, int *ret_lock_fd,
                      struct err *err) MUST_CHECK;

/* Opens a connection with our settings. The writer comes first: it recognises the file
 * (ERR_VERSION) and turns the write-ahead log on. */
int sqlite_file_connect(const char *path, bool is_writer, sqlite3 **ret,
                        struct err *err) MUST_CHECK;

/* Inside a transaction: is what the name leads to still what `db` reads and writes? If not,
 * commits would go to a file that nobody finds again. ERR_UNAVAILABLE when it was removed or
 * replaced. */
int sqlite_file_check(sqlite3 *db, const char *path, struct err *err) MUST_CHECK;

/* What SQLite said last, as one of the errors of sql.h. */
int sqlite_error(sqlite3 *db, int rc, struct err *err);

#endif
