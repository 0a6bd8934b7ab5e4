/*
 * A file of the source tree as bytes in the program, NUL-terminated. One loader then reads what is
 * built in and what an operator puts in its place.
 *
 *     EMBED(openapi_yaml, "api/openapi.yaml");      in one .c file
 *     struct slice text = EMBEDDED(openapi_yaml);
 *
 * Paths are relative to the project's top folder, where the compiler runs.
 */
#ifndef SEKISHO_BASE_EMBED_H
#define SEKISHO_BASE_EMBED_H

#include "base/slice.h"

#define EMBED(name, path)                                                                          \
    __asm__(".pushsection .rodata\n.balign 16\nembed_" #name ":\n.incbin \"" path                  \
            "\"\nembed_" #name "_end:\n.byte 0\n.popsection\n");                                   \
    extern const char embed_##name[], embed_##name##_end[]

#define EMBEDDED(name) ((struct slice){embed_##name, (size_t)(embed_##name##_end - embed_##name)})

#endif
