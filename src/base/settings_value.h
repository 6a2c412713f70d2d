/* Values of settings: from text into the field, and what is allowed as text. Private to
 * settings*.c. */
#ifndef BASE_SETTINGS_VALUE_H
#define BASE_SETTINGS_VALUE_H

#include "settings_table.h"

/* Sets the field to the value of `text`; a text field points to `text` itself. False and unchanged
 * when it is not allowed. NULL: the field becomes what stands for "not set". */
bool settings_value_set(struct settings *out, const struct setting *setting, const char *text);

/* "a whole number from 0 to 64" */
void settings_value_allowed(const struct setting *setting, char out[SETTINGS_VALUE_SIZE]);

/* Appends `text` as it may be shown: masked if it is secret. */
void settings_value_show(struct buf *out, const struct setting *setting, const char *text);

/* Reads "500ms", "29s", "15m", "24h", or seconds without a unit. False when it is none or beyond
 * int64_t. */
bool settings_value_duration(const char *text, int64_t *ms);

#endif
