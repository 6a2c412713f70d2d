#include "options.h"

#include "base/option.h"
#include "cli/cli.h"
#include "cli/complain.h"
#include "version.h"

#include <stdio.h>
#include <unistd.h>

static int finish(struct options *o, int code)
{
    o->code = code;
    return -1;
}

int options_next(struct options *o, int argc, char **argv)
{
    char wrong[OPTION_WRONG_SIZE];
    if (!o->begun) {
        o->begun = true;
        opterr = 0;
        optind = 0; /* the GNU way to start afresh */
    }
    int option = getopt_long(argc, argv, ":hV", o->known, NULL);
    switch (option) {
    case -1:
        return finish(o, -1);
    case 'h':
        (void)fputs(o->help, stdout);
        return finish(o, CLI_OK);
    case 'V':
        version_print();
        return finish(o, CLI_OK);
    case '?':
    case ':':
        option_wrong(option, argv, o->known, wrong);
        return finish(o, complain_usage(o->command, "%s", wrong));
    default:
        return option;
    }
}

int options_end(const struct options *o, int argc, char **argv)
{
    if (o->code < 0 && optind < argc) {
        return complain_usage(o->command, "%s takes no argument %s", o->command, argv[optind]);
    }
    return o->code;
}

int options_load(const char *env_file, struct settings **settings)
{
    char reason[SETTINGS_REASON_SIZE];
    *settings = settings_load(env_file, (const char *const *)environ, reason);
    if (*settings == NULL) {
        (void)complain_failed("%s", reason);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < settings_warning_count(*settings); i++) {
        (void)complain_failed("warning: %s", settings_warning(*settings, i));
    }
    return -1;
}

int options_settings(int argc, char **argv, const char *command, const char *help,
                     struct settings **settings)
{
    static const struct option known[] = {{"env-file", required_argument, NULL, OPTIONS_ENV_FILE},
                                          OPTIONS_COMMON};
    struct options o = {.command = command, .help = help, .known = known};
    const char *env_file = NULL;
    while (options_next(&o, argc, argv) != -1) {
        env_file = optarg;
    }
    int code = options_end(&o, argc, argv);
    return code >= 0 ? code : options_load(env_file, settings);
}
