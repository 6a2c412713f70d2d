#include "cli/cli.h"
#include "cli/complain.h"
#include "options.h"
#include "report.h"
#include "wire.h"

#include "store/dynamodb.h"

enum { WAIT_MS = 10 * 60 * 1000 };

static const char help[] =
    "usage: reviewd table create\n\n"
    "Makes the DynamoDB table that TABLE_NAME names: its keys, the index " DYNAMODB_INDEX ",\n"
    "on-demand billing, a stream with new images and point-in-time recovery; or adds what of\n"
    "that an existing table lacks. Waits until all can be used, up to 10 minutes at a time.\n"
    "Needs dynamodb:CreateTable, DescribeTable, UpdateTable and UpdateContinuousBackups.\n"
    "\n" OPTIONS_ENV_FILE_HELP OPTIONS_COMMON_HELP;

static int create(const struct settings *settings)
{
    char reason[WIRE_REASON_SIZE];
    struct wire_aws aws;
    if (settings->table_name == NULL) {
        return complain_usage("table", "TABLE_NAME is not set: it names the table");
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
    static const struct option known[] = {{"env-file", required_argument, NULL, OPTIONS_ENV_FILE},
                                          OPTIONS_COMMON};
    struct options o = {.command = "table", .help = help, .known = known};
    const char *env_file = NULL;
    struct settings *settings = NULL;
    while (options_next(&o, argc, argv) != -1) {
        env_file = optarg;
    }
    if (o.code >= 0) {
        return o.code;
    }
    if (optind + 1 != argc || strcmp(argv[optind], "create") != 0) {
        return complain_usage("table", "table needs one action: create");
    }
    int code = options_load(env_file, &settings);
    if (code < 0) {
        code = create(settings);
        settings_free(settings);
    }
    return code;
}
