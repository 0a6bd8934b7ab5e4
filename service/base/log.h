/*
 * The log: one event, one line, on standard error: time, level, event, then key=value.
 *
 *     2026-11-21T19:16:29.967Z info listening door=dial address=127.0.0.1:8080
 *
 * Only cache (where its thread's errors end), engine, jobs, doors, cli and main log; base, core, store and
 * wire return errors. Values that people typed go through log_value(): dialed digits are masked and
 * nothing can start a new line, because control characters of the whole line are escaped on the way out
 * (ASVS 16.4.1).
 */
#ifndef SEKISHO_BASE_LOG_H
#define SEKISHO_BASE_LOG_H

#include "base/err.h"
#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_set_level(enum log_level most_verbose);

/* `event` is a lower-case word; `format` makes "key=value key=value", or is "". */
void log_line(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

enum { LOG_VALUE_BYTES = 160 };

/* Free text as a double-quoted value, with quotes and backslashes escaped, cut when long. */
const char *log_value(struct slice text, char out[LOG_VALUE_BYTES]);

/* A dialed number with all but the first four and last two digits masked: secrecy of communications. */
const char *log_number(struct slice number, char out[LOG_VALUE_BYTES]);

#endif
