#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How often the program is asked whether it has ended while a descendant keeps its output open. */
enum { LOOK_MS = 100, ERROR_TEXT = 160 };

/* One word at *from, written to *to with its NUL; false when a quote is not closed. */
static bool take_word(const char **from, char **to)
{
    char quote = '\0';
    const char *c = *from;
    for (; *c != '\0' && (quote != '\0' || strchr(" \t\r\n", *c) == NULL); c++) {
        if (*c == quote) {
            quote = '\0';
        } else if (quote == '\0' && (*c == '"' || *c == '\'')) {
            quote = *c;
        } else if (*c == '\\' && c[1] != '\0' &&
                   (quote == '\0' || (quote == '"' && (c[1] == '"' || c[1] == '\\')))) {
            *(*to)++ = *++c;
        } else {
            *(*to)++ = *c;
        }
    }
    *(*to)++ = '\0';
    *from = c;
    return quote == '\0';
}

char **process_split(const char *command, char reason[PROCESS_REASON_SIZE])
{
    /* A word takes at least one byte and a blank, so this many pointers are enough; the words
     * follow. */
    size_t len = strlen(command);
    size_t most = len / 2 + 2;
    char **words = malloc(most * sizeof(*words) + len + 2);
    if (words == NULL) {
        (void)snprintf(reason, PROCESS_REASON_SIZE, "out of memory");
        return NULL;
    }
    char *text = (char *)(words + most);
    size_t count = 0;
    const char *from = command + strspn(command, " \t\r\n");
    while (*from != '\0') {
        words[count++] = text;
        if (!take_word(&from, &text)) {
            (void)snprintf(reason, PROCESS_REASON_SIZE, "a quote is not closed");
            free(words);
            return NULL;
        }
        from += strspn(from, " \t\r\n");
    }
    words[count] = NULL;
    if (count == 0) {
        (void)snprintf(reason, PROCESS_REASON_SIZE, "no command");
        free(words);
        return NULL;
    }
    return words;
}

/* A program that runs. */
struct process_child {
    pid_t pid;
    int out_fd; /* -1 once at its end */
    int error_fd;
    bool ended;
    int status;
    char error[ERROR_TEXT];
    size_t error_len;
};

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

/* A clean start for the program: no blocked signals, SIGPIPE as usual (this process ignores it),
 * and a group of its own so that its children can be killed with it. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t defaults;
    (void)sigemptyset(&none);
    (void)sigemptyset(&defaults);
    (void)sigaddset(&defaults, SIGPIPE);
    int error = posix_spawnattr_setflags(
        attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (error == 0) {
        error = posix_spawnattr_setsigmask(attributes, &none);
    }
    if (error == 0) {
        error = posix_spawnattr_setsigdefault(attributes, &defaults);
    }
    return error;
}

static int spawn(struct process_child *child, char *const argv[], int out_fd, int error_fd)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);
    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        goto free_files;
    }
    error = set_attributes(&attributes);
    if (error == 0) {
        error = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&files, out_fd, 1);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&files, error_fd, 2);
    }
    if (error == 0) {
        error = posix_spawnp(&child->pid, argv[0], &files, &attributes, argv, environ);
    }
    (void)posix_spawnattr_destroy(&attributes);
free_files:
    (void)posix_spawn_file_actions_destroy(&files);
    return error;
}

static int start(struct process_child *child, char *const argv[])
{
    int out[2] = {-1, -1};
    int errors[2] = {-1, -1};
    *child = (struct process_child){.out_fd = -1, .error_fd = -1};
    int error = 0;
    if (pipe2(out, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) {
        error = errno;
    }
    /* The program's ends must block: it does not expect anything else. */
    if (error == 0 && (fcntl(out[1], F_SETFL, 0) != 0 || fcntl(errors[1], F_SETFL, 0) != 0)) {
        error = errno;
    }
    if (error == 0) {
        error = spawn(child, argv, out[1], errors[1]);
    }
    close_fd(&out[1]);
    close_fd(&errors[1]);
    if (error != 0) {
        close_fd(&out[0]);
        close_fd(&errors[0]);
        return error;
    }
    child->out_fd = out[0];
    child->error_fd = errors[0];
    return 0;
}

/* Reads what is there. False when it is more than the limit. */
static bool read_output(struct process_child *child, struct buf *out, size_t max_output)
{
    char bytes[4096];
    bool fits = true;
    while (fits && child->out_fd >= 0) {
        ssize_t n = read(child->out_fd, bytes, sizeof(bytes));
        if (n > 0) {
            fits = (size_t)n <= max_output - out->len;
            buf_add(out, bytes, fits ? (size_t)n : 0);
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            close_fd(&child->out_fd);
        } else if (errno == EAGAIN) {
            break;
        }
    }
    explicit_bzero(bytes, sizeof(bytes));
    return fits;
}

/* Keeps the beginning of standard error and drops the rest. */
static void read_errors(struct process_child *child)
{
    char bytes[512];
    ssize_t n = 0;
    while (child->error_fd >= 0 && (n = read(child->error_fd, bytes, sizeof(bytes))) > 0) {
        size_t room = sizeof(child->error) - 1 - child->error_len;
        size_t take = (size_t)n < room ? (size_t)n : room;
        memcpy(child->error + child->error_len, bytes, take);
        child->error_len += take;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_fd(&child->error_fd);
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void look(struct process_child *child)
{
    child->ended = child->ended || waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

/* Waits for the program's end, reading meanwhile. NULL, or what ended it before. */
static const char *follow(struct process_child *child, const struct process_bounds *bounds,
                          struct buf *out)
{
    int64_t deadline = now_ms() + bounds->timeout_ms;
    while (!child->ended) {
        struct pollfd fds[] = {{child->out_fd, POLLIN, 0},
                               {child->error_fd, POLLIN, 0},
                               {bounds->cancel_fd, POLLIN, 0}};
        int64_t left = deadline - now_ms();
        if (left <= 0) {
            return "it did not end in time";
        }
        /* Once both outputs are closed the end is near: look more often. */
        int64_t wait = child->out_fd < 0 && child->error_fd < 0 ? 5 : LOOK_MS;
        (void)poll(fds, 3, (int)(left < wait ? left : wait));
        if (fds[2].revents != 0) {
            return "it was stopped";
        }
        look(child); /* before reading, so that after the end nothing is left unread */
        read_errors(child);
        if (!read_output(child, out, bounds->max_output)) {
            return "it wrote too much";
        }
    }
    return NULL;
}

/* Says how it ended, with the first line it complained in. */
static void explain(struct process_child *child, const char *fault,
                    char reason[PROCESS_REASON_SIZE])
{
    child->error[child->error_len] = '\0';
    child->error[strcspn(child->error, "\r\n")] = '\0';
    const char *colon = child->error[0] != '\0' ? ": " : "";
    if (fault != NULL) {
        (void)snprintf(reason, PROCESS_REASON_SIZE, "%s%s%s", fault, colon, child->error);
    } else if (WIFSIGNALED(child->status)) {
        (void)snprintf(reason, PROCESS_REASON_SIZE, "killed by signal %d%s%s",
                       WTERMSIG(child->status), colon, child->error);
    } else {
        (void)snprintf(reason, PROCESS_REASON_SIZE, "ended with status %d%s%s",
                       WEXITSTATUS(child->status), colon, child->error);
    }
}

bool process_run(char *const argv[], const struct process_bounds *bounds, struct buf *out,
                 char reason[PROCESS_REASON_SIZE])
{
    struct process_child child;
    int error = start(&child, argv);
    if (error != 0) {
        (void)snprintf(reason, PROCESS_REASON_SIZE, "%.120s: %s", argv[0], strerrordesc_np(error));
        return false;
    }
    const char *fault = follow(&child, bounds, out);
    if (!child.ended) {
        (void)kill(-child.pid, SIGKILL); /* its children too */
    }
    while (!child.ended && waitpid(child.pid, &child.status, 0) < 0 && errno == EINTR) {
    }
    close_fd(&child.out_fd);
    close_fd(&child.error_fd);
    if (fault == NULL && WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0) {
        return true;
    }
    explain(&child, fault, reason);
    return false;
}
