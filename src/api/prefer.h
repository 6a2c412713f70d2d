/* The Prefer header of RFC 7240. Pure; any thread. */
#ifndef API_PREFER_H
#define API_PREFER_H

#include "base/span.h"

enum { PREFER_FIELDS_MAX = 16 };

/* Whether the client prefers `name`=`value`, given all Prefer fields of its request in order: lists
 * separated by commas, values as tokens or quoted strings, parameters after semicolons passed over.
 * Names and values are compared in any case. Of several preferences called `name` only the first
 * one counts. What is malformed is passed over up to the next comma. */
bool prefer_has(const struct span *fields, size_t count, const char *name, const char *value);

#endif
