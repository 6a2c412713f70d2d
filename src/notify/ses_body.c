#include "ses_body.h"

#include "base/json.h"

#include <ctype.h>
#include <inttypes.h>

enum { TAG_PART_MAX = 256 };

/* The length of a tag's name or value at `text`; 0 when there is none. */
static size_t tag_part(const char *text)
{
    size_t len = 0;
    while (isalnum((unsigned char)text[len]) || text[len] == '_' || text[len] == '-') {
        len++;
    }
    return len <= TAG_PART_MAX ? len : 0;
}

bool ses_tags_valid(const char *tags)
{
    const char *at = tags;
    if (tags == NULL) {
        return true;
    }
    for (;;) {
        size_t name = tag_part(at);
        if (name == 0 || at[name] != '=') {
            return false;
        }
        size_t value = tag_part(at + name + 1);
        at += name + 1 + value;
        if (value == 0 || (*at != ',' && *at != '\0')) {
            return false;
        }
        if (*at++ == '\0') {
            return true;
        }
    }
}

static void write_tags(struct buf *out, const char *tags)
{
    buf_add_str(out, ",\"EmailTags\":[");
    for (const char *at = tags; *at != '\0';) {
        size_t name = strcspn(at, "=");
        size_t value = strcspn(at + name + 1, ",");
        buf_addf(out, "%s{\"Name\":\"%.*s\",\"Value\":\"%.*s\"}", at == tags ? "" : ",", (int)name,
                 at, (int)value, at + name + 1);
        at += name + 1 + value;
        at += *at == ',';
    }
    buf_add_char(out, ']');
}

static void write_text(struct buf *out, const char *name, const struct buf *text)
{
    buf_addf(out, "\"%s\":{\"Data\":", name);
    json_write_string(out, buf_span(text));
    buf_add_str(out, ",\"Charset\":\"UTF-8\"}");
    out->failed |= text->failed;
}

static void write_digest(struct buf *subject, struct buf *text, const struct outbox_entry *entries,
                         size_t count)
{
    buf_addf(subject, "[Positive] %zu reviews", count);
    for (size_t i = 0; i < count; i++) {
        const struct item *item = &entries[i].item;
        buf_addf(text, "%s%.*s  %.*s\n", i == 0 ? "" : "\n\n", (int)item->timestamp.len,
                 item->timestamp.ptr, (int)item->user_name.len, item->user_name.ptr);
        message_text(text, item);
    }
}

static void write_content(struct buf *out, const struct outbox_entry *entries, size_t count)
{
    struct buf subject = BUF_INIT;
    struct buf text = BUF_INIT;
    if (count == 1) {
        message_subject(&subject, &entries[0].item);
        message_text(&text, &entries[0].item);
    } else {
        write_digest(&subject, &text, entries, count);
    }
    buf_add_str(out, "\"Content\":{\"Simple\":{");
    write_text(out, "Subject", &subject);
    buf_add_str(out, ",\"Body\":{");
    write_text(out, "Text", &text);
    buf_addf(out, "},\"Headers\":[{\"Name\":\"X-Review-Id\",\"Value\":\"%" PRIu64 "\"}]}}",
             entries[0].id);
    buf_free(&subject);
    buf_free(&text);
}

void ses_body(struct buf *out, const struct ses_config *config, const struct outbox_entry *entries,
              size_t count)
{
    const struct mail_addresses *addresses = config->addresses;
    buf_add_str(out, "{\"FromEmailAddress\":");
    json_write_string(out, span_of(addresses->sender));
    buf_add_str(out, ",\"Destination\":{\"ToAddresses\":[");
    for (size_t i = 0; i < addresses->receiver_count; i++) {
        buf_add_str(out, i == 0 ? "" : ",");
        json_write_string(out, span_of(addresses->receivers[i]));
    }
    buf_add_str(out, "]},");
    write_content(out, entries, count);
    if (config->configuration_set != NULL) {
        buf_add_str(out, ",\"ConfigurationSetName\":");
        json_write_string(out, span_of(config->configuration_set));
    }
    if (config->tags != NULL) {
        write_tags(out, config->tags);
    }
    buf_add_char(out, '}');
}

size_t ses_digest_fits(const struct outbox_entry *entries, size_t count)
{
    size_t bytes = 0;
    size_t fits = 0;
    while (fits < count && fits < SES_DIGEST_MAX) {
        bytes += entries[fits].item.review.len + entries[fits].item.user_name.len + 64;
        if (fits > 0 && bytes > SES_DIGEST_BYTES) {
            break;
        }
        fits++;
    }
    return fits;
}
