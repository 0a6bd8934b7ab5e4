/*
 * The floor of the HTTP doors: libmicrohttpd with the listener's flags and threads, and one
 * response made once, of as many bytes as a verdict has. What `GET /v1/authorize` costs beyond
 * this is ours.
 *
 *     mhd_constant [PORT] [THREADS] [BODY-BYTES]        prints "port N", runs until SIGTERM
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct MHD_Response *constant;

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_n, void **seen)
{
    (void)context, (void)url, (void)method, (void)version, (void)upload;
    if (!*seen) { /* a response at the end of the header would close the connection */
        *seen = constant;
        return MHD_YES;
    }
    *upload_n = 0;
    return MHD_queue_response(connection, 200, constant);
}

static struct MHD_Daemon *start(uint16_t port, unsigned threads)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, answer,
                            NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0u,
                            MHD_OPTION_CONNECTION_LIMIT, 10000u,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(24 * 1024),
                            MHD_OPTION_END);
}

int main(int argc, char **argv)
{
    unsigned long port = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long threads = argc > 2 ? strtoul(argv[2], NULL, 10) : 2;
    size_t body_bytes = argc > 3 ? strtoul(argv[3], NULL, 10) : 333;
    sigset_t end;
    int which;

    sigemptyset(&end);
    sigaddset(&end, SIGTERM);
    sigaddset(&end, SIGINT);
    sigprocmask(SIG_BLOCK, &end, NULL);
    char *body = malloc(body_bytes);
    if (!body)
        return 1;
    memset(body, 'x', body_bytes);
    constant = MHD_create_response_from_buffer(body_bytes, body, MHD_RESPMEM_MUST_FREE);
    struct MHD_Daemon *daemon = constant ? start((uint16_t)port, (unsigned)threads) : NULL;
    if (!daemon || MHD_add_response_header(constant, "Content-Type", "application/json") != MHD_YES)
        return 1;
    printf("port %u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&end, &which);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(constant);
    return 0;
}
