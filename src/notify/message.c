#include "notify/message.h"

#include "message_encode.h"

#include <stdio.h>
#include <stdlib.h>

/* NULL with the reason, or a copy of the checked address. The setting's owner may see its value: it
 * is his. */
static char *take_address(struct span s, const char *setting, char reason[OUTBOX_ERROR_SIZE])
{
    if (!mail_form_address(s)) {
        struct buf shown = BUF_INIT;
        message_clean(&shown, (struct span){s.ptr, s.len < 80 ? s.len : 80});
        snprintf(reason, OUTBOX_ERROR_SIZE,
                 "%s: \"%s\" is not an address of the form local@domain, in ASCII", setting,
                 buf_str(&shown));
        buf_free(&shown);
        return NULL;
    }
    char *copy = malloc(s.len + 1);
    if (copy == NULL) {
        snprintf(reason, OUTBOX_ERROR_SIZE, "%s: out of memory", setting);
        return NULL;
    }
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return copy;
}

static int take_receivers(struct mail_addresses *out, const char *receivers,
                          char reason[OUTBOX_ERROR_SIZE])
{
    while (receivers != NULL) {
        if (out->receiver_count == MAIL_RECEIVERS_MAX) {
            snprintf(reason, OUTBOX_ERROR_SIZE, "RECEIVER_EMAIL: more than %d addresses",
                     MAIL_RECEIVERS_MAX);
            return -1;
        }
        char *one = take_address(mail_form_next(&receivers), "RECEIVER_EMAIL", reason);
        if (one == NULL) {
            return -1;
        }
        out->receivers[out->receiver_count++] = one;
    }
    return 0;
}

int mail_addresses_parse(struct mail_addresses *out, const char *sender, const char *receivers,
                         char reason[OUTBOX_ERROR_SIZE])
{
    *out = (struct mail_addresses){0};
    out->sender = take_address(span_trim(span_of(sender)), "SENDER_EMAIL", reason);
    if (out->sender != NULL &&
        take_receivers(out, receivers != NULL ? receivers : "", reason) == 0) {
        return 0;
    }
    mail_addresses_free(out);
    return -1;
}

void mail_addresses_free(struct mail_addresses *addresses)
{
    free(addresses->sender);
    for (size_t i = 0; i < addresses->receiver_count; i++) {
        free(addresses->receivers[i]);
    }
    *addresses = (struct mail_addresses){0};
}

void message_subject(struct buf *out, const struct item *item)
{
    buf_add_str(out, "[Positive] Review from ");
    message_clean(out, item->user_name);
}

void message_text(struct buf *out, const struct item *item)
{
    buf_add_str(out, "Review: ");
    buf_add_span(out, item->review);
}

static void add_head(struct buf *out, const struct outbox_entry *entry,
                     const struct mail_addresses *addresses)
{
    buf_add_str(out, "Date: ");
    message_date(out, entry->created_us);
    buf_addf(out, "\r\nFrom: %s\r\nTo: ", addresses->sender);
    for (size_t i = 0; i < addresses->receiver_count; i++) {
        buf_addf(out, "%s%s", i > 0 ? ",\r\n " : "", addresses->receivers[i]);
    }
    buf_addf(out,
             "\r\nMessage-ID: <review.%llu.%lld%s>\r\nSubject: ", (unsigned long long)entry->id,
             (long long)entry->created_us, strchr(addresses->sender, '@'));
    struct buf subject = BUF_INIT;
    message_subject(&subject, &entry->item);
    message_header_text(out, buf_span(&subject), strlen("Subject: "));
    out->failed = out->failed || buf_failed(&subject);
    buf_free(&subject);
    buf_add_str(out, "\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: ");
}

void message_rfc5322(struct buf *out, const struct outbox_entry *entry,
                     const struct mail_addresses *addresses)
{
    struct buf raw = BUF_INIT, text = BUF_INIT, quoted = BUF_INIT;
    message_text(&raw, &entry->item);
    message_crlf(&text, buf_span(&raw));
    buf_add_str(&text, "\r\n");
    message_quoted_printable(&quoted, buf_span(&text));
    add_head(out, entry, addresses);
    size_t base64_lines = (text.len + 56) / 57;
    if (quoted.len <= (text.len + 2) / 3 * 4 + 2 * base64_lines) {
        buf_add_str(out, "quoted-printable\r\n\r\n");
        buf_add_span(out, buf_span(&quoted));
    } else {
        buf_add_str(out, "base64\r\n\r\n");
        message_base64_lines(out, buf_span(&text));
    }
    out->failed = out->failed || buf_failed(&raw) || buf_failed(&text) || buf_failed(&quoted);
    buf_free(&raw);
    buf_free(&text);
    buf_free(&quoted);
}
