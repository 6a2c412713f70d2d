/* A scripted SMTP server for tests: polite unless told otherwise. */
#ifndef SUPPORT_SMTP_SERVER_H
#define SUPPORT_SMTP_SERVER_H

#include "support/server.h"

/* What to say at each stage; NULL: the polite answer. Beside a reply without CRLF there are "HANG"
 * (say nothing until the client goes), "RESET" and "CLOSE". Set before the server starts, or
 * between mails. */
struct smtp_script {
    const char *_Atomic greeting;
    const char *_Atomic
        ehlo; /* whole, with CRLF between lines; "AUTH PLAIN" and STARTTLS only if named here */
    const char *_Atomic starttls;
    const char *_Atomic auth;
    const char *_Atomic mail;
    const char *_Atomic kept; /* to MAIL FROM, on a connection that has taken a mail before */
    const char *_Atomic rcpt; /* for addresses that begin with "bad", or all when rcpt_all */
    atomic_bool rcpt_all;
    const char *_Atomic data;
    const char *_Atomic end; /* after the dot */
    const char *_Atomic quit;
    atomic_int delay_ms; /* before the reply to the dot */

    /* What came, guarded by lock. */
    pthread_mutex_t lock;
    struct buf
        log; /* "FROM a\nTO b\n" and the data with "." stuffing removed, "END\n", for each mail */
    atomic_int mails, connections, quits, logins, noops;
    atomic_int dots;                /* mails that came whole, before the reply to the dot */
    atomic_int active, most_active; /* connections between greeting and end */
    atomic_bool saw_tls;
};

void smtp_script_init(struct smtp_script *script);
void smtp_script_free(struct smtp_script *script);
void smtp_serve(struct test_conn *c); /* the handler; the server's context is the script */

/* Whether the log holds `text`. */
bool smtp_log_has(struct smtp_script *script, const char *text);

#endif
