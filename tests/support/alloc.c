#include "support/alloc.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static atomic_long fail_at;
static atomic_long count;
static const char *_Atomic watched;
static atomic_long leaks;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
void __wrap_free(void *old);

void alloc_fail_at(long n)
{
    atomic_store(&count, 0);
    atomic_store(&fail_at, n);
}

long alloc_count(void)
{
    return atomic_load(&count);
}

void alloc_watch(const char *secret)
{
    atomic_store(&leaks, 0);
    atomic_store(&watched, secret);
}

long alloc_leaks(void)
{
    return atomic_load(&leaks);
}

static void look(void *old)
{
    const char *secret = atomic_load(&watched);
    if (secret != NULL && old != NULL &&
        memmem(old, malloc_usable_size(old), secret, strlen(secret)) != NULL) {
        atomic_fetch_add(&leaks, 1);
    }
}

static int fails(void)
{
    return atomic_fetch_add(&count, 1) + 1 == atomic_load(&fail_at);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    look(old);
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void __wrap_free(void *old)
{
    look(old);
    __real_free(old);
}
