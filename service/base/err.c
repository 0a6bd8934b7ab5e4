#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        err->field[0] = '\0';
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return code;
}

int err_field(struct err *err, int code, const char *pointer, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        snprintf(err->field, sizeof err->field, "%s", pointer);
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return code;
}

int err_context(struct err *err, const char *format, ...)
{
    if (!err)
        return ERR_IO;
    char before[sizeof err->text];
    memcpy(before, err->text, sizeof before);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->text)
        snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", before);
    return err->code;
}

const char *err_word(int code)
{
    switch (code) {
    case 0: return "ok";
    case ERR_NOMEM: return "no_memory";
    case ERR_INVALID: return "invalid";
    case ERR_NOT_FOUND: return "not_found";
    case ERR_EXISTS: return "exists";
    case ERR_STALE: return "stale";
    case ERR_LIMIT: return "limit";
    case ERR_UNAVAILABLE: return "unavailable";
    case ERR_IO: return "io";
    case ERR_FORBIDDEN: return "forbidden";
    case ERR_VERSION: return "version";
    case ERR_MISMATCH: return "mismatch";
    case ERR_BUSY: return "busy";
    case ERR_CROWDED: return "crowded";
    case ERR_UNDECIDED: return "undecided";
    case ERR_WRONG_STATE: return "wrong_state";
    default: return "unknown";
    }
}
