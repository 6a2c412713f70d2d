/* Mails as files of a maildir (https://cr.yp.to/proto/maildir.html): written to tmp/, fsynced,
 * linked into new/, the folder fsynced. Lines end with LF, as usual in a maildir. The file's name
 * is made from the outbox id and the review's time, and it stays in tmp/ until the store has noted
 * the delivery, so that a mail that is given again after a crash is recognised: exactly once, also
 * when a reader has moved it to cur/ meanwhile. (The limits of that are listed in maildir.c.) A
 * full disk or a missing permission is MAIL_PAUSE. */
#ifndef NOTIFY_MAILDIR_H
#define NOTIFY_MAILDIR_H

#include "notify/mailer.h"
#include "notify/message.h"

/* `folder` is made with its parents and tmp/, new/, cur/ (mode 0750). `addresses` is used for From
 * and To and must stay until the mailer is freed. What a crash has left in tmp/ is removed at the
 * mailer's start. NULL with one line in `reason`. */
struct mailer *maildir_open(const char *folder, const struct mail_addresses *addresses,
                            char reason[OUTBOX_ERROR_SIZE]);

#endif
