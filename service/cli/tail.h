/*
 * A file that grows and is rotated: which file it is, whatever its name is by now.
 *
 *     Master.csv        the name that the writer uses
 *     Master.csv.1 …    what had that name before: in the same folder, its name begins with the same
 *
 * A file is known by a mark: its device and inode, and a hash of its first bytes. After a rename the inode
 * is the same; after copytruncate the copy has another inode and the same first bytes, and what has the old
 * inode begins anew. A mark is short text, so that it can be kept elsewhere, over restarts.
 */
#ifndef SEKISHO_CLI_TAIL_H
#define SEKISHO_CLI_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { TAIL_HEAD_BYTES = 1024, TAIL_MARK_BYTES = 96, TAIL_PATH_BYTES = 1024 };

/* The mark of an open file. `head` bytes are hashed, at most TAIL_HEAD_BYTES: as many as were read of it,
 * so that what is still being written does not count. ERR_IO. */
int tail_mark(int fd, uint64_t head, char mark[TAIL_MARK_BYTES], struct err *err) MUST_CHECK;

/* Is the open file the one of this mark, and at least `position` bytes long? */
bool tail_is(int fd, const char *mark, int64_t position);

/*
 * The file of a mark, which had the name `path`: still under it, or under another one in the same folder.
 * Returns a descriptor to close, *ret_path its name; -1: it is not there.
 */
int tail_find(const char *path, const char *mark, int64_t position, char ret_path[TAIL_PATH_BYTES]);

/*
 * The file that was begun next after the open one, which is no longer called `path`: the oldest of those
 * that were written to later, else `path` itself. Compressed files are passed over. Returns a descriptor, or
 * -1: there is none yet.
 */
int tail_next(const char *path, int fd, char ret_path[TAIL_PATH_BYTES]);

#endif
