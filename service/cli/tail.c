#include "cli/tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"

/* --- marks -------------------------------------------------------------------------------------- */

struct mark {
    uint64_t device, inode, head, hash;
};

static bool hash_head(int fd, uint64_t head, uint64_t *ret)
{
    char bytes[TAIL_HEAD_BYTES];
    size_t n = 0;
    while (n < head) {
        ssize_t got = pread(fd, bytes + n, head - n, (off_t)n);
        if (got <= 0)
            return false;
        n += (size_t)got;
    }
    *ret = hash_slice((struct slice){bytes, n});
    return true;
}

int tail_mark(int fd, uint64_t head, char mark[TAIL_MARK_BYTES], struct err *err)
{
    struct stat stat;
    uint64_t hash;
    if (head > TAIL_HEAD_BYTES)
        head = TAIL_HEAD_BYTES;
    if (fstat(fd, &stat) || !hash_head(fd, head, &hash))
        return err_set(err, ERR_IO, "%s", errno ? strerror(errno) : "became shorter");
    snprintf(mark, TAIL_MARK_BYTES, "%" PRIx64 ":%" PRIx64 ":%" PRIx64 ":%016" PRIx64,
             (uint64_t)stat.st_dev, (uint64_t)stat.st_ino, head, hash);
    return 0;
}

static bool read_mark(const char *text, struct mark *ret)
{
    return sscanf(text, "%" SCNx64 ":%" SCNx64 ":%" SCNx64 ":%" SCNx64, &ret->device, &ret->inode,
                  &ret->head, &ret->hash) == 4 &&
           ret->head <= TAIL_HEAD_BYTES;
}

static bool is_inode(const struct stat *stat, const struct mark *mark)
{
    return stat->st_dev == mark->device && stat->st_ino == mark->inode;
}

/* Of a file of which nothing was read only the inode is known. */
static bool is_marked(int fd, const struct mark *mark, int64_t position)
{
    struct stat stat;
    uint64_t hash;
    return fstat(fd, &stat) == 0 && stat.st_size >= position && hash_head(fd, mark->head, &hash) &&
           hash == mark->hash && (mark->head > 0 || is_inode(&stat, mark));
}

bool tail_is(int fd, const char *text, int64_t position)
{
    struct mark mark;
    return read_mark(text, &mark) && is_marked(fd, &mark, position);
}

/* --- the folder --------------------------------------------------------------------------------- */

/* Goes through the files whose names begin with that of `path`, but for itself. */
struct siblings {
    DIR *folder;
    char prefix[TAIL_PATH_BYTES]; /* with the slash, or "" */
    const char *name;             /* of path, without its folder */
};

static void siblings_open(const char *path, struct siblings *ret)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    *ret = (struct siblings){.name = path + n};
    if (n >= sizeof ret->prefix)
        return;
    memcpy(ret->prefix, path, n);
    ret->folder = opendir(n ? ret->prefix : ".");
}

static void siblings_close(struct siblings *siblings)
{
    if (siblings->folder)
        closedir(siblings->folder);
}

/* The next regular file, opened; -1: no more. */
static int siblings_next(struct siblings *siblings, char ret_path[TAIL_PATH_BYTES], struct stat *ret)
{
    size_t n = strlen(siblings->name);
    for (struct dirent *entry; siblings->folder && (entry = readdir(siblings->folder));) {
        if (strncmp(entry->d_name, siblings->name, n) != 0 || !entry->d_name[n] ||
            snprintf(ret_path, TAIL_PATH_BYTES, "%s%s", siblings->prefix, entry->d_name) >= TAIL_PATH_BYTES)
            continue;
        int fd = open(ret_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        if (fstat(fd, ret) == 0 && S_ISREG(ret->st_mode))
            return fd;
        close(fd);
    }
    return -1;
}

int tail_find(const char *path, const char *text, int64_t position, char ret_path[TAIL_PATH_BYTES])
{
    struct mark mark;
    struct siblings siblings;
    struct stat stat;
    char candidate[TAIL_PATH_BYTES];
    int found = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (!read_mark(text, &mark))
        return found >= 0 ? (close(found), -1) : -1;
    if (found >= 0 && is_marked(found, &mark, position)) {
        snprintf(ret_path, TAIL_PATH_BYTES, "%s", path);
        return found;
    }
    if (found >= 0)
        close(found);
    found = -1;
    siblings_open(path, &siblings);
    for (int fd; (fd = siblings_next(&siblings, candidate, &stat)) >= 0;) {
        bool is_better = is_marked(fd, &mark, position) && (found < 0 || is_inode(&stat, &mark));
        if (is_better && found >= 0)
            close(found);
        if (!is_better) {
            close(fd);
            continue;
        }
        found = fd;
        snprintf(ret_path, TAIL_PATH_BYTES, "%s", candidate);
    }
    siblings_close(&siblings);
    return found;
}

/* --- what came after ---------------------------------------------------------------------------- */

static bool is_compressed(int fd)
{
    static const char *const starts[] = {"\x1f\x8b", "BZh", "\xfd" "7zXZ", "\x28\xb5\x2f\xfd"};
    char head[8] = "";
    ssize_t n = pread(fd, head, sizeof head, 0);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (n >= (ssize_t)strlen(starts[i]) && memcmp(head, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static int compare_times(struct timespec a, struct timespec b)
{
    return a.tv_sec != b.tv_sec ? (a.tv_sec > b.tv_sec) - (a.tv_sec < b.tv_sec)
                                : (a.tv_nsec > b.tv_nsec) - (a.tv_nsec < b.tv_nsec);
}

/* Which one was written to last; a clock's tick may hold two of them, then the one that was renamed or
 * copied last, since that is what rotating does after writing. */
static int compare_ages(const struct stat *a, const struct stat *b)
{
    int c = compare_times(a->st_mtim, b->st_mtim);
    if (c == 0)
        c = compare_times(a->st_ctim, b->st_ctim);
    return c ? c : (a->st_ino > b->st_ino) - (a->st_ino < b->st_ino);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int tail_next(const char *path, int fd, char ret_path[TAIL_PATH_BYTES])
{
    struct siblings siblings;
    struct stat now, here = {0}, own, best_stat = {0};
    char candidate[TAIL_PATH_BYTES];
    int best = -1, named = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fstat(fd, &now) || (named >= 0 && fstat(named, &here)))
        return named >= 0 ? (close(named), -1) : -1;
    siblings_open(path, &siblings);
    for (int other; (other = siblings_next(&siblings, candidate, &own)) >= 0;) {
        bool is_later = !is_same_file(&own, &now) && !(named >= 0 && is_same_file(&own, &here)) &&
                        compare_ages(&own, &now) > 0 &&
                        (named < 0 || compare_times(own.st_mtim, here.st_mtim) <= 0) &&
                        (best < 0 || compare_ages(&own, &best_stat) < 0);
        if (!is_later || is_compressed(other)) {
            close(other);
            continue;
        }
        if (best >= 0)
            close(best);
        best = other;
        best_stat = own;
        snprintf(ret_path, TAIL_PATH_BYTES, "%s", candidate);
    }
    siblings_close(&siblings);
    if (best >= 0) {
        if (named >= 0)
            close(named);
        return best;
    }
    if (named >= 0)
        snprintf(ret_path, TAIL_PATH_BYTES, "%s", path);
    return named;
}
