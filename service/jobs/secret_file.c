#include "jobs/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

static int check(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INVALID, "%s: not a regular file", path);
    if (st.st_mode & (S_IRWXO | S_IWGRP))
        return err_set(err, ERR_INVALID, "%s: others can read or write it; want mode 0400", path);
    return 0;
}

int secret_file_read(const char *path, char out[SECRET_BYTES_MAX], struct err *err)
{
    size_t n = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    int r = check(fd, path, err);
    while (r == 0 && n < SECRET_BYTES_MAX && (got = read(fd, out + n, SECRET_BYTES_MAX - n)) > 0)
        n += (size_t)got;
    if (r == 0 && got < 0)
        r = err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    close(fd);
    while (n && n < SECRET_BYTES_MAX && (out[n - 1] == '\n' || out[n - 1] == '\r'))
        n--;
    if (r == 0 && (n == 0 || n == SECRET_BYTES_MAX || memchr(out, '\0', n)))
        r = err_set(err, ERR_INVALID, "%s: not a secret of 1 to %d bytes", path,
                    SECRET_BYTES_MAX - 1);
    if (r == 0)
        out[n] = '\0';
    else
        sodium_memzero(out, SECRET_BYTES_MAX);
    return r;
}
