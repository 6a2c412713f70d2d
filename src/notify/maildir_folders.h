/* The folders of a mail directory. All functions: 0 or a descriptor, or -1 with errno. */
#ifndef NOTIFY_MAILDIR_FOLDERS_H
#define NOTIFY_MAILDIR_FOLDERS_H

/* For one batch; opened anew each time, so that a folder that was removed and made again is found.
 */
struct maildir_folders {
    int tmp_fd, new_fd;
};

/* Makes `folder` with what is above it, and tmp/, new/ and cur/ in it (mode 0750), durably. */
int maildir_folders_make(const char *folder);

/* Opens one of the three. The descriptor is the caller's. */
int maildir_folders_part(const char *folder, const char *part);

/* Opens tmp/ and new/, made anew if they are missing; close with maildir_folders_close(). After a
 * failure there is nothing to close. */
int maildir_folders_open(const char *folder, struct maildir_folders *f);
void maildir_folders_close(struct maildir_folders *f);

#endif
