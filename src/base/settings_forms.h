/* The forms of settings that are text. Pure functions. Private to settings*.c. */
#ifndef BASE_SETTINGS_FORMS_H
#define BASE_SETTINGS_FORMS_H

#include "base/buf.h"

bool settings_forms_listen(const char *text);            /* host:port, [v6]:port */
bool settings_forms_stage(const char *text);             /* "" or 1 to 128 of A-Z a-z 0-9 _ - */
bool settings_forms_store(const char *text);             /* dynamodb, sqlite:PATH */
bool settings_forms_table(const char *text);             /* a DynamoDB table's name or ARN */
bool settings_forms_mail(const char *text);              /* ses, smtp[s]://…, maildir:DIR, none */
bool settings_forms_configuration_set(const char *text); /* 1 to 64 of A-Z a-z 0-9 _ - */
bool settings_forms_is_smtp(const char *text);

/* No byte below 0x20 and no DEL. */
bool settings_forms_printable(const char *text);

#endif
