/* Who goes next. Deadlines count from send(), also while a request waits, so all that is known to
 * the network thread is in one heap; waiting requests are in a queue for each host, and hosts take
 * turns, so that a slow host does not hold up the others. */
#include "net_internal.h"

#include <stdlib.h>

static void heap_put(struct net *n, size_t i, struct transfer *t)
{
    n->heap[i] = t;
    t->heap_index = i;
}

static void heap_up(struct net *n, size_t i)
{
    struct transfer *t = n->heap[i];
    while (i > 0 && n->heap[(i - 1) / 2]->deadline_us > t->deadline_us) {
        heap_put(n, i, n->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(n, i, t);
}

static void heap_down(struct net *n, size_t i)
{
    struct transfer *t = n->heap[i];
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < n->heap_len &&
            n->heap[child + 1]->deadline_us < n->heap[child]->deadline_us) {
            child++;
        }
        if (child >= n->heap_len || n->heap[child]->deadline_us >= t->deadline_us) {
            break;
        }
        heap_put(n, i, n->heap[child]);
        i = child;
    }
    heap_put(n, i, t);
}

int net_heap_add(struct net *n, struct transfer *t)
{
    if (n->heap_len == n->heap_cap) {
        size_t cap = n->heap_cap > 0 ? 2 * n->heap_cap : 64;
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers */
        struct transfer **heap = realloc(n->heap, cap * sizeof(*heap));
        if (heap == NULL) {
            return -1;
        }
        n->heap = heap;
        n->heap_cap = cap;
    }
    heap_put(n, n->heap_len++, t);
    heap_up(n, t->heap_index);
    return 0;
}

void net_heap_remove(struct net *n, struct transfer *t)
{
    size_t i = t->heap_index;
    if (i == SIZE_MAX) {
        return;
    }
    t->heap_index = SIZE_MAX;
    struct transfer *moved = n->heap[--n->heap_len];
    if (moved == t) {
        return;
    }
    heap_put(n, i, moved);
    heap_up(n, i);
    heap_down(n, moved->heap_index);
}

/* "https://host:443" of "https://host:443/path". */
static struct span host_key(const char *url)
{
    const char *host = strstr(url, "://");
    size_t scheme = host != NULL ? (size_t)(host - url) + 3 : 0;
    return (struct span){url, scheme + strcspn(url + scheme, "/?#")};
}

static struct net_host *host_of(struct net *n, const char *url)
{
    struct span key = host_key(url);
    for (struct net_host *h = n->hosts; h != NULL; h = h->next) {
        if (span_equal(key, (struct span){h->key, h->key_len})) {
            return h;
        }
    }
    struct net_host *h = calloc(1, sizeof(*h) + key.len);
    if (h == NULL) {
        return NULL;
    }
    memcpy(h->key, key.ptr, key.len);
    h->key_len = key.len;
    h->next = n->hosts;
    n->hosts = h;
    return h;
}

static struct net_host **host_link(struct net *n, const struct net_host *h)
{
    struct net_host **link = &n->hosts;
    while (*link != h) {
        link = &(*link)->next;
    }
    return link;
}

static void host_drop_if_unused(struct net *n, struct net_host *h)
{
    if (h->running > 0 || h->first != NULL) {
        return;
    }
    *host_link(n, h) = h->next;
    free(h);
}

int net_queue_add(struct net *n, struct transfer *t)
{
    struct net_host *h = host_of(n, t->request->url);
    if (h == NULL) {
        return -1;
    }
    t->host = h;
    t->next = NULL;
    t->previous = h->last;
    *(h->last != NULL ? &h->last->next : &h->first) = t;
    h->last = t;
    n->waiting++;
    metric_set(n->queued, (int64_t)n->waiting);
    return 0;
}

static void unlink_waiting(struct net *n, struct transfer *t)
{
    struct net_host *h = t->host;
    *(t->previous != NULL ? &t->previous->next : &h->first) = t->next;
    *(t->next != NULL ? &t->next->previous : &h->last) = t->previous;
    t->next = t->previous = NULL;
    n->waiting--;
    metric_set(n->queued, (int64_t)n->waiting);
}

void net_queue_remove(struct net *n, struct transfer *t)
{
    unlink_waiting(n, t);
    host_drop_if_unused(n, t->host);
    t->host = NULL;
}

/* The host that was served goes to the end of the list. */
static void end_turn(struct net *n, struct net_host *h)
{
    *host_link(n, h) = h->next;
    h->next = NULL;
    struct net_host **end = &n->hosts;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = h;
}

struct transfer *net_queue_next(struct net *n)
{
    if (n->waiting == 0 || n->running >= n->max_in_flight) {
        return NULL;
    }
    struct net_host *h = n->hosts;
    while (h != NULL && (h->first == NULL || h->running >= n->max_host)) {
        h = h->next;
    }
    if (h == NULL) {
        return NULL;
    }
    struct transfer *t = h->first;
    unlink_waiting(n, t);
    h->running++;
    n->running++;
    metric_set(n->in_flight, (int64_t)n->running);
    if (h->next != NULL) {
        end_turn(n, h);
    }
    return t;
}

void net_queue_done(struct net *n, struct transfer *t)
{
    t->host->running--;
    n->running--;
    metric_set(n->in_flight, (int64_t)n->running);
    host_drop_if_unused(n, t->host);
    t->host = NULL;
}
