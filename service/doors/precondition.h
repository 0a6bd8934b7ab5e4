/*
 * If-Match and If-None-Match (RFC 9110 section 13), so that two people who edit the same thing do not
 * overwrite each other unseen.
 *
 * An ETag is a version in quotes ("7"). Weak ones and ones that are not ours never match: the answer is
 * 412 with the present ETag, so that the client can look and try again.
 */
#ifndef SEKISHO_DOORS_PRECONDITION_H
#define SEKISHO_DOORS_PRECONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "store/store.h"

enum { ETAGS_MAX = 8 };

struct precondition {
    enum {
        PRECONDITION_NONE,
        PRECONDITION_EXISTS, /* If-Match: * */
        PRECONDITION_ABSENT, /* If-None-Match: * */
        PRECONDITION_ONE_OF, /* If-Match: "7", "8" */
        PRECONDITION_NONE_OF /* If-None-Match: "7" */
    } kind;
    unsigned count;
    uint64_t versions[ETAGS_MAX];
};

/* Headers that are absent are SLICE_NONE. ERR_INVALID: not a list of entity tags, or both are there;
 * ERR_LIMIT: more than ETAGS_MAX of ours. */
int precondition_parse(struct slice if_match, struct slice if_none_match, struct precondition *ret,
                       struct err *err) MUST_CHECK;

/*
 * Holds it for something of `version` (0: it does not exist)? Then *ret is what the store is to insist
 * on when it writes. ERR_STALE: it does not.
 */
int precondition_resolve(const struct precondition *precondition, uint64_t version,
                         struct condition *ret, struct err *err) MUST_CHECK;

#endif
