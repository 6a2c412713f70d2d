#include "support/store_contract.h"

#include "support/fake.h"
#include "support/store_help.h"
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRODUCERS = 8, PUTS_EACH = 200 };

static const int64_t T0 = INT64_C(1764328591363902); /* 2025-11-28T11:16:31.363902 */

static const struct store_contract *contract;

struct fixture {
    void *context;
    struct fake_clock clock;
    struct store *store;
    _Atomic int pending_calls;
};

static void on_pending(void *context)
{
    ((struct fixture *)context)->pending_calls++;
}

static void open_store(struct fixture *f)
{
    struct store_config config = {.clock = &f->clock.clock,
                                  .queue_limit = 10000,
                                  .put_deadline_ms = 10000,
                                  .pending = on_pending,
                                  .pending_context = f};
    f->store = contract->open(f->context, &config);
    assert_non_null(f->store);
}

static void reopen(struct fixture *f)
{
    store_close(f->store);
    open_store(f);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->context = contract->setup();
    fake_clock_init(&f->clock, T0);
    open_store(f);
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

/* Claims at `now_us`, asserts how many, and frees all but the first, which the caller frees. */
static struct outbox_entry claim(struct fixture *f, int64_t now_us, int expected)
{
    struct outbox_entry entries[16] = {0};
    int64_t next_due_us = 0;
    assert_int_equal(store_claim(f->store, now_us, entries, 16, &next_due_us), expected);
    for (int i = 1; i < expected; i++) {
        outbox_entry_free(&entries[i]);
    }
    return entries[0];
}

static void assert_span(struct span span, const char *text)
{
    assert_int_equal(span.len, strlen(text));
    assert_memory_equal(span.ptr, text, span.len);
}

static void settle(struct fixture *f, uint64_t id, int what, int64_t due_us, const char *error)
{
    struct outbox_outcome outcome = {.id = id, .what = what, .due_us = due_us};
    (void)snprintf(outcome.error, sizeof outcome.error, "%s", error);
    assert_int_equal(store_settle(f->store, &outcome, 1), 0);
}

static void assert_counts(struct fixture *f, uint64_t pending, uint64_t dead)
{
    struct outbox_counts counts = {77, 77};
    assert_int_equal(store_count(f->store, &counts), 0);
    assert_int_equal(counts.pending, pending);
    assert_int_equal(counts.dead, dead);
}

static void put_is_claimed_with_all_it_had_also_after_a_restart(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(test_put_now(f->store, "Zoë \xf0\x9f\x98\x80", T0, true), STORE_OK);
    reopen(f);
    struct outbox_entry entry = claim(f, T0, 1);
    assert_span(entry.item.user_name, "Zoë \xf0\x9f\x98\x80");
    assert_span(entry.item.timestamp, "2025-11-28T11:16:31.363902");
    assert_span(entry.item.review, "The tool is fantastic.");
    assert_span(entry.item.sentiment, "Positive");
    assert_span(entry.item.polarity_score, "0.4");
    assert_int_equal(entry.attempts, 0);
    assert_int_equal(entry.created_us, T0);
    assert_string_equal(entry.last_error, "");
    outbox_entry_free(&entry);
}

static void large_texts_are_kept_whole(void **state)
{
    struct fixture *f = *state;
    struct test_put put;
    char name[2048];
    size_t size = (size_t)64 * 1024;
    char *review = malloc(size);
    memset(name, 'n', sizeof name);
    memset(review, 'r', size);
    test_put_init(&put, "", T0, true);
    put.put.item.user_name = (struct span){name, sizeof name};
    put.put.item.review = (struct span){review, size};
    assert_int_equal(store_put(f->store, &put.put), STORE_OK);
    assert_int_equal(test_put_wait(&put), STORE_OK);
    struct outbox_entry entry = claim(f, T0, 1);
    assert_true(span_equal(entry.item.user_name, put.put.item.user_name));
    assert_true(span_equal(entry.item.review, put.put.item.review));
    outbox_entry_free(&entry);
    free(review);
}

static void put_without_notice_is_not_claimed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(test_put_now(f->store, "a", T0, false), STORE_OK);
    claim(f, T0 + 1, 0);
    assert_counts(f, 0, 0);
    assert_int_equal(f->pending_calls, 0);
}

static void same_key_conflicts_and_leaves_its_neighbours_alone(void **state)
{
    struct fixture *f = *state;
    struct test_put puts[4];
    assert_int_equal(test_put_now(f->store, "a", T0, false), STORE_OK);
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_CONFLICT);
    if (contract->replaces) {
        return;
    }
    test_put_init(&puts[0], "b", T0, true);
    test_put_init(&puts[1], "a", T0, true);
    test_put_init(&puts[2], "b", T0, true);
    test_put_init(&puts[3], "a", T0 + 1, true);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(store_put(f->store, &puts[i].put), STORE_OK);
    }
    static const enum store_result expected[] = {STORE_OK, STORE_CONFLICT, STORE_CONFLICT,
                                                 STORE_OK};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(test_put_wait(&puts[i]), expected[i]);
    }
    assert_counts(f, 2, 0);
}

static void pending_is_told_after_a_commit(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    store_close(f->store); /* what the store's thread still has to call, it has called */
    assert_true(f->pending_calls >= 1);
    open_store(f);
}

static void claim_gives_the_oldest_first_up_to_max_and_tells_the_next(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entries[4] = {0};
    int64_t next = 0;
    fake_clock_advance(&f->clock, 3);
    assert_int_equal(test_put_now(f->store, "c", T0 + 3, true), STORE_OK);
    assert_int_equal(test_put_now(f->store, "a", T0 + 1, true), STORE_OK);
    assert_int_equal(test_put_now(f->store, "b", T0 + 2, true), STORE_OK);
    assert_int_equal(store_claim(f->store, T0 + 3, entries, 2, &next), 2);
    assert_span(entries[0].item.user_name, "a");
    assert_span(entries[1].item.user_name, "b");
    assert_int_equal(next, T0 + 3);
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
    assert_int_equal(store_claim(f->store, T0 + 3, entries, 1, &next), 1);
    assert_span(entries[0].item.user_name, "c");
    assert_true(next == INT64_MAX);
    outbox_entry_free(&entries[0]);
    assert_int_equal(store_claim(f->store, T0 + 3, entries, 4, &next), 0);
    assert_true(next == INT64_MAX);
}

static void claim_waits_for_the_due_time(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entry = {0};
    int64_t next = 0;
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    assert_int_equal(store_claim(f->store, T0 - 1, &entry, 1, &next), 0);
    assert_int_equal(next, T0);
    assert_int_equal(store_claim(f->store, T0, &entry, 1, &next), 1);
    outbox_entry_free(&entry);
}

static void unsettled_claims_come_again_after_a_restart_only(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    struct outbox_entry first = claim(f, T0 + 1, 1);
    claim(f, T0 + 1, 0);
    assert_counts(f, 1, 0);
    reopen(f);
    struct outbox_entry second = claim(f, T0 + 1, 1);
    assert_int_equal(first.id, second.id);
    outbox_entry_free(&first);
    outbox_entry_free(&second);
}

static void sent_is_forgotten_and_its_id_never_comes_again(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    struct outbox_entry first = claim(f, T0, 1);
    settle(f, first.id, OUTBOX_SENT, 0, "");
    assert_counts(f, 0, 0);
    reopen(f);
    claim(f, T0 + 1000, 0);
    assert_int_equal(test_put_now(f->store, "b", T0, true), STORE_OK);
    struct outbox_entry second = claim(f, T0, 1);
    assert_int_not_equal(first.id, second.id);
    outbox_entry_free(&first);
    outbox_entry_free(&second);
}

static void retry_counts_an_attempt_and_defer_does_not(void **state)
{
    struct fixture *f = *state;
    char longest[OUTBOX_ERROR_SIZE];
    memset(longest, 'e', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    struct outbox_entry entry = claim(f, T0, 1);
    uint64_t id = entry.id;
    outbox_entry_free(&entry);
    settle(f, id, OUTBOX_RETRY, T0 + 50, longest);
    claim(f, T0 + 49, 0);
    entry = claim(f, T0 + 50, 1);
    assert_int_equal(entry.id, id);
    assert_int_equal(entry.attempts, 1);
    assert_string_equal(entry.last_error, longest);
    outbox_entry_free(&entry);
    settle(f, id, OUTBOX_DEFER, T0 + 90, "server down");
    reopen(f);
    claim(f, T0 + 89, 0);
    entry = claim(f, T0 + 90, 1);
    assert_int_equal(entry.attempts, 1);
    assert_int_equal(entry.created_us, T0);
    assert_string_equal(entry.last_error, "server down");
    outbox_entry_free(&entry);
    assert_counts(f, 1, 0);
}

/* Puts and kills `count` letters; their ids. */
static void make_dead(struct fixture *f, uint64_t *ids, int count)
{
    for (int i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "dead %d", i);
        assert_int_equal(test_put_now(f->store, name, T0 + i, true), STORE_OK);
        struct outbox_entry entry = claim(f, T0 + i, 1);
        ids[i] = entry.id;
        outbox_entry_free(&entry);
        settle(f, ids[i], OUTBOX_DEAD, 0, "no such mailbox");
    }
}

static void dead_letters_are_listed_in_pages(void **state)
{
    struct fixture *f = *state;
    struct outbox_entry entries[4] = {0};
    uint64_t ids[3];
    make_dead(f, ids, 3);
    reopen(f);
    assert_counts(f, 0, 3);
    claim(f, T0 + 1000, 0);
    assert_int_equal(store_dead_list(f->store, 0, entries, 2), 2);
    assert_int_equal(entries[0].id, ids[0]);
    assert_int_equal(entries[1].id, ids[1]);
    assert_int_equal(entries[0].attempts, 1);
    assert_string_equal(entries[0].last_error, "no such mailbox");
    assert_span(entries[0].item.user_name, "dead 0");
    uint64_t last = entries[1].id;
    outbox_entry_free(&entries[0]);
    outbox_entry_free(&entries[1]);
    assert_int_equal(store_dead_list(f->store, last, entries, 4), 1);
    assert_int_equal(entries[0].id, ids[2]);
    outbox_entry_free(&entries[0]);
    assert_int_equal(store_dead_list(f->store, ids[2], entries, 4), 0);
}

static void dead_letters_are_requeued(void **state)
{
    struct fixture *f = *state;
    uint64_t ids[3];
    make_dead(f, ids, 3);
    fake_clock_advance(&f->clock, 500);
    assert_int_equal(store_dead_requeue(f->store, ids[2] + 100), 0);
    assert_int_equal(store_dead_requeue(f->store, ids[1]), 1);
    assert_int_equal(store_dead_requeue(f->store, ids[1]), 0);
    assert_counts(f, 1, 2);
    struct outbox_entry entry = claim(f, T0 + 500, 1);
    assert_int_equal(entry.id, ids[1]);
    assert_int_equal(entry.attempts, 0);
    outbox_entry_free(&entry);
    assert_int_equal(store_dead_requeue(f->store, 0), 2);
    assert_counts(f, 3, 0);
    entry = claim(f, T0 + 500, 2);
    outbox_entry_free(&entry);
}

static void dead_letters_are_dropped(void **state)
{
    struct fixture *f = *state;
    uint64_t ids[3];
    make_dead(f, ids, 3);
    assert_int_equal(store_dead_drop(f->store, ids[0]), 1);
    assert_int_equal(store_dead_drop(f->store, ids[0]), 0);
    assert_counts(f, 0, 2);
    assert_int_equal(store_dead_drop(f->store, 0), 2);
    assert_counts(f, 0, 0);
    assert_int_equal(store_dead_drop(f->store, 0), 0);
}

static void dead_calls_leave_waiting_letters_alone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    struct outbox_entry entry = claim(f, T0, 1);
    assert_int_equal(store_dead_drop(f->store, entry.id), 0);
    assert_int_equal(store_dead_requeue(f->store, entry.id), 0);
    assert_int_equal(store_dead_drop(f->store, 0), 0);
    assert_counts(f, 1, 0);
    outbox_entry_free(&entry);
}

static void settling_unknown_ids_and_nothing_is_harmless(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(test_put_now(f->store, "a", T0, true), STORE_OK);
    struct outbox_outcome outcomes[] = {{.id = 4711, .what = OUTBOX_SENT},
                                        {.id = 4712, .what = OUTBOX_DEAD}};
    assert_int_equal(store_settle(f->store, outcomes, 2), 0);
    assert_int_equal(store_settle(f->store, NULL, 0), 0);
    assert_counts(f, 1, 0);
}

static void ready_after_opening(void **state)
{
    struct fixture *f = *state;
    char reason[STORE_ERROR_SIZE];
    assert_true(store_ready(f->store, reason));
}

struct producer {
    pthread_t thread;
    struct fixture *fixture;
    int number;
    int stored;
};

static void *produce(void *argument)
{
    struct producer *p = argument;
    static struct test_put puts[PRODUCERS][PUTS_EACH];
    int queued = 0;
    for (; queued < PUTS_EACH; queued++) {
        struct test_put *put = &puts[p->number][queued];
        test_put_init(put, "many", T0 + p->number * PUTS_EACH + queued, true);
        if (store_put(p->fixture->store, &put->put) != STORE_OK) {
            break;
        }
    }
    while (queued-- > 0) {
        p->stored += test_put_wait(&puts[p->number][queued]) == STORE_OK;
    }
    return NULL;
}

static void producers_side_by_side_lose_nothing(void **state)
{
    struct fixture *f = *state;
    struct producer producers[PRODUCERS];
    int stored = 0;
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct producer){.fixture = f, .number = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (int i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
        stored += producers[i].stored;
    }
    assert_int_equal(stored, PRODUCERS * PUTS_EACH);
    assert_counts(f, PRODUCERS * PUTS_EACH, 0);
}

static void close_ends_what_is_under_way(void **state)
{
    struct fixture *f = *state;
    static struct test_put puts[500];
    uint64_t stored = 0;
    for (int i = 0; i < 500; i++) {
        test_put_init(&puts[i], "a", T0 + i, true);
        assert_int_equal(store_put(f->store, &puts[i].put), STORE_OK);
    }
    reopen(f);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(test_put_calls(&puts[i]), 1);
        assert_true(puts[i].result == STORE_OK || puts[i].result == STORE_CLOSED);
        stored += puts[i].result == STORE_OK;
    }
    assert_counts(f, stored, 0);
}

static void null_is_closed(void **state)
{
    (void)state;
    struct outbox_entry entry = {0};
    store_close(NULL);
    outbox_entry_free(&entry);
}

#define CONTRACT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int store_contract_run(const struct store_contract *c)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(put_is_claimed_with_all_it_had_also_after_a_restart),
        CONTRACT_TEST(large_texts_are_kept_whole),
        CONTRACT_TEST(put_without_notice_is_not_claimed),
        CONTRACT_TEST(same_key_conflicts_and_leaves_its_neighbours_alone),
        CONTRACT_TEST(pending_is_told_after_a_commit),
        CONTRACT_TEST(claim_gives_the_oldest_first_up_to_max_and_tells_the_next),
        CONTRACT_TEST(claim_waits_for_the_due_time),
        CONTRACT_TEST(unsettled_claims_come_again_after_a_restart_only),
        CONTRACT_TEST(sent_is_forgotten_and_its_id_never_comes_again),
        CONTRACT_TEST(retry_counts_an_attempt_and_defer_does_not),
        CONTRACT_TEST(dead_letters_are_listed_in_pages),
        CONTRACT_TEST(dead_letters_are_requeued),
        CONTRACT_TEST(dead_letters_are_dropped),
        CONTRACT_TEST(dead_calls_leave_waiting_letters_alone),
        CONTRACT_TEST(settling_unknown_ids_and_nothing_is_harmless),
        CONTRACT_TEST(ready_after_opening),
        CONTRACT_TEST(producers_side_by_side_lose_nothing),
        CONTRACT_TEST(close_ends_what_is_under_way),
        cmocka_unit_test(null_is_closed),
    };
    contract = c;
    return cmocka_run_group_tests_name("store contract", tests, NULL, NULL);
}
