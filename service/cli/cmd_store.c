/* sekisho store: the database itself, without a node. */
#include "cli/cli.h"
#include "cli/progress.h"
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

/* A bar on a terminal; elsewhere a line at the end of each table. */
struct copying {
    const struct cli *cli;
    struct progress progress;
    bool is_begun;
    uint64_t rows; /* copied */
};

static void show(void *context, const struct copy_progress *told)
{
    struct copying *copying = context;
    bool is_end = told->rows == told->rows_total;
    if (!copying->is_begun)
        progress_begin(&copying->progress, copying->cli, "rows copied and compared", told->total);
    copying->is_begun = true;
    if (is_end && !told->is_checking)
        copying->rows += told->rows;
    if (copying->progress.is_terminal)
        progress_set(&copying->progress, told->done, told->done);
    else if (is_end && !copying->progress.is_silent)
        fprintf(stderr, "%s %s: %llu rows\n", told->is_checking ? "compared" : "copied", told->table,
                (unsigned long long)told->rows);
}

static int run_copy(struct cli *cli, const void *given)
{
    const struct store_options *options = given;
    struct copying copying = {.cli = cli};
    struct err err = {0};
    if (!options->from || !options->to)
        return cli_trouble(cli, "--%s is missing", options->from ? "to" : "from");
    int rc = store_copy(options->from, options->to, show, &copying, &err);
    if (copying.is_begun && copying.progress.is_terminal && rc)
        progress_clear(&copying.progress);
    else if (copying.is_begun && copying.progress.is_terminal)
        progress_end(&copying.progress);
    if (rc)
        return cli_trouble(cli, "%s", err.text);
    if (cli->common->is_json)
        fprintf(cli->out.file, "{\"rows\": %llu}\n", (unsigned long long)copying.rows);
    else
        fprintf(cli->out.file, "%llu rows copied, and the same in both\n",
                (unsigned long long)copying.rows);
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
     "sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE; it is only read", AT(from)},
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
