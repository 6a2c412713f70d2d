#include "options.h"

#include "cli/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static int print_help(const char *name, const char *purpose)
{
    printf("usage: reviewd %s [--env-file FILE]\n\n%s\n\n"
           "  --env-file FILE  read settings from FILE (systemd's EnvironmentFile syntax);\n"
           "                   the environment wins over it\n"
           "  --help           print this\n",
           name, purpose);
    return CLI_OK;
}

/* What getopt_long() refused with `option`. A letter within "-xyz" it names in optopt. */
static int refuse(int option, char **argv, const char *name)
{
    char letter[] = {'-', (char)optopt, '\0'};
    if (option == ':') {
        fprintf(stderr, "reviewd: a value is missing for %s", argv[optind - 1]);
    } else {
        fprintf(stderr, "reviewd: unknown option %s", optopt != 0 ? letter : argv[optind - 1]);
    }
    fprintf(stderr, "; try reviewd %s --help\n", name);
    return CLI_USAGE;
}

int options_load(const char *env_file, struct settings **settings)
{
    char reason[SETTINGS_REASON_SIZE];
    *settings = settings_load(env_file, (const char *const *)environ, reason);
    if (*settings == NULL) {
        fprintf(stderr, "reviewd: %s\n", reason);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < settings_warning_count(*settings); i++) {
        fprintf(stderr, "reviewd: warning: %s\n", settings_warning(*settings, i));
    }
    return -1;
}

int options_settings(int argc, char **argv, const char *name, const char *purpose,
                     struct settings **settings)
{
    static const struct option known[] = {{"env-file", required_argument, NULL, 'e'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *env_file = NULL;
    int option;
    opterr = 0;
    optind = 0; /* the GNU way to start afresh */
    while ((option = getopt_long(argc, argv, ":h", known, NULL)) != -1) {
        if (option == 'h') {
            return print_help(name, purpose);
        }
        if (option != 'e') {
            return refuse(option, argv, name);
        }
        env_file = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "reviewd: %s takes no argument %s; try reviewd %s --help\n", name,
                argv[optind], name);
        return CLI_USAGE;
    }
    return options_load(env_file, settings);
}
