/* Looking at a database, or at the place for one, without changing anything: SQLite itself would
 * make the files of a WAL beside it, owned by whoever looks. */
#include "store/sqlite.h"

#include "sqlite_db.h"
#include "sqlite_schema.h"

#include "base/buf.h"
#include "base/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool say_unwritable(const char *path, char text[STORE_ERROR_SIZE])
{
    snprintf(text, STORE_ERROR_SIZE, "%.140s: %s: it must be writable for the service's user", path,
             strerror(errno));
    return false;
}

/* Whether files can be made in the folder of `path`, or in the nearest one above that is there, in
 * which the others are made then. `folder` becomes that one. */
static bool folder_writable(const char *path, char folder[PATH_MAX])
{
    struct stat info;
    char below[PATH_MAX];
    snprintf(folder, PATH_MAX, "%s", path);
    do {
        memcpy(below, folder, sizeof below);
    } while (folder_of(below, folder) && stat(folder, &info) != 0 && errno == ENOENT &&
             strcmp(folder, ".") != 0);
    if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    return access(folder, W_OK | X_OK) == 0;
}

/* Whether each of the database's files that is there can be written. `file` becomes the first that
 * cannot. */
static bool files_writable(const char *path, char file[PATH_MAX])
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(file, PATH_MAX, "%s%s", path, suffixes[i]);
        if (access(file, R_OK | W_OK) != 0 && errno != ENOENT) {
            return false;
        }
    }
    return true;
}

/* Appends `path` as a URI that tells SQLite to open it without any other file. */
static void add_uri(struct buf *out, const char *path)
{
    buf_add_str(out, "file:");
    for (; *path != '\0'; path++) {
        if (strchr("%?#", *path) != NULL) {
            buf_addf(out, "%%%02X", (unsigned)*path);
        } else {
            buf_add_char(out, *path);
        }
    }
    buf_add_str(out, "?immutable=1");
}

/* What a kill has left there belongs to the database and is read, too; its other files are there
 * then. */
static bool has_wal(const char *path)
{
    char name[PATH_MAX];
    struct stat info;
    snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &info) == 0 && info.st_size > 0;
}

static sqlite3 *open_to_look(const char *path, struct sqlite_error *error)
{
    struct buf name = BUF_INIT;
    sqlite3 *handle = NULL;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (has_wal(path)) {
        buf_add_str(&name, path);
    } else {
        add_uri(&name, path);
        flags |= SQLITE_OPEN_URI;
    }
    int rc =
        buf_failed(&name) ? SQLITE_NOMEM : sqlite3_open_v2(buf_str(&name), &handle, flags, NULL);
    buf_free(&name);
    if (rc != SQLITE_OK) {
        sqlite_error_from(error, handle, path, rc);
        sqlite3_close(handle);
        handle = NULL;
    }
    return handle;
}

static bool schema_usable(const char *path, char text[STORE_ERROR_SIZE])
{
    struct sqlite_error error;
    int version = 0;
    struct sqlite_db db = {.path = path, .handle = open_to_look(path, &error)};
    int result =
        db.handle == NULL ? -1 : sqlite_db_identify(&db, SQLITE_DB_CREATE, &version, &error);
    sqlite3_close(db.handle);
    if (result != 0) {
        memcpy(text, error.reason, STORE_ERROR_SIZE);
    } else if (version == 0) {
        snprintf(text, STORE_ERROR_SIZE, "empty, the service will begin it");
    } else {
        snprintf(text, STORE_ERROR_SIZE, "schema %d%s", version,
                 version < sqlite_schema_latest() ? ", the service will migrate it" : "");
    }
    return result == 0;
}

bool store_sqlite_check(const char *path, char text[STORE_ERROR_SIZE])
{
    char name[PATH_MAX];
    if (strlen(path) + sizeof "-lock" > sizeof name) {
        snprintf(text, STORE_ERROR_SIZE, "the path is too long (%zu bytes)", strlen(path));
        return false;
    }
    if (sqlite_file_check(path, text) != 0) {
        return false;
    }
    if (!folder_writable(path, name) || !files_writable(path, name)) {
        return say_unwritable(name, text);
    }
    if (access(path, F_OK) == 0) {
        return schema_usable(path, text);
    }
    snprintf(text, STORE_ERROR_SIZE, "not there yet, the service will make it");
    return true;
}
