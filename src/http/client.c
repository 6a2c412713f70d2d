/* Who the client is, behind proxies or not. */
#include "state.h"

#include <arpa/inet.h>

/* The `back`-th entry from the right (1 = the last) over all X-Forwarded-For fields; the first one
 * when there are fewer. */
static struct span forwarded_entry(const struct head *head, unsigned back)
{
    struct span found = {NULL, 0};
    for (size_t i = head->field_count; i-- > 0 && back > 0;) {
        const struct head_field *field = &head->fields[i];
        if (!span_equal_nocase(field->name, SPAN("X-Forwarded-For"))) {
            continue;
        }
        const char *end = field->value.ptr + field->value.len;
        while (back > 0 && end >= field->value.ptr) {
            const char *start = end;
            while (start > field->value.ptr && start[-1] != ',') {
                start--;
            }
            found = (struct span){start, (size_t)(end - start)};
            end = start - 1;
            back--;
        }
    }
    return found;
}

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]:4711", with blanks around. */
static bool parse_address(struct span entry, char out[REQUEST_IP_SIZE])
{
    char text[REQUEST_IP_SIZE + 8];
    while (entry.len > 0 && (*entry.ptr == ' ' || *entry.ptr == '\t' || *entry.ptr == '[')) {
        entry.ptr++;
        entry.len--;
    }
    if (entry.len >= sizeof text || entry.len == 0) {
        return false;
    }
    memcpy(text, entry.ptr, entry.len);
    text[entry.len] = '\0';
    text[strcspn(text, "] \t")] = '\0';
    char *colon = strchr(text, ':');
    if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        *colon = '\0';
    }
    unsigned char binary[16];
    if (strlen(text) >= REQUEST_IP_SIZE ||
        (inet_pton(AF_INET, text, binary) != 1 && inet_pton(AF_INET6, text, binary) != 1)) {
        return false;
    }
    memcpy(out, text, strlen(text) + 1);
    return true;
}

void client_address(char out[REQUEST_IP_SIZE], const struct connection *peer,
                    const struct head *head, unsigned trusted)
{
    if (trusted > 0 && parse_address(forwarded_entry(head, trusted), out)) {
        return;
    }
    out[0] = '\0';
    if (peer == NULL) {
        return;
    }
    if (IN6_IS_ADDR_V4MAPPED(&peer->address)) {
        inet_ntop(AF_INET, &peer->address.s6_addr[12], out, REQUEST_IP_SIZE);
    } else {
        inet_ntop(AF_INET6, &peer->address, out, REQUEST_IP_SIZE);
    }
}
