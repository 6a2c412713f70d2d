#include "cli/cli.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>

static int print(const struct buf *text)
{
    if (buf_failed(text)) {
        (void)fputs("reviewd: out of memory\n", stderr);
        return CLI_FAILED;
    }
    (void)fputs(buf_str(text), stdout);
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "reviewd: cannot write to standard output: %s\n", strerror(errno));
        return CLI_FAILED;
    }
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

int cli_config(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--template") == 0) {
        return print_template();
    }
    struct settings *settings = NULL;
    int code = options_settings(
        argc, argv, "config",
        "Prints the effective settings as a file of NAME=value lines, each below a comment\n"
        "that says where the value is from; secrets are masked.\n"
        "`reviewd config --template` prints a file that explains all settings instead.",
        &settings);
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
