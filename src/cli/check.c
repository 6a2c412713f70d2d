#include "base/clock.h"
#include "cli/cli.h"
#include "options.h"
#include "report.h"
#include "wire.h"

static bool report(bool good, const char *what, const char *detail)
{
    return report_line(good ? "ok" : "FAIL", what, detail);
}

static bool check_dynamodb(struct wire_aws *aws)
{
    char reason[WIRE_REASON_SIZE];
    struct dynamodb_table table = {.client = wire_aws_client(aws, &aws_service_dynamodb, reason),
                                   .clock = clock_system(),
                                   .name = aws->settings->table_name,
                                   .report = report_table};
    return table.client != NULL ? dynamodb_check(&table)
                                : report(false, aws->settings->store, reason);
}

/* A running service has shown already that it can write; here it is read. */
static bool check_beside(struct wire_aws *aws)
{
    char reason[WIRE_REASON_SIZE] = "";
    struct outbox_counts counts;
    struct store *store = wire_store_beside(aws, clock_system(), reason);
    bool good = store != NULL && store_count(store, &counts) == 0;
    if (store != NULL && !good) {
        (void)store_ready(store, reason);
    }
    store_close(store);
    return report(good, aws->settings->store, good ? "a running service has it" : reason);
}

/* Opens what a service would open. */
static bool check_store(struct wire_aws *aws)
{
    char reason[WIRE_REASON_SIZE] = "";
    if (wire_store_is_dynamodb(aws->settings)) {
        return check_dynamodb(aws);
    }
    if (wire_store_served(aws->settings)) {
        return check_beside(aws);
    }
    struct store_config config = {
        .clock = clock_system(), .queue_limit = 1, .put_deadline_ms = 1000};
    struct store *store = wire_store(aws, &config, reason);
    char ready[STORE_ERROR_SIZE] = "";
    bool good = store != NULL && store_ready(store, ready);
    store_close(store);
    return report(good, aws->settings->store, store == NULL ? reason : ready);
}

static bool check_mail(struct wire_aws *aws)
{
    char reason[WIRE_REASON_SIZE] = "";
    struct wire_mail mail;
    if (!wire_mail_wanted(aws->settings)) {
        return report(true, "mail", "none is sent, as REVIEWD_MAIL says");
    }
    if (wire_mail_open(&mail, aws, reason) != 0) {
        return report(false, "mail", reason);
    }
    int found = mail.mailer->ops->check(mail.mailer, reason);
    wire_mail_close(&mail);
    return found > 0 ? report_line("warn", "mail", reason) : report(found == 0, "mail", reason);
}

int cli_check(int argc, char **argv)
{
    struct settings *settings = NULL;
    int code = options_settings(
        argc, argv, "check",
        OPTIONS_HELP("check",
                     "Tries what the settings name and says what to do about each failure."),
        &settings);
    if (code >= 0) {
        return code;
    }
    struct wire_aws aws;
    wire_aws_init(&aws, settings, NULL);
    bool store = check_store(&aws);
    bool mail = check_mail(&aws);
    wire_aws_close(&aws);
    settings_free(settings);
    return store && mail ? CLI_OK : CLI_FAILED;
}
