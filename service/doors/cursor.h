/*
 * Lists in pages: `limit` and `cursor` of the query, and the cursor to the next page.
 *
 * A cursor is where the last page ended, signed: it only fits the list (route, tenant, filter) it was
 * handed out for, and nobody can write one by hand to look where a list would not lead. It is not a
 * secret: what it names stood in the page before.
 */
#ifndef SEKISHO_DOORS_CURSOR_H
#define SEKISHO_DOORS_CURSOR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

enum { PAGE_LIMIT_DEFAULT = 50, PAGE_LIMIT_MAX = 100, CURSOR_KEY_BYTES = 32 };

/* "" is the default; else a whole number from 1 to PAGE_LIMIT_MAX, or ERR_INVALID. */
int page_limit_parse(struct slice text, unsigned *ret, struct err *err) MUST_CHECK;

/*
 * A cursor to what comes after `position` in the list that `list` names. Arena memory; NULL when out of
 * memory.
 */
char *cursor_sign(const unsigned char key[CURSOR_KEY_BYTES], struct slice list,
                  struct slice position, struct arena *arena) MUST_CHECK;

/* Back to the position, in arena memory. ERR_INVALID: not one of ours, or for another list. */
int cursor_open(const unsigned char key[CURSOR_KEY_BYTES], struct slice list, struct slice cursor,
                struct arena *arena, struct slice *ret, struct err *err) MUST_CHECK;

#endif
