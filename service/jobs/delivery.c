#include "jobs/delivery.h"

#include <stdarg.h>
#include <stdio.h>

struct delivery *delivery_end(struct delivery *ret, enum delivery_end end, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(ret->why, sizeof ret->why, format, args);
    va_end(args);
    ret->end = end;
    for (char *c = ret->why; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    return ret;
}
