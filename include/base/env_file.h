/* Files of variables in the syntax of systemd's EnvironmentFile= (systemd.exec(5)), so that one
 * file serves systemd and `--env-file`. Pure but for env_file_read(); any thread.
 *
 *     # comment     ; comment     (whole lines only)
 *     NAME=value with blanks inside \
 *     and another line
 *     NAME='taken as it is, also over several lines'
 *     NAME="with \" \\ \$ and \` escaped"
 *
 * Blanks around names and values are dropped. Nothing is expanded. What systemd passes over
 * silently is an error here: a line without =, a name that is no name, a quote that is never
 * closed, invalid UTF-8, NUL. */
#ifndef BASE_ENV_FILE_H
#define BASE_ENV_FILE_H

#include "base/buf.h"

enum { ENV_FILE_REASON_SIZE = 256, ENV_FILE_SIZE_MAX = 1024 * 1024 };

struct env_file {
    struct env_entry {
        char *name;    /* [A-Za-z_][A-Za-z0-9_]* */
        char *value;   /* valid UTF-8, may be "" */
        unsigned line; /* where the name stands, from 1 */
    } * entries;       /* in the file's order */
    size_t count;
};

/* Parses `text`. 0, and the caller frees with env_file_free(); or -1 with one line in `reason` that
 * begins with `label` and the line's number, and nothing to free. */
int env_file_parse(struct env_file *out, struct span text, const char *label,
                   char reason[ENV_FILE_REASON_SIZE]);

/* Reads and parses the file; larger than ENV_FILE_SIZE_MAX is an error. As env_file_parse(). */
int env_file_read(struct env_file *out, const char *path, char reason[ENV_FILE_REASON_SIZE]);

void env_file_free(struct env_file *file); /* NULL and all zero: nothing */

/* The last entry called `name` (systemd: the later assignment wins), or NULL. */
const struct env_entry *env_file_find(const struct env_file *file, const char *name);

/* Appends "NAME=value" and a newline, quoted where the syntax needs it and only then, so that
 * simple readers like docker's get on with it too. */
void env_file_write(struct buf *out, const char *name, const char *value);

#endif
