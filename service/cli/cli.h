/*
 * The command line: commands are rows, their options are rows (base/option.h), and help, parsing and
 * shell completion are made from both, so that they agree by construction.
 *
 *     main.c: argv ─► row of a command ─► options into its own struct ─► run() ─► exit status
 *
 * A command's struct of options begins with `struct common`; the options of every command are added to
 * its own rows before parsing. A command speaks REST (rest_client.h) unless it says that it is local.
 *
 * To add one: a cmd_*.c with a table of `struct command`, and its row in main.c.
 */
#ifndef SEKISHO_CLI_CLI_H
#define SEKISHO_CLI_CLI_H

#include <stdio.h>

#include "base/arena.h"
#include "base/options.h"
#include "cli/output.h"

/* Exit statuses. A verdict is an answer, so `sekisho check` has three good ones. */
enum { EXIT_OK = 0, EXIT_DENY = 1, EXIT_TROUBLE = 2, EXIT_DIVERT = 3 };
/* Of commands with many things to do: got to the end, but some were refused. */
enum { EXIT_PARTLY = 1 };

struct common {
    bool is_json, help;
    int color; /* enum output_color */
    /* of commands that speak REST */
    const char *url, *token_file, *ca_file;
    int64_t timeout_ms;
    /* of commands that change something (change.h) */
    bool wait;
};

struct cli {
    struct arena arena; /* of the whole run */
    struct options options;
    const struct common *common;
    struct output out;   /* standard output */
    const char *command; /* "rule add", for messages */
};

struct command {
    const char *name;    /* "add"; "" when the group is the command ("check"); NULL ends a table */
    const char *about;   /* one line */
    const char *details; /* more lines for --help, or NULL */
    const struct option *options; /* into a struct that begins with struct common */
    size_t options_bytes;         /* its size */
    int (*run)(struct cli *cli, const void *options); /* returns the exit status */
    unsigned flags;
};
enum { COMMAND_LOCAL = 1 }; /* does not speak REST, so has no --url and its like */

struct command_group {
    const char *name, *about;
    const struct command *commands;
};
extern const struct command_group command_groups[]; /* main.c; ends with a NULL name */
extern const struct option common_options[], rest_options[];

/* Says "sekisho COMMAND: …" on standard error; returns EXIT_TROUBLE. */
int cli_trouble(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/* Was the option named `name` given, by flag or environment? */
static inline bool cli_given(const struct cli *cli, const char *name)
{
    return options_given(&cli->options, name);
}

/* help.c: what --help says. */
void help_all(FILE *out);
void help_group(const struct command_group *group, FILE *out);
void help_command(const struct command_group *group, const struct command *command, FILE *out);
/* "usage: sekisho rule add [options] TENANT ACTION TARGET" */
void help_usage(const struct command_group *group, const struct command *command, FILE *out);

extern const struct command agi_commands[], token_commands[];
extern const struct command account_commands[], attempt_commands[], audit_commands[],
    campaign_commands[], cdr_commands[], check_commands[], completion_commands[], lint_commands[], node_commands[], outbox_commands[],
    profile_commands[], rule_commands[], simulate_commands[], store_commands[], tenant_commands[];

#endif
