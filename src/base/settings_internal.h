/* What the parts of the settings share. Private to settings*.c. */
#ifndef BASE_SETTINGS_INTERNAL_H
#define BASE_SETTINGS_INTERNAL_H

#include "base/env_file.h"
#include "settings_table.h"
#include "settings_value.h"

enum setting_origin { ORIGIN_DEFAULT, ORIGIN_DERIVED, ORIGIN_ENVIRONMENT, ORIGIN_FILE };

/* The effective value of one row of the table. */
struct setting_value {
    const char
        *text; /* points into the environment, the file, the table or `listen`; NULL: not set */
    enum setting_origin origin;
    unsigned line; /* of the file */
};

struct settings_detail {
    const char *const *environment;
    struct env_file file;
    char *file_name;
    struct setting_value *values; /* as settings_table */
    char listen[32];              /* made from PORT */
    char **warnings;
    size_t warning_count;
};

/* Fills the warnings about unknown variables. 0, or -1 when memory ran out. */
int settings_unknown_collect(struct settings_detail *detail);

#endif
