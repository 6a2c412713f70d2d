/* The thread that reads from the embedded store: how much it brings into memory, how long and how
 * many reads wait for it, and what it does when the disk or the files fail it. */
#include "store/sqlite.h"

#include "store/sqlite_read.h"
#include "support/fake.h"
#include "support/faulty_vfs.h"
#include "support/store_help.h"
#include "support/test.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    DEADLINE_MS = 400,
    BOUND = 4 * 1024 * 1024, /* of one page's text */
    ROW = 64 * 1024,
    WHOLE = BOUND / ROW
};

static const int64_t T0 = INT64_C(1764328591363902);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards `held` and pages' results */
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool held; /* reads wait in `done`, and so does the thread */
static int waiting;

struct fixture {
    char folder[64];
    char path[128];
    struct fake_clock clock;
    struct store *store;
};

struct page {
    struct store_read read; /* first */
    bool done;
    enum store_result result;
    size_t count;
    char next[64]; /* "": the last page */
};

static void open_store(struct fixture *f)
{
    char reason[STORE_ERROR_SIZE];
    struct store_config config = {
        .clock = &f->clock.clock, .queue_limit = 100, .put_deadline_ms = DEADLINE_MS};
    f->store = store_sqlite_open(f->path, &config, reason);
    assert_non_null(f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    (void)snprintf(f->path, sizeof f->path, "%s/reviews.db", f->folder);
    fake_clock_init(&f->clock, T0);
    faulty_vfs_install();
    open_store(f);
    *state = f;
    return 0;
}

static void hold(bool hold)
{
    pthread_mutex_lock(&lock);
    held = hold;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    hold(false);
    faulty_vfs_heal();
    store_close(f->store);
    faulty_vfs_remove();
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static void wait_held(void)
{
    pthread_mutex_lock(&lock);
    while (waiting == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void done(struct store_read *read, enum store_result result, const struct store_page *page)
{
    struct page *p = (struct page *)read;
    pthread_mutex_lock(&lock);
    waiting++;
    pthread_cond_broadcast(&changed);
    while (held) {
        pthread_cond_wait(&changed, &lock);
    }
    waiting--;
    p->result = result;
    p->count = page != NULL ? page->count : 0;
    (void)snprintf(p->next, sizeof p->next, "%s",
                   page != NULL && page->next != NULL ? page->next : "");
    p->done = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static enum store_result begin(struct fixture *f, struct page *p, struct store_read read)
{
    *p = (struct page){.read = read};
    p->read.done = done;
    return store_read(f->store, &p->read);
}

static enum store_result end(struct page *p)
{
    pthread_mutex_lock(&lock);
    while (!p->done) {
        pthread_cond_wait(&changed, &lock);
    }
    enum store_result result = p->result;
    pthread_mutex_unlock(&lock);
    return result;
}

static struct page read_page(struct fixture *f, struct store_read read)
{
    struct page p;
    assert_int_equal(begin(f, &p, read), STORE_OK);
    end(&p);
    return p;
}

static const struct store_read all = {.limit = STORE_READ_MAX};

/* Puts a row whose five texts have `size` bytes together; user and time, "a" and 26 bytes, are two
 * of them. */
static void put_row(struct fixture *f, int64_t number, size_t size)
{
    static char text[ROW + 1];
    struct test_put p;
    memset(text, 'r', sizeof text);
    test_put_init(&p, "a", T0 + number, false);
    p.put.item.sentiment = SPAN("Neutral");
    p.put.item.polarity_score = SPAN("0.0");
    p.put.item.review = (struct span){text, size - 1 - 26 - 7 - 3};
    assert_int_equal(store_put(f->store, &p.put), STORE_OK);
    assert_int_equal(test_put_wait(&p), STORE_OK);
}

/* Rows that come to `less` bytes less than the bound, and two more: how many the pages have. */
static void assert_pages(void **state, int less, size_t first, size_t second)
{
    struct fixture *f = *state;
    for (int i = 0; i < WHOLE + 2; i++) {
        put_row(f, i, (size_t)(ROW - (i == 0 ? less : 0)));
    }
    struct page p = read_page(f, all);
    assert_int_equal(p.result, STORE_OK);
    assert_int_equal(p.count, first);
    assert_string_not_equal(p.next, "");
    struct page q = read_page(f, (struct store_read){.limit = STORE_READ_MAX, .cursor = p.next});
    assert_int_equal(q.count, second);
    assert_string_equal(q.next, "");
}

static void a_byte_less_than_a_page_may_have(void **state)
{
    assert_pages(state, 1, WHOLE + 1, 1);
}

static void as_much_as_a_page_may_have(void **state)
{
    assert_pages(state, 0, WHOLE, 2);
}

static void a_byte_more_than_a_page_may_have(void **state)
{
    assert_pages(state, -1, WHOLE, 2);
}

static void run(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(f->path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* 40 MB that do not fit the filter: memory stays as it was, up to the pages that are kept. */
static void a_review_that_does_not_fit_is_not_loaded(void **state)
{
    struct fixture *f = *state;
    run(f, "INSERT INTO reviews VALUES('a', 't', hex(zeroblob(20000000)), 'Neutral', '0.0')");
    int64_t before = sqlite3_memory_used();
    sqlite3_memory_highwater(1);
    struct page p = read_page(f, (struct store_read){.limit = 1, .sentiment = SPAN("Positive")});
    assert_int_equal(p.result, STORE_OK);
    assert_int_equal(p.count, 0);
    assert_true(sqlite3_memory_highwater(0) - before < 10 * 1000 * 1000);
}

/* Reviews that do not fit the filter are not copied, but stepped over: 100 MiB of them take more
 * than one page, and it goes on. */
static void a_filter_that_steps_over_long_reviews_gives_up_for_now(void **state)
{
    struct fixture *f = *state;
    run(f, "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 199) "
           "INSERT INTO reviews SELECT 'a', 't' || i, hex(zeroblob(524288)), "
           "iif(i = 199, 'Positive', 'Neutral'), '0.0' FROM n;");
    struct store_read read = {.limit = 1, .sentiment = SPAN("Positive")};
    struct page p = read_page(f, read);
    assert_int_equal(p.result, STORE_OK);
    assert_int_equal(p.count, 0);
    assert_true(strcmp(p.next, "[\"a\",\"t150\"]") > 0 && strcmp(p.next, "[\"a\",\"t180\"]") < 0);
    read.cursor = p.next;
    struct page q = read_page(f, read);
    assert_int_equal(q.count, 1);
}

/* One microsecond less than, exactly as long as, and longer than allowed. */
static void reads_wait_for_so_long_only(void **state)
{
    struct fixture *f = *state;
    static struct page first;
    static struct page pages[3];
    hold(true);
    assert_int_equal(begin(f, &first, all), STORE_OK);
    wait_held();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin(f, &pages[i], all), STORE_OK);
        fake_clock_advance(&f->clock, 1);
    }
    fake_clock_advance(&f->clock, DEADLINE_MS * 1000 - 2);
    hold(false);
    assert_int_equal(end(&first), STORE_OK);
    assert_int_equal(end(&pages[0]), STORE_UNAVAILABLE);
    assert_int_equal(end(&pages[1]), STORE_OK);
    assert_int_equal(end(&pages[2]), STORE_OK);
}

static void so_many_reads_wait_only(void **state)
{
    struct fixture *f = *state;
    static struct page first;
    static struct page pages[SQLITE_READ_WAITING_MAX + 1];
    hold(true);
    assert_int_equal(begin(f, &first, all), STORE_OK);
    wait_held();
    for (int i = 0; i < SQLITE_READ_WAITING_MAX; i++) {
        assert_int_equal(begin(f, &pages[i], all), STORE_OK);
    }
    assert_int_equal(begin(f, &pages[SQLITE_READ_WAITING_MAX], all), STORE_BUSY);
    hold(false);
    for (int i = 0; i < SQLITE_READ_WAITING_MAX; i++) {
        assert_int_equal(end(&pages[i]), STORE_OK);
    }
    assert_int_equal(begin(f, &pages[SQLITE_READ_WAITING_MAX], all), STORE_OK);
    assert_int_equal(end(&pages[SQLITE_READ_WAITING_MAX]), STORE_OK);
}

static void a_disk_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE];
    put_row(f, 1, 1000);
    faulty_vfs_fail(
        (struct faulty_rule){FAULTY_READ, FAULTY_BOTH, 0, -1, SQLITE_IOERR_READ, EIO, false});
    assert_int_equal(read_page(f, all).result, STORE_UNAVAILABLE);
    assert_int_equal(read_page(f, all).result, STORE_UNAVAILABLE);
    assert_true(store_ready(f->store, reason)); /* reads do not decide that */
    faulty_vfs_heal();
    struct page p = read_page(f, all);
    assert_int_equal(p.result, STORE_OK);
    assert_int_equal(p.count, 1);
}

/* Another database of ours takes the place, after a read has opened the first one. */
static void a_replaced_database_is_read(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;
    (void)snprintf(other.path, sizeof other.path, "%s/other.db", f->folder);
    open_store(&other);
    for (int i = 0; i < 3; i++) {
        put_row(&other, 100 + i, 1000);
    }
    store_close(other.store);
    put_row(f, 1, 1000);
    assert_int_equal(read_page(f, all).count, 1);
    assert_int_equal(unlink(test_path(f->folder, "reviews.db-wal")), 0);
    assert_int_equal(unlink(test_path(f->folder, "reviews.db-shm")), 0);
    assert_int_equal(rename(other.path, f->path), 0);
    assert_int_equal(test_put_now(f->store, "b", T0 + 50, false), STORE_UNAVAILABLE);
    fake_clock_advance(&f->clock, 100000);
    assert_int_equal(test_put_now(f->store, "b", T0 + 51, false), STORE_OK);
    assert_int_equal(read_page(f, all).count, 4);
}

static void a_deleted_database_is_not_read_and_read_again_when_it_is_back(void **state)
{
    struct fixture *f = *state;
    const char *away = test_path(f->folder, "away");
    put_row(f, 1, 1000);
    assert_int_equal(read_page(f, all).count, 1);
    assert_int_equal(rename(f->path, away), 0);
    assert_int_equal(read_page(f, all).result, STORE_UNAVAILABLE);
    assert_int_equal(rename(away, f->path), 0);
    assert_int_equal(read_page(f, all).count, 1);
}

/* The reader has the WAL's index open, too, which is then deleted: it lets go of it although nobody
 * reads, and the writer can make a new one. */
static void an_idle_reader_keeps_nobody_from_writing(void **state)
{
    struct fixture *f = *state;
    put_row(f, 1, 1000);
    assert_int_equal(read_page(f, all).count, 1);
    assert_int_equal(unlink(test_path(f->folder, "reviews.db-shm")), 0);
    enum store_result result = test_put_now(f->store, "b", T0 + 50, false);
    assert_int_equal(result, STORE_UNAVAILABLE);
    for (int i = 0; i < 1000 && result != STORE_OK; i++) {
        (void)usleep(10000);
        fake_clock_advance(&f->clock, 100000);
        result = test_put_now(f->store, "b", T0 + 51 + i, false);
    }
    assert_int_equal(result, STORE_OK);
}

#define READER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        READER_TEST(a_byte_less_than_a_page_may_have),
        READER_TEST(as_much_as_a_page_may_have),
        READER_TEST(a_byte_more_than_a_page_may_have),
        READER_TEST(a_filter_that_steps_over_long_reviews_gives_up_for_now),
        READER_TEST(a_review_that_does_not_fit_is_not_loaded),
        READER_TEST(reads_wait_for_so_long_only),
        READER_TEST(so_many_reads_wait_only),
        READER_TEST(a_disk_that_cannot_be_read),
        READER_TEST(a_replaced_database_is_read),
        READER_TEST(a_deleted_database_is_not_read_and_read_again_when_it_is_back),
        READER_TEST(an_idle_reader_keeps_nobody_from_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
