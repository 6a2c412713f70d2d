#include "cli/cli.h"
#include "cli/complain.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>

enum { OPTION_TEMPLATE = OPTIONS_OWN };

static const char help[] =
    "usage: reviewd config [--env-file FILE]\n"
    "       reviewd config --template\n\n"
    "Prints the effective settings as a file of NAME=value lines, each below a comment\n"
    "that says where the value is from; secrets are masked.\n\n"
    "  --template       print a file that explains all settings instead\n" OPTIONS_ENV_FILE_HELP
        OPTIONS_COMMON_HELP;

static int print(const struct buf *text)
{
    if (buf_failed(text)) {
        return complain_failed("out of memory");
    }
    (void)fputs(buf_str(text), stdout);
    return CLI_OK;
}

static int print_template(void)
{
    struct buf text = BUF_INIT;
    settings_write_template(&text);
    int code = print(&text);
    buf_free(&text);
    return code;
}

static int print_settings(const char *env_file)
{
    struct settings *settings = NULL;
    int code = options_load(env_file, &settings);
    if (code >= 0) {
        return code;
    }
    struct buf text = BUF_INIT;
    settings_write(settings, &text);
    code = print(&text);
    buf_free(&text);
    settings_free(settings);
    return code;
}

int cli_config(int argc, char **argv)
{
    static const struct option known[] = {{"env-file", required_argument, NULL, OPTIONS_ENV_FILE},
                                          {"template", no_argument, NULL, OPTION_TEMPLATE},
                                          OPTIONS_COMMON};
    struct options o = {.command = "config", .help = help, .known = known};
    const char *env_file = NULL;
    bool template = false;
    int option;
    while ((option = options_next(&o, argc, argv)) != -1) {
        if (option == OPTION_TEMPLATE) {
            template = true;
        } else {
            env_file = optarg;
        }
    }
    int code = options_end(&o, argc, argv);
    if (code >= 0) {
        return code;
    }
    return template ? print_template() : print_settings(env_file);
}
