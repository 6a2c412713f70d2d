#include "maildir_folders.h"

#include "base/buf.h"
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int maildir_folders_make(const char *folder)
{
    static const char *const parts[] = {"tmp", "new", "cur"};
    int result = 0;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && result == 0; i++) {
        struct buf path = BUF_INIT;
        buf_addf(&path, "%s/%s", folder, parts[i]);
        errno = ENOMEM;
        result = buf_failed(&path) ? -1 : folder_make(path.data);
        int saved = errno;
        buf_free(&path);
        errno = saved;
    }
    return result;
}

int maildir_folders_part(const char *folder, const char *part)
{
    struct buf path = BUF_INIT;
    buf_addf(&path, "%s/%s", folder, part);
    errno = ENOMEM;
    int fd = buf_failed(&path) ? -1 : open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int saved = errno;
    buf_free(&path);
    errno = saved;
    return fd;
}

/* Opens one of them, made anew if it is missing. */
static int open_part(const char *folder, const char *part)
{
    int fd = maildir_folders_part(folder, part);
    bool made = fd < 0 && errno == ENOENT && maildir_folders_make(folder) == 0;
    return made ? maildir_folders_part(folder, part) : fd;
}

int maildir_folders_open(const char *folder, struct maildir_folders *f)
{
    f->new_fd = -1;
    f->tmp_fd = open_part(folder, "tmp");
    if (f->tmp_fd >= 0) {
        f->new_fd = open_part(folder, "new");
    }
    if (f->new_fd >= 0) {
        return 0;
    }
    int saved = errno;
    maildir_folders_close(f);
    errno = saved;
    return -1;
}

void maildir_folders_close(struct maildir_folders *f)
{
    if (f->tmp_fd >= 0) {
        close(f->tmp_fd);
    }
    if (f->new_fd >= 0) {
        close(f->new_fd);
    }
}
