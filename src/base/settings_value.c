#include "settings_value.h"

#include "settings_forms.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

bool settings_value_duration(const char *text, int64_t *ms)
{
    size_t digits = strspn(text, "0123456789");
    const char *name = text[digits] != '\0' ? text + digits : "s";
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        int64_t count;
        if (strcmp(units[i].name, name) == 0) {
            bool good =
                num_parse_int((struct span){text, digits}, 0, INT64_MAX / units[i].ms, &count);
            *ms = good ? count * units[i].ms : *ms;
            return good;
        }
    }
    return false;
}

/* In the largest unit that needs no fraction. */
static void write_duration(char *out, size_t size, int64_t ms)
{
    size_t i = 0;
    while (ms % units[i].ms != 0) {
        i++;
    }
    (void)snprintf(out, size, "%" PRId64 "%s", ms / units[i].ms, ms == 0 ? "s" : units[i].name);
}

static bool set_integer(int64_t *field, const struct setting *setting, const char *text)
{
    if (text == NULL) {
        *field = -1;
        return true;
    }
    return num_parse_int(span_of(text), (int64_t)setting->min, (int64_t)setting->max, field);
}

static bool set_duration(int64_t *field, const struct setting *setting, const char *text)
{
    int64_t ms = 0;
    if (!settings_value_duration(text, &ms) || ms < (int64_t)setting->min ||
        ms > (int64_t)setting->max) {
        return false;
    }
    *field = ms;
    return true;
}

static bool set_switch(bool *field, const char *text)
{
    static const char *const words[][2] = {
        {"off", "on"}, {"false", "true"}, {"0", "1"}, {"no", "yes"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (int value = 0; value < 2; value++) {
            if (strcmp(text, words[i][value]) == 0) {
                *field = value == 1;
                return true;
            }
        }
    }
    return false;
}

static bool set_choice(int64_t *field, const struct setting *setting, const char *text)
{
    for (int64_t i = 0; setting->choices[i] != NULL; i++) {
        if (strcmp(text, setting->choices[i]) == 0) {
            *field = i;
            return true;
        }
    }
    return false;
}

static bool set_text(const char **field, const struct setting *setting, const char *text)
{
    bool fits = text == NULL ||
                (settings_forms_printable(text) && (setting->fits == NULL || setting->fits(text)));
    if (fits) {
        *field = text;
    }
    return fits;
}

bool settings_value_set(struct settings *out, const struct setting *setting, const char *text)
{
    void *field = (char *)out + setting->offset;
    switch (setting->type) {
    case SETTING_INTEGER:
        return set_integer(field, setting, text);
    case SETTING_DURATION:
        return set_duration(field, setting, text);
    case SETTING_NUMBER:
        return num_parse_double(span_of(text), setting->min, setting->max, field);
    case SETTING_SWITCH:
        return set_switch(field, text);
    case SETTING_CHOICE:
        return set_choice(field, setting, text);
    case SETTING_TEXT:
    default:
        return set_text(field, setting, text);
    }
}

static void write_choices(const struct setting *setting, char out[SETTINGS_VALUE_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; setting->choices[i] != NULL; i++) {
        const char *before = i == 0 ? "" : setting->choices[i + 1] == NULL ? " or " : ", ";
        int n =
            snprintf(out + used, SETTINGS_VALUE_SIZE - used, "%s%s", before, setting->choices[i]);
        used += (size_t)n;
    }
}

void settings_value_allowed(const struct setting *setting, char out[SETTINGS_VALUE_SIZE])
{
    char least[24];
    char most[24];
    switch (setting->type) {
    case SETTING_INTEGER:
        (void)snprintf(out, SETTINGS_VALUE_SIZE, "a whole number from %.0f to %.0f", setting->min,
                       setting->max);
        break;
    case SETTING_DURATION:
        write_duration(least, sizeof(least), (int64_t)setting->min);
        write_duration(most, sizeof(most), (int64_t)setting->max);
        (void)snprintf(out, SETTINGS_VALUE_SIZE,
                       "a time from %s to %s (as 500ms, 29s, 15m, 24h; a plain number is seconds)",
                       least, most);
        break;
    case SETTING_NUMBER:
        (void)snprintf(out, SETTINGS_VALUE_SIZE, "a number from %.0f to %.0f", setting->min,
                       setting->max);
        break;
    case SETTING_SWITCH:
        (void)snprintf(out, SETTINGS_VALUE_SIZE, "on or off (or true, false, 1, 0, yes, no)");
        break;
    case SETTING_CHOICE:
        write_choices(setting, out);
        break;
    case SETTING_TEXT:
    default:
        (void)snprintf(out, SETTINGS_VALUE_SIZE, "%s", setting->allowed);
    }
}

void settings_value_show(struct buf *out, const struct setting *setting, const char *text)
{
    if (setting->secret && text[0] != '\0') {
        buf_add_span(out, SPAN("********"));
    } else if (setting->url) {
        settings_mask(out, text);
    } else {
        buf_add_str(out, text);
    }
}
