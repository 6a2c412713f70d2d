/* Errors of the subcommands, for people: one line each on standard error, all alike. */
#ifndef CLI_COMPLAIN_H
#define CLI_COMPLAIN_H

/* What each of these lines begins with. */
#define COMPLAIN_PREFIX "reviewd: "

/* Writes "reviewd: TEXT". Control characters in TEXT become '?', what is over 1,000 bytes is cut
 * off. Returns CLI_FAILED, for `return complain_failed(…)`. */
int complain_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes "reviewd: TEXT; try reviewd COMMAND --help", as above, and returns CLI_USAGE. `command`
 * "": of reviewd itself. */
int complain_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
