/* The settings: environment variables, and a file of them, as one struct with types.
 *
 * One table (src/base/settings_table.c) drives everything: parsing, defaults, ranges, `reviewd
 * config`, config/reviewd.env and docs/SETTINGS.md. Settings are loaded once at the start and never
 * change, so any thread may read them. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include "base/buf.h"

#include <stdint.h>

enum { SETTINGS_REASON_SIZE = 512, SETTINGS_VALUE_SIZE = 160 };

struct settings_detail;

/* The effective values. Strings live as long as the struct. Times are in milliseconds. Addresses
 * and the SMTP server's URL have the form of base/mail_form.h; of other texts whoever uses them
 * says what else is wrong. */
struct settings {
    /* the server */
    const char *listen; /* "host:port" or "[v6]:port" */
    const char *stage;  /* "" for none */
    int64_t threads;    /* 0: as many as processors */
    int64_t body_limit; /* bytes */
    int64_t request_timeout_ms;
    int64_t keepalive_ms;
    int64_t connection_limit;
    int64_t connections_per_address; /* 0: no limit */
    int64_t queue_limit;
    double rate_limit; /* requests per second, 0: no limit */
    double rate_burst; /* 0: one second's worth, at least 1 */
    int64_t trusted_proxies;
    int64_t drain_delay_ms;
    int64_t drain_timeout_ms;
    /* the reviews */
    double positive_above;
    double negative_below;  /* not above positive_above */
    const char *store;      /* "sqlite:PATH" or "dynamodb" */
    const char *table_name; /* NULL when not set; set when the store is dynamodb */
    /* the mails */
    const char *mail;           /* "maildir:DIR", "smtp://…", "smtps://…", "ses" or "none" */
    const char *sender_email;   /* never NULL unless mail is "none" */
    const char *receiver_email; /* the same; may be several, separated by commas */
    const char *smtp_user;      /* NULL when not set, as the password */
    const char *smtp_password;
    bool smtp_require_tls;
    int64_t smtp_concurrency;
    int64_t smtp_timeout_ms;
    double ses_rate;                   /* receivers per second; 0: from the account */
    const char *ses_configuration_set; /* NULL when not set, as the tags */
    const char *ses_tags;              /* "name=value,…" */
    int64_t ses_timeout_ms;
    int64_t mail_max_age_ms;
    int64_t mail_lease_ms;
    int64_t mail_digest_after_ms; /* 0: each review has a mail of its own */
    const char *ca_file;          /* NULL: the system's */
    /* the log */
    int64_t log_level; /* enum log_level */
    bool access_log;

    int64_t port;                   /* PORT, -1 when not set; it is in `listen` already */
    struct settings_detail *detail; /* the module's own */
};

/* Loads them: `environment` is an array of "NAME=value" that ends with NULL (the process's environ,
 * or a test's; NULL: empty); it wins over the file `env_file` (NULL: none). An empty value counts
 * as not set, but for REVIEWD_STAGE. NULL with one line in `reason` that names variable, source,
 * value (masked when secret) and what is allowed. `environment` must stay as it is until
 * settings_free(). */
struct settings *settings_load(const char *env_file, const char *const *environment,
                               char reason[SETTINGS_REASON_SIZE]);
void settings_free(struct settings *settings); /* NULL: nothing */

/* Lines for people about variables that begin with REVIEWD_ but are no setting, with the nearest
 * name that is one. The caller of settings_load() prints them. NULL from settings_warning_count()
 * on. */
const char *settings_warning(const struct settings *settings, size_t i);
size_t settings_warning_count(const struct settings *settings);

/* The value of any variable, in the table or not: of the environment, else of the file, else NULL.
 * For AWS's own variables. As long as the settings and the environment. */
const char *settings_variable(const struct settings *settings, const char *name);

/* Appends the effective settings as `reviewd config` prints them: a valid env file, each line below
 * a comment that says where the value is from, secrets and passwords in URLs masked. */
void settings_write(const struct settings *settings, struct buf *out);

/* Appends a value that may be a URL, with ******** in place of a password before the last @. */
void settings_mask(struct buf *out, const char *text);

/* One row of the table, as text for documents and help. */
struct setting_info {
    const char *name;
    const char *group;        /* the heading it stands below */
    const char *fallback;     /* the default as one would write it; "" when there is none */
    const char *fallback_why; /* NULL, or when the default is another one */
    const char *help;         /* what it does, one or more sentences */
    char allowed[SETTINGS_VALUE_SIZE]; /* "a whole number from 0 to 64" */
    bool secret;
};
size_t settings_count(void);
struct setting_info settings_info(size_t i); /* i < settings_count() */

/* Appends config/reviewd.env: every setting explained, commented out, with its default. */
void settings_write_template(struct buf *out);

#endif
