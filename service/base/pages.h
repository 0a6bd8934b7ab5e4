/*
 * Large pages for what malloc holds.
 *
 * A million rulesets are spread over half a gigabyte. In pages of 4 kB the processor knows where but
 * a few of them are, and each look-up waits for the kernel's tables besides the memory itself: a
 * quarter of a decision. Where the system gives large pages to everybody ("always" in
 * /sys/kernel/mm/transparent_hugepage/enabled) this does nothing new; else it asks for them.
 */
#ifndef SEKISHO_BASE_PAGES_H
#define SEKISHO_BASE_PAGES_H

/* To be called when much has been allocated that will stay. Small heaps, and kernels that refuse, are
 * left as they are. */
void pages_enlarge_heap(void);

#endif
