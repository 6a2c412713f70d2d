/* Reading pages from the DynamoDB store, with answers that a small table does not give. */
#include "dynamodb_rig.h"

/* A read, and what came of it. */
struct page {
    struct store_read read; /* first */
    int calls;
    enum store_result result;
    size_t count;
    char next[256]; /* "": none */
};

static void on_page(struct store_read *read, enum store_result result,
                    const struct store_page *page)
{
    struct page *p = (struct page *)read;
    p->calls++;
    p->result = result;
    p->count = page != NULL ? page->count : 0;
    (void)snprintf(p->next, sizeof p->next, "%s",
                   page != NULL && page->next != NULL ? page->next : "");
}

static void read_page(struct rig *r, struct page *p, struct store_read read)
{
    *p = (struct page){.read = read};
    p->read.done = on_page;
    assert_int_equal(store_read(r->store, &p->read), STORE_OK);
    fake_transport_run(&r->scene.net);
    assert_int_equal(p->calls, 1);
}

#define LAST(user)                                                                                 \
    "\"LastEvaluatedKey\":{\"user_name\":{\"S\":\"" user "\"},\"timestamp\":{\"S\":\"t\"}}"
#define START(user)                                                                                \
    "\"ExclusiveStartKey\":{\"user_name\":{\"S\":\"" user "\"},\"timestamp\":{\"S\":\"t\"}}"
#define ITEM                                                                                       \
    "{\"user_name\":{\"S\":\"a\"},\"timestamp\":{\"S\":\"u\"},\"review\":{\"S\":\"r\"},"           \
    "\"sentiment\":{\"S\":\"Negative\"},\"polarity_score\":{\"S\":\"-1\"}}"

/* A filter may leave nothing of a page; what comes after it is found all the same. */
static void check_empty_page(const char *operation, struct store_read read)
{
    struct rig r;
    struct page p;
    char cursor[sizeof p.next];
    rig_open(&r);
    ANSWERS(&r, {.status = 200, .body = "{\"Items\":[]," LAST("a") "}"},
            {.status = 200, .body = "{\"Items\":[" ITEM "]}"});
    read_page(&r, &p, read);
    assert_int_equal(p.result, STORE_OK);
    assert_int_equal(p.count, 0);
    assert_string_not_equal(p.next, "");
    memcpy(cursor, p.next, sizeof cursor);
    read.cursor = cursor;
    read_page(&r, &p, read);
    assert_true(rig_called(&r, rig_sent(&r) - 1, operation));
    assert_non_null(strstr(rig_body(&r, 0), START("a")));
    assert_int_equal(p.result, STORE_OK);
    assert_int_equal(p.count, 1);
    assert_string_equal(p.next, "");
    rig_close(&r);
}

static void an_empty_page_is_not_the_end(void **state)
{
    (void)state;
    struct store_read read = {.sentiment = SPAN("Negative"), .limit = 2};
    check_empty_page("Scan", read);
    read.user_name = SPAN("a");
    check_empty_page("Query", read);
}

static void an_empty_table_is_the_end(void **state)
{
    (void)state;
    struct rig r;
    struct page p;
    rig_open(&r);
    ANSWERS(&r, {.status = 200, .body = "{\"Items\":[]}"});
    read_page(&r, &p, (struct store_read){.limit = 2});
    assert_int_equal(p.result, STORE_OK);
    assert_int_equal(p.count, 0);
    assert_string_equal(p.next, "");
    rig_close(&r);
}

static void a_key_that_is_none_is_no_page(void **state)
{
    (void)state;
    struct rig r;
    struct page p;
    rig_open(&r);
    ANSWERS(&r, {.status = 200,
                 .body = "{\"Items\":[],\"LastEvaluatedKey\":{\"user_name\":{\"S\":\"a\"}}}"});
    read_page(&r, &p, (struct store_read){.limit = 2});
    assert_int_equal(p.result, STORE_UNAVAILABLE);
    assert_int_equal(rig_errors(&r, "answer"), 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_page_is_not_the_end),
        cmocka_unit_test(an_empty_table_is_the_end),
        cmocka_unit_test(a_key_that_is_none_is_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
