#include "core/trie.h"

#include <stdlib.h>

int trie_init(struct trie *trie)
{
    enum { FIRST_NODES = 64 };
    *trie = (struct trie){.nodes = calloc(FIRST_NODES, sizeof *trie->nodes), .count = 1};
    trie->cap = FIRST_NODES;
    return trie->nodes ? 0 : ERR_NOMEM;
}

void trie_release(struct trie *trie)
{
    free(trie->nodes);
    *trie = (struct trie){0};
}

static int add_node(struct trie *trie, uint16_t *ret)
{
    if (trie->count == TRIE_NODES_MAX)
        return ERR_LIMIT;
    if (trie->count == trie->cap) {
        struct trie_node *more = realloc(trie->nodes, 2 * trie->cap * sizeof *more);
        if (!more)
            return ERR_NOMEM;
        trie->nodes = more;
        trie->cap *= 2;
    }
    trie->nodes[trie->count] = (struct trie_node){.value = 0};
    *ret = (uint16_t)trie->count++;
    return 0;
}

int trie_put(struct trie *trie, struct slice prefix, uint16_t value, uint16_t *ret_old)
{
    uint16_t node = 0;
    if (prefix.n == 0 || prefix.n > TRIE_DEPTH_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < prefix.n; i++) {
        int slot = trie_slot(prefix.p[i]);
        if (slot < 0)
            return ERR_INVALID;
        if (trie->nodes[node].child[slot] == 0) {
            uint16_t added;
            int rc = add_node(trie, &added);
            if (rc)
                return rc;
            trie->nodes[node].child[slot] = added;
        }
        node = trie->nodes[node].child[slot];
    }
    *ret_old = trie->nodes[node].value;
    trie->nodes[node].value = value;
    return 0;
}
