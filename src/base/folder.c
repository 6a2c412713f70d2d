#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0750 };

bool folder_of(const char *path, char folder[PATH_MAX])
{
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (len >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(folder, path, len);
    folder[len] = '\0';
    if (len == 0) {
        memcpy(folder, slash == NULL ? "." : "/", 2);
    }
    return true;
}

int folder_sync(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    int result = fsync(fd);
    int saved = errno;
    close(fd);
    /* Some file systems cannot sync folders, and say so with EINVAL: there is nothing more to do
     * there. */
    errno = saved;
    return result == 0 || saved == EINVAL ? 0 : -1;
}

/* Makes one folder when it is not there, and makes its entry durable. When that fails there is
 * none, so that the next attempt syncs, too. */
static int make_one(const char *folder)
{
    char parent[PATH_MAX];
    struct stat info;
    if (stat(folder, &info) == 0) {
        return 0;
    }
    if (mkdir(folder, FOLDER_MODE) != 0) {
        return errno == EEXIST ? 0 : -1;
    }
    if (folder_of(folder, parent) && folder_sync(parent) == 0) {
        return 0;
    }
    int saved = errno;
    rmdir(folder);
    errno = saved;
    return -1;
}

int folder_make(const char *folder)
{
    char path[PATH_MAX];
    size_t len = strlen(folder);
    if (len == 0 || len >= sizeof path) {
        errno = len == 0 ? ENOENT : ENAMETOOLONG;
        return -1;
    }
    memcpy(path, folder, len + 1);
    for (char *p = path + 1; *p != '\0'; p++) {
        if (*p != '/') {
            continue;
        }
        *p = '\0';
        if (make_one(path) != 0) {
            return -1;
        }
        *p = '/';
    }
    return make_one(path);
}
