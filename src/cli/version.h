/* The version. */
#ifndef CLI_VERSION_H
#define CLI_VERSION_H

/* Prints reviewd's version and those of its libraries on standard output. */
void version_print(void);

#endif
