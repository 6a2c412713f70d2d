/* Running another program, with bounds. Any thread; blocks. */
#ifndef AWS_PROCESS_H
#define AWS_PROCESS_H

#include "base/buf.h"

#include <stdint.h>

enum { PROCESS_REASON_SIZE = 256 };

struct process_bounds {
    size_t max_output;  /* bytes of standard output */
    int64_t timeout_ms; /* until the program has ended */
    int cancel_fd;      /* when this can be read, the program is killed */
};

/* Splits a command line into words as credential_process wants it: blanks separate; '…' is literal;
 * in "…" a backslash quotes " and \; elsewhere it quotes any character. Nothing is expanded, no
 * shell is run. Returns a NULL-terminated array in one allocation (free()), or NULL with a reason:
 * a quote is not closed, there is no word, or memory ran out. */
char **process_split(const char *command, char reason[PROCESS_REASON_SIZE]);

/* Runs argv[0] (looked for in PATH) in a process group of its own, with nothing on standard input,
 * and appends its standard output to `out`, which the caller has reserved max_output bytes in. True
 * when it ended with status 0 within the bounds; else one line in `reason`, with the first line of
 * standard error. A
 * program that has not ended by then is killed with its group; it is always reaped before this
 * returns. */
bool process_run(char *const argv[], const struct process_bounds *bounds, struct buf *out,
                 char reason[PROCESS_REASON_SIZE]);

#endif
