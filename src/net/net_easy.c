/* A request as options of a libcurl handle. What is the same for all requests is set once, when the
 * handle is made; all the rest is set anew for each, so that nothing is left from the one before.
 */
#include "net_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { CONNECT_MS = 10000 }; /* unless the request says otherwise */

/* Options are set in long rows; the first failure counts. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = curl_easy_setopt(curl, (option), (value));                                      \
    } while (0)

/* The body of a mail, piece by piece. */
static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct net_easy *e = context;
    struct span body = e->request->body;
    size_t n = body.len - e->body_sent;
    if (n > size * count) {
        n = size * count;
    }
    if (n > 0) {
        memcpy(out, body.ptr + e->body_sent, n);
    }
    e->body_sent += n;
    return n;
}

static CURLcode set_common(struct net_easy *e, struct net *n)
{
    CURL *curl = e->curl;
    CURLcode code = net_reply_install(e);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, e->error);
    SET(CURLOPT_PROTOCOLS_STR, e->mail ? "smtp,smtps" : "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_MAXAGE_CONN, n->max_idle_s);
    SET(CURLOPT_MAXLIFETIME_CONN, n->max_age_s);
    /* Else the end of a request whose name is still being resolved would wait for the resolver. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    if (n->ca_file != NULL) {
        SET(CURLOPT_CAINFO, n->ca_file);
    }
    if (e->mail) {
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, (void *)e);
    } else {
        SET(CURLOPT_SHARE, n->share);
        SET(CURLOPT_OPENSOCKETFUNCTION, net_socket_open);
        SET(CURLOPT_OPENSOCKETDATA, (void *)n);
        SET(CURLOPT_CLOSESOCKETFUNCTION, net_socket_close);
        SET(CURLOPT_CLOSESOCKETDATA, (void *)n);
        SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L); /* it would add an Authorization header */
    }
    return code;
}

struct net_easy *net_easy_new(struct net *n, bool mail)
{
    struct net_easy *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return NULL;
    }
    e->mail = mail;
    e->agent_line = n->agent_line;
    e->head.limit = NET_HEAD_MAX;
    e->head.secret = e->body.secret = e->list.secret = true;
    e->curl = curl_easy_init();
    if (e->curl != NULL && set_common(e, n) == CURLE_OK) {
        return e;
    }
    net_easy_free(e);
    return NULL;
}

void net_easy_free(struct net_easy *e)
{
    if (e == NULL) {
        return;
    }
    curl_easy_cleanup(e->curl);
    buf_free(&e->head);
    buf_free(&e->body);
    free(e->headers);
    buf_free(&e->list);
    free(e);
}

/* A curl_slist in one piece of memory, which is used again: the nodes, then their text. */
struct list {
    struct curl_slist *nodes;
    size_t count;
    char *text;
};

static int list_open(struct net_easy *e, struct list *list, size_t nodes, size_t text)
{
    size_t size = nodes * sizeof(struct curl_slist) + text;
    buf_clear(&e->list);
    if (!buf_reserve(&e->list, size)) {
        return -1;
    }
    char *memory = e->list.data;
    *list = (struct list){(struct curl_slist *)(void *)memory, 0,
                          memory + nodes * sizeof(struct curl_slist)};
    return 0;
}

/* `line` stays where it is; libcurl only reads it. */
static void list_add(struct list *list, const char *line)
{
    struct curl_slist *node = &list->nodes[list->count++];
    *node = (struct curl_slist){.data = (char *)line, .next = NULL};
    if (list->count > 1) {
        node[-1].next = node;
    }
}

/* Copies `text` behind what is there and returns where it begins. */
static const char *list_text(struct list *list, const char *text)
{
    const char *start = list->text;
    size_t len = strlen(text);
    memcpy(list->text, text, len + 1);
    list->text += len;
    return start;
}

static bool has_header(const struct net_request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (strcasecmp(r->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The request's headers, and lines that keep libcurl from adding its own. */
static enum net_error set_headers(struct net_easy *e, const struct net_request *r)
{
    size_t text = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        const struct net_header *h = &r->headers[i];
        if (h->name[0] == '\0' || strpbrk(h->name, "\r\n:; \t") != NULL ||
            strpbrk(h->value, "\r\n") != NULL) {
            snprintf(e->error, sizeof(e->error), "a header of the request is malformed");
            return NET_INVALID;
        }
        text += strlen(h->name) + strlen(h->value) + 3;
    }
    struct list list;
    if (list_open(e, &list, r->header_count + 4, text) != 0) {
        return NET_NO_MEMORY;
    }
    for (size_t i = 0; i < r->header_count; i++) {
        const struct net_header *h = &r->headers[i];
        const char *line = list_text(&list, h->name);
        list_text(&list, h->value[0] != '\0' ? ": " : ";"); /* libcurl's way to say: empty */
        list_text(&list, h->value);
        list.text++;
        list_add(&list, line);
    }
    if (!has_header(r, "Accept")) {
        list_add(&list, "Accept:");
    }
    if (!has_header(r, "Expect")) {
        list_add(&list, "Expect:");
    }
    if (!has_header(r, "Content-Type")) {
        list_add(&list, "Content-Type:");
    }
    if (e->agent_line != NULL && !has_header(r, "User-Agent")) {
        list_add(&list, e->agent_line);
    }
    return curl_easy_setopt(e->curl, CURLOPT_HTTPHEADER, list.nodes) == CURLE_OK ? NET_OK
                                                                                 : NET_NO_MEMORY;
}

static CURLcode set_http(struct net_easy *e, const struct net_request *r)
{
    CURL *curl = e->curl;
    CURLcode code = CURLE_OK;
    bool head = strcmp(r->method, "HEAD") == 0;
    bool body = r->body.len > 0 || strcmp(r->method, "POST") == 0 ||
                strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0;
    if (body && !head) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
        SET(CURLOPT_POSTFIELDS, r->body.len > 0 ? r->body.ptr : "");
    } else {
        SET(CURLOPT_POSTFIELDS, NULL);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
        SET(CURLOPT_HTTPGET, 1L);
        SET(CURLOPT_NOBODY, head ? 1L : 0L);
    }
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    SET(CURLOPT_PROXY, r->direct ? "" : NULL); /* NULL: the environment decides */
    return code;
}

static enum net_error set_receivers(struct net_easy *e, const struct net_mail *mail)
{
    size_t text = 0;
    for (size_t i = 0; i < mail->to_count; i++) {
        text += strlen(mail->to[i]) + 1;
    }
    struct list list;
    if (list_open(e, &list, mail->to_count, text) != 0) {
        return NET_NO_MEMORY;
    }
    for (size_t i = 0; i < mail->to_count; i++) {
        list_add(&list, list_text(&list, mail->to[i]));
        list.text++;
    }
    struct curl_slist *receivers = mail->to_count > 0 ? list.nodes : NULL;
    return curl_easy_setopt(e->curl, CURLOPT_MAIL_RCPT, receivers) == CURLE_OK ? NET_OK
                                                                               : NET_NO_MEMORY;
}

static CURLcode set_mail(struct net_easy *e, const struct net_request *r)
{
    CURL *curl = e->curl;
    CURLcode code = CURLE_OK;
    const struct net_mail *mail = r->mail;
    if (mail->to_count > 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body.len);
        SET(CURLOPT_CUSTOMREQUEST, NULL);
        SET(CURLOPT_MAIL_FROM, mail->from);
    } else {
        SET(CURLOPT_UPLOAD, 0L);
        SET(CURLOPT_NOBODY, 1L);
        SET(CURLOPT_CUSTOMREQUEST, "NOOP");
    }
    SET(CURLOPT_USERNAME, mail->user);
    SET(CURLOPT_PASSWORD, mail->password);
    SET(CURLOPT_USE_SSL, (long)(mail->require_tls ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    /* A connection in clear text must not serve a request that insists on TLS. */
    SET(CURLOPT_FRESH_CONNECT, mail->require_tls && !e->tls_required ? 1L : 0L);
    e->tls_required = mail->require_tls;
    /* The deadline is kept elsewhere; libcurl's own for one reply (120 s) must not come before it.
     */
    SET(CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)(r->timeout_ms / 1000 % 1000000 + 1));
    return code;
}

enum net_error net_easy_prepare(struct net_easy *e, const struct net_request *r)
{
    CURL *curl = e->curl;
    net_reply_reset(e);
    e->request = r;
    e->body_sent = 0;
    if (e->mail && (r->mail == NULL || r->mail->from == NULL)) {
        snprintf(e->error, sizeof(e->error), "a mail without a sender");
        return NET_INVALID;
    }
    enum net_error error = e->mail ? set_receivers(e, r->mail) : set_headers(e, r);
    if (error != NET_OK) {
        return error;
    }
    CURLcode code = e->mail ? set_mail(e, r) : set_http(e, r);
    int64_t connect_ms = r->connect_timeout_ms > 0 ? r->connect_timeout_ms : CONNECT_MS;
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    SET(CURLOPT_URL, r->url);
    return code == CURLE_OK ? NET_OK : NET_NO_MEMORY;
}

void net_easy_forget(struct net_easy *e)
{
    net_reply_reset(e);
    buf_clear(&e->list);
}
