/*
 * "did you mean …?": offers candidates for a misspelt word and remembers the nearest one.
 * Nearness is the number of letters to insert, delete, replace or swap with a neighbour.
 */
#ifndef SEKISHO_BASE_NEAREST_H
#define SEKISHO_BASE_NEAREST_H

struct nearest {
    const char *word;
    const char *best; /* borrowed from the candidates; NULL while none is near enough */
    unsigned distance;
};

void nearest_init(struct nearest *nearest, const char *word);
void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
