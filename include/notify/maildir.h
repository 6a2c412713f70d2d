/* Mails as files of a maildir (https://cr.yp.to/proto/maildir.html): written to tmp/, fsynced, renamed into
 * new/, the folder fsynced. The file's name is made from the outbox id, so that a mail that is delivered again
 * after a crash is the same file: exactly once, also when a reader has moved it to cur/ meanwhile. */
#ifndef NOTIFY_MAILDIR_H
#define NOTIFY_MAILDIR_H

#include "notify/mailer.h"
#include "notify/message.h"

/* `folder` is made with its parents and tmp/, new/, cur/ (mode 0750). `address` is used for From and To and
 * must stay until the mailer is freed. NULL with one line in `reason`. */
struct mailer *maildir_open(const char *folder, const struct mail_addresses *addresses,
                            char reason[OUTBOX_ERROR_SIZE]);

#endif
