#include "ini.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* All strings point into the text, which the parser cuts in place. */
struct ini_entry {
    const char *section;
    const char *parent; /* NULL unless nested */
    const char *key;    /* NULL: only says that the section is there */
    const char *value;
};

struct ini {
    struct ini_entry *entries;
    size_t count;
    size_t capacity;
    size_t size; /* of text */
    char text[];
};

/* Where the parser is. */
struct ini_place {
    const char *section;
    const char *parent; /* the last key without a value */
    const char *fault;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts blanks at both ends. */
static char *trim(char *text)
{
    while (blank(*text)) {
        text++;
    }
    size_t len = strlen(text);
    while (len > 0 && (blank(text[len - 1]) || text[len - 1] == '\r')) {
        text[--len] = '\0';
    }
    return text;
}

/* Cuts a comment, which begins with # or ; at the start or after a blank. */
static void cut_comment(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if ((*c == '#' || *c == ';') && (c == text || blank(c[-1]))) {
            *c = '\0';
            return;
        }
    }
}

static bool add(struct ini *ini, struct ini_entry entry)
{
    if (ini->count == ini->capacity) {
        size_t capacity = ini->capacity > 0 ? ini->capacity * 2 : 32;
        struct ini_entry *more = realloc(ini->entries, capacity * sizeof(*more));
        if (more == NULL) {
            return false;
        }
        ini->entries = more;
        ini->capacity = capacity;
    }
    ini->entries[ini->count++] = entry;
    return true;
}

/* Drops the quotes around a name: [profile "my name"]. */
static char *unquote(char *name)
{
    size_t len = strlen(name);
    if (len >= 2 && (*name == '"' || *name == '\'') && name[len - 1] == *name) {
        name[len - 1] = '\0';
        return name + 1;
    }
    return name;
}

/* "  profile   x " becomes "profile x", in place. */
static char *fold(char *name)
{
    name = trim(name);
    size_t word = strcspn(name, " \t");
    if (name[word] == '\0') {
        return unquote(name);
    }
    char *rest = unquote(trim(name + word));
    name[word] = ' ';
    memmove(name + word + 1, rest, strlen(rest) + 1);
    return name;
}

static bool parse_section(struct ini *ini, struct ini_place *at, char *line)
{
    char *end = strchr(line, ']');
    if (end == NULL) {
        at->fault = "a section without ]";
        return false;
    }
    *end = '\0';
    at->section = fold(line + 1);
    at->parent = NULL;
    if (!add(ini, (struct ini_entry){.section = at->section})) {
        at->fault = NULL;
        return false;
    }
    return true;
}

static bool parse_setting(struct ini *ini, struct ini_place *at, char *line, bool indented)
{
    char *equals = strchr(line, '=');
    if (equals == NULL || at->section == NULL) {
        at->fault =
            equals == NULL ? "neither [section] nor key = value" : "a key before any [section]";
        return false;
    }
    *equals = '\0';
    char *value = equals + 1;
    cut_comment(value);
    struct ini_entry entry = {.section = at->section, .key = trim(line), .value = trim(value)};
    if (*entry.key == '\0') {
        at->fault = "a value without a key";
        return false;
    }
    if (indented) {
        entry.parent = at->parent;
    } else {
        at->parent = *entry.value == '\0' ? entry.key : NULL;
    }
    at->fault = NULL;
    return add(ini, entry);
}

static bool parse_line(struct ini *ini, struct ini_place *at, char *line)
{
    bool indented = blank(*line);
    bool in_setting = ini->count > 0 && ini->entries[ini->count - 1].key != NULL;
    line = trim(line);
    if (*line == '\0' || *line == '#' || *line == ';') {
        return true;
    }
    if (*line == '[') {
        return parse_section(ini, at, line);
    }
    if (indented && in_setting && at->parent == NULL) {
        return true; /* continues the value above */
    }
    return parse_setting(ini, at, line, indented && in_setting);
}

static bool parse_all(struct ini *ini, char reason[INI_REASON_SIZE])
{
    struct ini_place at = {0};
    char *line = ini->text;
    if (strncmp(line, "\xEF\xBB\xBF", 3) == 0) {
        line += 3;
    }
    const char *text_end = ini->text + ini->size;
    for (size_t number = 1; line != NULL; number++) {
        char *end = memchr(line, '\n', (size_t)(text_end - line));
        if (end != NULL) {
            *end++ = '\0';
        }
        if (parse_line(ini, &at, line)) {
            line = end;
            continue;
        }
        if (at.fault != NULL) {
            (void)snprintf(reason, INI_REASON_SIZE, "line %zu: %s", number, at.fault);
        } else {
            (void)snprintf(reason, INI_REASON_SIZE, "out of memory");
        }
        errno = at.fault != NULL ? EINVAL : ENOMEM;
        return false;
    }
    return true;
}

struct ini *ini_parse(struct span text, char reason[INI_REASON_SIZE])
{
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL) {
        (void)snprintf(reason, INI_REASON_SIZE, "it holds a NUL byte");
        errno = EINVAL;
        return NULL;
    }
    if (text.len > INI_MAX_BYTES) {
        (void)snprintf(reason, INI_REASON_SIZE, "it is larger than 1 MiB");
        errno = EINVAL;
        return NULL;
    }
    struct ini *ini = malloc(sizeof(*ini) + text.len + 1);
    if (ini == NULL) {
        (void)snprintf(reason, INI_REASON_SIZE, "out of memory");
        errno = ENOMEM;
        return NULL;
    }
    *ini = (struct ini){.size = text.len};
    if (text.len > 0) {
        memcpy(ini->text, text.ptr, text.len);
    }
    ini->text[text.len] = '\0';
    if (!parse_all(ini, reason)) {
        ini_free(ini);
        return NULL;
    }
    return ini;
}

void ini_free(struct ini *ini)
{
    if (ini == NULL) {
        return;
    }
    explicit_bzero(ini->text, ini->size);
    free(ini->entries); /* free() keeps errno */
    free(ini);
}

static bool key_is(const struct ini_entry *entry, const char *key)
{
    if (entry->key == NULL) {
        return false;
    }
    if (entry->parent == NULL) {
        return strcasecmp(entry->key, key) == 0;
    }
    size_t len = strlen(entry->parent);
    return strncasecmp(entry->parent, key, len) == 0 && key[len] == '.' &&
           strcasecmp(entry->key, key + len + 1) == 0;
}

const char *ini_get(const struct ini *ini, const char *section, const char *key)
{
    for (size_t i = ini->count; i-- > 0;) {
        const struct ini_entry *entry = &ini->entries[i];
        if (key_is(entry, key) && strcmp(entry->section, section) == 0) {
            return entry->value;
        }
    }
    return NULL;
}

bool ini_has(const struct ini *ini, const char *section)
{
    for (size_t i = 0; i < ini->count; i++) {
        if (strcmp(ini->entries[i].section, section) == 0) {
            return true;
        }
    }
    return false;
}
