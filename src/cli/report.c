#include "report.h"

#include <stdio.h>

bool report_line(const char *verdict, const char *what, const char *detail)
{
    printf("%-4s %s%s%s\n", verdict, what, detail[0] != '\0' ? ": " : "", detail);
    (void)fflush(stdout);
    return strcmp(verdict, "FAIL") != 0;
}

void report_table(void *context, enum dynamodb_verdict verdict, const char *what,
                  const char *detail)
{
    static const char *const words[] = {
        [DYNAMODB_GOOD] = "ok", [DYNAMODB_WARNING] = "warn", [DYNAMODB_BAD] = "FAIL"};
    (void)context;
    (void)report_line(words[verdict], what, detail);
}
