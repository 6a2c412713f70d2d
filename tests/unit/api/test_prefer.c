#include "support/test.h"

#include "api/prefer.h"

#include <stdlib.h>

/* One field, in memory that ends with it. */
static bool asks(const char *text)
{
    size_t len = strlen(text);
    char *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    struct span field = {exact, len};
    bool result = prefer_has(&field, 1, "return", "representation");
    free(exact);
    return result;
}

static void test_asks(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "return=representation",
        "RETURN=Representation",
        " \treturn = representation\t ",
        "return=\"representation\"",
        "return=\"\\re\\presentatio\\n\"",
        "return=representation;",
        "return=representation; foo; bar=\"a, b\"",
        "respond-async, return=representation",
        "respond-async,return=representation, wait=10",
        ",, ,return=representation",
        "foo=\"a, return=minimal\", return=representation",
        "foo; x=\"\\\", return=minimal, \\\\\", return=representation",
        "wait=100;return=minimal, return=representation",
        "return=representation, return=minimal",
        "x y, return=representation",
        "=x, return=representation",
        "a=, return=representation",
        "foo(\"), return=minimal\"), return=representation",
        "return=(minimal), return=representation",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (!asks(texts[i])) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void test_does_not_ask(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        ",",
        "=",
        "\"",
        "return",
        "return=",
        "return=\"\"",
        "return=\"",
        "return=\"representation",
        "return=\"representation\\",
        "return=\"representation\\\"",
        "return=representatio",
        "return=representations",
        "return=\"representations\"",
        "return=minimal",
        "return=minimal, return=representation",
        "return; x=return=representation",
        "return=minimal; return=representation",
        "foo=\"return=representation\"",
        "foo=\", return=representation\"",
        "foo; return=representation",
        "return=representation x",
        "return=\"representation\"x",
        "xreturn=representation",
        "return=representation=1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (asks(texts[i])) {
            fail_msg("%s", texts[i]);
        }
    }
}

static void test_several_fields(void **state)
{
    (void)state;
    const struct span later[] = {SPAN("wait=10"), SPAN(""), SPAN("return=representation")};
    assert_true(prefer_has(later, 3, "return", "representation"));
    assert_false(prefer_has(later, 2, "return", "representation"));
    assert_false(prefer_has(later, 0, "return", "representation"));
    assert_true(prefer_has(later, 1, "wait", "10"));
    assert_false(prefer_has(later, 1, "wait", "100"));
    assert_false(prefer_has(later, 1, "wait", "1"));
    const struct span first[] = {SPAN("return=minimal"), SPAN("return=representation")};
    assert_false(prefer_has(first, 2, "return", "representation"));
    const struct span open[] = {SPAN("a=\"b"), SPAN("return=representation")};
    assert_true(prefer_has(open, 2, "return", "representation"));
    const struct span nul[] = {SPAN("return=representation\0x")};
    assert_false(prefer_has(nul, 1, "return", "representation"));
    const struct span nothing[] = {{NULL, 0}};
    assert_false(prefer_has(nothing, 1, "return", "representation"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks),
        cmocka_unit_test(test_does_not_ask),
        cmocka_unit_test(test_several_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
