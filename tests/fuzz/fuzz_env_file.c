/* Any bytes as an env file: what is parsed can be written and is then parsed as the same. */
#include "base/env_file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_same(const struct env_file *a, const struct env_file *b)
{
    check(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        check(strcmp(a->entries[i].name, b->entries[i].name) == 0);
        check(strcmp(a->entries[i].value, b->entries[i].value) == 0);
        check(a->entries[i].line >= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[ENV_FILE_REASON_SIZE] = "";
    struct env_file file;
    if (env_file_parse(&file, (struct span){(const char *)data, size}, "fuzz", reason) != 0) {
        check(strncmp(reason, "fuzz, line ", 11) == 0);
        return 0;
    }
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < file.count; i++) {
        env_file_write(&text, file.entries[i].name, file.entries[i].value);
    }
    struct env_file again;
    check(env_file_parse(&again, buf_span(&text), "again", reason) == 0);
    check_same(&file, &again);
    env_file_free(&again);
    env_file_free(&file);
    buf_free(&text);
    return 0;
}
