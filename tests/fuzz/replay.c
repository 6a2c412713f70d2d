/* Feeds files to a fuzz target, one after the other, without libFuzzer: so every input that once
 * was interesting is tried by the ordinary tests, in every sanitizer's build.
 *
 *     replay_json CORPUS-FOLDER|FILE ... */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024 * 1024 };

/* Reads the whole file into memory of exactly its size, so that a read past its end is seen. */
static int feed(const char *path)
{
    int result = -1;
    uint8_t *data = NULL;
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        goto out;
    }
    if (info.st_size > INPUT_MAX) {
        errno = EFBIG;
        goto out;
    }
    size_t size = (size_t)info.st_size;
    data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, file) != size) {
        goto out;
    }
    LLVMFuzzerTestOneInput(data, size);
    result = 0;
out:
    if (result != 0) {
        fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
    }
    free(data);
    if (file != NULL) {
        fclose(file);
    }
    return result;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Feeds the files of a folder in the order of their names; returns how many, or -1. */
static int feed_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, not_hidden, alphasort);
    int fed = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        bool fits = length > 0 && (size_t)length < sizeof path;
        fed = fits && fed >= 0 && feed(path) == 0 ? fed + 1 : -1;
        free(entries[i]);
    }
    free(entries);
    return count < 0 ? -1 : fed;
}

int main(int argc, char **argv)
{
    int inputs = 0;
    for (int i = 1; i < argc; i++) {
        struct stat info;
        bool folder = stat(argv[i], &info) == 0 && S_ISDIR(info.st_mode);
        int fed = folder ? feed_folder(argv[i]) : feed(argv[i]) + 1;
        if (fed <= 0) {
            fprintf(stderr, "replay: %s: nothing that could be read\n", argv[i]);
            return 1;
        }
        inputs += fed;
    }
    printf("%d inputs\n", inputs);
    return 0;
}
