/* What AWS's error answers say, whichever of its forms they have. */
#ifndef AWS_ERRORS_H
#define AWS_ERRORS_H

#include "aws/service.h"

struct aws_error {
    enum aws_error_class what;
    char code[96];     /* without namespace: "ThrottlingException"; "" when the answer names none;
                          net_error_name() when no whole answer came */
    char message[256]; /* one line, valid UTF-8, cut to fit; may be "" */
    char throttling_reason[96]; /* DynamoDB: "TableWriteKeyRangeThroughputExceeded"; mostly "" */
};

/* Reads an answer whose status is not 2xx: header x-amzn-ErrorType, JSON members __type, code and
 * message in any case of their first letter, or XML. An answer that is empty, cut, HTML or anything
 * else is classified by its status, and so is one that was larger than allowed. No answer at all is
 * a passing trouble, unless the request itself cannot be sent. Any thread. */
void errors_read(const struct aws_service *service, const struct net_reply *reply,
                 struct aws_error *out);

/* The class of a code (may be "") that came with a status. */
enum aws_error_class errors_classify(const struct aws_service *service, const char *code,
                                     int status);

/* Whether two codes are the same when a closing "Exception" is left aside. */
bool errors_same_code(const char *a, const char *b);

#endif
