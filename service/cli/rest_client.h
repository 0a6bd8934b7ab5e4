/*
 * The REST API as the commands use it: one call at a time, over libcurl.
 *
 * The token comes from SEKISHO_TOKEN or --token-file, never from an argument that other users of the
 * machine could see. Redirects are not followed: they would carry the token elsewhere.
 *
 * When a function here returns non-zero, the reason has been told on standard error and the value is
 * the exit status to end with.
 */
#ifndef SEKISHO_CLI_REST_CLIENT_H
#define SEKISHO_CLI_REST_CLIENT_H

#include <jansson.h>

#include "cli/cli.h"

enum { REST_ANSWER_BYTES_MAX = 64 << 20, ETAG_BYTES = 64 };

struct rest_request {
    const char *method, *path;
    json_t *body;         /* borrows; NULL: none */
    struct slice text;    /* borrows; a body that is no JSON, of this Content-Type */
    const char *content_type;
    const char *accept;   /* NULL: JSON. Else an answer in `text`, except when it is a refusal */
    const char *idempotency_key; /* NULL: none */
    const char *if_match; /* NULL: no If-Match */
    bool is_new;           /* If-None-Match: *: refuse when it is there already */
    bool is_extra;         /* good to have: a refusal is no trouble but an answer without body */
};

struct rest_answer {
    int status;
    json_t *body; /* give back with rest_answer_release(); NULL when there was none */
    struct slice text; /* when the request said what it accepts; released with the answer */
    char etag[ETAG_BYTES], revision[24];
};

int rest_call(struct cli *cli, const struct rest_request *request,
              struct rest_answer *ret) MUST_CHECK;
void rest_answer_release(struct rest_answer *answer);

/*
 * All pages of a list, at most `limit` items (0: all). *ret is the first page's object, returned new,
 * whose array `member` holds the items of all pages.
 */
int rest_list(struct cli *cli, const char *path, const char *member, unsigned limit,
              json_t **ret) MUST_CHECK;

/* A path in the arena: each {} of `pattern` is the next argument, percent-encoded. NULL: out of memory. */
char *rest_path(struct cli *cli, const char *pattern, ...);
/* `path` with "?name=value" or "&name=value" added; unchanged when value is NULL. */
char *rest_query(struct cli *cli, char *path, const char *name, const char *value);

#endif
