#include "version.h"

#include "http/server.h"
#include "net/net.h"

#include <stdio.h>

void version_print(void)
{
    printf("reviewd %s\nlibmicrohttpd %s\n%s\n", REVIEWD_VERSION, http_library_version(),
           net_version());
}
