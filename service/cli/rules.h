/* What the commands about rules share: where a scope's rules live, how rules are shown and found. */
#ifndef SEKISHO_CLI_RULES_H
#define SEKISHO_CLI_RULES_H

#include "cli/rest_client.h"

/* Columns of a list; account and target come first, what tells rules apart. */
extern const struct column rule_columns[];

/* "/v1/platform/rules" for tenant NULL, else the tenant's; in the arena. */
char *rules_path(struct cli *cli, const char *tenant);

/* "tenant acme", "account 1001 of tenant acme", "the platform" */
const char *rules_owner(struct cli *cli, const char *tenant, const char *account);

/* Sorts for people: the wide scope before accounts, then by target. */
void rules_sort(json_t *rules);

/*
 * The one rule that `word` means: its id, or its target as people write it ("+1", "country:us"), in the
 * given account's scope (NULL: the wide one). *ret is returned new. Tells when there is none or when
 * several (dated ones) have that target.
 */
int rules_find(struct cli *cli, const char *tenant, const char *account, const char *word,
               json_t **ret) MUST_CHECK;

#endif
