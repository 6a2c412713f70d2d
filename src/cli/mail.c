#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "cli/cli.h"
#include "cli/complain.h"
#include "options.h"
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { PAGE = 64 };

enum { OPTION_JSON = OPTIONS_OWN, OPTION_VERBOSE, OPTION_ALL };

struct mail_options {
    const char *env_file;
    bool json;
    bool verbose;
    bool all;
};

static const char help[] =
    "usage: reviewd mail list [--json] [--verbose]\n"
    "       reviewd mail requeue ID... | --all\n"
    "       reviewd mail drop ID... | --all\n\n"
    "Lists the mails that were given up (dead letters), sends them once more, or forgets\n"
    "them. Works beside a running service, which notices requeued mails within 5 seconds.\n\n"
    "  --json           one JSON object a line\n"
    "  --verbose        with the review's author and text\n"
    "  --all            all dead letters\n" OPTIONS_ENV_FILE_HELP OPTIONS_COMMON_HELP;

/* Says why a call failed. */
static int store_failed(struct store *s)
{
    char reason[STORE_ERROR_SIZE] = "out of memory";
    (void)store_ready(s, reason);
    return complain_failed("%s", reason);
}

static void write_member(struct buf *out, const char *name, struct span value)
{
    buf_addf(out, ",\"%s\":", name);
    json_write_string(out, value);
}

static void write_json(struct buf *out, const struct outbox_entry *entry, bool verbose)
{
    char created[CLOCK_ISO_SIZE];
    clock_iso(entry->created_us, created);
    buf_addf(out, "{\"id\":%" PRIu64 ",\"created\":\"%s\",\"attempts\":%u", entry->id, created,
             entry->attempts);
    write_member(out, "error", span_of(entry->last_error));
    if (verbose) {
        write_member(out, "user_name", entry->item.user_name);
        write_member(out, "review", entry->item.review);
    }
    buf_add_str(out, "}\n");
}

/* Texts from outside are written as JSON strings, so that they cannot control the terminal. */
static void write_row(struct buf *out, const struct outbox_entry *entry, bool verbose)
{
    char created[CLOCK_ISO_SIZE];
    clock_iso(entry->created_us, created);
    buf_addf(out, "%10" PRIu64 "  %s  %8u  ", entry->id, created, entry->attempts);
    json_write_string(out, span_of(entry->last_error));
    if (verbose) {
        buf_add_str(out, "\n            by ");
        json_write_string(out, entry->item.user_name);
        buf_add_str(out, ": ");
        json_write_string(out, entry->item.review);
    }
    buf_add_char(out, '\n');
}

/* Prints a page and frees its entries; the last id, or 0 when out of memory. */
static uint64_t print_page(struct outbox_entry *entries, int count,
                           const struct mail_options *options)
{
    struct buf out = BUF_INIT;
    uint64_t last = 0;
    for (int i = 0; i < count; i++) {
        last = entries[i].id;
        (options->json ? write_json : write_row)(&out, &entries[i], options->verbose);
        outbox_entry_free(&entries[i]);
    }
    if (buf_failed(&out)) {
        last = 0;
    } else {
        fwrite(buf_str(&out), 1, out.len, stdout);
    }
    buf_free(&out);
    return last;
}

static int list(struct store *s, const struct mail_options *options)
{
    static struct outbox_entry entries[PAGE];
    struct outbox_counts counts;
    uint64_t last = 0;
    int count;
    if (store_count(s, &counts) != 0) {
        return store_failed(s);
    }
    if (!options->json) {
        printf("%" PRIu64 " dead, %" PRIu64 " waiting\n", counts.dead, counts.pending);
        if (counts.dead > 0) {
            printf("%10s  %-26s  %8s  %s\n", "id", "created", "attempts", "error");
        }
    }
    while ((count = store_dead_list(s, last, entries, PAGE)) > 0) {
        last = print_page(entries, count, options);
        if (last == 0) {
            return store_failed(s);
        }
    }
    return count == 0 ? CLI_OK : store_failed(s);
}

/* Requeues or drops; `ids` ends with NULL and is well-formed. */
static int change(struct store *s, int (*act)(struct store *s, uint64_t id), const char *done,
                  char **ids, bool all)
{
    int code = CLI_OK;
    int total = 0;
    if (all) {
        total = act(s, 0);
        if (total < 0) {
            return store_failed(s);
        }
    }
    for (; *ids != NULL; ids++) {
        int64_t id = 0;
        num_parse_int(span_of(*ids), 1, INT64_MAX, &id);
        int count = act(s, (uint64_t)id);
        if (count < 0) {
            return store_failed(s);
        }
        if (count == 0) {
            code = complain_failed("no dead letter has the id %s", *ids);
        }
        total += count;
    }
    printf("%d %s\n", total, done);
    return code;
}

/* Runs the action named by `action` on the store that is set. */
static int run(const char *action, char **ids, const struct mail_options *options)
{
    char reason[WIRE_REASON_SIZE];
    struct settings *settings = NULL;
    int code = options_load(options->env_file, &settings);
    if (code >= 0) {
        return code;
    }
    struct wire_aws aws;
    wire_aws_init(&aws, settings, NULL);
    struct store *store = wire_store_beside(&aws, clock_system(), reason);
    if (store == NULL) {
        code = complain_failed("%s", reason);
    } else if (strcmp(action, "list") == 0) {
        code = list(store, options);
    } else if (strcmp(action, "requeue") == 0) {
        code = change(store, store_dead_requeue, "requeued", ids, options->all);
    } else {
        code = change(store, store_dead_drop, "dropped", ids, options->all);
    }
    store_close(store);
    wire_aws_close(&aws);
    settings_free(settings);
    return code;
}

/* Refuses what no action understands, before anything is done. */
static int check(const char *action, char **ids, const struct mail_options *options)
{
    int64_t ignored;
    bool lists = strcmp(action, "list") == 0;
    if (!lists && strcmp(action, "requeue") != 0 && strcmp(action, "drop") != 0) {
        return complain_usage("mail", "unknown action %s", action);
    }
    if (lists && (options->all || *ids != NULL)) {
        return complain_usage("mail", "list takes no %s", options->all ? "--all" : *ids);
    }
    if (!lists && (options->json || options->verbose)) {
        return complain_usage("mail", "%s takes neither --json nor --verbose", action);
    }
    if (!lists && options->all == (*ids != NULL)) {
        return complain_usage("mail", "%s needs either ids or --all", action);
    }
    for (; *ids != NULL; ids++) {
        if (!num_parse_int(span_of(*ids), 1, INT64_MAX, &ignored)) {
            return complain_usage("mail", "this is no id: %s", *ids);
        }
    }
    return -1;
}

int cli_mail(int argc, char **argv)
{
    static const struct option known[] = {{"env-file", required_argument, NULL, OPTIONS_ENV_FILE},
                                          {"json", no_argument, NULL, OPTION_JSON},
                                          {"verbose", no_argument, NULL, OPTION_VERBOSE},
                                          {"all", no_argument, NULL, OPTION_ALL},
                                          OPTIONS_COMMON};
    struct options o = {.command = "mail", .help = help, .known = known};
    struct mail_options options = {0};
    int option;
    while ((option = options_next(&o, argc, argv)) != -1) {
        options.json |= option == OPTION_JSON;
        options.verbose |= option == OPTION_VERBOSE;
        options.all |= option == OPTION_ALL;
        if (option == OPTIONS_ENV_FILE) {
            options.env_file = optarg;
        }
    }
    if (o.code >= 0) {
        return o.code;
    }
    if (optind == argc) {
        return complain_usage("mail", "mail needs an action: list, requeue or drop");
    }
    int code = check(argv[optind], argv + optind + 1, &options);
    return code >= 0 ? code : run(argv[optind], argv + optind + 1, &options);
}
