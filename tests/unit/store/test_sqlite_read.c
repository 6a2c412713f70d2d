/* What reading from the embedded store costs: a user's reviews are found by walking everybody's
 * keys, so one page may look at so many keys only. */
#include "store/sqlite.h"

#include "support/fake.h"
#include "support/store_help.h"
#include "support/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TEXT_SIZE = 64 };

struct fixture {
    char folder[64];
    struct fake_clock clock;
    struct store *store;
};

struct page {
    struct store_read read; /* first */
    _Atomic bool done;
    enum store_result result;
    size_t count;
    char last[TEXT_SIZE];
    char next[TEXT_SIZE]; /* "": the last page */
};

static const char *path_of(struct fixture *f)
{
    return test_path(f->folder, "reviews.db");
}

/* Many reviews of "m", one a time, and few of "x" and "a" at the same times. */
static const char fill[] =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250000) "
    "INSERT INTO reviews SELECT 'm', printf('t%06d', i), 'r', 'Neutral', '0.0' FROM n;"
    "INSERT INTO reviews VALUES"
    "('x', 't000001', 'first', 'Neutral', '0.0'), ('x', 't099999', 'up', 'Neutral', '0.0'),"
    "('a', 't150002', 'down', 'Neutral', '0.0'), ('x', 't250000', 'last', 'Neutral', '0.0');"
    /* What only others could have written. */
    "INSERT INTO reviews VALUES ('x', '', 'r', 'Neutral', '0.0'), ('x', NULL, 'r', 'Neutral', "
    "'0.0'),"
    "('', 't000001', 'r', 'Neutral', '0.0'), (NULL, 't000001', 'r', 'Neutral', '0.0'),"
    "('x', CAST(x'ff' AS TEXT), 'r', 'Neutral', '0.0');";

static int setup(void **state)
{
    char reason[STORE_ERROR_SIZE];
    sqlite3 *db = NULL;
    struct fixture *f = calloc(1, sizeof *f);
    test_folder_make(f->folder);
    fake_clock_init(&f->clock, 0);
    struct store_config config = {
        .clock = &f->clock.clock, .queue_limit = 10, .put_deadline_ms = 10000};
    f->store = store_sqlite_open(path_of(f), &config, reason);
    assert_non_null(f->store);
    assert_int_equal(sqlite3_open(path_of(f), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, fill, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static void done(struct store_read *read, enum store_result result, const struct store_page *page)
{
    struct page *p = (struct page *)read;
    p->result = result;
    if (page != NULL) {
        p->count = page->count;
        if (page->count > 0) {
            struct span review = page->items[page->count - 1].review;
            (void)snprintf(p->last, TEXT_SIZE, "%.*s", (int)review.len, review.ptr);
        }
        (void)snprintf(p->next, TEXT_SIZE, "%s", page->next != NULL ? page->next : "");
    }
    p->done = true;
}

static void read_page(struct fixture *f, struct page *p, struct store_read read)
{
    *p = (struct page){.read = read};
    p->read.done = done;
    assert_int_equal(store_read(f->store, &p->read), STORE_OK);
    while (!p->done) {
        nanosleep(&(struct timespec){0, 100000}, NULL);
    }
    assert_int_equal(p->result, STORE_OK);
}

/* Reads on until a page has something; how many pages that took. */
static int read_next(struct fixture *f, struct page *p, struct store_read read)
{
    struct page before;
    int pages = 0;
    do {
        before = *p;
        read.cursor = before.next[0] != '\0' ? before.next : NULL;
        read_page(f, p, read);
        pages++;
    } while (p->count == 0 && p->next[0] != '\0');
    return pages;
}

static void a_walk_is_cut_and_goes_on(void **state)
{
    struct page p = {0};
    struct store_read read = {.user_name = SPAN("x"), .limit = 1};
    assert_int_equal(read_next(*state, &p, read), 1);
    assert_string_equal(p.last, "first");
    assert_string_equal(p.next, "[\"x\",\"t000001\"]");
    read.limit = 10;
    assert_int_equal(read_next(*state, &p, read), 1);
    assert_string_equal(p.last, "up");
    assert_string_equal(p.next, "[\"x\",\"t100000\"]");
    assert_int_equal(read_next(*state, &p, read), 2);
    assert_string_equal(p.last, "last");
    assert_string_equal(p.next, "");
}

/* The 100,000th key of the page is ("m", time), and the user's own comes right behind it. */
static void a_walk_is_never_cut_within_one_time(void **state)
{
    struct page p;
    struct store_read read = {.user_name = SPAN("x"), .limit = 10};
    read_page(*state, &p, read);
    assert_int_equal(p.count, 2);
    assert_string_equal(p.last, "up");
    assert_string_equal(p.next, "[\"x\",\"t099999\"]");
    read.user_name = SPAN("a");
    read.descending = true;
    read_page(*state, &p, read);
    assert_string_equal(p.last, "down");
    assert_string_equal(p.next, "[\"a\",\"t150002\"]");
    read.cursor = "[\"a\",\"t150002\"]";
    read_page(*state, &p, read);
    assert_int_equal(p.count, 0);
    assert_string_equal(p.next, "[\"a\",\"t050003\"]"); /* "x" has a key on the way, too */
}

static void a_filter_that_fits_nothing_gives_up_for_now(void **state)
{
    struct page p;
    struct store_read read = {.limit = 2, .sentiment = SPAN("Positive")};
    read_page(*state, &p, read);
    assert_int_equal(p.count, 0);
    assert_string_equal(p.next, "[\"m\",\"t009999\"]"); /* the 10,000th */
    read.user_name = SPAN("m");
    read_page(*state, &p, read);
    assert_int_equal(p.count, 0);
    assert_string_equal(p.next, "[\"m\",\"t010000\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_is_cut_and_goes_on),
        cmocka_unit_test(a_walk_is_never_cut_within_one_time),
        cmocka_unit_test(a_filter_that_fits_nothing_gives_up_for_now),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
