/* What every store promises about reading (store_read()), as tests against the interface alone:
 * beside store_contract.h, with the same way to open a store. */
#ifndef SUPPORT_READ_CONTRACT_H
#define SUPPORT_READ_CONTRACT_H

#include "support/store_contract.h"

/* Runs all tests; the number that failed. */
int read_contract_run(const struct store_contract *contract);

#endif
