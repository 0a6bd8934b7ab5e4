#include "base/pages.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* at once instead of some time; Linux 6.1, in glibc's headers since 2.37 */
#endif

static const uintptr_t PAGE_BYTES = 2UL << 20, HEAP_BYTES_MIN = 64UL << 20;

void pages_enlarge_heap(void)
{
    char line[256];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        if (!strstr(line, "[heap]") || sscanf(line, "%lx-%lx", &from, &to) != 2)
            continue;
        from = (from + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
        to &= ~(PAGE_BYTES - 1);
        if (to > from && to - from >= HEAP_BYTES_MIN &&
            madvise((void *)from, to - from, MADV_HUGEPAGE) == 0)
            madvise((void *)from, to - from, MADV_COLLAPSE);
    }
    if (maps)
        fclose(maps);
}
