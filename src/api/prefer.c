#include "prefer.h"

#include <ctype.h>
#include <strings.h>

struct scan {
    const char *at;
    const char *end;
};

static bool is_at(const struct scan *s, char c)
{
    return s->at < s->end && *s->at == c;
}

static void skip_blanks(struct scan *s)
{
    while (is_at(s, ' ') || is_at(s, '\t')) {
        s->at++;
    }
}

static struct span take_token(struct scan *s)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at != '\0' &&
           (isalnum((unsigned char)*s->at) || strchr("!#$%&'*+-.^_`|~", *s->at) != NULL)) {
        s->at++;
    }
    return (struct span){start, (size_t)(s->at - start)};
}

/* Passes over a quoted string; false, at the end, when it is never closed. */
static bool skip_quoted(struct scan *s)
{
    for (s->at++; s->at < s->end && *s->at != '"'; s->at++) {
        if (*s->at == '\\' && s->end - s->at > 1) {
            s->at++;
        }
    }
    bool closed = s->at < s->end;
    s->at += closed;
    return closed;
}

/* What is left of this preference: parameters, or what is malformed. */
static void skip_to_comma(struct scan *s)
{
    while (s->at < s->end && *s->at != ',') {
        if (*s->at == '"') {
            (void)skip_quoted(s);
        } else {
            s->at++;
        }
    }
}

struct preference {
    struct span name;
    struct span value; /* as it came, with its quotes */
};

/* The next preference's name and value; false when it is malformed. */
static bool take(struct scan *s, struct preference *p)
{
    *p = (struct preference){.name = take_token(s)};
    bool good = p->name.len > 0;
    skip_blanks(s);
    if (good && is_at(s, '=')) {
        s->at++;
        skip_blanks(s);
        const char *start = s->at;
        good = is_at(s, '"') ? skip_quoted(s) : take_token(s).len > 0;
        p->value = (struct span){start, (size_t)(s->at - start)};
        skip_blanks(s);
    }
    return good && (s->at == s->end || is_at(s, ',') || is_at(s, ';'));
}

static bool says(struct span word, const char *value)
{
    bool quoted = word.len > 1 && word.ptr[0] == '"';
    size_t end = word.len - quoted;
    for (size_t i = quoted; i < end; i++, value++) {
        i += quoted && word.ptr[i] == '\\';
        if (*value == '\0' ||
            tolower((unsigned char)word.ptr[i]) != tolower((unsigned char)*value)) {
            return false;
        }
    }
    return *value == '\0';
}

bool prefer_has(const struct span *fields, size_t count, const char *name, const char *value)
{
    struct preference p;
    for (size_t i = 0; i < count; i++) {
        struct scan s = {fields[i].ptr, fields[i].ptr + fields[i].len};
        for (skip_blanks(&s); s.at < s.end; skip_blanks(&s)) {
            bool good = take(&s, &p);
            if (good && span_equal_nocase(p.name, span_of(name))) {
                return says(p.value, value);
            }
            skip_to_comma(&s);
            s.at += is_at(&s, ',');
        }
    }
    return false;
}
