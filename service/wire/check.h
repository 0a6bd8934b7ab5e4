/* POST /v1/tenants/{t}/check: the question, and the whole explanation as its answer. */
#ifndef SEKISHO_WIRE_CHECK_H
#define SEKISHO_WIRE_CHECK_H

#include "core/explanation.h"
#include "wire/fields.h"

struct numbering;

struct check_request {
    const char *number;    /* as dialed; longer than a number may be is judged, not refused */
    const char *account;   /* "" for none */
    int64_t at_ms;         /* 0: now */
    uint64_t min_revision; /* older rules are no answer; 0: any */
    bool has_draft;        /* `rules` was given, be it empty */
    struct rule *rules;
    unsigned rules_count;
};

int check_read(json_t *object, struct arena *arena, struct check_request *ret,
               struct err *err) MUST_CHECK;

/*
 * The members of a verdict, then for people: `reading`, how the dialed string became a number;
 * `scopes`, what each scope said and which took over; `country_name`. Returns new; NULL: out of memory.
 */
json_t *explanation_write(const struct explanation *explanation, const struct numbering *numbering);

#endif
