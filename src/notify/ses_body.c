#include "ses_body.h"

#include "base/json.h"

#include <inttypes.h>

enum {
    TAG_PART_MAX = 256,
    TAGS_MAX = 50,
    ENTRY_BYTES = 64 /* of a digest, beside name and review */
};

/* The length of a tag's name or value at `text`; 0 when there is none. */
static size_t tag_part(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return len <= TAG_PART_MAX ? len : 0;
}

/* The length of name=value at `text`; 0 when there is none. */
static size_t tag(const char *text)
{
    size_t name = tag_part(text);
    size_t value = name > 0 && text[name] == '=' ? tag_part(text + name + 1) : 0;
    return value > 0 ? name + 1 + value : 0;
}

bool ses_tags_valid(const char *tags)
{
    if (tags == NULL) {
        return true;
    }
    for (size_t count = 1; count <= TAGS_MAX; count++) {
        size_t len = tag(tags);
        if (len == 0 || (tags[len] != ',' && tags[len] != '\0')) {
            return false;
        }
        if (tags[len] == '\0') {
            return true;
        }
        tags += len + 1;
    }
    return false;
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
        buf_add_str(text, i == 0 ? "" : "\n\n");
        buf_add_span(text, item->timestamp);
        buf_add_char(text, ' ');
        message_subject(text, item); /* one line, whatever the name has in it */
        buf_add_char(text, '\n');
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

struct call_request ses_request(struct span body)
{
    static const struct net_header headers[] = {{"Content-Type", "application/json"}};
    return (struct call_request){.method = "POST",
                                 .path = "/v2/email/outbound-emails",
                                 .headers = headers,
                                 .header_count = sizeof headers / sizeof headers[0],
                                 .body = body,
                                 .throttle_ends = true};
}

size_t ses_digest_fits(const struct outbox_entry *entries, size_t count)
{
    size_t bytes = 0;
    size_t fits = 0;
    while (fits < count && fits < SES_DIGEST_MAX && entries[fits].attempts == 0) {
        bytes += entries[fits].item.review.len + entries[fits].item.user_name.len + ENTRY_BYTES;
        if (bytes > SES_DIGEST_BYTES) {
            break;
        }
        fits++;
    }
    return fits > 0 ? fits : 1;
}
