/* Makes the parts that the settings name: for serve, check and the mail commands. */
#ifndef CLI_WIRE_H
#define CLI_WIRE_H

#include "notify/mailer.h"
#include "notify/message.h"
#include "store/store.h"
#include "wire_aws.h"

/* Opens the store that the settings name; `aws` must outlive it. NULL with one line in `reason`. */
struct store *wire_store(struct wire_aws *aws, const struct store_config *config,
                         char reason[WIRE_REASON_SIZE]);

/* The same store for a tool, beside the service that runs on it: see store_sqlite_open_beside()
 * and store_dynamodb_open(). */
struct store *wire_store_beside(struct wire_aws *aws, struct clock *clock,
                                char reason[WIRE_REASON_SIZE]);

/* store_sqlite_check() of a store that is no table. */
bool wire_store_check(const struct settings *settings, char text[STORE_ERROR_SIZE]);

/* Whether a running service has the store to itself just now. */
bool wire_store_served(const struct settings *settings);

/* Whether the store is a DynamoDB table. */
bool wire_store_is_dynamodb(const struct settings *settings);

/* How mails go out. The mailer is NULL when settings->mail is "none". Must not be moved. */
struct wire_mail {
    struct mailer *mailer;
    struct mail_addresses addresses;
};

/* 0, or -1 with one line in `reason` and nothing to free. `aws` must outlive it. */
int wire_mail_open(struct wire_mail *out, struct wire_aws *aws, char reason[WIRE_REASON_SIZE]);
void wire_mail_close(struct wire_mail *mail);

/* Whether the settings ask for mails at all. */
bool wire_mail_wanted(const struct settings *settings);

#endif
