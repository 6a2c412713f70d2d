/* The listening socket. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include "http/server.h"

/* Binds and listens on "host:port" or "[v6]:port" (an IPv6 wildcard also takes IPv4). Returns the
 * socket and writes the bound address with the real port; -1 with one line in `reason`. */
int listen_open(const char *where, char address[HTTP_ADDRESS_SIZE], char reason[HTTP_ERROR_SIZE]);

#endif
