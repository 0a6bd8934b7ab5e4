/*
 * What the HTTP doors know of one connection, and of the request that is under way on it. Private
 * to the files of this folder that http.h names; handlers see struct request.
 *
 * libmicrohttpd serves a connection in one thread and its requests one after another, so nothing
 * in here needs a lock (the deadline has its own rules). A request is in one of these stages:
 *
 *     STAGE_HEADER ─► STAGE_BODY ─► STAGE_ANSWERED
 *          │               ▲ bytes are kept, or thrown away when the request was refused
 *          └► refused for good: answered at once, which closes the connection
 */
#ifndef SEKISHO_DOORS_CONNECTION_H
#define SEKISHO_DOORS_CONNECTION_H

#include <microhttpd.h>

#include "doors/authorize.h"
#include "doors/deadline.h"
#include "doors/gate.h"
#include "doors/http.h"
#include "doors/problem.h"
#include "doors/ready.h"
#include "doors/uri.h"

enum stage { STAGE_HEADER, STAGE_BODY, STAGE_ANSWERED };

enum {
    ANSWER_BYTES = 4096,             /* a verdict or a problem */
    DISCARD_BYTES_MAX = 1024 * 1024, /* read on after a refusal, so that it is heard */
};

struct passage;

struct connection {
    struct http *http;
    struct MHD_Connection *mhd;
    struct deadline deadline;
    struct ready_stock *stock;     /* of the thread that serves it; NULL on the admin door */
    char peer[ADDRESS_TEXT_BYTES]; /* address without port */

    /* the request under way */
    enum stage stage;
    const char *raw_uri; /* in the library's buffer, as it came; only to compare addresses */
    size_t raw_uri_n;
    struct uri uri;
    struct facts facts;
    enum verdict_format format; /* authorize.c */
    bool is_refused;
    enum problem problem; /* when refused */
    struct err err;
    const char *allow;     /* for 405 */
    uint64_t present_etag; /* for 412; 0: not known */
    char request_id[REQUEST_ID_BYTES]; /* "" until somebody asks: request_name() */
    struct body {
        char *p;
        size_t n, cap, max;
        size_t discarded;
    } body;
    struct passage *passage; /* dispatch.c; NULL on the dial route */
    struct ready *ready;     /* the response that is being sent, if it is from the stock */

    char uri_text[URI_BYTES_MAX];
    char answer[ANSWER_BYTES];
};

struct http {
    struct app *app;
    enum door door;
    bool is_tls;
    bool is_layout_known; /* gate.h: libmicrohttpd before 1.0 */
    const struct route *routes; /* ends with a row whose method is NULL */
    struct networks allow;
    struct deadlines *deadlines;
    struct ready_stocks *stocks; /* NULL on the admin door */
    struct MHD_Daemon *daemon;
    int listen_fd;
    struct endpoint bound;
    atomic_bool is_draining;
};

/* http.c: the callbacks that listener.c hands to the library */
void *http_on_uri(void *http, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result http_on_request(void *http, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_n, void **context);
void http_on_completed(void *http, struct MHD_Connection *mhd, void **context,
                       enum MHD_RequestTerminationCode how);
void http_on_connection(void *http, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what);

/* Notes why the request is refused; the first reason stays. */
void refuse(struct connection *connection, enum problem problem, const char *format, ...)
    PRINTF_LIKE(3, 4);

#endif
