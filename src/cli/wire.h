/* Makes the parts that the settings name: for serve, check and the mail commands. */
#ifndef CLI_WIRE_H
#define CLI_WIRE_H

#include "base/settings.h"
#include "net/transport.h"
#include "notify/mailer.h"
#include "notify/message.h"
#include "store/store.h"

enum { WIRE_REASON_SIZE = 320 };

/* Opens the store that settings->store names. NULL with one line in `reason`. */
struct store *wire_store(const struct settings *settings, const struct store_config *config,
                         char reason[WIRE_REASON_SIZE]);

/* The same store for a tool, beside the service that runs on it: see store_sqlite_open_beside(). */
struct store *wire_store_beside(const struct settings *settings, struct clock *clock,
                                char reason[WIRE_REASON_SIZE]);

/* How mails go out. All NULL when settings->mail is "none". */
struct wire_mail {
    struct mailer *mailer;
    struct transport *transport; /* NULL: the mailer needs no network */
    struct mail_addresses addresses;
};

/* 0, or -1 with one line in `reason` and nothing to free. `metrics` may be NULL. */
int wire_mail_open(struct wire_mail *out, const struct settings *settings, struct metrics *metrics,
                   char reason[WIRE_REASON_SIZE]);
void wire_mail_close(struct wire_mail *mail);

/* Whether the settings ask for mails at all. */
bool wire_mail_wanted(const struct settings *settings);

#endif
