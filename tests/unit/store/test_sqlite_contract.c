/* The embedded store keeps what every store promises. */
#include "store/sqlite.h"

#include "support/read_contract.h"
#include "support/store_help.h"

#include <stdio.h>
#include <stdlib.h>

struct folder {
    char name[64];
};

static void *setup(void)
{
    struct folder *folder = calloc(1, sizeof *folder);
    test_folder_make(folder->name);
    return folder;
}

static struct store *open_store(void *context, const struct store_config *config)
{
    char reason[STORE_ERROR_SIZE];
    struct folder *folder = context;
    struct store *store = store_sqlite_open(test_path(folder->name, "reviews.db"), config, reason);
    if (store == NULL) {
        (void)fprintf(stderr, "%s\n", reason);
    }
    return store;
}

static void teardown(void *context)
{
    struct folder *folder = context;
    test_folder_remove(folder->name);
    free(folder);
}

int main(void)
{
    const struct store_contract contract = {
        .setup = setup, .open = open_store, .teardown = teardown};
    return store_contract_run(&contract) + read_contract_run(&contract);
}
