#include "core/call.h"

static const char *const origin_words[ORIGIN_COUNT] = {"dial", "forward", "transfer", "callback",
                                                       "disa", "fax",     "other"};

const char *origin_word(enum origin origin)
{
    return origin_words[origin];
}

bool origin_of(struct slice word, enum origin *ret)
{
    for (int i = 0; i < ORIGIN_COUNT; i++) {
        if (slice_equals_text(word, origin_words[i])) {
            *ret = (enum origin)i;
            return true;
        }
    }
    if (word.n == 0)
        *ret = ORIGIN_DIAL;
    return word.n == 0;
}
