#include "cli/cli.h"
#include "options.h"
#include "report.h"
#include "wire.h"

#include "store/dynamodb.h"

#include <getopt.h>
#include <stdio.h>

enum { WAIT_MS = 10 * 60 * 1000 };

static int print_help(void)
{
    printf(
        "usage: reviewd table create\n\n"
        "Makes the DynamoDB table that TABLE_NAME names: its keys, the index " DYNAMODB_INDEX ",\n"
        "on-demand billing, a stream with new images and point-in-time recovery; or adds what of\n"
        "that an existing table lacks. Waits until all can be used, up to 10 minutes at a time.\n"
        "Needs dynamodb:CreateTable, DescribeTable, UpdateTable and UpdateContinuousBackups.\n\n"
        "  --env-file FILE  read settings from FILE; the environment wins over it\n"
        "  --help           print this\n");
    return CLI_OK;
}

static int usage(const char *what, const char *which)
{
    (void)fprintf(stderr, "reviewd: %s%s; try reviewd table --help\n", what, which);
    return CLI_USAGE;
}

static int create(const struct settings *settings)
{
    char reason[WIRE_REASON_SIZE];
    struct wire_aws aws;
    if (settings->table_name == NULL) {
        return usage("TABLE_NAME is not set: it names the table", "");
    }
    wire_aws_init(&aws, settings, NULL);
    struct dynamodb_table table = {.client = wire_aws_client(&aws, &aws_service_dynamodb, reason),
                                   .clock = clock_system(),
                                   .name = settings->table_name,
                                   .report = report_table,
                                   .wait_ms = WAIT_MS};
    bool good = table.client != NULL ? dynamodb_create(&table)
                                     : report_line("FAIL", settings->table_name, reason);
    wire_aws_close(&aws);
    return good ? CLI_OK : CLI_FAILED;
}

int cli_table(int argc, char **argv)
{
    static const struct option known[] = {{"env-file", required_argument, NULL, 'e'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    const char *env_file = NULL;
    struct settings *settings = NULL;
    int option;
    opterr = 0;
    optind = 0; /* the GNU way to start afresh */
    while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        switch (option) {
        case 'e':
            env_file = optarg;
            break;
        case 'h':
            return print_help();
        case ':':
            return usage("a value is missing for ", argv[optind - 1]);
        default:
            return usage("unknown option ", argv[optind - 1]);
        }
    }
    if (optind + 1 != argc || strcmp(argv[optind], "create") != 0) {
        return usage("table needs one action: create", "");
    }
    int code = options_load(env_file, &settings);
    if (code < 0) {
        code = create(settings);
        settings_free(settings);
    }
    return code;
}
