/* sekisho store: the database itself, without a node. */
#include <unistd.h>

#include "cli/cli.h"
#include "store/copy.h"
#include "store/store.h"

struct store_options {
    struct common common;
    const char *store, *grant, *from, *to;
};
#define AT(member) .offset = offsetof(struct store_options, member)

static int run_migrate(struct cli *cli, const void *given)
{
    const struct store_options *options = given;
    unsigned applied = 0;
    struct err err = {0};
    if (!cli_given(cli, "store"))
        return cli_trouble(cli, "--store is missing");
    if (store_migrate(options->store, options->grant, &applied, &err))
        return cli_trouble(cli, "%s", err.text);
    if (cli->common->is_json) {
        json_t *answer = json_pack("{s:I}", "applied", (json_int_t)applied);
        output_json(&cli->out, answer);
        json_decref(answer);
    } else {
        fprintf(cli->out.file, "%u migration%s applied\n", applied, applied == 1 ? "" : "s");
    }
    return EXIT_OK;
}

/* --- copying --------------------------------------------------------------------------------- */

/* A bar that is drawn over itself on a terminal; elsewhere a line at the end of each table. */
struct bar {
    FILE *out;
    bool is_terminal;
    uint64_t rows; /* copied */
};

static void draw(const struct bar *bar, const struct copy_progress *progress)
{
    enum { WIDTH = 30 };
    char cells[WIDTH + 1];
    int full = progress->total ? (int)(progress->done * WIDTH / progress->total) : WIDTH;
    int percent = progress->total ? (int)(progress->done * 100 / progress->total) : 100;
    for (int i = 0; i < WIDTH; i++)
        cells[i] = i < full ? '#' : '.';
    cells[WIDTH] = '\0';
    fprintf(bar->out, "\r[%s] %3d%%  %s %s\033[K", cells, percent,
            progress->is_checking ? "comparing" : "copying", progress->table);
    fflush(bar->out);
}

static void show(void *context, const struct copy_progress *progress)
{
    struct bar *bar = context;
    bool is_end = progress->rows == progress->rows_total;
    if (is_end && !progress->is_checking)
        bar->rows += progress->rows;
    if (bar->is_terminal)
        draw(bar, progress);
    else if (is_end)
        fprintf(bar->out, "%s %s: %llu rows\n", progress->is_checking ? "compared" : "copied",
                progress->table, (unsigned long long)progress->rows);
}

static int run_copy(struct cli *cli, const void *given)
{
    const struct store_options *options = given;
    struct bar bar = {.out = stderr, .is_terminal = isatty(STDERR_FILENO)};
    struct err err = {0};
    if (!options->from || !options->to)
        return cli_trouble(cli, "--%s is missing", options->from ? "to" : "from");
    int rc = store_copy(options->from, options->to, show, &bar, &err);
    if (bar.is_terminal && bar.rows)
        fprintf(stderr, "\r\033[K");
    if (rc)
        return cli_trouble(cli, "%s", err.text);
    if (cli->common->is_json)
        fprintf(cli->out.file, "{\"rows\": %llu}\n", (unsigned long long)bar.rows);
    else
        fprintf(cli->out.file, "%llu rows copied, and the same in both\n",
                (unsigned long long)bar.rows);
    return EXIT_OK;
}

/* --- tables ---------------------------------------------------------------------------------- */

static const struct option migrate_options[] = {
    {"store", OPTION_TEXT, OPTION_SECRET, "URL", NULL, "SEKISHO_STORE",
     "the database, as the user that owns the tables, or a SQLite file: sqlite:FILE", AT(store)},
    {"grant", OPTION_TEXT, 0, "USER", NULL, NULL,
     "user of PostgreSQL that may run the service on these tables, and not change them", AT(grant)},
    {0}};

static const struct option copy_options[] = {
    {"from", OPTION_TEXT, OPTION_SECRET, "URL", NULL, "SEKISHO_STORE_FROM",
     "sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE", AT(from)},
    {"to", OPTION_TEXT, OPTION_SECRET, "URL", NULL, "SEKISHO_STORE_TO",
     "the same; it must be empty", AT(to)},
    {0}};

const struct command store_commands[] = {
    {"migrate", "Brings the tables of a database up to date, before nodes of a new version start",
     "A URL on the command line can be seen by everyone on the machine, with its password:\n\n"
     "  SEKISHO_STORE=$(cat owner.url) sekisho store migrate --grant sekisho\n",
     migrate_options, sizeof(struct store_options), run_migrate, COMMAND_LOCAL},
    {"copy", "Copies a whole store into an empty one, from any kind to any, and compares the two",
     "No node may be writing to either: stop them, copy, start them with the new --store.\n",
     copy_options, sizeof(struct store_options), run_copy, COMMAND_LOCAL},
    {0}};
