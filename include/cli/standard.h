/* The three standard descriptors of the process. */
#ifndef CLI_STANDARD_H
#define CLI_STANDARD_H

/* Call first in main(). A process may be started with standard descriptors closed; then the next
 * file or socket that it opens would get such a number, and the log would be written into it.
 * Closed ones are filled so that reading and writing them fails with EBADF, as if still closed. */
void standard_fill(void);

/* Call last in main(), with the exit code so far: writes what standard output still holds. Returns
 * `code`, or CLI_FAILED with one line on standard error when the output could not be written. */
int standard_end(int code);

#endif
