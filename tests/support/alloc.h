/* An allocator that fails on command: malloc, calloc, realloc and strdup of the code under test and
 * of the test itself (not of shared libraries). It also tells of secrets that are left behind in
 * freed memory. Process-wide; for single-threaded tests. */
#ifndef SUPPORT_ALLOC_H
#define SUPPORT_ALLOC_H

/* The n-th allocation from now on (1 = the next) fails, once. 0: none fails. */
void alloc_fail_at(long n);

/* Allocations since the last alloc_fail_at(). */
long alloc_count(void);

/* From now on blocks are looked at when they are freed or moved; NULL: no more. `secret` stays the
 * test's. */
void alloc_watch(const char *secret);

/* How many held the secret then. */
long alloc_leaks(void);

#endif
