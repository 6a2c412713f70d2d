/* kill -9 at any instant: every put that was acknowledged is in the store, with its duty to mail.
 * In every other round the reviews are so long that the kill falls into checkpoints, too. */
#include "store/sqlite.h"

#include "support/store_help.h"
#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 20, WRITERS = 16, LONG_BYTES = 60000, ACKNOWLEDGED_MAX = 400, PATIENCE_MS = 60000 };

/* In the child: puts in closed loop; each acknowledged number goes into the pipe. */
struct loop {
    struct test_put put; /* first */
    struct store *store;
    int pipe;
    uint32_t number;
    void (*note)(struct store_put *put, enum store_result result);
};

static _Atomic uint32_t next_number;
static char long_text[LONG_BYTES];
static bool long_reviews;

static void put_next(struct loop *loop)
{
    loop->number = next_number++;
    test_put_init(&loop->put, "customer", (int64_t)loop->number + 1, true);
    if (long_reviews) {
        loop->put.put.item.review = (struct span){long_text, sizeof long_text};
    }
    loop->put.put.done = loop->note;
    (void)store_put(loop->store, &loop->put.put);
}

static void note(struct store_put *put, enum store_result result)
{
    struct loop *loop = (struct loop *)put;
    if (result != STORE_OK ||
        write(loop->pipe, &loop->number, sizeof loop->number) != sizeof loop->number) {
        _exit(3);
    }
    put_next(loop);
}

static _Noreturn void child(const char *path, int pipe, uint32_t first)
{
    static struct loop loops[WRITERS];
    char reason[STORE_ERROR_SIZE];
    struct store_config config = {
        .clock = clock_system(), .queue_limit = 100, .put_deadline_ms = 10000};
    struct store *store = store_sqlite_open(path, &config, reason);
    if (store == NULL) {
        (void)fprintf(stderr, "%s\n", reason);
        _exit(2);
    }
    next_number = first;
    for (int i = 0; i < WRITERS; i++) {
        loops[i].store = store;
        loops[i].pipe = pipe;
        loops[i].note = note;
        put_next(&loops[i]);
    }
    for (;;) {
        pause();
    }
}

/* Whether the store has review `number` and its duty to mail. */
static bool has(sqlite3_stmt *statement, uint32_t number)
{
    char timestamp[CLOCK_ISO_SIZE];
    clock_iso((int64_t)number + 1, timestamp);
    sqlite3_reset(statement);
    sqlite3_bind_text(statement, 1, timestamp, -1, SQLITE_STATIC);
    return sqlite3_step(statement) == SQLITE_ROW;
}

/* Reads what was acknowledged until the pipe ends, and checks each. Returns how many there were;
 * `highest` becomes a number that was not used yet. */
static long check_round(const char *path, int pipe, uint32_t *highest)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    uint32_t number = 0;
    long count = 0;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    int rc = sqlite3_prepare_v2(db,
                                "SELECT 1 FROM reviews JOIN outbox USING (user_name, timestamp) "
                                "WHERE user_name = 'customer' AND timestamp = ?1 AND state = 0",
                                -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        while (read(pipe, &number, sizeof number) == sizeof number) {
            assert_true(has(statement, number));
            count++;
            if (number >= *highest) {
                *highest = number + 1;
            }
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return count;
}

static bool intact(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    bool ok =
        sqlite3_open(path, &db) == SQLITE_OK &&
        sqlite3_prepare_v2(db,
                           "SELECT integrity_check = 'ok' AND (SELECT count(*) FROM reviews) = "
                           "(SELECT count(*) FROM outbox) FROM pragma_integrity_check",
                           -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return ok;
}

static unsigned dice(unsigned *seed, unsigned sides)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed / 65536 % sides;
}

static void nap_us(long us)
{
    nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

/* Until the child has acknowledged `count` puts, however slow the machine is. */
static void await_acknowledged(int pipe, unsigned count)
{
    int bytes = 0;
    for (int ms = 0; ms < PATIENCE_MS && bytes < (int)(count * sizeof(uint32_t)); ms++) {
        nap_us(1000);
        assert_int_equal(ioctl(pipe, FIONREAD, &bytes), 0);
    }
}

/* Some kills come while the store is being opened, most in the middle of its work. */
static void kill_child(pid_t pid, int pipe, unsigned *seed)
{
    int status = 0;
    if (dice(seed, 5) != 0) {
        await_acknowledged(pipe, 1 + dice(seed, ACKNOWLEDGED_MAX));
    }
    nap_us(dice(seed, 3000));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void acknowledged_puts_survive_kills(void **state)
{
    (void)state;
    char folder[64];
    uint32_t first = 0;
    long total = 0;
    unsigned seed = (unsigned)getpid();
    memset(long_text, 'a', sizeof long_text);
    test_folder_make(folder);
    const char *path = test_path(folder, "reviews.db");
    char kept[128];
    (void)snprintf(kept, sizeof kept, "%s", path);
    for (int round = 0; round < ROUNDS; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) >=
                    1 << 16); /* nobody reads before the kill */
        long_reviews = round % 2 != 0;
        pid_t pid = fork();
        if (pid == 0) {
            close(ends[0]);
            child(kept, ends[1], first);
        }
        close(ends[1]);
        kill_child(pid, ends[0], &seed);
        total += check_round(kept, ends[0], &first);
        first += 2 * WRITERS; /* beyond what was put and not acknowledged */
        close(ends[0]);
    }
    assert_true(total > ROUNDS);
    assert_true(intact(kept));
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(acknowledged_puts_survive_kills)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
