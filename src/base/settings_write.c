#include "settings_internal.h"

static void write_origin(struct buf *out, const struct settings_detail *detail,
                         const struct setting_value *value)
{
    switch (value->origin) {
    case ORIGIN_ENVIRONMENT:
        buf_add_str(out, "# environment\n");
        break;
    case ORIGIN_FILE:
        buf_addf(out, "# file %s, line %u\n", detail->file_name, value->line);
        break;
    case ORIGIN_DERIVED:
        buf_add_str(out, "# default, because of what else is set\n");
        break;
    case ORIGIN_DEFAULT:
    default:
        buf_add_str(out, value->text != NULL ? "# default\n" : "# default: not set\n");
    }
}

void settings_write(const struct settings *settings, struct buf *out)
{
    const struct settings_detail *detail = settings->detail;
    struct buf shown = BUF_INIT;
    for (size_t i = 0; i < settings_table_size; i++) {
        const struct setting_value *value = &detail->values[i];
        buf_clear(&shown);
        settings_value_show(&shown, &settings_table[i], value->text != NULL ? value->text : "");
        write_origin(out, detail, value);
        env_file_write(out, settings_table[i].name, buf_str(&shown));
        out->failed = out->failed || buf_failed(&shown);
    }
    buf_free(&shown);
}

size_t settings_count(void)
{
    return settings_table_size;
}

struct setting_info settings_info(size_t i)
{
    const struct setting *setting = &settings_table[i];
    struct setting_info info = {.name = setting->name,
                                .group = setting->group,
                                .fallback = setting->fallback != NULL ? setting->fallback : "",
                                .fallback_why = setting->fallback_why,
                                .help = setting->help,
                                .secret = setting->secret};
    settings_value_allowed(setting, info.allowed);
    return info;
}

static void write_row(struct buf *out, const struct setting_info *info)
{
    buf_addf(out, "\n# %s\n# Allowed: %s.\n", info->help, info->allowed);
    if (info->fallback_why != NULL) {
        buf_addf(out, "# Default: %s%s%s.\n", info->fallback, info->fallback[0] != '\0' ? ", " : "",
                 info->fallback_why);
    }
    buf_add_char(out, '#');
    env_file_write(out, info->name, info->fallback);
}

void settings_write_template(struct buf *out)
{
    buf_add_str(out,
                "# Settings of reviewd, each with its default. The syntax is that of systemd's\n"
                "# EnvironmentFile=: for systemd, `docker --env-file` and `reviewd --env-file`. "
                "Variables of\n"
                "# the environment win over this file. An empty value means the default, but "
                "REVIEWD_STAGE=\n"
                "# means no prefix.\n");
    const char *group = "";
    for (size_t i = 0; i < settings_table_size; i++) {
        struct setting_info info = settings_info(i);
        if (strcmp(group, info.group) != 0) {
            group = info.group;
            buf_addf(out, "\n\n# --- %s ---\n", group);
        }
        write_row(out, &info);
    }
}
