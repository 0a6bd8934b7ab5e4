/*
 * A digit trie: which of many prefixes begin this string? For the numbering data, of which there is
 * one and which every call asks several times; memory does not matter there, so every node has a slot
 * for each of 0-9 * #. (Rulesets, of which there are millions, are built differently: ruleset.h.)
 */
#ifndef SEKISHO_CORE_TRIE_H
#define SEKISHO_CORE_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum { TRIE_FANOUT = 12, TRIE_DEPTH_MAX = 18, TRIE_NODES_MAX = 60000 };

struct trie_node {
    uint16_t child[TRIE_FANOUT]; /* index of a node; 0: none, as nobody points to the root */
    uint16_t value;              /* 0: no prefix ends here */
    uint16_t unused[3];          /* 32 bytes are found with a shift */
};

struct trie {
    struct trie_node *nodes; /* nodes[0] is the root */
    unsigned count, cap;
};

int trie_init(struct trie *trie) MUST_CHECK; /* ERR_NOMEM */
void trie_release(struct trie *trie);

/* Gives `prefix` a value (not 0). The slot it replaced comes back in *ret_old (0: none).
 * ERR_INVALID: empty, too long, or a character that is not dialable; ERR_LIMIT; ERR_NOMEM. */
int trie_put(struct trie *trie, struct slice prefix, uint16_t value, uint16_t *ret_old) MUST_CHECK;

/* Index of a dialable character in a node, or -1. */
static inline int trie_slot(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c == '*' ? 10 : c == '#' ? 11 : -1;
}

/* The node one character further down, or NULL. */
static inline const struct trie_node *trie_child(const struct trie *trie,
                                                 const struct trie_node *node, char c)
{
    int slot = trie_slot(c);
    unsigned child = slot < 0 ? 0 : node->child[slot];
    return child ? &trie->nodes[child] : NULL;
}

/* A walk down one string; each step yields the next longer prefix that has a value. */
struct trie_walk {
    const struct trie *trie;
    const struct trie_node *node; /* NULL: at the end */
    struct slice text;
    unsigned at; /* characters read */
};

static inline struct trie_walk trie_walk(const struct trie *trie, struct slice text)
{
    return (struct trie_walk){.trie = trie, .node = trie->nodes, .text = text};
}

/* The value of the next prefix, walk->at being its length; 0 at the end. */
static inline uint16_t trie_next(struct trie_walk *walk)
{
    while (walk->node && walk->at < walk->text.n) {
        walk->node = trie_child(walk->trie, walk->node, walk->text.p[walk->at++]);
        if (walk->node && walk->node->value)
            return walk->node->value;
    }
    return 0;
}

/* The value of the longest prefix; its length in *ret_len. Both 0 when none begins the text. */
static inline uint16_t trie_longest(const struct trie *trie, struct slice text, unsigned *ret_len)
{
    const struct trie_node *node = trie->nodes;
    unsigned len = 0;
    uint16_t best = 0;
    for (unsigned at = 0; at < text.n && (node = trie_child(trie, node, text.p[at])); at++) {
        if (node->value) {
            best = node->value;
            len = at + 1;
        }
    }
    *ret_len = len;
    return best;
}

#endif
