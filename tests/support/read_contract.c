#include "support/read_contract.h"

#include "support/fake.h"
#include "support/store_help.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS_MAX = 64, TEXT_SIZE = 96, PAGES_MAX = 64 };

static const int64_t T0 = INT64_C(1764328591363902); /* 2025-11-28T11:16:31.363902 */

static const struct store_contract *contract;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct fixture {
    void *context;
    struct fake_clock clock;
    struct store *store;
};

/* A read and a copy of what came of it. */
struct page {
    struct store_read read; /* first */
    int calls;
    enum store_result result;
    size_t count;
    char users[ITEMS_MAX][TEXT_SIZE];
    char timestamps[ITEMS_MAX][TEXT_SIZE];
    char rest[ITEMS_MAX][TEXT_SIZE]; /* "review/sentiment/score" */
    char *next;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->context = contract->setup();
    fake_clock_init(&f->clock, T0);
    struct store_config config = {
        .clock = &f->clock.clock, .queue_limit = 1000, .put_deadline_ms = 10000};
    f->store = contract->open(f->context, &config);
    assert_non_null(f->store);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    store_close(f->store);
    contract->teardown(f->context);
    free(f);
    return 0;
}

static void copy(char out[TEXT_SIZE], struct span text)
{
    (void)snprintf(out, TEXT_SIZE, "%.*s", (int)text.len, text.ptr);
}

static void done(struct store_read *read, enum store_result result, const struct store_page *page)
{
    struct page *p = (struct page *)read;
    assert_int_equal(page != NULL, result == STORE_OK);
    if (page != NULL) {
        assert_true(page->count <= read->limit && page->count <= ITEMS_MAX);
        p->count = page->count;
        p->next = page->next != NULL ? strdup(page->next) : NULL;
        for (size_t i = 0; i < page->count; i++) {
            const struct item *item = &page->items[i];
            copy(p->users[i], item->user_name);
            copy(p->timestamps[i], item->timestamp);
            (void)snprintf(p->rest[i], TEXT_SIZE, "%.*s/%.*s/%.*s", (int)item->review.len,
                           item->review.ptr, (int)item->sentiment.len, item->sentiment.ptr,
                           (int)item->polarity_score.len, item->polarity_score.ptr);
        }
    }
    pthread_mutex_lock(&lock);
    p->result = result;
    p->calls++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Reads and waits; the result is the page's. `next` is the caller's to free. */
static struct page *read_once(struct fixture *f, struct store_read read)
{
    static struct page p;
    memset(&p, 0, sizeof p);
    p.read = read;
    p.read.done = done;
    enum store_result queued = store_read(f->store, &p.read);
    if (queued != STORE_OK) {
        p.result = queued;
        return &p;
    }
    pthread_mutex_lock(&lock);
    while (p.calls == 0) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return &p;
}

static void put(struct fixture *f, const char *user, int64_t wall_us)
{
    assert_int_equal(test_put_now(f->store, user, wall_us, false), STORE_OK);
}

static void put_as(struct fixture *f, const char *user, int64_t wall_us, struct span sentiment)
{
    struct test_put p;
    test_put_init(&p, user, wall_us, false);
    p.put.item.sentiment = sentiment;
    assert_int_equal(store_put(f->store, &p.put), STORE_OK);
    assert_int_equal(test_put_wait(&p), STORE_OK);
}

/* All pages of a read: the microseconds of the timestamps, as "1 2 3 ". Returns how many pages. */
static int read_all(struct fixture *f, struct store_read read, char *out)
{
    char *cursor = NULL;
    int pages = 0;
    *out = '\0';
    do {
        read.cursor = cursor;
        struct page *p = read_once(f, read);
        assert_int_equal(p->result, STORE_OK);
        for (size_t i = 0; i < p->count; i++) {
            out += snprintf(out, 16, "%.4s%d ", p->users[i], atoi(p->timestamps[i] + 20) - 363902);
        }
        free(cursor);
        cursor = p->next;
        pages++;
        assert_true(pages < PAGES_MAX);
    } while (cursor != NULL);
    return pages;
}

static void nothing_is_an_empty_last_page(void **state)
{
    struct page *p = read_once(*state, (struct store_read){.limit = 10});
    assert_int_equal(p->result, STORE_OK);
    assert_int_equal(p->count, 0);
    assert_null(p->next);
    p = read_once(*state, (struct store_read){.user_name = SPAN("nobody"), .limit = 10});
    assert_int_equal(p->result, STORE_OK);
    assert_int_equal(p->count, 0);
    assert_null(p->next);
}

static void an_item_comes_back_whole(void **state)
{
    put(*state, "Zoë \"\\ \xf0\x9f\x98\x80", T0);
    struct page *p = read_once(
        *state, (struct store_read){.user_name = SPAN("Zoë \"\\ \xf0\x9f\x98\x80"), .limit = 10});
    assert_int_equal(p->count, 1);
    assert_string_equal(p->users[0], "Zoë \"\\ \xf0\x9f\x98\x80");
    assert_string_equal(p->timestamps[0], "2025-11-28T11:16:31.363902");
    assert_string_equal(p->rest[0], "The tool is fantastic./Positive/0.4");
    free(p->next);
}

static void a_user_s_reviews_come_by_time(void **state)
{
    char found[512];
    for (int i = 0; i < 7; i++) {
        put(*state, "a", T0 + (i * 3) % 7);
        put(*state, "b", T0 + i);
    }
    struct store_read read = {.user_name = SPAN("a"), .limit = 2};
    assert_true(read_all(*state, read, found) >= 4);
    assert_string_equal(found, "a0 a1 a2 a3 a4 a5 a6 ");
    read.descending = true;
    read_all(*state, read, found);
    assert_string_equal(found, "a6 a5 a4 a3 a2 a1 a0 ");
    read.limit = 7;
    read_all(*state, read, found);
    assert_string_equal(found, "a6 a5 a4 a3 a2 a1 a0 ");
}

static void bounds_belong_to_the_range(void **state)
{
    char found[512];
    char from[CLOCK_ISO_SIZE];
    char to[CLOCK_ISO_SIZE];
    for (int i = 0; i < 7; i++) {
        put(*state, "a", T0 + i);
    }
    clock_iso(T0 + 2, from);
    clock_iso(T0 + 4, to);
    struct store_read read = {
        .user_name = SPAN("a"), .from = span_of(from), .to = span_of(to), .limit = 2};
    read_all(*state, read, found);
    assert_string_equal(found, "a2 a3 a4 ");
    read.descending = true;
    read_all(*state, read, found);
    assert_string_equal(found, "a4 a3 a2 ");
    read.from = SPAN("");
    read_all(*state, read, found);
    assert_string_equal(found, "a4 a3 a2 a1 a0 ");
    read.from = span_of(from);
    read.to = SPAN("");
    read_all(*state, read, found);
    assert_string_equal(found, "a6 a5 a4 a3 a2 ");
}

static void all_are_read_once_each(void **state)
{
    char found[512];
    char users[] = "abcdefghij";
    bool seen[10] = {false};
    for (int i = 0; i < 10; i++) {
        char user[2] = {users[i], '\0'};
        put(*state, user, T0 + i);
    }
    read_all(*state, (struct store_read){.limit = 3}, found);
    int count = 0;
    for (const char *at = found; *at != '\0'; at += 3, count++) {
        assert_false(seen[at[0] - 'a']);
        assert_int_equal(at[1] - '0', at[0] - 'a');
        seen[at[0] - 'a'] = true;
    }
    assert_int_equal(count, 10);
}

/* Pages end between any two of them, also where only the users differ. */
static void reviews_of_one_time_are_read_once_each(void **state)
{
    char found[512];
    bool seen[5] = {false};
    for (char user[] = "a"; user[0] <= 'e'; user[0]++) {
        put(*state, user, T0);
    }
    read_all(*state, (struct store_read){.limit = 2}, found);
    int count = 0;
    for (const char *at = found; *at != '\0'; at += 3, count++) {
        assert_in_range(at[0], 'a', 'e');
        assert_false(seen[at[0] - 'a']);
        seen[at[0] - 'a'] = true;
    }
    assert_int_equal(count, 5);
}

/* Pages may be short or empty although more follows; nothing may be missing at the end. */
static void a_filter_loses_nothing(void **state)
{
    char found[512];
    for (int i = 0; i < 9; i++) {
        put_as(*state, "a", T0 + i, i == 1 || i == 7 ? SPAN("Negative") : SPAN("Neutral"));
    }
    struct store_read read = {.sentiment = SPAN("Negative"), .limit = 2};
    read_all(*state, read, found);
    assert_string_equal(found, "a1 a7 ");
    read.user_name = SPAN("a");
    read.descending = true;
    read_all(*state, read, found);
    assert_string_equal(found, "a7 a1 ");
    read.sentiment = SPAN("Positive");
    read_all(*state, read, found);
    assert_string_equal(found, "");
}

static void wrong_cursors_are_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "x",
                                        "{}",
                                        "[]",
                                        "[\"a\"]",
                                        "[\"b\",\"t\"]",
                                        "[\"a\",1]",
                                        "[\"a\",\"t\",\"u\"]",
                                        "[\"a\",\"\"]",
                                        "[\"\",\"t\"]",
                                        "[\"a\",\"t\"]x"};
    put(*state, "a", T0);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct page *p = read_once(
            *state, (struct store_read){.user_name = SPAN("a"), .limit = 2, .cursor = wrong[i]});
        assert_int_equal(p->result, STORE_BAD_CURSOR);
    }
}

static void what_is_put_between_two_pages_disturbs_nothing(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 4; i++) {
        put(f, "a", T0 + i * 10);
    }
    struct store_read read = {.user_name = SPAN("a"), .limit = 2};
    struct page *p = read_once(f, read);
    assert_int_equal(p->count, 2);
    put(f, "a", T0 + 5);
    put(f, "a", T0 + 25);
    char found[512];
    char *cursor = p->next;
    read.cursor = cursor;
    read.limit = 10;
    p = read_once(f, read);
    assert_int_equal(p->count, 3);
    (void)snprintf(found, sizeof found, "%s %s", p->timestamps[0] + 20, p->timestamps[1] + 20);
    assert_string_equal(found, "363922 363927");
    free(cursor);
    free(p->next);
}

/* Those that wait at the close are told, each once. */
static void close_ends_reads(void **state)
{
    struct fixture *f = *state;
    static struct page pages[100];
    bool queued[100];
    for (int i = 0; i < 20; i++) {
        put(f, "a", T0 + i);
    }
    for (int i = 0; i < 100; i++) {
        pages[i] = (struct page){.read = {.limit = 10, .done = done}};
        queued[i] = store_read(f->store, &pages[i].read) == STORE_OK;
    }
    store_close(f->store);
    f->store = NULL;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pages[i].calls, queued[i] ? 1 : 0);
        free(pages[i].next);
    }
}

#define CONTRACT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int read_contract_run(const struct store_contract *c)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(nothing_is_an_empty_last_page),
        CONTRACT_TEST(an_item_comes_back_whole),
        CONTRACT_TEST(a_user_s_reviews_come_by_time),
        CONTRACT_TEST(bounds_belong_to_the_range),
        CONTRACT_TEST(all_are_read_once_each),
        CONTRACT_TEST(reviews_of_one_time_are_read_once_each),
        CONTRACT_TEST(a_filter_loses_nothing),
        CONTRACT_TEST(wrong_cursors_are_refused),
        CONTRACT_TEST(what_is_put_between_two_pages_disturbs_nothing),
        CONTRACT_TEST(close_ends_reads),
    };
    contract = c;
    return cmocka_run_group_tests_name("read contract", tests, NULL, NULL);
}
