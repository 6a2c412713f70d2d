/* What a table is like, as DescribeTable tells it. */
#ifndef STORE_DYNAMODB_DESCRIBE_H
#define STORE_DYNAMODB_DESCRIBE_H

#include "dynamodb_fault.h"
#include "dynamodb_round.h"

#include "store/dynamodb.h"

enum { DYNAMODB_KEYS_SIZE = 640 };

struct dynamodb_description {
    bool active;
    bool keys_good;
    char keys[DYNAMODB_KEYS_SIZE]; /* for people: "id (N)" or "user_name (S), timestamp (S)" */
    bool index;                    /* there is one of that name … */
    bool index_good;               /* … with these keys */
    bool index_active;             /* … that can be used */
    char index_keys[DYNAMODB_KEYS_SIZE];
    bool attribute_state; /* already defined as key attributes */
    bool attribute_lease;
    bool stream; /* with new images */
    bool stream_other;
};

/* One call of a table's command, and whether it went well. `step` is to be freed by
 * dynamodb_steps_free(). */
bool dynamodb_ask(const struct dynamodb_table *table, struct dynamodb_step *step);

/* Appends {"TableName":"…". */
void dynamodb_ask_write(struct buf *out, const struct dynamodb_table *table);

/* Reports a call that failed, with what can be done about it. Always false. */
bool dynamodb_ask_failed(const struct dynamodb_table *table, const struct dynamodb_step *step,
                         const char *what);

/* Fills `out`. False: the call failed, see `step`, which is to be freed in any case. */
bool dynamodb_describe(const struct dynamodb_table *table, struct dynamodb_step *step,
                       struct dynamodb_description *out);

#endif
