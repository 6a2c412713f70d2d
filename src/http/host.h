/* The text of a Host header: what RFC 3986 3.2.2 and 3.2.3 allow as host and port. A pure function
 * of its input. */
#ifndef HTTP_HOST_H
#define HTTP_HOST_H

#include "base/span.h"

/* Whether `text`, without blanks around it, is a host with or without a port (digits, at most
 * 65535, or none after the colon). A host is an IPv6 address in brackets, or a name: letters,
 * digits, "-._~!$&'()*+;=" and percent-encoded bytes. Stricter than the RFC: no comma, which joins
 * two fields, no IPvFuture. Nothing at all is allowed, too: a target without an authority has an
 * empty Host. */
bool host_valid(struct span text);

#endif
