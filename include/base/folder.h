/* Folders that survive a crash of the machine: a new one is durable only when the folder it lies in
 * was synced. Any thread. */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

#include <limits.h>
#include <stdbool.h>

/* Makes the folder and those above it, as far as they are missing (mode 0750), durably. 0, or -1
 * with errno. What is there in its place and no folder is left for its user to find out. */
int folder_make(const char *folder);

/* Makes the entries of a folder durable. 0, or -1 with errno. */
int folder_sync(const char *folder);

/* Writes the folder that `path` lies in, "." or "/" if need be; false, with errno, when the name is
 * too long. */
bool folder_of(const char *path, char folder[PATH_MAX]);

#endif
