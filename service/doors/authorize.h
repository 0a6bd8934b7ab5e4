/*
 * GET and POST /v1/authorize on the dial door: the question that is asked for every call.
 *
 * It does not go through dispatch.c: no route table, no struct request, no memory but the
 * connection's. A verdict is always 200. The word of an error body is `deny` in the formats text
 * and form, so that a dialplan which compares one word is never fooled. An emergency call is
 * allowed before anything else can be wrong: token, role, parameters.
 */
#ifndef SEKISHO_DOORS_AUTHORIZE_H
#define SEKISHO_DOORS_AUTHORIZE_H

#include <microhttpd.h>
#include <stdbool.h>

struct answer;
struct connection;

enum { QUESTION_BYTES_MAX = 8 * 1024 }; /* of a POST body */

enum verdict_format { FORMAT_JSON, FORMAT_TEXT, FORMAT_FORM };

/* Is it the dial route? Then the header is looked at, and what is wrong with it refused. */
bool authorize_begin(struct connection *connection);

/* For a target that cannot be taken apart: its error is to have the format it seems to ask for. */
void authorize_note_broken(struct connection *connection, const char *raw_uri);

/* Answers it; the body, if any, is in. */
enum MHD_Result authorize_answer(struct connection *connection);

/* Fills in the body of an error of the dial route when its format is text or form; else false. */
bool authorize_render_refusal(struct connection *connection, struct answer *answer);

#endif
