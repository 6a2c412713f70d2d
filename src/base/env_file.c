#include "base/env_file.h"

#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Where the parser is. After an error `reason` is not empty and nothing more is parsed. */
struct parser {
    const char *at;
    const char *end;
    unsigned line;
    const char *label;
    char *reason;
    struct buf value;
    size_t keep; /* bytes at the beginning of `value` that are no trailing blanks */
};

static int fail(struct parser *p, unsigned line, const char *what)
{
    (void)snprintf(p->reason, ENV_FILE_REASON_SIZE, "%.180s, line %u: %s", p->label, line, what);
    return -1;
}

static bool is_newline(char c)
{
    return c == '\n' || c == '\r';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || is_newline(c);
}

static bool is_name_byte(char c, bool first)
{
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    return letter || (!first && c >= '0' && c <= '9');
}

/* Takes one byte; lines are counted here and nowhere else. */
static char take(struct parser *p)
{
    char c = *p->at++;
    p->line += c == '\n';
    return c;
}

static void skip_line(struct parser *p)
{
    while (p->at < p->end && !is_newline(*p->at)) {
        (void)take(p);
    }
}

/* Up to the next name: blank lines and comments. */
static void skip_to_name(struct parser *p)
{
    while (p->at < p->end && (is_blank(*p->at) || *p->at == '#' || *p->at == ';')) {
        if (is_blank(*p->at)) {
            (void)take(p);
        } else {
            skip_line(p);
        }
    }
}

/* The name, and what separates it from the value. */
static int parse_name(struct parser *p, struct span *name)
{
    const char *start = p->at;
    while (p->at < p->end && is_name_byte(*p->at, p->at == start)) {
        p->at++;
    }
    *name = (struct span){start, (size_t)(p->at - start)};
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t')) {
        p->at++;
    }
    if (p->at < p->end && *p->at == '=' && name->len > 0) {
        p->at++;
        return 0;
    }
    if (p->at < p->end && !is_newline(*p->at)) {
        return fail(p, p->line, "a name of letters, digits and _ followed by = is expected");
    }
    return fail(p, p->line, "there is no = after the name");
}

static void add(struct parser *p, char c)
{
    buf_add_char(&p->value, c);
    p->keep = p->value.len;
}

/* Behind a backslash: whether the line goes on in the next one; then the line end is taken. */
static bool take_line_end(struct parser *p)
{
    if (p->at < p->end && *p->at == '\r' && p->at + 1 < p->end && p->at[1] == '\n') {
        (void)take(p);
    }
    if (p->at < p->end && is_newline(*p->at)) {
        (void)take(p);
        return true;
    }
    return false;
}

/* Behind the opening quote. */
static int parse_quoted(struct parser *p, char quote)
{
    unsigned opened = p->line;
    while (p->at < p->end) {
        char c = take(p);
        if (c == quote) {
            return 0;
        }
        bool escape = c == '\\' && quote == '"' && p->at < p->end;
        if (escape && take_line_end(p)) {
            continue;
        }
        if (escape && strchr("\"\\`$", *p->at) != NULL) {
            c = take(p);
        }
        add(p, c);
    }
    return fail(p, opened, "the quote that begins here is never closed");
}

/* The rest of an unquoted value; quotes have no meaning in it. */
static void parse_plain(struct parser *p)
{
    while (p->at < p->end && !is_newline(*p->at)) {
        char c = take(p);
        if (c != '\\') {
            buf_add_char(&p->value, c);
            p->keep = is_blank(c) ? p->keep : p->value.len;
        } else if (take_line_end(p) || p->at == p->end) {
            p->keep = p->value.len;
        } else {
            add(p, take(p));
        }
    }
}

/* Quoted pieces, with nothing but blanks between them, and then perhaps an unquoted one. */
static int parse_value(struct parser *p)
{
    buf_clear(&p->value);
    p->keep = 0;
    while (p->at < p->end && !is_newline(*p->at)) {
        char c = *p->at;
        if (c == '"' || c == '\'') {
            p->at++;
            if (parse_quoted(p, c) != 0) {
                return -1;
            }
        } else if (is_blank(c)) {
            p->at++;
        } else {
            parse_plain(p);
        }
    }
    return 0;
}

static char *copy(struct span text)
{
    char *bytes = malloc(text.len + 1);
    if (bytes != NULL) {
        memcpy(bytes, text.ptr, text.len);
        bytes[text.len] = '\0';
    }
    return bytes;
}

static int add_entry(struct parser *p, struct env_file *out, struct span name, unsigned line)
{
    struct span value = {buf_str(&p->value), p->keep};
    if (!utf8_valid(value)) {
        return fail(p, line, "the value is not valid UTF-8");
    }
    struct env_entry *more = realloc(out->entries, (out->count + 1) * sizeof(*more));
    if (more == NULL) {
        return fail(p, line, "out of memory");
    }
    out->entries = more;
    struct env_entry *entry = &more[out->count];
    entry->name = copy(name);
    entry->value = copy(value);
    entry->line = line;
    out->count++;
    if (entry->name == NULL || entry->value == NULL || buf_failed(&p->value)) {
        return fail(p, line, "out of memory");
    }
    return 0;
}

static int parse_assignment(struct parser *p, struct env_file *out)
{
    unsigned line = p->line;
    struct span name;
    if (parse_name(p, &name) != 0 || parse_value(p) != 0) {
        return -1;
    }
    return add_entry(p, out, name, line);
}

int env_file_parse(struct env_file *out, struct span text, const char *label,
                   char reason[ENV_FILE_REASON_SIZE])
{
    *out = (struct env_file){0};
    const char *start = text.ptr != NULL ? text.ptr : "";
    struct parser p = {.at = start, .end = start + text.len, .line = 1, .label = label};
    p.reason = reason;
    int result = 0;
    const char *nul = memchr(start, '\0', text.len);
    if (nul != NULL) {
        while (p.at < nul) {
            (void)take(&p);
        }
        result = fail(&p, p.line, "there is a NUL byte");
    }
    skip_to_name(&p);
    while (result == 0 && p.at < p.end) {
        result = parse_assignment(&p, out);
        skip_to_name(&p);
    }
    buf_free(&p.value);
    if (result != 0) {
        env_file_free(out);
    }
    return result;
}

static int read_whole(struct buf *out, int fd)
{
    out->limit = ENV_FILE_SIZE_MAX;
    for (;;) {
        char chunk[4096];
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return (int)n;
        }
        bool too_large = out->len + (size_t)n > ENV_FILE_SIZE_MAX;
        buf_add(out, chunk, (size_t)n);
        if (buf_failed(out)) {
            errno = too_large ? EFBIG : ENOMEM;
            return -1;
        }
    }
}

int env_file_read(struct env_file *out, const char *path, char reason[ENV_FILE_REASON_SIZE])
{
    *out = (struct env_file){0};
    struct buf text = {.secret = true};
    int result = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read_whole(&text, fd) == 0) {
        result = env_file_parse(out, buf_span(&text), path, reason);
    } else {
        (void)snprintf(reason, ENV_FILE_REASON_SIZE, "cannot read %.180s: %s", path,
                       strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    buf_free(&text);
    return result;
}

void env_file_free(struct env_file *file)
{
    if (file == NULL) {
        return;
    }
    for (size_t i = 0; i < file->count; i++) {
        free(file->entries[i].name);
        free(file->entries[i].value);
    }
    free(file->entries);
    *file = (struct env_file){0};
}

const struct env_entry *env_file_find(const struct env_file *file, const char *name)
{
    for (size_t i = file->count; i > 0; i--) {
        if (strcmp(file->entries[i - 1].name, name) == 0) {
            return &file->entries[i - 1];
        }
    }
    return NULL;
}

static bool needs_quotes(const char *value)
{
    size_t len = strlen(value);
    return len > 0 && (strpbrk(value, "\\\r\n") != NULL || value[0] == '"' || value[0] == '\'' ||
                       is_blank(value[0]) || is_blank(value[len - 1]));
}

void env_file_write(struct buf *out, const char *name, const char *value)
{
    buf_add_str(out, name);
    buf_add_char(out, '=');
    if (needs_quotes(value)) {
        buf_add_char(out, '"');
        for (const char *c = value; *c != '\0'; c++) {
            if (strchr("\"\\`$", *c) != NULL) {
                buf_add_char(out, '\\');
            }
            buf_add_char(out, *c);
        }
        buf_add_char(out, '"');
    } else {
        buf_add_str(out, value);
    }
    buf_add_char(out, '\n');
}
