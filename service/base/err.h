/*
 * What went wrong, for a person and for a program.
 *
 * Functions that can fail return 0 or one of the negative codes below and fill the caller's
 * `struct err`; they never log. The place where an error stops being passed on logs it once or
 * turns it into a problem document (doors/problem.h). First error wins: err_set() on an err that
 * already holds one is a bug. Passing NULL is fine where the caller does not care for the text.
 *
 * A verdict is not an error: deny is an answer (core/verdict.h).
 */
#ifndef SEKISHO_BASE_ERR_H
#define SEKISHO_BASE_ERR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

enum err_code {
    ERR_NOMEM = -1,       /* out of memory */
    ERR_INVALID = -2,     /* input that is not understood; `field` names the member */
    ERR_NOT_FOUND = -3,   /* looked, and it is not there */
    ERR_EXISTS = -4,      /* would be there twice */
    ERR_STALE = -5,       /* If-Match named another version than the stored one */
    ERR_LIMIT = -6,       /* more than a documented bound allows */
    ERR_UNAVAILABLE = -7, /* could not look: store locked, disk full, backend away */
    ERR_IO = -8,          /* file or socket failed; errno's text is in `text` */
    ERR_FORBIDDEN = -9,   /* the credential's role may not do this */
    ERR_VERSION = -10,    /* a store or file of another program or a newer version */
    ERR_MISMATCH = -11,   /* same Idempotency-Key, other request */
    ERR_BUSY = -12,       /* same Idempotency-Key, first request still running */
    ERR_CROWDED = -13,    /* too many want the same at once; nothing was changed */
    ERR_UNDECIDED = -14,  /* nobody can tell whether it was done */
    ERR_WRONG_STATE = -15, /* not in the state it is in now */
};

struct err {
    int code;       /* 0 or an enum err_code */
    char text[256]; /* one line, no final full stop, does not repeat what the caller knows */
    char field[96]; /* JSON Pointer (RFC 6901) of the member at fault, or "" */
};

/* Fills *err (unless NULL) and returns `code`, so that `return err_set(err, ERR_IO, …)` reads well. */
int err_set(struct err *err, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same with the JSON Pointer of the member at fault. */
int err_field(struct err *err, int code, const char *pointer, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Puts "context: " before the text of an error that passes through; returns its code. */
int err_context(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Short word for a code, such as "not_found"; for logs and problem types. Static storage. */
const char *err_word(int code);

#endif
