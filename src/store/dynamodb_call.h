/* Calls of DynamoDB's operations, and rounds of them for threads that may block. */
#ifndef STORE_DYNAMODB_CALL_H
#define STORE_DYNAMODB_CALL_H

#include "aws/call.h"
#include "base/json.h"

enum dynamodb_op {
    DYNAMODB_PUT_ITEM,
    DYNAMODB_BATCH_WRITE_ITEM,
    DYNAMODB_UPDATE_ITEM,
    DYNAMODB_GET_ITEM,
    DYNAMODB_QUERY,
    DYNAMODB_SCAN,
    DYNAMODB_DESCRIBE_TABLE,
    DYNAMODB_CREATE_TABLE,
    DYNAMODB_UPDATE_TABLE,
    DYNAMODB_UPDATE_CONTINUOUS_BACKUPS,
    DYNAMODB_OPS
};

/* "PutItem", …: as IAM calls it behind "dynamodb:". Static. */
const char *dynamodb_op_name(enum dynamodb_op op);

/* Starts one call, as call_start(); the body stays the caller's until `done`. */
struct dynamodb_request {
    enum dynamodb_op op;
    struct span body;
    int64_t deadline_us; /* mono */
};
bool dynamodb_call(struct call_client *client, const struct dynamodb_request *request,
                   call_done *done, void *context);

/* One call of a round, and what came of it. The struct must not move during the round. */
struct dynamodb_step {
    struct buf body; /* to be filled by the caller, as the operation */
    enum dynamodb_op op;
    enum call_outcome outcome; /* by the round, as all that follows */
    struct buf reply;
    char code[96]; /* of the service's refusal; "" without one */
    char detail[CALL_DETAIL_SIZE];
    struct dynamodb_round *round; /* the round's own */
};

/* Makes all the calls, at most 16 at a time, and waits until each has ended, which is when
 * `deadline_us` (mono) has passed at the latest. Not from the transport's thread. */
void dynamodb_round_run(struct call_client *client, struct dynamodb_step *steps, size_t count,
                        int64_t deadline_us);

/* The answer as JSON: a new reference, or NULL when there is none that is an object. */
json_t *dynamodb_step_answer(const struct dynamodb_step *step);

/* Whether the service refused because a condition does not hold. */
bool dynamodb_step_conflict(const struct dynamodb_step *step);

/* Frees what the steps hold. */
void dynamodb_steps_free(struct dynamodb_step *steps, size_t count);

#endif
