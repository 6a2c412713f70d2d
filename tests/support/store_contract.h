/* What every store promises (store/store.h), as tests against the interface alone. A store's own
 * test program names how one is opened and runs the suite. */
#ifndef SUPPORT_STORE_CONTRACT_H
#define SUPPORT_STORE_CONTRACT_H

#include "store/store.h"

struct store_contract {
    /* Makes room for an empty store; its context. */
    void *(*setup)(void);
    /* Opens the store, again and again over one context: with what was in it. */
    struct store *(*open)(void *context, const struct store_config *config);
    void (*teardown)(void *context);
    bool replaces; /* many puts at once may replace a review of the same key unnoticed */
};

/* Runs all tests; the number that failed. */
int store_contract_run(const struct store_contract *contract);

#endif
