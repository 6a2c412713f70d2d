#include "state.h"

#include <stdio.h>
#include <strings.h>

const char *route_strip_origin(const char *target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], len) == 0) {
            const char *path = strchr(target + len, '/');
            return path != NULL ? path : "/";
        }
    }
    return target;
}

const char *route_strip_stage(const char *stage, const char *path)
{
    size_t len = strlen(stage);
    if (len == 0 || path[0] != '/' || strncmp(path + 1, stage, len) != 0) {
        return path;
    }
    const char *rest = path + 1 + len;
    if (rest[0] == '\0') {
        return "/";
    }
    return rest[0] == '/' ? rest : path;
}

static bool method_matches(const struct http_route *route, const char *method)
{
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

const struct http_route *route_find(const struct http_server *s, const char *path,
                                    const char *method, int *status, char *allow, size_t allow_size)
{
    size_t used = 0;
    allow[0] = '\0';
    for (size_t i = 0; i < s->config.route_count; i++) {
        const struct http_route *route = &s->routes[i];
        if (strcmp(route->path, path) != 0) {
            continue;
        }
        if (method_matches(route, method)) {
            return route;
        }
        int n = snprintf(allow + used, allow_size - used, "%s%s%s", used > 0 ? ", " : "",
                         route->method, strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
        used = n > 0 && used + (size_t)n < allow_size ? used + (size_t)n : used;
    }
    *status = used > 0 ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
    return NULL;
}

const struct http_route *route_with_path(const struct http_server *s, const char *path)
{
    for (size_t i = 0; i < s->config.route_count; i++) {
        if (strcmp(s->routes[i].path, path) == 0) {
            return &s->routes[i];
        }
    }
    return NULL;
}
