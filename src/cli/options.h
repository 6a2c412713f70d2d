/* The options of the subcommands: all are read, refused and explained in one way. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/settings.h"

#include <getopt.h>

/* Values of the long options that have no letter; subcommands go on from OPTIONS_OWN. */
enum { OPTIONS_ENV_FILE = 256, OPTIONS_OWN };

/* For the end of each subcommand's table: --help (-h), --version (-V), and what ends the table. */
#define OPTIONS_COMMON                                                                             \
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'},                         \
    {                                                                                              \
        NULL, 0, NULL, 0                                                                           \
    }
#define OPTIONS_COMMON_HELP                                                                        \
    "  -h, --help, -V, --version\n                   print this, or the version\n"

/* What is read, and how it went; all zero but for the first three. */
struct options {
    const char *command;        /* "mail" */
    const char *help;           /* all of its help, which --help prints */
    const struct option *known; /* ends with OPTIONS_COMMON */
    bool begun;
    int code; /* after the end: the exit code with which the subcommand is to return, or -1: go on
               */
};

/* The next option's value as getopt_long() returns it, with its argument in optarg; -1 at the end,
 * which is also where help or the version was printed or an error was reported (o->code). Arguments
 * stand from argv[optind] on then. */
int options_next(struct options *o, int argc, char **argv);

/* After the last option, for subcommands without arguments: -1, or the exit code when there is one,
 * or o->code. */
int options_end(const struct options *o, int argc, char **argv);

/* The whole help of a subcommand whose only option is --env-file: both are literals. */
#define OPTIONS_ENV_FILE_HELP                                                                      \
    "  --env-file FILE  read settings from FILE (systemd's EnvironmentFile syntax);\n"             \
    "                   the environment wins over it\n"
#define OPTIONS_HELP(command, purpose)                                                             \
    "usage: reviewd " command " [--env-file FILE]\n\n" purpose                                     \
    "\n\n" OPTIONS_ENV_FILE_HELP OPTIONS_COMMON_HELP

/* For those subcommands: reads the command line and loads the settings. Returns as
 * options_load(). */
int options_settings(int argc, char **argv, const char *command, const char *help,
                     struct settings **settings);

/* Loads the settings from the environment and `env_file` (NULL: none) and warns of unknown
 * variables on standard error. Returns -1 with *settings set (free with settings_free()), or the
 * exit code with which the subcommand is to return: an error was reported. */
int options_load(const char *env_file, struct settings **settings);

#endif
