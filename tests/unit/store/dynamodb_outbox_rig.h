/* A DynamoDB store with a duty to mail, for the unit tests of its outbox. */
#ifndef DYNAMODB_OUTBOX_RIG_H
#define DYNAMODB_OUTBOX_RIG_H

#include "dynamodb_rig.h"

static const int64_t LEASE_US = 300 * (int64_t)SECOND_US;

#define NONE                                                                                       \
    {                                                                                              \
        .status = 200, .body = "{\"Items\":[],\"Count\":0}"                                        \
    }
#define TEN_OF(reply) reply, reply, reply, reply, reply, reply, reply, reply, reply, reply
#define NO_INDEX      ERROR_REPLY(400, "ValidationException")

#define KEY(user)                                                                                  \
    "\"user_name\":{\"S\":\"" user "\"},\"timestamp\":{\"S\":\"2015-08-30T12:30:00.000001\"}"
#define FOUND(user)                                                                                \
    "{" KEY(user) ",\"notification\":{\"S\":\"pending-1\"},\"notification_lease\":{\"S\":"         \
                  "\"2015-08-30T12:35:00.000000 other\"}}"
#define TAKEN(user, more)                                                                          \
    {                                                                                              \
        .status = 200, .body = "{\"Attributes\":{" KEY(                                            \
                           user) ",\"review\":{\"S\":\"Good.\"},\"sentiment\":"                    \
                                 "{\"S\":\"Positive\"},\"polarity_score\":{\"S\":\"0.7\"}" more    \
                                 "}}"                                                              \
    }

static struct outbox_entry entries[32];
static int64_t next_due_us;

/* Claims at the clock's time, with answers for whatever that asks. */
static inline int claim(struct rig *r, size_t max)
{
    rig_immediate(r, true);
    int count =
        store_claim(r->store, clock_wall_us(&r->scene.clock.clock), entries, max, &next_due_us);
    rig_immediate(r, false);
    return count;
}

static inline int settle(struct rig *r, uint64_t id, int what, int64_t due_us)
{
    struct outbox_outcome outcome = {.id = id, .what = what, .due_us = due_us};
    (void)snprintf(outcome.error, sizeof outcome.error, "no \"such\" mailbox");
    rig_immediate(r, true);
    int result = store_settle(r->store, &outcome, 1);
    rig_immediate(r, false);
    return result;
}

static inline void free_entries(int count)
{
    for (int i = 0; i < count; i++) {
        outbox_entry_free(&entries[i]);
    }
}

/* A store whose first look has found nothing, with one duty in memory. */
static inline void open_with_one(struct rig *r)
{
    static const struct fake_reply none[] = {TEN_OF(NONE)};
    static const struct fake_reply ok[] = {OK_REPLY};
    struct test_put put;
    rig_open(r);
    rig_script(r, none, 10);
    assert_int_equal(claim(r, 4), 0);
    rig_script(r, ok, 1);
    rig_put(r, &put, "a", 0, true);
    fake_transport_run(&r->scene.net);
    assert_int_equal(put.result, STORE_OK);
}

static inline uint64_t claim_one(struct rig *r)
{
    assert_int_equal(claim(r, 4), 1);
    uint64_t id = entries[0].id;
    free_entries(1);
    return id;
}

#endif
