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

static void add_allowed(struct route_match *match, const char *method)
{
    size_t used = strlen(match->allow);
    (void)snprintf(match->allow + used, sizeof match->allow - used, "%s%s%s", used > 0 ? ", " : "",
                   method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

void route_find(const struct http_server *s, const char *path, const char *method,
                struct route_match *match)
{
    *match = (struct route_match){0};
    for (size_t i = 0; i < s->config.route_count; i++) {
        const struct http_route *route = &s->routes[i];
        if (strcmp(route->path, path) != 0) {
            continue;
        }
        if (method_matches(route, method)) {
            match->route = route;
            return;
        }
        match->path_of = match->path_of != NULL ? match->path_of : route;
        add_allowed(match, route->method);
    }
}
