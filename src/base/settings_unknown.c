#include "settings_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* Variables that begin as ours do but are none: most likely a slip of the pen. */

enum { NAME_SIZE = 64 };

static const char prefix[] = "REVIEWD_";

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many bytes must be put in, taken out or changed to make one name of the other (Levenshtein).
 */
static size_t distance(struct span a, const char *b)
{
    size_t row[NAME_SIZE + 1];
    size_t len = least(strlen(b), NAME_SIZE);
    for (size_t j = 0; j <= len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < len; j++) {
            size_t changed = diagonal + (a.ptr[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = least(changed, least(row[j], row[j + 1]) + 1);
        }
    }
    return row[len];
}

/* The nearest name of the table, or NULL when it would be a guess: beyond half of what follows the
 * prefix. */
static const char *nearest(struct span name)
{
    const char *best = NULL;
    size_t best_distance = (name.len - strlen(prefix)) / 2 + 2;
    for (size_t i = 0; name.len <= NAME_SIZE && i < settings_table_size; i++) {
        size_t d = distance(name, settings_table[i].name);
        if (d < best_distance) {
            best_distance = d;
            best = settings_table[i].name;
        }
    }
    return best;
}

static bool is_known(struct span name)
{
    for (size_t i = 0; i < settings_table_size; i++) {
        if (span_equal(name, span_of(settings_table[i].name))) {
            return true;
        }
    }
    return false;
}

static int warn(struct settings_detail *detail, struct span name, const struct env_entry *entry)
{
    if (name.len < strlen(prefix) || memcmp(name.ptr, prefix, strlen(prefix)) != 0 ||
        is_known(name)) {
        return 0;
    }
    struct buf line = BUF_INIT;
    if (entry != NULL) {
        buf_addf(&line, "%s, line %u: ", detail->file_name, entry->line);
    }
    buf_add(&line, name.ptr, least(name.len, 100));
    buf_add_str(&line, " is no setting");
    const char *meant = nearest(name);
    if (meant != NULL) {
        buf_addf(&line, "; did you mean %s?", meant);
    }
    size_t count = detail->warning_count;
    char **more = realloc(detail->warnings, (count + 1) * sizeof(*more));
    if (more != NULL) {
        detail->warnings = more;
        more[count] = buf_detach(&line);
    }
    if (more == NULL || more[count] == NULL) {
        buf_free(&line);
        return -1;
    }
    detail->warning_count++;
    return 0;
}

int settings_unknown_collect(struct settings_detail *detail)
{
    for (size_t i = 0; detail->environment[i] != NULL; i++) {
        const char *variable = detail->environment[i];
        struct span name = {variable, strcspn(variable, "=")};
        if (warn(detail, name, NULL) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < detail->file.count; i++) {
        if (warn(detail, span_of(detail->file.entries[i].name), &detail->file.entries[i]) != 0) {
            return -1;
        }
    }
    return 0;
}

const char *settings_warning(const struct settings *settings, size_t i)
{
    return i < settings->detail->warning_count ? settings->detail->warnings[i] : NULL;
}

size_t settings_warning_count(const struct settings *settings)
{
    return settings->detail->warning_count;
}
