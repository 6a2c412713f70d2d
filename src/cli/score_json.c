/* The scan is a loop over three steps: a value is expected, a member's name is expected, or a value
 * has just ended. What is open is kept in levels[], so nesting costs no C stack.
 *
 * No step checks for the line's end before it looks at a byte: the byte there is '\n' or NUL, which
 * nothing in the grammar accepts. Only when a byte is refused is it asked whether that was the end.
 */
#include "score_json.h"

#include "base/utf8.h"

enum member { MEMBER_OTHER, MEMBER_REVIEW, MEMBER_SENTIMENT, MEMBER_POLARITY };
enum step { STEP_VALUE, STEP_NAME, STEP_AFTER, STEP_DONE };

struct scan {
    struct score_json *out;
    const char *at;
    const char *end;
    const char *value; /* where the value of the outermost object's current member begins */
    enum member member;
    bool value_is_string;
    bool value_escaped;
    bool found_review;
    enum step step;
};

static enum score_json_error fail(struct scan *s, const char *at, enum score_json_error error)
{
    s->at = at;
    return at == s->end ? SCORE_JSON_ENDS_EARLY : error;
}

static inline void skip_blanks(struct scan *s)
{
    while (*s->at == ' ' || *s->at == '\t' || *s->at == '\r') {
        s->at++;
    }
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The first byte from `p` on that is a quote, a backslash, a control character or not ASCII; the
 * line's end is a control character. Eight bytes at a time: in each sum below a byte's high bit
 * becomes set if it is one of them, and may also become set by a borrow, but only above one that
 * is. */
static inline const char *find_special(const char *p)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t ones = UINT64_C(0x0101010101010101);
    for (;; p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        uint64_t special = word | (word - 0x20 * ones) | ((word ^ '"' * ones) - ones) |
                           ((word ^ '\\' * ones) - ones);
        special &= 0x80 * ones;
        if (special != 0) {
            return p + (__builtin_ctzll(special) >> 3);
        }
    }
#else
    while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }
    return p;
#endif
}

/* s->at is at the backslash. */
static enum score_json_error scan_escape(struct scan *s)
{
    const char *p = s->at;
    if (p[1] != 'u') {
        if (p[1] == '\0' || strchr("\"\\/bfnrt", p[1]) == NULL) {
            return fail(s, p + 1, SCORE_JSON_ESCAPE);
        }
        s->at = p + 2;
        return SCORE_JSON_OK;
    }
    int unit = score_string_hex4(p + 2);
    if (unit < 0) {
        return fail(s, p, SCORE_JSON_ESCAPE);
    }
    if (unit == 0) {
        return fail(s, p, SCORE_JSON_NUL);
    }
    if (score_string_is_low(unit)) {
        return fail(s, p, SCORE_JSON_SURROGATE);
    }
    if (!score_string_is_high(unit)) {
        s->at = p + 6;
        return SCORE_JSON_OK;
    }
    if (p[6] != '\\' || p[7] != 'u' || !score_string_is_low(score_string_hex4(p + 8))) {
        return fail(s, p, SCORE_JSON_SURROGATE);
    }
    s->at = p + 12;
    return SCORE_JSON_OK;
}

/* s->at is behind the opening quote, then behind the closing one. */
static inline enum score_json_error scan_string(struct scan *s, bool *escaped)
{
    *escaped = false;
    for (;;) {
        s->at = find_special(s->at);
        if (*s->at == '"') {
            s->at++;
            return SCORE_JSON_OK;
        }
        if (*s->at == '\\') {
            *escaped = true;
            enum score_json_error error = scan_escape(s);
            if (error != SCORE_JSON_OK) {
                return error;
            }
        } else if ((unsigned char)*s->at < 0x20) {
            return fail(s, s->at, SCORE_JSON_CONTROL);
        } else {
            uint32_t code_point;
            size_t n = utf8_decode(s->at, (size_t)(s->end - s->at), &code_point);
            if (n == 0) {
                return fail(s, s->at, SCORE_JSON_UTF8);
            }
            s->at += n;
        }
    }
}

static const char *skip_digits(const char *p)
{
    while (is_digit(*p)) {
        p++;
    }
    return p;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? */
static enum score_json_error scan_number(struct scan *s)
{
    const char *p = s->at;
    if (*p == '-') {
        p++;
    }
    if (!is_digit(*p)) {
        return fail(s, p, SCORE_JSON_VALUE_EXPECTED);
    }
    p = *p == '0' ? p + 1 : skip_digits(p);
    if (*p == '.') {
        p++;
        if (!is_digit(*p)) {
            return fail(s, p, SCORE_JSON_VALUE_EXPECTED);
        }
        p = skip_digits(p);
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '+' || *p == '-') {
            p++;
        }
        if (!is_digit(*p)) {
            return fail(s, p, SCORE_JSON_VALUE_EXPECTED);
        }
        p = skip_digits(p);
    }
    s->at = p;
    return SCORE_JSON_OK;
}

/* s->at is at one of { [. */
static void open_level(struct scan *s)
{
    bool is_object = *s->at == '{';
    struct score_json *out = s->out;
    out->levels[out->depth].is_object = is_object;
    out->levels[out->depth].first_name = (uint32_t)out->names_count;
    out->depth++;
    s->at++;
    skip_blanks(s);
    if (*s->at == (is_object ? '}' : ']')) {
        s->step = STEP_AFTER;
    } else {
        s->step = is_object ? STEP_NAME : STEP_VALUE;
    }
}

static enum score_json_error scan_literal(struct scan *s, struct span literal)
{
    if (memcmp(s->at, literal.ptr, literal.len) != 0) {
        return fail(s, s->at, SCORE_JSON_VALUE_EXPECTED);
    }
    s->at += literal.len;
    return SCORE_JSON_OK;
}

static enum score_json_error scan_value(struct scan *s)
{
    skip_blanks(s);
    if (s->out->depth >= SCORE_JSON_DEPTH_MAX) {
        return fail(s, s->at, SCORE_JSON_TOO_DEEP);
    }
    if (s->out->depth == 1) {
        s->value = s->at;
        s->value_is_string = *s->at == '"';
    }
    s->step = STEP_AFTER;
    switch (*s->at) {
    case '"': {
        bool escaped;
        s->at++;
        enum score_json_error error = scan_string(s, &escaped);
        s->value_escaped = escaped;
        return error;
    }
    case '{':
    case '[':
        open_level(s);
        return SCORE_JSON_OK;
    case 't':
        return scan_literal(s, SPAN("true"));
    case 'f':
        return scan_literal(s, SPAN("false"));
    case 'n':
        return scan_literal(s, SPAN("null"));
    default:
        return scan_number(s);
    }
}

static enum member member_of(struct score_string name)
{
    if (score_string_equal(name, SCORE_STRING("review"))) {
        return MEMBER_REVIEW;
    }
    if (score_string_equal(name, SCORE_STRING("sentiment"))) {
        return MEMBER_SENTIMENT;
    }
    return score_string_equal(name, SCORE_STRING("polarity_score")) ? MEMBER_POLARITY
                                                                    : MEMBER_OTHER;
}

static enum score_json_error scan_name(struct scan *s)
{
    struct score_json *out = s->out;
    skip_blanks(s);
    const char *start = s->at;
    if (*start != '"') {
        return fail(s, start, SCORE_JSON_NAME_EXPECTED);
    }
    if (out->names_count == SCORE_JSON_NAMES_MAX) {
        return fail(s, start, SCORE_JSON_TOO_MANY);
    }
    struct score_string *name = &out->names[out->names_count];
    s->at++;
    enum score_json_error error = scan_string(s, &name->escaped);
    if (error != SCORE_JSON_OK) {
        return error;
    }
    name->raw = (struct span){start + 1, (size_t)(s->at - start) - 2};
    for (size_t i = out->levels[out->depth - 1].first_name; i < out->names_count; i++) {
        if (score_string_equal(out->names[i], *name)) {
            return fail(s, start, SCORE_JSON_DUPLICATE);
        }
    }
    out->names_count++;
    if (out->depth == 1) {
        s->member = member_of(*name);
    }
    skip_blanks(s);
    if (*s->at != ':') {
        return fail(s, s->at, SCORE_JSON_COLON_EXPECTED);
    }
    s->at++;
    s->step = STEP_VALUE;
    return SCORE_JSON_OK;
}

/* A member of the outermost object has ended. */
static enum score_json_error note_member(struct scan *s)
{
    struct score_json *out = s->out;
    struct span value = {s->value, (size_t)(s->at - s->value)};
    if (s->member == MEMBER_SENTIMENT) {
        out->sentiment = value;
    } else if (s->member == MEMBER_POLARITY) {
        out->polarity_score = value;
    } else if (s->member == MEMBER_REVIEW) {
        if (!s->value_is_string) {
            return fail(s, s->value, SCORE_JSON_REVIEW_NO_STRING);
        }
        out->review.raw = (struct span){value.ptr + 1, value.len - 2};
        out->review.escaped = s->value_escaped;
        s->found_review = true;
    }
    s->value = NULL;
    return SCORE_JSON_OK;
}

/* A value has ended, or an object or array is empty: a comma or the closing bracket follows. */
static enum score_json_error scan_after(struct scan *s, const char *begin)
{
    struct score_json *out = s->out;
    if (out->depth == 1 && s->value != NULL) {
        out->members_end = (size_t)(s->at - begin);
        enum score_json_error error = note_member(s);
        if (error != SCORE_JSON_OK) {
            return error;
        }
    }
    skip_blanks(s);
    bool is_object = out->levels[out->depth - 1].is_object;
    if (*s->at == (is_object ? '}' : ']')) {
        s->at++;
        out->depth--;
        out->names_count = out->levels[out->depth].first_name;
        s->step = out->depth == 0 ? STEP_DONE : STEP_AFTER;
        return SCORE_JSON_OK;
    }
    if (*s->at != ',') {
        return fail(s, s->at, SCORE_JSON_COMMA_EXPECTED);
    }
    s->at++;
    s->step = is_object ? STEP_NAME : STEP_VALUE;
    return SCORE_JSON_OK;
}

static enum score_json_error scan_line(struct scan *s, const char *begin)
{
    skip_blanks(s);
    if (*s->at != '{') {
        return fail(s, s->at, SCORE_JSON_NOT_AN_OBJECT);
    }
    while (s->step != STEP_DONE) {
        enum score_json_error error;
        if (s->step == STEP_VALUE) {
            error = scan_value(s);
        } else if (s->step == STEP_NAME) {
            error = scan_name(s);
        } else {
            error = scan_after(s, begin);
        }
        if (error != SCORE_JSON_OK) {
            return error;
        }
    }
    skip_blanks(s);
    if (s->at != s->end) {
        return fail(s, s->at, SCORE_JSON_TRAILING);
    }
    return s->found_review ? SCORE_JSON_OK : SCORE_JSON_NO_REVIEW;
}

enum score_json_error score_json_scan(struct score_json *s, struct span line)
{
    s->sentiment = s->polarity_score = (struct span){NULL, 0};
    s->names_count = s->depth = 0;
    struct scan scan = {.out = s, .at = line.ptr, .end = line.ptr + line.len, .step = STEP_VALUE};
    enum score_json_error error = scan_line(&scan, line.ptr);
    s->error_at = (size_t)(scan.at - line.ptr);
    return error;
}

const char *score_json_error_text(enum score_json_error error)
{
    static const char *const texts[] = {
        [SCORE_JSON_OK] = "no error",
        [SCORE_JSON_ENDS_EARLY] = "the line ends too early",
        [SCORE_JSON_TRAILING] = "more text after the object",
        [SCORE_JSON_NOT_AN_OBJECT] = "not a JSON object",
        [SCORE_JSON_VALUE_EXPECTED] = "a JSON value is expected",
        [SCORE_JSON_NAME_EXPECTED] = "a member name is expected",
        [SCORE_JSON_COLON_EXPECTED] = "a colon is expected",
        [SCORE_JSON_COMMA_EXPECTED] = "a comma or the closing bracket is expected",
        [SCORE_JSON_CONTROL] = "control character in a string",
        [SCORE_JSON_ESCAPE] = "invalid escape in a string",
        [SCORE_JSON_SURROGATE] = "half of a surrogate pair in a string",
        [SCORE_JSON_NUL] = "NUL character in a string",
        [SCORE_JSON_UTF8] = "invalid UTF-8",
        [SCORE_JSON_DUPLICATE] = "the same member name twice in one object",
        [SCORE_JSON_TOO_MANY] = "too many members, at most 1024",
        [SCORE_JSON_TOO_DEEP] = "nested too deep, at most 2048 levels",
        [SCORE_JSON_NO_REVIEW] = "no member called review",
        [SCORE_JSON_REVIEW_NO_STRING] = "review is not a string",
        [SCORE_JSON_LINE_TOO_LONG] = "the line is longer than 16 MiB",
    };
    return texts[error];
}
