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

static bool check_store(struct wire_aws *aws)
{
    char text[STORE_ERROR_SIZE];
    if (wire_store_is_dynamodb(aws->settings)) {
        return check_dynamodb(aws);
    }
    if (wire_store_served(aws->settings)) {
        return check_beside(aws);
    }
    bool good = wire_store_check(aws->settings, text);
    return report(good, aws->settings->store, text);
}

/* As the mailer's check(). */
static int try_mail(struct wire_aws *aws, char text[WIRE_REASON_SIZE])
{
    struct wire_mail mail;
    if (wire_mail_open(&mail, aws, text) != 0) {
        return -1;
    }
    int found = mail.mailer->ops->check(mail.mailer, text);
    wire_mail_close(&mail);
    return found;
}

static bool check_mail(struct wire_aws *aws)
{
    char found[WIRE_REASON_SIZE] = "";
    struct buf line = BUF_INIT;
    if (!wire_mail_wanted(aws->settings)) {
        return report(true, "mail", "none is sent, as REVIEWD_MAIL says");
    }
    int result = try_mail(aws, found);
    if (result != 0) {
        return report_line(result > 0 ? "warn" : "FAIL", "mail", found);
    }
    settings_mask(&line, aws->settings->mail);
    buf_addf(&line, "%s%s", found[0] != '\0' ? ", " : "", found);
    report(true, "mail", buf_failed(&line) ? found : buf_str(&line));
    buf_free(&line);
    return true;
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
