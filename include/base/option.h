/* What getopt_long() refused, in words. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include <getopt.h>
#include <stddef.h>

enum { OPTION_WRONG_SIZE = 96 };

/* Writes one line without control characters: "unknown option -x", "a value is missing for --url"
 * or "--help takes no value".
 *
 * Call right after getopt_long() has returned `code`, '?' or ':' (its short options begin with a
 * colon), with the argv and the long options that it was given. A long option's `val` must be the
 * letter of a short option that means the same, or no character (above 255): so a letter that is
 * unknown in a bundle, as -xy, is told from a long option that was given a value. */
void option_wrong(int code, char *const argv[], const struct option *known,
                  char out[OPTION_WRONG_SIZE]);

#endif
