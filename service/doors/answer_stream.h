/* An answer whose body is made while it is sent (struct body_stream). */
#ifndef SEKISHO_DOORS_ANSWER_STREAM_H
#define SEKISHO_DOORS_ANSWER_STREAM_H

#include <microhttpd.h>

struct body_stream;
struct connection;

/* Takes `stream`, also on failure: NULL when there is no memory. */
struct MHD_Response *answer_stream_new(struct connection *connection, struct body_stream *stream);

#endif
