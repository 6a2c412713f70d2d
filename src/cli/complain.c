#include "cli/complain.h"

#include "cli/cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_SIZE = 1000 };

/* The text may repeat what was given on the command line: it must stay one line. */
static void write_text(char text[TEXT_SIZE], const char *format, va_list args)
{
    (void)vsnprintf(text, TEXT_SIZE, format, args);
    for (char *c = text; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c)) {
            *c = '?';
        }
    }
}

int complain_failed(const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    write_text(text, format, args);
    va_end(args);
    (void)fprintf(stderr, COMPLAIN_PREFIX "%s\n", text);
    return CLI_FAILED;
}

int complain_usage(const char *command, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list args;
    va_start(args, format);
    write_text(text, format, args);
    va_end(args);
    (void)fprintf(stderr, COMPLAIN_PREFIX "%s; try reviewd%s%s --help\n", text,
                  command[0] != '\0' ? " " : "", command);
    return CLI_USAGE;
}
