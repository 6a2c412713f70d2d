/* An allocator that fails on command: malloc, calloc, realloc and strdup of the code under test and
 * of the test itself (not of shared libraries). Process-wide; for single-threaded tests. */
#ifndef SUPPORT_ALLOC_H
#define SUPPORT_ALLOC_H

/* The n-th allocation from now on (1 = the next) fails, once. 0: none fails. */
void alloc_fail_at(long n);

/* Allocations since the last alloc_fail_at(). */
long alloc_count(void);

#endif
