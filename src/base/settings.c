#include "base/settings.h"

#include "base/env_file.h"
#include "settings_forms.h"
#include "settings_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* A value on its way in: its text and where it is from. */
struct given {
    const char *text; /* NULL: nowhere */
    enum setting_origin origin;
    unsigned line;
};

static const char *environment_get(const char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; environment[i] != NULL; i++) {
        if (strncmp(environment[i], name, len) == 0 && environment[i][len] == '=') {
            return environment[i] + len + 1;
        }
    }
    return NULL;
}

static struct given find_given(const struct settings_detail *detail, const char *name)
{
    const char *text = environment_get(detail->environment, name);
    if (text != NULL) {
        return (struct given){text, ORIGIN_ENVIRONMENT, 0};
    }
    const struct env_entry *entry = env_file_find(&detail->file, name);
    if (entry != NULL) {
        return (struct given){entry->value, ORIGIN_FILE, entry->line};
    }
    return (struct given){NULL, ORIGIN_DEFAULT, 0};
}

const char *settings_variable(const struct settings *settings, const char *name)
{
    return find_given(settings->detail, name).text;
}

/* What people may see of a value: masked, one line, not too long. */
static void show_value(char out[SETTINGS_VALUE_SIZE], const struct setting *setting,
                       const char *text)
{
    struct buf shown = BUF_INIT;
    settings_value_show(&shown, setting, text);
    (void)snprintf(out, SETTINGS_VALUE_SIZE, "%.100s", buf_failed(&shown) ? "?" : buf_str(&shown));
    for (size_t i = 0; out[i] != '\0'; i++) {
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f) {
            out[i] = '?';
        }
    }
    buf_free(&shown);
}

static int refuse(const struct settings_detail *detail, const struct setting *setting,
                  struct given given, char reason[SETTINGS_REASON_SIZE])
{
    char value[SETTINGS_VALUE_SIZE];
    char allowed[SETTINGS_VALUE_SIZE];
    char where[160] = "";
    show_value(value, setting, given.text);
    settings_value_allowed(setting, allowed);
    if (given.origin == ORIGIN_FILE) {
        (void)snprintf(where, sizeof(where), "%.120s, line %u: ", detail->file_name, given.line);
    }
    (void)snprintf(reason, SETTINGS_REASON_SIZE, "%s%s=%s is not allowed; it must be %s", where,
                   setting->name, value, allowed);
    return -1;
}

static int load_one(struct settings *s, size_t i, char reason[SETTINGS_REASON_SIZE])
{
    const struct setting *setting = &settings_table[i];
    struct given given = find_given(s->detail, setting->name);
    if (given.text != NULL && given.text[0] == '\0' && !setting->empty_counts) {
        given = (struct given){NULL, ORIGIN_DEFAULT, 0};
    }
    if (given.text == NULL) {
        given.text = setting->fallback;
    }
    s->detail->values[i] = (struct setting_value){given.text, given.origin, given.line};
    return settings_value_set(s, setting, given.text) ? 0
                                                      : refuse(s->detail, setting, given, reason);
}

/* Another default than the table's, because of what else is set. */
static void replace_default(struct settings *s, const char *name, const char *text)
{
    const struct setting *setting = settings_table_find(name);
    struct setting_value *value = &s->detail->values[setting - settings_table];
    if (value->origin == ORIGIN_DEFAULT) {
        value->text = text;
        value->origin = ORIGIN_DERIVED;
        (void)settings_value_set(s, setting, text);
    }
}

static void choose_defaults(struct settings *s)
{
    if (s->port >= 0) {
        (void)snprintf(s->detail->listen, sizeof(s->detail->listen), "0.0.0.0:%d", (int)s->port);
        replace_default(s, "REVIEWD_LISTEN", s->detail->listen);
    }
    if (s->table_name != NULL) {
        replace_default(s, "REVIEWD_STORE", "dynamodb");
    }
    if (s->sender_email != NULL) {
        replace_default(s, "REVIEWD_MAIL", "ses");
    }
    if (strncmp(s->mail, "maildir:", strlen("maildir:")) == 0) {
        replace_default(s, "SENDER_EMAIL", "reviewd@localhost");
        replace_default(s, "RECEIVER_EMAIL", "admin@localhost");
    }
}

static const char *text_of(const struct settings *s, const char *name)
{
    return s->detail->values[settings_table_find(name) - settings_table].text;
}

/* What lacks because of what else is set, or NULL. */
static const char *find_lack(const struct settings *s)
{
    bool addresses = settings_forms_is_smtp(s->mail) || strcmp(s->mail, "ses") == 0;
    if (strcmp(s->store, "dynamodb") == 0 && s->table_name == NULL) {
        return "TABLE_NAME is not set; REVIEWD_STORE=dynamodb needs it";
    }
    if (addresses && s->sender_email == NULL) {
        return "SENDER_EMAIL is not set; REVIEWD_MAIL needs it for ses and SMTP";
    }
    if (addresses && s->receiver_email == NULL) {
        return "RECEIVER_EMAIL is not set; REVIEWD_MAIL needs it for ses and SMTP";
    }
    if (s->smtp_user != NULL && s->smtp_password == NULL) {
        return "REVIEWD_SMTP_PASSWORD is not set; REVIEWD_SMTP_USER needs it";
    }
    if (s->smtp_user == NULL && s->smtp_password != NULL) {
        return "REVIEWD_SMTP_USER is not set; REVIEWD_SMTP_PASSWORD needs it";
    }
    return NULL;
}

/* All that concerns more than one setting. */
static int check_together(const struct settings *s, char reason[SETTINGS_REASON_SIZE])
{
    if (s->negative_below > s->positive_above) {
        (void)snprintf(reason, SETTINGS_REASON_SIZE,
                       "REVIEWD_NEGATIVE_BELOW=%s is above REVIEWD_POSITIVE_ABOVE=%s; it must not "
                       "be greater",
                       text_of(s, "REVIEWD_NEGATIVE_BELOW"), text_of(s, "REVIEWD_POSITIVE_ABOVE"));
        return -1;
    }
    if (s->drain_delay_ms > s->drain_timeout_ms) {
        (void)snprintf(reason, SETTINGS_REASON_SIZE,
                       "REVIEWD_DRAIN_DELAY=%s is longer than REVIEWD_DRAIN_TIMEOUT=%s, of which "
                       "it is a part",
                       text_of(s, "REVIEWD_DRAIN_DELAY"), text_of(s, "REVIEWD_DRAIN_TIMEOUT"));
        return -1;
    }
    const char *lack = find_lack(s);
    if (lack != NULL) {
        (void)snprintf(reason, SETTINGS_REASON_SIZE, "%s", lack);
        return -1;
    }
    return 0;
}

static int load_all(struct settings *s, const char *env_file, char reason[SETTINGS_REASON_SIZE])
{
    if (env_file != NULL && env_file_read(&s->detail->file, env_file, reason) != 0) {
        return -1;
    }
    for (size_t i = 0; i < settings_table_size; i++) {
        if (load_one(s, i, reason) != 0) {
            return -1;
        }
    }
    choose_defaults(s);
    if (check_together(s, reason) != 0) {
        return -1;
    }
    if (settings_unknown_collect(s->detail) != 0) {
        (void)snprintf(reason, SETTINGS_REASON_SIZE, "out of memory");
        return -1;
    }
    return 0;
}

struct settings *settings_load(const char *env_file, const char *const *environment,
                               char reason[SETTINGS_REASON_SIZE])
{
    struct settings *s = calloc(1, sizeof(*s));
    struct settings_detail *detail = calloc(1, sizeof(*detail));
    struct setting_value *values = calloc(settings_table_size, sizeof(*values));
    char *file_name = strdup(env_file != NULL ? env_file : "");
    if (s == NULL || detail == NULL || values == NULL || file_name == NULL) {
        free(file_name);
        free(values);
        free(detail);
        free(s);
        (void)snprintf(reason, SETTINGS_REASON_SIZE, "out of memory");
        return NULL;
    }
    static const char *const nothing[] = {NULL};
    detail->environment = environment != NULL ? environment : nothing;
    detail->values = values;
    detail->file_name = file_name;
    s->detail = detail;
    if (load_all(s, env_file, reason) != 0) {
        settings_free(s);
        return NULL;
    }
    return s;
}

void settings_free(struct settings *settings)
{
    if (settings == NULL) {
        return;
    }
    struct settings_detail *detail = settings->detail;
    for (size_t i = 0; i < detail->warning_count; i++) {
        free(detail->warnings[i]);
    }
    free(detail->warnings);
    env_file_free(&detail->file);
    free(detail->file_name);
    free(detail->values);
    free(detail);
    free(settings);
}
