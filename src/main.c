#include "cli/cli.h"
#include "cli/complain.h"
#include "cli/standard.h"

#include <stdio.h>
#include <string.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *purpose;
} commands[] = {
    {"serve", cli_serve, "run the service (what reviewd does without a command)"},
    {"score", cli_score, "score texts, or standard input line by line"},
    {"config", cli_config, "print the effective settings"},
    {"check", cli_check, "try what the settings name, and say what to do about each failure"},
    {"mail", cli_mail, "list, requeue or drop the mails that were given up"},
    {"table", cli_table, "make the DynamoDB table, or what it lacks"},
    {"healthcheck", cli_healthcheck, "ask the running service whether it lives"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int print_help(void)
{
    printf("reviewd scores customer reviews, stores them, and mails the positive ones.\n\n"
           "usage: reviewd [COMMAND] [OPTION...]\n\n");
    for (size_t i = 0; i < COMMANDS; i++) {
        printf("  %-12s %s\n", commands[i].name, commands[i].purpose);
    }
    printf("\n`reviewd COMMAND --help` says more, `reviewd --version` which version this is.\n"
           "Settings are environment variables: see `reviewd config --template`.\n");
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    const char *name = argc < 2 ? "" : argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        return print_help();
    }
    if (argc < 2 || name[0] == '-') {
        return cli_serve(argc, argv);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    return complain_usage("", "unknown command %.40s", name);
}

int main(int argc, char **argv)
{
    standard_fill();
    return standard_end(run(argc, argv));
}
