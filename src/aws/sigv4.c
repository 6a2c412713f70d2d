#include "aws/sigv4.h"

#include "base/clock.h"
#include "sigv4_canonical.h"
#include "sigv4_keys.h"

#include <openssl/crypto.h>
#include <stdlib.h>

struct sigv4_signer {
    struct sigv4_hash hash;
    struct sigv4_keys keys;
};

struct sigv4_signer *sigv4_signer_new(void)
{
    struct sigv4_signer *signer = malloc(sizeof *signer);
    if (signer == NULL) {
        return NULL;
    }
    if (!sigv4_hash_init(&signer->hash)) {
        free(signer);
        return NULL;
    }
    sigv4_keys_init(&signer->keys);
    return signer;
}

void sigv4_signer_free(struct sigv4_signer *signer)
{
    if (signer == NULL) {
        return;
    }
    sigv4_keys_free(&signer->keys);
    sigv4_hash_free(&signer->hash);
    free(signer);
}

bool sigv4_payload_hash(struct sigv4_signer *signer, struct span body, char out[SIGV4_HASH_SIZE])
{
    unsigned char digest[SIGV4_DIGEST_SIZE];
    out[0] = '\0';
    if (!sigv4_hash_sha256(&signer->hash, body, digest)) {
        return false;
    }
    sigv4_hash_hex(digest, out);
    return true;
}

/* "20150830T123600Z" out of "2015-08-30T12:36:00.000000". */
static void format_date(int64_t wall_us, char out[SIGV4_DATE_SIZE])
{
    char iso[CLOCK_ISO_SIZE];
    clock_iso(wall_us, iso);
    size_t len = 0;
    for (const char *c = iso; *c != '.' && *c != '\0' && len < SIGV4_DATE_SIZE - 2; c++) {
        if (*c != '-' && *c != ':') {
            out[len++] = *c;
        }
    }
    out[len++] = 'Z';
    out[len] = '\0';
}

static bool has_control(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f) {
            return true;
        }
    }
    return false;
}

/* Headers that would be sent twice, or with a value that was not signed. */
static const char *const own_names[] = {
    "host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", NULL};

static bool acceptable(const struct sigv4_request *r)
{
    return r->header_count <= SIGV4_MAX_HEADERS && r->param_count <= SIGV4_MAX_PARAMS &&
           !has_control(r->host) && !has_control(r->path) &&
           !has_control(span_of(r->access_key_id)) && !has_control(span_of(r->session_token)) &&
           !has_control(span_of(r->region)) && !has_control(span_of(r->service));
}

static void add_header(struct sigv4_signature *out, const char *name, const char *value)
{
    out->added[out->added_count++] = (struct net_header){name, value};
}

static void choose_added(const struct sigv4_request *r, struct sigv4_signature *out)
{
    out->added_count = 0;
    add_header(out, "X-Amz-Date", out->date);
    if (r->style == SIGV4_S3 || strcmp(r->payload_hash, SIGV4_UNSIGNED_PAYLOAD) == 0) {
        add_header(out, "X-Amz-Content-Sha256", r->payload_hash);
    }
    if (r->session_token != NULL && r->session_token[0] != '\0') {
        add_header(out, "X-Amz-Security-Token", r->session_token);
    }
}

static bool sort_headers(const struct sigv4_request *r, const struct sigv4_signature *out,
                         struct sigv4_canonical_headers *sorted)
{
    sorted->count = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        if (sigv4_canonical_is_one_of(r->headers[i].name, own_names) ||
            !sigv4_canonical_add(sorted, &r->headers[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < out->added_count; i++) {
        (void)sigv4_canonical_add(sorted, &out->added[i]);
    }
    return true;
}

/* Returns the signed headers' names, a part of what it wrote. */
static struct span write_canonical(const struct sigv4_request *r,
                                   const struct sigv4_canonical_headers *headers,
                                   struct sigv4_signature *out)
{
    struct buf *b = &out->canonical_request;
    buf_add_str(b, r->method);
    buf_add_char(b, '\n');
    sigv4_canonical_path(b, r->path, r->style);
    buf_add_char(b, '\n');
    buf_add_span(b, buf_span(&out->query));
    buf_add_char(b, '\n');
    sigv4_canonical_values(b, headers);
    buf_add_char(b, '\n');
    size_t names = b->len;
    sigv4_canonical_names(b, headers);
    size_t end = b->len;
    buf_add_char(b, '\n');
    buf_add_str(b, r->payload_hash);
    return buf_failed(b) ? (struct span){NULL, 0} : (struct span){b->data + names, end - names};
}

static void write_scope(struct buf *b, const struct sigv4_request *r, const char day[9])
{
    buf_add(b, day, 8);
    buf_add_char(b, '/');
    buf_add_str(b, r->region);
    buf_add_char(b, '/');
    buf_add_str(b, r->service);
    buf_add_str(b, "/aws4_request");
}

static bool write_string_to_sign(const struct sigv4_signer *signer, const struct sigv4_request *r,
                                 struct sigv4_signature *out)
{
    unsigned char digest[SIGV4_DIGEST_SIZE];
    char hex[SIGV4_HASH_SIZE];
    if (!sigv4_hash_sha256(&signer->hash, buf_span(&out->canonical_request), digest)) {
        return false;
    }
    sigv4_hash_hex(digest, hex);
    struct buf *b = &out->string_to_sign;
    buf_add_str(b, "AWS4-HMAC-SHA256\n");
    buf_add_str(b, out->date);
    buf_add_char(b, '\n');
    write_scope(b, r, out->date);
    buf_add_char(b, '\n');
    buf_add_str(b, hex);
    return !buf_failed(b);
}

static bool write_authorization(struct sigv4_signer *signer, const struct sigv4_request *r,
                                struct span names, struct sigv4_signature *out)
{
    char day[9];
    char hex[SIGV4_HASH_SIZE];
    unsigned char key[SIGV4_DIGEST_SIZE];
    unsigned char signature[SIGV4_DIGEST_SIZE];
    memcpy(day, out->date, 8);
    day[8] = '\0';
    struct sigv4_scope scope = {day, r->region, r->service, r->secret_access_key};
    bool ok = sigv4_keys_get(&signer->keys, &signer->hash, &scope, key) &&
              sigv4_hash_hmac(&signer->hash, (struct span){(const char *)key, sizeof key},
                              buf_span(&out->string_to_sign), signature);
    OPENSSL_cleanse(key, sizeof key);
    if (!ok) {
        return false;
    }
    sigv4_hash_hex(signature, hex);
    struct buf *b = &out->authorization;
    buf_add_str(b, "AWS4-HMAC-SHA256 Credential=");
    buf_add_str(b, r->access_key_id);
    buf_add_char(b, '/');
    write_scope(b, r, day);
    buf_add_str(b, ", SignedHeaders=");
    buf_add_span(b, names);
    buf_add_str(b, ", Signature=");
    buf_add_str(b, hex);
    return !buf_failed(b);
}

enum sigv4_result sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request,
                             struct sigv4_signature *out)
{
    struct sigv4_canonical_headers sorted;
    buf_clear(&out->canonical_request);
    buf_clear(&out->string_to_sign);
    buf_clear(&out->authorization);
    buf_clear(&out->query);
    out->added_count = 0;
    if (!acceptable(request)) {
        return SIGV4_INVALID;
    }
    format_date(request->wall_us, out->date);
    choose_added(request, out);
    if (!sort_headers(request, out, &sorted)) {
        return SIGV4_INVALID;
    }
    char host[256];
    if (request->host.len == 0 || request->host.len >= sizeof host) {
        return SIGV4_INVALID;
    }
    memcpy(host, request->host.ptr, request->host.len);
    host[request->host.len] = '\0';
    const struct net_header host_header = {"host", host};
    (void)sigv4_canonical_add(&sorted, &host_header);

    sigv4_canonical_query(&out->query, request->params, request->param_count);
    struct span names = write_canonical(request, &sorted, out);
    if (buf_failed(&out->query) || buf_failed(&out->canonical_request) ||
        !write_string_to_sign(signer, request, out) ||
        !write_authorization(signer, request, names, out)) {
        return SIGV4_FAILED;
    }
    add_header(out, "Authorization", buf_str(&out->authorization));
    return SIGV4_OK;
}

void sigv4_signature_free(struct sigv4_signature *signature)
{
    if (signature->canonical_request.data != NULL) { /* the session token is in it */
        OPENSSL_cleanse(signature->canonical_request.data, signature->canonical_request.cap);
    }
    buf_free(&signature->canonical_request);
    buf_free(&signature->string_to_sign);
    buf_free(&signature->authorization);
    buf_free(&signature->query);
    *signature = SIGV4_SIGNATURE_INIT;
}
