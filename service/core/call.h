/* One question, as it came in at a door. All texts are borrowed from the door's buffers. */
#ifndef SEKISHO_CORE_CALL_H
#define SEKISHO_CORE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* The way a call came about: where it was forwarded or transferred, the caller may be somebody else. */
enum origin {
    ORIGIN_DIAL,
    ORIGIN_FORWARD,
    ORIGIN_TRANSFER,
    ORIGIN_CALLBACK,
    ORIGIN_DISA,
    ORIGIN_FAX,
    ORIGIN_OTHER,
    ORIGIN_COUNT
};

const char *origin_word(enum origin origin);
/* False when `word` is none of them. An empty word is ORIGIN_DIAL. */
bool origin_of(struct slice word, enum origin *ret);

struct call {
    struct slice tenant;
    bool is_outside_token; /* the credential does not cover this tenant */
    struct slice account;  /* may be empty */
    struct slice number;   /* as dialed */
    enum origin origin;
    struct slice call_id, source_ip; /* for the record only; may be empty */
    uint64_t min_revision;           /* 0: any */
};

#endif
