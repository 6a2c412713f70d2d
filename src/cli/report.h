/* Lines on standard output that say what was found or done, one a thing: for check and table. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "store/dynamodb.h"

/* Prints "ok   what: detail"; `verdict` is "ok", "warn" or "FAIL". Whether it is not "FAIL". */
bool report_line(const char *verdict, const char *what, const char *detail);

/* The same, as a dynamodb_report; the context is not used. */
void report_table(void *context, enum dynamodb_verdict verdict, const char *what,
                  const char *detail);

#endif
