/* What comes back: libcurl's callbacks while it comes, and what libcurl's errors mean at the end.
 */
#include "net_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

void net_reply_reset(struct net_easy *e)
{
    buf_clear(&e->head);
    if (e->body.cap > NET_KEEP_BUFFER) {
        buf_free(&e->body);
    }
    buf_clear(&e->body);
    e->header_count = 0;
    e->error[0] = e->enhanced[0] = '\0';
    e->mail_status = e->mail_replies = 0;
    e->connected = 0;
    e->reused = e->reply_started = e->head_ended = e->too_large = false;
}

/* A connection is ready to carry the request. libcurl silently sends a request again when a reused
 * connection dies before the first byte of the answer; here a request is sent once at most, and
 * whoever sends it decides. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl says so */
static int on_connected(void *context, char *primary_ip, char *local_ip, int primary_port,
                        int local_port)
{
    (void)primary_ip, (void)local_ip, (void)primary_port, (void)local_port;
    struct net_easy *e = context;
    if (++e->connected > 1) {
        return CURL_PREREQFUNC_ABORT;
    }
    long connects = 0;
    curl_easy_getinfo(e->curl, CURLINFO_NUM_CONNECTS, &connects);
    e->reused = connects == 0;
    return CURL_PREREQFUNC_OK;
}

/* A line without its end and the blanks around it. */
static struct span trim(struct span s)
{
    while (s.len > 0 && (s.ptr[s.len - 1] == '\r' || s.ptr[s.len - 1] == '\n')) {
        s.len--;
    }
    return span_trim(s);
}

/* Remembers the code of a reply's last line, and the enhanced status of "550 5.1.1 no such user":
 * it says more than the code, and no address. libcurl's own note of the code is lost when it reads
 * in vain afterwards. The QUIT after a refusal is answered with 221, which does not count. */
static void note_mail_line(struct net_easy *e, struct span line)
{
    const char *p = line.ptr;
    if (line.len < 4 || !isdigit((unsigned char)p[0]) || !isdigit((unsigned char)p[1]) ||
        !isdigit((unsigned char)p[2]) || memcmp(p, "221", 3) == 0) {
        return;
    }
    if (p[3] != '-' && e->connected > 0) {
        e->mail_replies++;
    }
    if (p[3] != '-') {
        e->mail_status = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    }
    if (line.len < 9 || strchr("45", p[0]) == NULL || p[4] != p[0] || p[5] != '.') {
        return;
    }
    size_t len = 0;
    while (4 + len < line.len && len < sizeof(e->enhanced) - 1 &&
           (isdigit((unsigned char)p[4 + len]) || p[4 + len] == '.')) {
        len++;
    }
    memcpy(e->enhanced, p + 4, len);
    e->enhanced[len] = '\0';
}

static void note_header(struct net_easy *e, struct span line)
{
    const char *colon = line.len > 0 ? memchr(line.ptr, ':', line.len) : NULL;
    if (colon == NULL || memchr(line.ptr, '\0', line.len) != NULL) {
        return;
    }
    size_t name = (size_t)(colon - line.ptr);
    buf_add(&e->head, line.ptr, name);
    buf_add_char(&e->head, '\0');
    buf_add_span(&e->head, trim((struct span){colon + 1, line.len - name - 1}));
    buf_add_char(&e->head, '\0');
    if (!buf_failed(&e->head)) {
        e->header_count++;
    }
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl says so */
static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct net_easy *e = context;
    struct span line = {bytes, size * count};
    e->reply_started = true;
    if (e->mail) {
        note_mail_line(e, line);
    } else if (e->head_ended) {
        return line.len;
    } else if (line.len > 5 && memcmp(line.ptr, "HTTP/", 5) == 0) {
        buf_clear(&e->head); /* what came before belonged to an interim answer */
        e->header_count = 0;
    } else if (trim(line).len > 0) {
        note_header(e, line);
    } else {
        long status = 0;
        curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status);
        e->head_ended = status >= 200;
    }
    if (!buf_failed(&e->head)) {
        return line.len;
    }
    e->too_large = e->head.len + line.len > NET_HEAD_MAX;
    return 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct net_easy *e = context;
    size_t len = size * count;
    if (e->mail) {
        return len;
    }
    if (len > e->request->max_reply - e->body.len) {
        e->too_large = true;
        return 0;
    }
    buf_add(&e->body, bytes, len);
    return buf_failed(&e->body) ? 0 : len;
}

CURLcode net_reply_install(struct net_easy *e)
{
    CURLcode code = curl_easy_setopt(e->curl, CURLOPT_HEADERFUNCTION, on_header);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(e->curl, CURLOPT_HEADERDATA, (void *)e);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(e->curl, CURLOPT_WRITEFUNCTION, on_body);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(e->curl, CURLOPT_WRITEDATA, (void *)e);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(e->curl, CURLOPT_PREREQFUNCTION, on_connected);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(e->curl, CURLOPT_PREREQDATA, (void *)e);
    }
    return code;
}

/* Errors that mean the same for both protocols; NET_OK: it depends. */
static enum net_error plain_meaning(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return NET_RESOLVE;
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return NET_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
        return NET_TLS;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
        return NET_NO_MEMORY;
    default:
        return NET_OK;
    }
}

/* Whether the connection that had carried the request was lost, and libcurl went for another one,
 * in vain or not: what it says then is about the new one, which the request never saw. */
static bool connection_lost(const struct net_easy *e, CURLcode code)
{
    enum net_error plain = plain_meaning(code);
    bool new_one_failed = plain == NET_RESOLVE || plain == NET_CONNECT || plain == NET_TLS;
    return e->connected > 1 || (e->connected > 0 && new_one_failed);
}

static enum net_error meaning(const struct net_easy *e, CURLcode code, int status)
{
    enum net_error plain = plain_meaning(code);
    bool connected = e->connected > 0;
    if (connection_lost(e, code)) {
        return NET_BROKEN;
    }
    if (code == CURLE_OK && !e->mail && !e->head_ended) {
        return NET_BROKEN; /* closed in the middle of the head: libcurl lets that pass */
    }
    if (code == CURLE_OK || plain != NET_OK) {
        return plain;
    }
    if (e->too_large) {
        return NET_TOO_LARGE;
    }
    if (code == CURLE_WRITE_ERROR) {
        return NET_NO_MEMORY; /* the answer could not be kept */
    }
    if (e->mail && !connected && (code == CURLE_LOGIN_DENIED || code == CURLE_AUTH_ERROR)) {
        return NET_LOGIN;
    }
    if (e->mail && status >= 400) {
        return connected ? NET_REFUSED : NET_CONNECT;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return connected ? NET_TIMEOUT : NET_CONNECT;
    }
    if (connected) {
        return NET_BROKEN;
    }
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL ||
        code == CURLE_BAD_FUNCTION_ARGUMENT || code == CURLE_LOGIN_DENIED) {
        return NET_INVALID;
    }
    return NET_BROKEN;
}

void net_reply_fail(struct net_reply *reply, enum net_error error, const char *detail)
{
    *reply = (struct net_reply){.error = error};
    size_t len = 0;
    for (; len < sizeof(reply->detail) - 1 && detail[len] != '\0'; len++) {
        reply->detail[len] = (char)((unsigned char)detail[len] < ' ' ? ' ' : detail[len]);
    }
    reply->detail[len] = '\0';
}

/* Points reply->headers to the names and values in e->head. */
static int list_headers(struct net_easy *e, struct net_reply *reply)
{
    if (e->header_count > e->headers_size) {
        struct net_header *headers = realloc(e->headers, e->header_count * sizeof(*headers));
        if (headers == NULL) {
            return -1;
        }
        e->headers = headers;
        e->headers_size = e->header_count;
    }
    const char *p = e->head.data;
    for (size_t i = 0; i < e->header_count; i++) {
        e->headers[i].name = p;
        p += strlen(p) + 1;
        e->headers[i].value = p;
        p += strlen(p) + 1;
    }
    reply->headers = e->headers;
    reply->header_count = e->header_count;
    return 0;
}

void net_reply_fill(struct net_easy *e, CURLcode code, struct net_reply *reply)
{
    long status = 0;
    curl_easy_getinfo(e->curl, CURLINFO_RESPONSE_CODE, &status);
    if (e->mail) {
        status = e->mail_status;
    }
    enum net_error error = meaning(e, code, (int)status);
    const char *text = e->error[0] != '\0' ? e->error : curl_easy_strerror(code);
    if (error == NET_OK) {
        text = "";
    } else if (error == NET_TOO_LARGE) {
        text = "the answer is larger than allowed";
    } else if (error == NET_BROKEN && code == CURLE_OK) {
        text = "the answer ended in its head";
    } else if (connection_lost(e, code)) {
        text = "the kept connection was closed by the other side";
    }
    net_reply_fail(reply, error, text);
    reply->status = (int)status;
    memcpy(reply->enhanced, e->enhanced, sizeof(reply->enhanced));
    reply->sender_refused = error == NET_REFUSED && e->mail_replies == 1;
    reply->reused_connection = e->reused;
    reply->reply_started = e->reply_started;
    size_t len = strlen(reply->detail);
    if (e->mail && error != NET_OK && e->enhanced[0] != '\0' && status >= 400) {
        snprintf(reply->detail + len, sizeof(reply->detail) - len, " (%s)", e->enhanced);
    }
    if (list_headers(e, reply) != 0 && error == NET_OK) {
        net_reply_fail(reply, NET_NO_MEMORY, "out of memory");
    }
    reply->body = buf_span(&e->body);
}
