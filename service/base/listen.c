#include "base/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int prepare(int fd, const struct endpoint *endpoint, int backlog)
{
    const int on = 1, off = 0;
    /* without REUSEADDR a restart waits for the TIME_WAIT of old connections */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return -1;
    if (endpoint->address.ss_family == AF_INET6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) != 0)
        return -1;
    return listen(fd, backlog);
}

int listen_on(const struct endpoint *endpoint, int backlog, int *ret_fd, struct endpoint *ret_bound,
              struct err *err)
{
    struct endpoint bound = {.len = sizeof bound.address};
    char text[ADDRESS_TEXT_BYTES];

    int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || prepare(fd, endpoint, backlog) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound.address, &bound.len) != 0) {
        err_set(err, ERR_IO, "%s: %s",
                address_format((const struct sockaddr *)&endpoint->address, text), strerror(errno));
        if (fd >= 0)
            close(fd);
        return ERR_IO;
    }
    /* sockaddr_in and sockaddr_in6 have the port at the same place */
    bound.port = ntohs(((const struct sockaddr_in *)&bound.address)->sin_port);
    *ret_fd = fd;
    *ret_bound = bound;
    return 0;
}
