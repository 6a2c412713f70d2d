/* Open files: room for connections without starving the rest of the process. */
#ifndef HTTP_FILES_H
#define HTTP_FILES_H

/* Makes room for `connections` sockets beside the files that the store, the mails and `threads`
 * workers need: raises the process's soft limit of open files when it is too low, as far as the
 * hard one allows. Returns for how many connections there is room, 1 to `connections`. At the
 * start. */
unsigned files_make_room(unsigned connections, unsigned threads);

#endif
