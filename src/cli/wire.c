#include "wire.h"

#include "notify/maildir.h"
#include "notify/ses.h"
#include "notify/smtp.h"
#include "store/dynamodb.h"
#include "store/sqlite.h"

#include <stdio.h>

enum { COUNT_MS = 60000 };

/* What follows `scheme` in `text`, or NULL. */
static const char *after_scheme(const char *text, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncmp(text, scheme, len) == 0 ? text + len : NULL;
}

bool wire_store_is_dynamodb(const struct settings *settings)
{
    return strcmp(settings->store, "dynamodb") == 0;
}

bool wire_store_served(const struct settings *settings)
{
    const char *path = after_scheme(settings->store, "sqlite:");
    return path != NULL && store_sqlite_served(path);
}

bool wire_store_check(const struct settings *settings, char text[STORE_ERROR_SIZE])
{
    return store_sqlite_check(after_scheme(settings->store, "sqlite:"), text);
}

static struct store *open_dynamodb(struct wire_aws *aws, const struct store_config *config,
                                   char reason[WIRE_REASON_SIZE])
{
    struct call_client *client = wire_aws_client(aws, &aws_service_dynamodb, reason);
    struct dynamodb_config dynamodb = {.client = client,
                                       .transport = aws->transport,
                                       .table = aws->settings->table_name,
                                       .lease_ms = aws->settings->mail_lease_ms,
                                       .count_ms = COUNT_MS};
    return client != NULL ? store_dynamodb_open(&dynamodb, config, reason) : NULL;
}

struct store *wire_store(struct wire_aws *aws, const struct store_config *config,
                         char reason[WIRE_REASON_SIZE])
{
    const char *path = after_scheme(aws->settings->store, "sqlite:");
    return path != NULL ? store_sqlite_open(path, config, reason)
                        : open_dynamodb(aws, config, reason);
}

struct store *wire_store_beside(struct wire_aws *aws, struct clock *clock,
                                char reason[WIRE_REASON_SIZE])
{
    const char *path = after_scheme(aws->settings->store, "sqlite:");
    struct store_config config = {.clock = clock};
    return path != NULL ? store_sqlite_open_beside(path, clock, reason)
                        : open_dynamodb(aws, &config, reason);
}

bool wire_mail_wanted(const struct settings *settings)
{
    return strcmp(settings->mail, "none") != 0;
}

static struct mailer *open_smtp(struct wire_mail *m, struct wire_aws *aws,
                                char reason[WIRE_REASON_SIZE])
{
    const struct settings *settings = aws->settings;
    struct transport *transport = wire_aws_transport(aws, reason);
    if (transport == NULL) {
        return NULL;
    }
    struct smtp_config config = {.url = settings->mail,
                                 .addresses = &m->addresses,
                                 .user = settings->smtp_user,
                                 .password =
                                     settings->smtp_password != NULL ? settings->smtp_password : "",
                                 .require_tls = settings->smtp_require_tls,
                                 .concurrency = (size_t)settings->smtp_concurrency,
                                 .timeout_ms = settings->smtp_timeout_ms};
    return smtp_open(&config, transport, reason);
}

static struct mailer *open_ses(struct wire_mail *m, struct wire_aws *aws,
                               char reason[WIRE_REASON_SIZE])
{
    const struct settings *settings = aws->settings;
    struct ses_config config = {.client = wire_aws_client(aws, &aws_service_ses, reason),
                                .addresses = &m->addresses,
                                .clock = clock_system(),
                                .metrics = aws->metrics,
                                .configuration_set = settings->ses_configuration_set,
                                .tags = settings->ses_tags,
                                .rate = settings->ses_rate,
                                .timeout_ms = settings->ses_timeout_ms,
                                .digest_after_ms = settings->mail_digest_after_ms};
    return config.client != NULL ? ses_open(&config, reason) : NULL;
}

int wire_mail_open(struct wire_mail *out, struct wire_aws *aws, char reason[WIRE_REASON_SIZE])
{
    const struct settings *settings = aws->settings;
    *out = (struct wire_mail){0};
    if (!wire_mail_wanted(settings)) {
        return 0;
    }
    if (mail_addresses_parse(&out->addresses, settings->sender_email, settings->receiver_email,
                             reason) != 0) {
        return -1;
    }
    const char *folder = after_scheme(settings->mail, "maildir:");
    if (folder != NULL) {
        out->mailer = maildir_open(folder, &out->addresses, reason);
    } else if (strcmp(settings->mail, "ses") == 0) {
        out->mailer = open_ses(out, aws, reason);
    } else {
        out->mailer = open_smtp(out, aws, reason);
    }
    if (out->mailer == NULL) {
        wire_mail_close(out);
        return -1;
    }
    return 0;
}

void wire_mail_close(struct wire_mail *mail)
{
    mailer_free(mail->mailer);
    mail_addresses_free(&mail->addresses);
    *mail = (struct wire_mail){0};
}
