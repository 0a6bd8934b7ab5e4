/*
 * Rules in short forms and what the linter finds about them, for its tests.
 */
#ifndef SEKISHO_TESTS_LINTING_H
#define SEKISHO_TESTS_LINTING_H

#include "core/policy.h"
#include "jobs/lint.h"

enum { RULES_MAX = 128, NOW = 1800000000 };
#define NOW_MS ((int64_t)NOW * 1000)

extern struct numbering *numbering; /* set by the program's setup */

struct world {
    struct rule rules[RULES_MAX], locks[8];
    char ids[RULES_MAX][16], accounts[RULES_MAX][16];
    unsigned count, locks_count;
    uint64_t hits[RULES_MAX];
    int history_days;
    struct arena arena;
    struct lint_finding *findings;
    unsigned found;
};

/* One rule, as "deny 010", "1001 allow 0101", "lock deny 010252"; the rest may be set afterwards. */
void add(struct world *world, const char *text);
struct world *world_of(const char *const *lines);
#define WORLD(...) world_of((const char *const[]){__VA_ARGS__, NULL})
void end(struct world *world);
void compile(const struct world *world, struct ruleset **platform, struct ruleset **tenant);
void run(struct world *world);
const struct lint_finding *find(const struct world *world, enum lint_code code);
enum action dial(const struct world *world, const char *account, const char *number);
/* As the API would. */
void apply(struct world *world, const struct lint_finding *finding);

int load_numbering(void **state);
int unload_numbering(void **state);

#endif
