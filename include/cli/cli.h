/* The subcommands of reviewd, one function and one file each; main() picks one.
 *
 * `argv[0]` is the subcommand's name, `argv[1]` to `argv[argc - 1]` its own arguments; `argv[argc]`
 * is NULL. Each understands --help, prints errors as one line on standard error, and returns the
 * process's exit code. Each runs at most once in a process, from the main thread. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

enum {
    CLI_OK = 0,     /* it did what was asked */
    CLI_FAILED = 1, /* it could not, or not all of it */
    CLI_USAGE = 2   /* it was asked wrongly: unknown option, bad value; nothing was done */
};

/* Runs the service until SIGTERM or SIGINT; CLI_OK after an orderly stop. */
int cli_serve(int argc, char **argv);

/* Scores its arguments, or standard input line by line. */
int cli_score(int argc, char **argv);

/* Prints the effective settings, secrets masked. */
int cli_config(int argc, char **argv);

/* Tries what the settings name and says what to do about each failure; CLI_FAILED when there is
 * one. */
int cli_check(int argc, char **argv);

/* Makes the DynamoDB table that the settings name, or what it lacks. */
int cli_table(int argc, char **argv);

/* Asks the running service's /healthz: CLI_OK when it answers 200. */
int cli_healthcheck(int argc, char **argv);

/* Lists, requeues or drops the mails that were given up, also beside a running service. */
int cli_mail(int argc, char **argv);

#endif
