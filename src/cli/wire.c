#include "wire.h"

#include "net/net.h"
#include "notify/maildir.h"
#include "notify/smtp.h"
#include "store/sqlite.h"

#include <stdio.h>

/* What follows `scheme` in `text`, or NULL. */
static const char *after_scheme(const char *text, const char *scheme)
{
    size_t len = strlen(scheme);
    return strncmp(text, scheme, len) == 0 ? text + len : NULL;
}

/* The path of the SQLite store that is set, or NULL with `reason`. */
static const char *sqlite_path(const struct settings *settings, char reason[WIRE_REASON_SIZE])
{
    const char *path = after_scheme(settings->store, "sqlite:");
    if (path == NULL) {
        snprintf(reason, WIRE_REASON_SIZE,
                 "REVIEWD_STORE=%.100s: this build has no such store; use sqlite:PATH",
                 settings->store);
    }
    return path;
}

struct store *wire_store(const struct settings *settings, const struct store_config *config,
                         char reason[WIRE_REASON_SIZE])
{
    const char *path = sqlite_path(settings, reason);
    return path != NULL ? store_sqlite_open(path, config, reason) : NULL;
}

struct store *wire_store_beside(const struct settings *settings, struct clock *clock,
                                char reason[WIRE_REASON_SIZE])
{
    const char *path = sqlite_path(settings, reason);
    return path != NULL ? store_sqlite_open_beside(path, clock, reason) : NULL;
}

bool wire_mail_wanted(const struct settings *settings)
{
    return strcmp(settings->mail, "none") != 0;
}

static struct mailer *open_smtp(struct wire_mail *m, const struct settings *settings,
                                struct metrics *metrics, char reason[WIRE_REASON_SIZE])
{
    char why[160];
    struct net_config net = {
        .metrics = metrics, .ca_file = settings->ca_file, .user_agent = "reviewd"};
    m->transport = net_start(&net, why);
    if (m->transport == NULL) {
        snprintf(reason, WIRE_REASON_SIZE, "cannot start the network thread: %s", why);
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
    return smtp_open(&config, m->transport, reason);
}

int wire_mail_open(struct wire_mail *out, const struct settings *settings, struct metrics *metrics,
                   char reason[WIRE_REASON_SIZE])
{
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
    } else if (after_scheme(settings->mail, "smtp") != NULL) {
        out->mailer = open_smtp(out, settings, metrics, reason);
    } else {
        snprintf(reason, WIRE_REASON_SIZE,
                 "REVIEWD_MAIL=%.100s: this build has no such mailer; use maildir:DIR, "
                 "smtp://HOST or none",
                 settings->mail);
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
    net_stop(mail->transport);
    mail_addresses_free(&mail->addresses);
    *mail = (struct wire_mail){0};
}
