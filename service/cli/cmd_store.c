/* sekisho store: the database itself, without a node. */
#include "cli/cli.h"
#include "store/store.h"

struct store_options {
    struct common common;
    const char *store, *grant;
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

static const struct option migrate_options[] = {
    {"store", OPTION_TEXT, OPTION_SECRET, "URL", NULL, "SEKISHO_STORE",
     "the database, as the user that owns the tables, or a SQLite file: sqlite:FILE", AT(store)},
    {"grant", OPTION_TEXT, 0, "USER", NULL, NULL,
     "user of PostgreSQL that may run the service on these tables, and not change them", AT(grant)},
    {0}};

const struct command store_commands[] = {
    {"migrate", "Brings the tables of a database up to date, before nodes of a new version start",
     "A URL on the command line can be seen by everyone on the machine, with its password:\n\n"
     "  SEKISHO_STORE=$(cat owner.url) sekisho store migrate --grant sekisho\n",
     migrate_options, sizeof(struct store_options), run_migrate, COMMAND_LOCAL},
    {0}};
