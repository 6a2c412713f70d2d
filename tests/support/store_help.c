#include "support/store_help.h"

#include <ftw.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void done(struct store_put *put, enum store_result result)
{
    struct test_put *p = (struct test_put *)put;
    pthread_mutex_lock(&lock);
    p->calls++;
    p->result = result;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void test_put_init(struct test_put *put, const char *user, int64_t wall_us, bool notify)
{
    *put = (struct test_put){.put = {.notify = notify, .done = done}};
    (void)snprintf(put->user, sizeof put->user, "%s", user);
    clock_iso(wall_us, put->timestamp);
    put->put.item = (struct item){.user_name = span_of(put->user),
                                  .timestamp = span_of(put->timestamp),
                                  .review = SPAN("The tool is fantastic."),
                                  .sentiment = SPAN("Positive"),
                                  .polarity_score = SPAN("0.4")};
}

enum store_result test_put_wait(struct test_put *put)
{
    pthread_mutex_lock(&lock);
    while (put->calls == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    enum store_result result = put->result;
    pthread_mutex_unlock(&lock);
    return result;
}

int test_put_calls(struct test_put *put)
{
    pthread_mutex_lock(&lock);
    int calls = put->calls;
    pthread_mutex_unlock(&lock);
    return calls;
}

enum store_result test_put_now(struct store *s, const char *user, int64_t wall_us, bool notify)
{
    struct test_put put;
    test_put_init(&put, user, wall_us, notify);
    enum store_result result = store_put(s, &put.put);
    return result == STORE_OK ? test_put_wait(&put) : result;
}

void test_folder_make(char folder[64])
{
    (void)snprintf(folder, 64, "/tmp/reviewd-test-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        perror("mkdtemp");
        abort();
    }
}

const char *test_path(const char *folder, const char *name)
{
    static _Thread_local char paths[4][PATH_MAX];
    static _Thread_local unsigned next;
    char *path = paths[next++ % 4];
    if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) {
        abort();
    }
    return path;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void test_folder_remove(const char *folder)
{
    if (nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0) {
        perror(folder);
    }
}
