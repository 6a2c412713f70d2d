/* Snapshots of credentials, and how they are read from what endpoints and programs say. */
#include "base/json.h"
#include "base/num.h"
#include "provider.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* One allocation: the strings lie behind the struct, so that one wipe covers them all. */
struct snapshot {
    struct credentials value; /* first: a struct credentials * is a struct snapshot * */
    atomic_uint references;   /* atomic: readers on several threads give theirs back */
    int64_t refresh_us;
    size_t size; /* of the allocation */
    char text[];
};

static const char *place(char **to, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*to, text, size);
    *to += size;
    return copy;
}

struct credentials *credentials_make(const struct credentials *parts)
{
    const char *token = parts->session_token != NULL ? parts->session_token : "";
    size_t size = sizeof(struct snapshot) + strlen(parts->access_key_id) +
                  strlen(parts->secret_access_key) + strlen(token) + 3;
    struct snapshot *s = malloc(size);
    if (s == NULL) {
        return NULL;
    }
    atomic_init(&s->references, 1);
    s->size = size;
    s->refresh_us = INT64_MAX;
    char *to = s->text;
    s->value.access_key_id = place(&to, parts->access_key_id);
    s->value.secret_access_key = place(&to, parts->secret_access_key);
    s->value.session_token = *token != '\0' ? place(&to, token) : NULL;
    s->value.expires_us = parts->expires_us;
    return &s->value;
}

struct credentials *credentials_ref(struct credentials *c)
{
    struct snapshot *s = (struct snapshot *)c;
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return c;
}

void credentials_unref(struct credentials *c)
{
    struct snapshot *s = (struct snapshot *)c;
    /* acq_rel: all that others did with the snapshot comes before the wipe. */
    if (s != NULL && atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1) {
        explicit_bzero(s, s->size);
        free(s);
    }
}

void credentials_set_refresh(struct credentials *c, int64_t wall_us)
{
    ((struct snapshot *)c)->refresh_us = wall_us;
}

int64_t credentials_refresh_us(const struct credentials *c)
{
    return ((const struct snapshot *)c)->refresh_us;
}

static bool fit_for_header(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

struct credentials *credentials_checked(const struct credentials *parts,
                                        char reason[CREDENTIALS_REASON_SIZE])
{
    const char *token = parts->session_token != NULL ? parts->session_token : "";
    if (*parts->access_key_id == '\0' || *parts->secret_access_key == '\0') {
        provider_reason(reason, "the %s is empty",
                        *parts->access_key_id == '\0' ? "access key id" : "secret access key");
        return NULL;
    }
    if (!fit_for_header(parts->access_key_id) || !fit_for_header(parts->secret_access_key) ||
        !fit_for_header(token)) {
        provider_reason(reason, "a key or the token holds a blank or a control character");
        return NULL;
    }
    struct credentials *c = credentials_make(parts);
    if (c == NULL) {
        provider_reason(reason, "out of memory");
    }
    return c;
}

/* Reads `digits` digits and then `end` ('\0': nothing) at *s. */
static bool take_number(struct span *s, size_t digits, char end, int *out)
{
    size_t need = digits + (end != '\0');
    int64_t value = 0;
    if (s->len < need || !num_parse_int((struct span){s->ptr, digits}, 0, 9999, &value) ||
        (end != '\0' && s->ptr[digits] != end)) {
        return false;
    }
    *out = (int)value;
    *s = (struct span){s->ptr + need, s->len - need};
    return true;
}

static bool take_fraction(struct span *s, int64_t *us)
{
    *us = 0;
    if (s->len == 0 || *s->ptr != '.') {
        return true;
    }
    size_t at = 1;
    int64_t unit = 100000;
    for (; at < s->len && s->ptr[at] >= '0' && s->ptr[at] <= '9'; at++, unit /= 10) {
        *us += (s->ptr[at] - '0') * unit;
    }
    *s = (struct span){s->ptr + at, s->len - at};
    return at > 1;
}

static bool take_offset(struct span s, int *seconds)
{
    if (s.len == 1 && *s.ptr == 'Z') {
        *seconds = 0;
        return true;
    }
    int hours = 0;
    int minutes = 0;
    if (s.len < 5 || (*s.ptr != '+' && *s.ptr != '-')) {
        return false;
    }
    struct span rest = {s.ptr + 1, s.len - 1};
    if (!take_number(&rest, 2, s.len == 6 ? ':' : '\0', &hours) ||
        !take_number(&rest, 2, '\0', &minutes) || rest.len > 0 || hours > 23 || minutes > 59) {
        return false;
    }
    *seconds = (hours * 60 + minutes) * 60 * (*s.ptr == '-' ? -1 : 1);
    return true;
}

bool credentials_parse_time(struct span text, int64_t *wall_us)
{
    struct tm tm = {0};
    int64_t fraction = 0;
    int offset = 0;
    struct span s = text;
    if (!take_number(&s, 4, '-', &tm.tm_year) || !take_number(&s, 2, '-', &tm.tm_mon) ||
        !take_number(&s, 2, 'T', &tm.tm_mday) || !take_number(&s, 2, ':', &tm.tm_hour) ||
        !take_number(&s, 2, ':', &tm.tm_min) || !take_number(&s, 2, '\0', &tm.tm_sec) ||
        !take_fraction(&s, &fraction) || !take_offset(s, &offset)) {
        return false;
    }
    if (tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) {
        return false;
    }
    int month = tm.tm_mon - 1;
    tm.tm_year -= 1900;
    tm.tm_mon = month;
    int64_t seconds = timegm(&tm); /* also carries 31 February over into March */
    if (tm.tm_mon != month) {
        return false;
    }
    *wall_us = (seconds - offset) * 1000000 + fraction;
    return true;
}

/* An endpoint's error: {"Code", "Message"} of instance metadata, {"code", "message"} of containers.
 */
static bool says_error(const json_t *object, char reason[CREDENTIALS_REASON_SIZE])
{
    const char *code = json_string_value(json_object_get(object, "Code"));
    const char *message = json_string_value(json_object_get(object, "Message"));
    if (code == NULL) {
        code = json_string_value(json_object_get(object, "code"));
        message = json_string_value(json_object_get(object, "message"));
    }
    if (code == NULL || strcmp(code, "Success") == 0) {
        return false;
    }
    provider_reason(reason, "%.80s: %.160s", code, message != NULL ? message : "no message");
    return true;
}

static bool read_expiry(const json_t *object, const struct credentials_format *format,
                        int64_t *expires_us, char reason[CREDENTIALS_REASON_SIZE])
{
    *expires_us = INT64_MAX;
    const json_t *expiry = json_object_get(object, "Expiration");
    if ((expiry == NULL || json_is_null(expiry)) && !format->must_expire) {
        return true;
    }
    if (!json_is_string(expiry) ||
        !credentials_parse_time(json_string_member(object, "Expiration"), expires_us)) {
        provider_reason(reason, "the answer's Expiration is missing or not a time");
        return false;
    }
    return true;
}

static bool read_object(const json_t *object, const struct credentials_format *format,
                        struct credentials *parts, char reason[CREDENTIALS_REASON_SIZE])
{
    if (!json_is_object(object)) {
        provider_reason(reason, "the answer is not a JSON object");
        return false;
    }
    if (says_error(object, reason)) {
        return false;
    }
    if (format->versioned && json_integer_value(json_object_get(object, "Version")) != 1) {
        provider_reason(reason, "the answer's Version is not 1");
        return false;
    }
    parts->access_key_id = json_string_value(json_object_get(object, "AccessKeyId"));
    parts->secret_access_key = json_string_value(json_object_get(object, "SecretAccessKey"));
    parts->session_token = json_string_value(json_object_get(object, format->token_key));
    if (parts->access_key_id == NULL || parts->secret_access_key == NULL) {
        provider_reason(reason, "the answer holds no %s",
                        parts->access_key_id == NULL ? "AccessKeyId" : "SecretAccessKey");
        return false;
    }
    return read_expiry(object, format, &parts->expires_us, reason);
}

bool credentials_from_json(struct span text, const struct credentials_format *format,
                           struct credentials *parts, json_t **json,
                           char reason[CREDENTIALS_REASON_SIZE])
{
    char why[JSON_REASON_SIZE];
    json_t *object = json_parse(text, why);
    if (object == NULL) {
        provider_reason(reason, "the answer is not JSON");
        return false;
    }
    if (!read_object(object, format, parts, reason)) {
        json_decref(object);
        return false;
    }
    *json = object;
    return true;
}
