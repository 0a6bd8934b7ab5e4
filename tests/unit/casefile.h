/* Reads the case files of tests/cases (their README has the grammar) for replay in process. */
#ifndef SEKISHO_TESTS_CASEFILE_H
#define SEKISHO_TESTS_CASEFILE_H

#include "core/policy.h"

enum { CASE_RULES_MAX = 64 };

struct case_block {
    char tenant[64], outside_line[8];
    bool is_suspended;
    struct rule tenant_rules[CASE_RULES_MAX], platform_rules[CASE_RULES_MAX];
    unsigned tenant_count, platform_count;
    char texts[8192]; /* what the rules point to */
    size_t texts_used;
};

struct case_call {
    const char *file;
    unsigned line;
    char account[64];
    char dialed[256];
    size_t dialed_len;
    char expected[512]; /* "deny rule=010 kind=international" */
};

/* Calls `fn` for each call line with the block it stands in; returns how many there were. */
unsigned casefile_each(const char *path,
                       void (*fn)(const struct case_block *, const struct case_call *, void *),
                       void *context);

#endif
