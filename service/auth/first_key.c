/* The HS256 key of a new directory: whole on disk before it has a name that anyone reads. */
#include "auth/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_secret(int fd)
{
    char text[SECRET_TEXT_BYTES];
    size_t n = key_make_secret(text);
    ssize_t written = write(fd, text, n);
    sodium_memzero(text, sizeof text);
    return written == (ssize_t)n && fsync(fd) == 0 ? 0 : ERR_IO;
}

int keyring_make_first(int dir_fd, struct err *err)
{
    char temporary[48];
    snprintf(temporary, sizeof temporary, ".k1.%08x%08x.tmp", randombytes_random(),
             randombytes_random());
    int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0400);
    if (fd < 0)
        return err_set(err, ERR_IO, "cannot make a key: %s", strerror(errno));
    int rc = write_secret(fd);
    /* link() refuses to replace, which rename() does not: the first of two processes wins, the other
     * then reads the winner's key */
    if (rc == 0 && linkat(dir_fd, temporary, dir_fd, "k1.hs256", 0) != 0 && errno != EEXIST)
        rc = ERR_IO;
    if (rc)
        err_set(err, rc, "cannot make a key: %s", strerror(errno));
    unlinkat(dir_fd, temporary, 0);
    if (rc == 0 && fsync(dir_fd) != 0)
        rc = err_set(err, ERR_IO, "cannot make a key: %s", strerror(errno));
    close(fd);
    return rc;
}
