#include "files.h"

#include <sys/resource.h>

enum {
    OTHERS = 128,  /* database, log, mails being written, connections to other hosts */
    PER_THREAD = 4 /* what libmicrohttpd opens for a worker */
};

unsigned files_make_room(unsigned connections, unsigned threads)
{
    rlim_t others = OTHERS + (rlim_t)PER_THREAD * threads;
    rlim_t wanted = connections + others;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) {
        return connections;
    }
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        limit.rlim_cur = before;
    }
    if (others > limit.rlim_cur / 2) {
        others = limit.rlim_cur / 2;
    }
    rlim_t room = limit.rlim_cur - others;
    return room < 1 ? 1 : (room < connections ? (unsigned)room : connections);
}
