#include "base/option.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct option *find(const struct option *known, int value)
{
    while (known->name != NULL && known->val != value) {
        known++;
    }
    return known->name != NULL ? known : NULL;
}

void option_wrong(int code, char *const argv[], const struct option *known,
                  char out[OPTION_WRONG_SIZE])
{
    /* getopt_long() has passed this one, unless it is in the middle of a bundle of letters. */
    const char *given = argv[optind - 1];
    int length = (int)strcspn(given, "=");
    length = length < OPTION_WRONG_SIZE / 2 ? length : OPTION_WRONG_SIZE / 2;
    const struct option *valued = optopt != 0 ? find(known, optopt) : NULL;
    if (code == ':' && strncmp(given, "--", 2) == 0) {
        (void)snprintf(out, OPTION_WRONG_SIZE, "a value is missing for %.*s", length, given);
    } else if (code == ':') {
        (void)snprintf(out, OPTION_WRONG_SIZE, "a value is missing for -%c", optopt);
    } else if (valued != NULL) {
        (void)snprintf(out, OPTION_WRONG_SIZE, "--%s takes no value", valued->name);
    } else if (optopt != 0) {
        (void)snprintf(out, OPTION_WRONG_SIZE, "unknown option -%c", optopt);
    } else {
        (void)snprintf(out, OPTION_WRONG_SIZE, "unknown option %.*s", length, given);
    }
    for (char *c = out; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c)) {
            *c = '?';
        }
    }
}
