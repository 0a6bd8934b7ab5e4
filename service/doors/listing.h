/* The answer of a list: one page, and the cursor to the next. See cursor.h for what a cursor is. */
#ifndef SEKISHO_DOORS_LISTING_H
#define SEKISHO_DOORS_LISTING_H

#include "doors/cursor.h"
#include "doors/rest.h"

struct listing {
    unsigned limit;     /* elements of a page; ask for one more to learn whether there is a next */
    struct slice after; /* where the page before ended; empty from the start */
    struct slice name;  /* of this list, filter included: cursors are good for it alone */
};

/*
 * Reads `limit` and `cursor`. `filter` is whatever else of the query chooses the elements, in one
 * spelling. ERR_INVALID.
 */
int listing_begin(struct rest *rest, struct slice filter, struct listing *ret,
                  struct err *err) MUST_CHECK;

/* The page to ask the store for. */
static inline struct page listing_page(const struct listing *listing)
{
    return (struct page){listing->after, listing->limit + 1};
}

/* Of `count` elements found, those of this page. */
static inline unsigned listing_count(const struct listing *listing, unsigned count)
{
    return count > listing->limit ? listing->limit : count;
}

/*
 * Answers {"<member>": array, "next": cursor or null}. Takes `array` (NULL: ERR_NOMEM). `last` is the
 * position of the last element when there are more behind it, else SLICE_NONE.
 */
int listing_answer(struct rest *rest, const struct listing *listing, const char *member,
                   json_t *array, struct slice last, struct err *err) MUST_CHECK;

/*
 * Whose records a list of records is about: the tenant of the path, else ?tenant=, else (empty) all.
 * What a deleted tenant leaves behind is reached by ?tenant= only.
 */
struct slice listing_owner(const struct rest *rest);

/* Adds "revision" of the tenant (or platform) to the answer and its header. */
int listing_revision(struct rest *rest, struct err *err) MUST_CHECK;

#endif
