/* The options that most subcommands share. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/settings.h"

/* Parses --env-file FILE and --help, allows no arguments, loads the settings and warns of unknown
 * variables on standard error. Returns -1 with *settings set (free with settings_free()), or the
 * exit code with which the subcommand is to return: help was printed, or an error. */
int options_settings(int argc, char **argv, const char *name, const char *purpose,
                     struct settings **settings);

/* The second half of it, for subcommands with options of their own: loads the settings from the
 * environment and `env_file` (NULL: none). Returns as above. */
int options_load(const char *env_file, struct settings **settings);

#endif
