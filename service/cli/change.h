/*
 * What commands that change something share: the request's body made from the options that were
 * given, one line that says what was done and at which revision, and with --wait another one that
 * says on how many nodes that revision is in force.
 */
#ifndef SEKISHO_CLI_CHANGE_H
#define SEKISHO_CLI_CHANGE_H

#include "cli/rest_client.h"

/* A body; the first thing that goes wrong is told and kept in `status`, so that members are added
 * freely and change_send() does not send half of what was asked for. */
struct change {
    struct cli *cli;
    struct rest_request request;
    json_t *body;
    int status;
};

/* A row of each such command's table. */
#define CHANGE_WAIT                                                                                \
    {"wait", OPTION_FLAG, 0, NULL, NULL, NULL,                                                     \
     "wait until it is in force on all nodes, as long as --timeout says",                          \
     .offset = offsetof(struct common, wait)}

/* `path` NULL counts as out of memory. Give back with change_send(). */
void change_begin(struct change *change, struct cli *cli, const char *method, const char *path);

/* Sets the member when the option was given; an empty text becomes null, which clears it. */
void change_text(struct change *change, const char *option, const char *member, const char *text);
/* The same for a moment (moment.h) and for words of the API ("exact" or "prefix"). */
void change_moment(struct change *change, const char *option, const char *member,
                   const char *text);
void change_word(struct change *change, const char *option, const char *member, const char *word);
void change_bool(struct change *change, const char *option, const char *member, bool value);
/* Sets it in any case. Takes `value`; NULL counts as out of memory or a text that is no UTF-8. */
void change_value(struct change *change, const char *member, json_t *value);

/* Was nothing set? A PATCH without members is a slip. */
bool change_is_empty(const struct change *change);

/*
 * Sends it and prints the answer as JSON, or else the text of `format` with the new revision; with
 * --wait waits until it is in force and says so. Releases the change. Returns the exit status.
 */
int change_send(struct change *change, const char *format, ...) PRINTF_LIKE(2, 3);

/* The same in two steps, for texts that need the answer: after change_ask() returned EXIT_OK, print (and
 * wait) with change_done() and release the answer. */
int change_ask(struct change *change, struct rest_answer *ret);
int change_done(struct change *change, const struct rest_answer *answer, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

/*
 * An array or object from a JSON file, "-" is standard input. Returns new; NULL after telling why.
 */
json_t *change_read_file(struct cli *cli, const char *path);

#endif
