#include "base/settings.h"
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

struct arguments {
    const char *env_file;
    bool template;
    int exit_code; /* -1: go on */
};

static void print_usage(void)
{
    (void)fputs(
        "usage: reviewd config [--env-file FILE] [--template]\n\n"
        "Prints the effective settings as NAME=value lines, each below a comment that says where "
        "its\n"
        "value is from; secrets are masked.\n\n"
        "  --env-file FILE  read variables from FILE too (systemd's EnvironmentFile syntax);\n"
        "                   those of the environment win\n"
        "  --template       print a file with all settings explained instead\n"
        "  --help           print this\n",
        stdout);
}

static struct arguments read_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"env-file", required_argument, NULL, 'e'},
        {"template", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct arguments a = {.exit_code = -1};
    opterr = 0;
    optind = 0; /* the GNU way to start afresh */
    int option;
    while (a.exit_code < 0 && (option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
        if (option == 'e') {
            a.env_file = optarg;
        } else if (option == 't') {
            a.template = true;
        } else if (option == 'h') {
            print_usage();
            a.exit_code = CLI_OK;
        } else {
            (void)fprintf(stderr, "reviewd config: %s %.40s; see reviewd config --help\n",
                          option == ':' ? "there is no value after" : "unknown option",
                          argv[optind - 1]);
            a.exit_code = CLI_USAGE;
        }
    }
    if (a.exit_code < 0 && optind < argc) {
        (void)fprintf(stderr,
                      "reviewd config: it takes no argument '%.40s'; see reviewd config --help\n",
                      argv[optind]);
        a.exit_code = CLI_USAGE;
    }
    return a;
}

static int print(const struct buf *text)
{
    if (buf_failed(text)) {
        (void)fputs("reviewd config: out of memory\n", stderr);
        return CLI_FAILED;
    }
    (void)fputs(buf_str(text), stdout);
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "reviewd config: cannot write: %s\n", strerror(errno));
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int print_settings(const char *env_file)
{
    char reason[SETTINGS_REASON_SIZE];
    struct settings *settings = settings_load(env_file, (const char *const *)environ, reason);
    if (settings == NULL) {
        (void)fprintf(stderr, "reviewd: %s\n", reason);
        return CLI_USAGE;
    }
    for (size_t i = 0; i < settings_warning_count(settings); i++) {
        (void)fprintf(stderr, "reviewd: warning: %s\n", settings_warning(settings, i));
    }
    struct buf text = BUF_INIT;
    settings_write(settings, &text);
    int code = print(&text);
    buf_free(&text);
    settings_free(settings);
    return code;
}

int cli_config(int argc, char **argv)
{
    struct arguments a = read_arguments(argc, argv);
    if (a.exit_code >= 0) {
        return a.exit_code;
    }
    if (!a.template) {
        return print_settings(a.env_file);
    }
    struct buf text = BUF_INIT;
    settings_write_template(&text);
    int code = print(&text);
    buf_free(&text);
    return code;
}
