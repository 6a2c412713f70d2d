#include "aws/xml.h"
#include "support/test.h"

static void finds(const char *document, const char *path, const char *want)
{
    struct buf out = BUF_INIT;
    assert_true(xml_text(span_of(document), path, &out));
    assert_string_equal(buf_str(&out), want);
    buf_free(&out);
}

static void misses(const char *document, const char *path)
{
    struct buf out = BUF_INIT;
    assert_false(xml_text(span_of(document), path, &out));
    buf_free(&out);
}

static void finds_text_by_its_path(void **state)
{
    (void)state;
    finds("<a>x</a>", "a", "x");
    finds("<a><b>1</b><c><b>2</b></c></a>", "a/c/b", "2");
    finds("<a><b><b>1</b></b><b>2</b></a>", "a/b/b", "1");
    finds("<a><c><b>no</b></c><b>yes</b></a>", "a/b", "yes");
    finds("<a><b>1</b><b>2</b></a>", "a/b", "1");
    finds("<?xml version=\"1.0\"?>\n<!-- <b> --><a xmlns=\"http://x/\" y='>'>\n<b >x</b >\n</a>",
          "a/b", "x");
    finds("<a><b/></a>", "a/b", "");
    finds("<a><b x=\"1\"/></a>", "a/b", "");
    finds("<a>1<c>no</c>2</a>", "a", "12");
    finds("<a><b/>x<b>y</b></a>", "a", "x");
}

static void resolves_entities(void **state)
{
    (void)state;
    finds("<a>&lt;&gt;&amp;&quot;&apos;</a>", "a", "<>&\"'");
    finds("<a>&#65;&#x42;&#x20ac;</a>", "a", "AB\xE2\x82\xAC");
    finds("<a><![CDATA[<&>]]>x</a>", "a", "<&>x");
    misses("<a>&unknown;</a>", "a");
    misses("<a>&#0;</a>", "a");
    misses("<a>&#xD800;</a>", "a");
    misses("<a>&#x110000;</a>", "a");
    misses("<a>&#99999999999999;</a>", "a");
    misses("<a>&#;</a>", "a");
    misses("<a>&#x;</a>", "a");
    misses("<a>&amp</a>", "a");
}

static void refuses_what_is_broken(void **state)
{
    (void)state;
    misses("", "a");
    misses("text", "a");
    misses("<a>x", "a");
    misses("<a", "a");
    misses("<a></b>", "a");
    misses("</a>", "a");
    misses("<>", "a");
    misses("</>", "a");
    misses("<a><!-- x</a>", "a");
    misses("<a><![CDATA[x</a>", "a");
    misses("<? x", "a");
    misses("<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "a");
    misses("<a><b>x</b></a>", "a/c");
    misses("<b><a>x</a></b>", "a");
}

static void bounds_the_depth(void **state)
{
    (void)state;
    for (size_t depth = XML_MAX_DEPTH - 1; depth <= XML_MAX_DEPTH + 1; depth++) {
        struct buf document = BUF_INIT;
        struct buf path = BUF_INIT;
        struct buf out = BUF_INIT;
        for (size_t i = 0; i < depth; i++) {
            buf_add_str(&document, "<a>");
            buf_add_str(&path, i == 0 ? "a" : "/a");
        }
        buf_add_str(&document, "x");
        for (size_t i = 0; i < depth; i++) {
            buf_add_str(&document, "</a>");
        }
        assert_int_equal(xml_text(buf_span(&document), buf_str(&path), &out),
                         depth <= XML_MAX_DEPTH);
        buf_free(&document);
        buf_free(&path);
        buf_free(&out);
    }
}

/* Cut anywhere before the end of the wanted element, a document gives nothing; never a read too
 * far. */
static void survives_being_cut(void **state)
{
    (void)state;
    const char *document =
        "<?xml version='1.0'?><a b=\"c\"><!-- d --><e>&#x41;<![CDATA[f]]></e></a>";
    size_t end = (size_t)(strstr(document, "</e>") - document) + 4;
    for (size_t len = 0; len <= strlen(document); len++) {
        char *copy = test_malloc(len + 1); /* cmocka checks its edges */
        memcpy(copy, document, len);
        struct buf out = BUF_INIT;
        assert_int_equal(xml_text((struct span){copy, len}, "a/e", &out), len >= end);
        buf_free(&out);
        test_free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_text_by_its_path), cmocka_unit_test(resolves_entities),
        cmocka_unit_test(refuses_what_is_broken), cmocka_unit_test(bounds_the_depth),
        cmocka_unit_test(survives_being_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
