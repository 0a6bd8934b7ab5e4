/* A secret in a file of its own: never on a command line, in the environment or in a log. */
#ifndef SEKISHO_JOBS_SECRET_FILE_H
#define SEKISHO_JOBS_SECRET_FILE_H

#include "base/err.h"

enum { SECRET_BYTES_MAX = 1024 };

/*
 * The file's text without line ends at its end, NUL-terminated; the caller wipes it. ERR_INVALID: everyone on
 * the machine can read or others can write it, empty, too long, or it has a NUL; ERR_IO. The text of the
 * error has the path and nothing of the content.
 */
int secret_file_read(const char *path, char out[SECRET_BYTES_MAX], struct err *err) MUST_CHECK;

#endif
