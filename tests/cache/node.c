#include "node.h"

#include <unistd.h>

#include "core/rule.h"

const unsigned char node_key[CACHE_KEY_BYTES] = "a key of thirty-two bytes in all";

static void count_change(void *context, const struct cache_name *edited)
{
    struct node *node = context;
    if (edited)
        node->edited = *edited;
    atomic_fetch_add(&node->changes, 1); /* who sees it grow reads `edited` */
}

void node_open(struct node *node, const char *url, int64_t max_age_ms)
{
    struct cache_config config = {
        .url = url, .max_age_ms = max_age_ms, .heard = count_change, .context = node};
    memcpy(config.key, node_key, sizeof config.key);
    atomic_init(&node->changes, 0);
    OK(cache_open(&config, &node->cache, &err));
}

void node_close(struct node *node)
{
    cache_close(node->cache);
}

void node_listen(struct node *node, const char *url)
{
    node_open(node, url, 0);
    WAIT_FOR(cache_is_listening(node->cache));
    atomic_store(&node->changes, 0);
}

int node_get(struct node *node, const char *tenant, int64_t within_ms, struct ruleset **ret,
             struct err *err)
{
    return cache_get(node->cache, slice_of(tenant), clock_mono_ms() + within_ms, ret, err);
}

struct ruleset *small_ruleset(const char *tenant, uint64_t revision)
{
    struct ruleset *ruleset;
    struct ruleset_owner owner = {slice_of(tenant), SLICE_LIT("0"), false, revision};
    struct rule rule = {.id = "r1", .account = "", .action = ACTION_DENY, .divert_to = "",
                        .note = "", .source = "customer"};
    OK(target_parse(SLICE_LIT("010"), &rule.target, &err));
    OK(ruleset_new(&owner, &rule, 1, &ruleset, &err));
    return ruleset;
}

void node_put(struct node *node, const char *tenant, uint64_t revision)
{
    struct ruleset *ruleset = small_ruleset(tenant, revision);
    OK(cache_put(node->cache, ruleset, &err));
    ruleset_free(ruleset);
}
