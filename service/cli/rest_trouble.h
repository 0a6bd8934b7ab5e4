/*
 * A request that failed, told to people on standard error: what was asked, why it was refused, and which
 * option to change. Every function returns EXIT_TROUBLE.
 *
 * The daemon gives whoever shows a bad token no reason. This is the side of its owner, who may be told
 * what can be read from it.
 */
#ifndef SEKISHO_CLI_REST_TROUBLE_H
#define SEKISHO_CLI_REST_TROUBLE_H

#include <curl/curl.h>

#include "cli/rest_client.h"

/* libcurl ended with `code`; `why` in its words or ours. */
int trouble_no_answer(struct cli *cli, CURLcode code, const char *why);

/* A refusal: a problem document (RFC 9457), or whatever else it may be. `token` was sent. */
int trouble_refused(struct cli *cli, const struct rest_request *request,
                    const struct rest_answer *answer, struct slice token);

#endif
