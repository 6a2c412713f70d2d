/* Entries that were given to the dispatcher and not settled yet. They are kept in memory and not in
 * the table: claiming then writes nothing, and a restart, which is when claims are to lapse, needs
 * no clean-up. One process serves a database, so nobody else could claim.
 *
 * An id alone does not say which duty was claimed: a database that is put in the place of another
 * while the service runs counts its ids for itself. So each claim remembers its entry's time, too,
 * and an outcome concerns only the row that has both. A row whose id is claimed for another time
 * waits until that claim is settled. */
#ifndef STORE_SQLITE_CLAIMS_H
#define STORE_SQLITE_CLAIMS_H

#include "store/store.h"

struct sqlite_claim_key {
    uint64_t id;
    int64_t created_us;
};

struct sqlite_claims {
    struct sqlite_claim_key *keys; /* by id, ascending; each id once */
    size_t count;
    size_t capacity;
};

/* Frees what it holds and makes it empty. */
void sqlite_claims_free(struct sqlite_claims *claims);

/* Makes room for so many more; false when memory runs out. */
bool sqlite_claims_reserve(struct sqlite_claims *claims, size_t more);

/* Adds one, whose id is not there yet; there must be room. */
void sqlite_claims_add(struct sqlite_claims *claims, struct sqlite_claim_key key);

/* What was claimed under that id, until the next change of `claims`; NULL: nothing. */
const struct sqlite_claim_key *sqlite_claims_find(const struct sqlite_claims *claims, uint64_t id);

/* Forgets what was settled. */
void sqlite_claims_remove(struct sqlite_claims *claims, const struct outbox_outcome *outcomes,
                          size_t count);

#endif
