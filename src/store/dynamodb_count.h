/* How many wait and how many are dead. The index counts by itself (Select: COUNT), so no keys are
 * kept. All on the thread of the outbox, which it blocks for the table's answers. */
#ifndef STORE_DYNAMODB_COUNT_H
#define STORE_DYNAMODB_COUNT_H

#include "dynamodb_internal.h"

/* store_count() of store/store.h: all of them, by the index or else by a whole Scan. */
int dynamodb_count_all(struct dynamodb_store *s, struct outbox_counts *counts);

/* store_backlog() of store/store.h: what is held in memory. Only when that is less than `enough`
 * the index is asked too, at most once a minute, and a table without it never. */
int dynamodb_count_backlog(struct dynamodb_store *s, uint64_t enough, uint64_t *pending);

/* Counts the dead letters for the gauge when it is time to. */
void dynamodb_count_dead(struct dynamodb_store *s);

/* What this process itself has done since the last counts. */
void dynamodb_count_settled(struct dynamodb_store *s, const struct outbox_outcome *outcome);
void dynamodb_count_dead_gone(struct dynamodb_store *s, int64_t count);

#endif
