/*
 * JSON text to a value, strictly: what one reader takes one way and the next another way is refused.
 *
 * jansson alone lets the last of two equal members win and reads 2048 levels deep; both
 * are closed here, before any memory is spent on the value. Where the text breaks is told by JSON
 * Pointer as well as by line, because people look for a member, not for a byte.
 */
#ifndef SEKISHO_WIRE_JSON_H
#define SEKISHO_WIRE_JSON_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"

enum { JSON_DEPTH_MAX = 32 };

/*
 * Reads one object. *ret is returned new: json_decref() it.
 * ERR_INVALID: empty, no JSON, no object, a member twice, deeper than JSON_DEPTH_MAX, no UTF-8.
 */
int json_read(struct slice text, json_t **ret, struct err *err) MUST_CHECK;

#endif
