#include "support/smtp_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

void smtp_script_init(struct smtp_script *script)
{
    memset((void *)script, 0, sizeof(*script));
    pthread_mutex_init(&script->lock, NULL);
}

void smtp_script_free(struct smtp_script *script)
{
    buf_free(&script->log);
    pthread_mutex_destroy(&script->lock);
}

bool smtp_log_has(struct smtp_script *script, const char *text)
{
    pthread_mutex_lock(&script->lock);
    bool found = strstr(buf_str(&script->log), text) != NULL;
    pthread_mutex_unlock(&script->lock);
    return found;
}

/* Says the scripted or the polite reply; false when the connection is to end. */
static bool answer(struct test_conn *c, const char *scripted, const char *polite)
{
    const char *text = scripted != NULL ? scripted : polite;
    if (strcmp(text, "HANG") == 0) {
        conn_hang(c);
        return false;
    }
    if (strcmp(text, "RESET") == 0) {
        conn_reset(c);
        return false;
    }
    if (strcmp(text, "CLOSE") == 0) {
        return false;
    }
    conn_say(c, text);
    conn_say(c, "\r\n");
    return true;
}

static bool take_data(struct test_conn *c, struct buf *mail)
{
    char line[4096];
    for (;;) {
        if (!conn_line(c, line, sizeof(line))) {
            return false;
        }
        if (strcmp(line, ".") == 0) {
            return true;
        }
        buf_addf(mail, "%s\n", line[0] == '.' ? line + 1 : line);
    }
}

static bool take_mail(struct test_conn *c, struct smtp_script *s, struct buf *mail)
{
    if (!answer(c, s->data, "354 go on")) {
        return false;
    }
    if (s->data != NULL && strncmp(s->data, "354", 3) != 0) {
        return true;
    }
    if (!take_data(c, mail)) {
        return false;
    }
    s->dots++;
    usleep((useconds_t)s->delay_ms * 1000);
    const char *end = s->end;
    if (end == NULL || end[0] == '2') {
        pthread_mutex_lock(&s->lock);
        buf_add_span(&s->log, buf_span(mail));
        buf_add_str(&s->log, "END\n");
        pthread_mutex_unlock(&s->lock);
        s->mails++;
    }
    buf_clear(mail);
    return answer(c, end, "250 2.0.0 taken");
}

/* AUTH PLAIN with or without the initial response. */
static bool take_login(struct test_conn *c, struct smtp_script *s, const char *line)
{
    char more[1024];
    s->logins++;
    if (strlen(line) <= strlen("AUTH PLAIN")) {
        conn_say(c, "334 \r\n");
        if (!conn_line(c, more, sizeof(more))) {
            return false;
        }
        line = more;
    }
    pthread_mutex_lock(&s->lock);
    buf_addf(&s->log, "LOGIN %s\n", line);
    pthread_mutex_unlock(&s->lock);
    return answer(c, s->auth, "235 welcome");
}

/* A connection: the mail that is being taken, and how many were begun. */
struct session {
    struct buf mail;
    int begun;
};

static bool one_command(struct test_conn *c, struct smtp_script *s, const char *line,
                        struct session *session)
{
    struct buf *mail = &session->mail;
    if (strncmp(line, "EHLO", 4) == 0 || strncmp(line, "HELO", 4) == 0) {
        return answer(c, s->ehlo, "250-test\r\n250-8BITMIME\r\n250 SIZE 1000000");
    }
    if (strncmp(line, "STARTTLS", 8) == 0) {
        if (!answer(c, s->starttls, "220 go on")) {
            return false;
        }
        s->saw_tls = s->starttls == NULL && conn_starttls(c);
        return s->saw_tls || s->starttls != NULL;
    }
    if (strncmp(line, "AUTH", 4) == 0) {
        return take_login(c, s, line);
    }
    if (strncmp(line, "MAIL FROM:", 10) == 0) {
        buf_addf(mail, "FROM %s\n", line + 10);
        return answer(c, session->begun++ > 0 && s->kept != NULL ? s->kept : s->mail, "250 ok");
    }
    if (strncmp(line, "RCPT TO:", 8) == 0) {
        bool bad = s->rcpt_all || strncmp(line + 8, "<bad", 4) == 0;
        buf_addf(mail, "TO %s\n", line + 8);
        return answer(c, bad ? s->rcpt : NULL, "250 ok");
    }
    if (strncmp(line, "DATA", 4) == 0) {
        return take_mail(c, s, mail);
    }
    if (strncmp(line, "NOOP", 4) == 0) {
        s->noops++;
        return answer(c, NULL, "250 ok");
    }
    if (strncmp(line, "QUIT", 4) == 0) {
        s->quits++;
        answer(c, s->quit, "221 bye");
        return false;
    }
    return answer(c, NULL, "500 what?");
}

void smtp_serve(struct test_conn *c)
{
    struct smtp_script *s = c->server->context;
    struct session session = {0};
    char line[4096];
    s->connections++;
    int active = ++s->active, most = s->most_active;
    while (active > most && !atomic_compare_exchange_weak(&s->most_active, &most, active)) {
    }
    if (answer(c, s->greeting, "220 test ESMTP")) {
        while (conn_line(c, line, sizeof(line)) && one_command(c, s, line, &session)) {
        }
    }
    s->active--;
    buf_free(&session.mail);
}
