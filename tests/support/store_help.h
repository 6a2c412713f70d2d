/* For tests of stores: a folder of the test's own, and puts that can be waited for. */
#ifndef SUPPORT_STORE_HELP_H
#define SUPPORT_STORE_HELP_H

#include "store/store.h"

#include "base/clock.h"

/* A put with its texts. */
struct test_put {
    struct store_put put; /* first */
    char user[64];
    char timestamp[CLOCK_ISO_SIZE];
    int calls; /* how often done was called; under the helper's lock */
    enum store_result result;
};

/* Prepares a put of a review by `user` at `wall_us`, to be mailed or not. */
void test_put_init(struct test_put *put, const char *user, int64_t wall_us, bool notify);

/* Waits until done was called and gives its result. */
enum store_result test_put_wait(struct test_put *put);

/* How often done was called so far. */
int test_put_calls(struct test_put *put);

/* All in one: the result of a put, whether it was given at once or later. */
enum store_result test_put_now(struct store *s, const char *user, int64_t wall_us, bool notify);

/* Makes an empty folder, and removes it with the files in it. */
void test_folder_make(char folder[64]);
void test_folder_remove(const char *folder);

/* folder/name, in one of a few static buffers. */
const char *test_path(const char *folder, const char *name);

#endif
