#include "doors/answer_stream.h"

#include <stdlib.h>

#include "base/log.h"
#include "doors/connection.h"

struct sending {
    struct connection *connection;
    struct body_stream *stream;
    struct buf piece;
    size_t sent; /* of the piece */
    bool is_end; /* the piece is the last one */
    char bytes[STREAM_PIECE_BYTES];
};

/* Makes the next piece. 0, or an error: then half of the answer is out already, and only an end that is
 * no proper one can tell the client. */
static int make_piece(struct sending *sending)
{
    struct err err = {0};
    char text[LOG_VALUE_BYTES];
    sending->piece = BUF_OVER(sending->bytes);
    sending->sent = 0;
    int rc = sending->stream->more(sending->stream, &sending->piece, &err);
    if (rc >= 0 && sending->piece.overflowed)
        rc = err_set(&err, ERR_LIMIT, "a piece is too long");
    if (rc < 0) {
        log_error("answer_cut", "request_id=%s reason=%s", sending->connection->request_id,
                  log_value(slice_of(err.text), text));
        return rc;
    }
    sending->is_end = rc == 0;
    return 0;
}

static ssize_t read_some(void *context, uint64_t position, char *out, size_t max)
{
    struct sending *sending = context;
    (void)position;
    while (sending->sent == sending->piece.n) {
        if (sending->is_end)
            return MHD_CONTENT_READER_END_OF_STREAM;
        /* who reads on gets the time for one more piece */
        deadline_enter(&sending->connection->deadline, PHASE_HANDLER);
        int rc = make_piece(sending);
        deadline_enter(&sending->connection->deadline, PHASE_ANSWER);
        if (rc)
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t left = sending->piece.n - sending->sent, n = left < max ? left : max;
    memcpy(out, sending->bytes + sending->sent, n);
    sending->sent += n;
    return (ssize_t)n;
}

static void release(void *context)
{
    struct sending *sending = context;
    sending->stream->release(sending->stream);
    free(sending);
}

struct MHD_Response *answer_stream_new(struct connection *connection, struct body_stream *stream)
{
    struct sending *sending = malloc(sizeof *sending);
    if (!sending) {
        stream->release(stream);
        return NULL;
    }
    sending->connection = connection;
    sending->stream = stream;
    sending->piece = BUF_OVER(sending->bytes);
    sending->sent = 0;
    sending->is_end = false;
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 32 * 1024, read_some, sending, release);
    if (!response)
        release(sending);
    return response;
}
