/*
 * The question of the dial route as it came in: from the query of a GET or the JSON body of a
 * POST. Both know the same members and refuse others: a misspelt `account` that went unnoticed
 * would be judged without the account's rules.
 */
#ifndef SEKISHO_WIRE_QUESTION_H
#define SEKISHO_WIRE_QUESTION_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/call.h"

struct question {
    struct call call;    /* is_outside_token is left to the door */
    struct slice format; /* p == NULL: not given */
};

/* One member by its name. ERR_INVALID at "/name": unknown, or its value is not understood. */
int question_set(struct question *question, struct slice name, struct slice value,
                 struct err *err) MUST_CHECK;

/* The members of a JSON object; min_revision is a number, the others are strings. *ret_owner (for
 * json_decref) holds the texts that *ret borrows, also on failure. ERR_INVALID as above, or no JSON
 * object, or a member twice. */
int question_read_json(struct slice body, struct question *ret, json_t **ret_owner,
                       struct err *err) MUST_CHECK;

/* Is what must be there there? ERR_INVALID. */
int question_check(const struct question *question, struct err *err) MUST_CHECK;

#endif
