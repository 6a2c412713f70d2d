/* The table of all settings. Private to settings*.c. */
#ifndef BASE_SETTINGS_TABLE_H
#define BASE_SETTINGS_TABLE_H

#include "base/settings.h"

enum setting_type {
    SETTING_TEXT,     /* const char * */
    SETTING_INTEGER,  /* int64_t */
    SETTING_DURATION, /* int64_t, milliseconds */
    SETTING_NUMBER,   /* double */
    SETTING_SWITCH,   /* bool */
    SETTING_CHOICE    /* int64_t, index into choices */
};

struct setting {
    const char *name;
    const char *group;
    size_t offset;            /* of the field in struct settings */
    const char *fallback;     /* as text, parsed as any value is; NULL: not set */
    const char *fallback_why; /* NULL, or when settings.c takes another default */
    double min; /* INTEGER, DURATION (ms), NUMBER; all are whole below 2^53 or small */
    double max;
    const char *const *choices; /* CHOICE: ends with NULL */
    bool (*fits)(
        const char *text); /* TEXT: NULL when any text without control characters will do */
    const char *allowed;   /* TEXT: what fits */
    const char *help;
    enum setting_type type;
    bool empty_counts; /* an empty value is a value */
    bool secret;       /* never shown */
    bool url;          /* a password in it is never shown */
};

extern const struct setting settings_table[];
extern const size_t settings_table_size;

/* The row called `name`, or NULL. */
const struct setting *settings_table_find(const char *name);

#endif
