#include "core/verdict.h"

static const char *const reason_words[REASON_COUNT] = {
    [REASON_RULE] = "rule",
    [REASON_LOCK] = "lock",
    [REASON_DEFAULT] = "default",
    [REASON_EMERGENCY] = "emergency",
    [REASON_INVALID_NUMBER] = "invalid_number",
    [REASON_UNKNOWN00] = "unknown00",
    [REASON_UNKNOWN_TENANT] = "unknown_tenant",
    [REASON_SUSPENDED] = "suspended",
    [REASON_FLOOR] = "floor",
};

const char *reason_word(enum reason reason)
{
    return reason_words[reason];
}

const char *degraded_word(enum degraded degraded)
{
    static const char *const words[] = {"", "stale", "floor"};
    return words[degraded];
}
