/*
 * The words of restricted-number lists: what a column is called, and what a mark in a cell means.
 * Full and half width, upper and lower case, and blanks make no difference. api/lists.md shows the
 * tables.
 */
#ifndef SEKISHO_WIRE_LIST_WORDS_H
#define SEKISHO_WIRE_LIST_WORDS_H

#include <stdbool.h>

#include "base/slice.h"
#include "core/rule.h"

enum list_column {
    COLUMN_UNKNOWN,
    COLUMN_TARGET,
    COLUMN_ACTION, /* allow, deny, divert, ○, × */
    COLUMN_ALLOW,  /* of two columns, the one that is marked counts */
    COLUMN_DENY,
    COLUMN_MATCH,
    COLUMN_DIVERT_TO,
    COLUMN_NOTE,
    COLUMN_STARTS_AT,
    COLUMN_EXPIRES_AT,
    COLUMN_ACCOUNT, /* and tenant: not for a line to say, since a list has one owner */
    COLUMN_SHOWN, /* known, and not for an import to say: source, id */
};
/* The name in errors and in an export; "" for COLUMN_UNKNOWN. */
const char *list_column_word(enum list_column column);
enum list_column list_column_of(struct slice title);

/* "allow", "○", "不可" …; also "divert:voicemail", whose destination then is *ret_divert_to (in
 * `cell`), else empty. False: none of them. */
bool list_action_of(struct slice cell, enum action *ret, struct slice *ret_divert_to);

/* A cell of an allow or a deny column: marked, marked as not (×, 0, no), empty, or something
 * else. */
enum list_mark { MARK_NONE, MARK_YES, MARK_NO, MARK_ODD };
enum list_mark list_mark_of(struct slice cell);

/* "prefix", "exact", "完全一致" …; false: none of them. */
bool list_match_of(struct slice cell, bool *ret_is_exact);

/* Without blanks at both ends, full-width ones too. */
struct slice list_trim(struct slice text);

#endif
