#include "dynamodb_call.h"

enum { ATTEMPT_MS = 5000, HEADERS = 2 };

#define TARGET "DynamoDB_20120810."
#define OPERATION(name)                                                                            \
    {                                                                                              \
        {"Content-Type", "application/x-amz-json-1.0"},                                            \
        {                                                                                          \
            "X-Amz-Target", TARGET name                                                            \
        }                                                                                          \
    }

/* Static, because a call needs its headers until its end. */
static const struct net_header operations[DYNAMODB_OPS][HEADERS] = {
    [DYNAMODB_PUT_ITEM] = OPERATION("PutItem"),
    [DYNAMODB_BATCH_WRITE_ITEM] = OPERATION("BatchWriteItem"),
    [DYNAMODB_UPDATE_ITEM] = OPERATION("UpdateItem"),
    [DYNAMODB_GET_ITEM] = OPERATION("GetItem"),
    [DYNAMODB_QUERY] = OPERATION("Query"),
    [DYNAMODB_SCAN] = OPERATION("Scan"),
    [DYNAMODB_DESCRIBE_TABLE] = OPERATION("DescribeTable"),
    [DYNAMODB_CREATE_TABLE] = OPERATION("CreateTable"),
    [DYNAMODB_UPDATE_TABLE] = OPERATION("UpdateTable"),
    [DYNAMODB_UPDATE_CONTINUOUS_BACKUPS] = OPERATION("UpdateContinuousBackups"),
};

const char *dynamodb_op_name(enum dynamodb_op op)
{
    return operations[op][1].value + sizeof TARGET - 1;
}

bool dynamodb_call(struct call_client *client, const struct dynamodb_request *request,
                   call_done *done, void *context)
{
    struct call_request call = {.method = "POST",
                                .path = "/",
                                .headers = operations[request->op],
                                .header_count = HEADERS,
                                .body = request->body,
                                .deadline_us = request->deadline_us,
                                .attempt_ms = ATTEMPT_MS};
    return call_start(client, &call, done, context);
}
