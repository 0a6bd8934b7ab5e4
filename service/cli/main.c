/* sekisho, the command line: finds the command's row, fills its options, runs it. */
#include <stdarg.h>
#include <string.h>

#include "base/nearest.h"
#include "base/version.h"
#include "cli/cli.h"

enum { ARENA_BYTES_MAX = 256 << 20 };

const struct command_group command_groups[] = {
    {"check", "May this number be dialed now, and why?", check_commands},
    {"lint", "What rules do that was perhaps not meant", lint_commands},
    {"simulate", "What other rules would have done to the calls really made", simulate_commands},
    {"tenant", "Customers", tenant_commands},
    {"account", "Calling identities of a tenant", account_commands},
    {"rule", "What may be dialed: rules of tenants, accounts and the platform", rule_commands},
    {"profile", "Sets of rules that new tenants and accounts start with", profile_commands},
    {"token", "Bearer tokens: who may ask and change what", token_commands},
    {"store", "The database itself, without a node", store_commands},
    {"node", "The running daemons, and what each enforces", node_commands},
    {"outbox", "Messages to tenants: what is sent, waits, or was given up", outbox_commands},
    {"campaign", "One rule for many: planned, told, applied, undone", campaign_commands},
    {"cdr", "Call records: what accounts really called", cdr_commands},
    {"attempt", "What was asked and answered", attempt_commands},
    {"audit", "Who changed what", audit_commands},
    {"agi", "The AGI program, for a PBX that can only run one", agi_commands},
    {"completion", "Completion for the shell", completion_commands},
    {0}};

#define AT(member) .offset = offsetof(struct common, member)
const struct option common_options[] = {
    {"json", OPTION_FLAG, OPTION_ARGV_ONLY, NULL, NULL, NULL, "print JSON instead of text for people",
     AT(is_json)},
    {"color", OPTION_CHOICE, 0, "auto|always|never", "auto", NULL,
     "colour; auto is on a terminal unless NO_COLOR is set", AT(color)},
    {"help", OPTION_FLAG, OPTION_ARGV_ONLY, NULL, NULL, NULL, "print this", AT(help)},
    {0}};

const struct option rest_options[] = {
    {"url", OPTION_TEXT, 0, "URL", "http://127.0.0.1:8081", "SEKISHO_URL",
     "the admin listener of sekishod", AT(url)},
    {"token-file", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_TOKEN_FILE",
     "file with the bearer token; without it the token is taken from SEKISHO_TOKEN",
     AT(token_file)},
    {"ca-file", OPTION_PATH, 0, "FILE", NULL, "SEKISHO_CA_FILE",
     "certificates to trust instead of the system's, PEM", AT(ca_file)},
    {"timeout", OPTION_DURATION, 0, "TIME", "30s", "SEKISHO_TIMEOUT",
     "how long one request may take", AT(timeout_ms), .min = 100, .max = 3600000},
    {0}};

int cli_trouble(const struct cli *cli, const char *format, ...)
{
    char text[1024];
    struct output out;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fflush(cli->out.file);
    output_init(&out, stderr, COLOR_NEVER);
    fprintf(stderr, "sekisho %s: ", cli->command);
    output_text(&out, STYLE_PLAIN, text, 0);
    fputc('\n', stderr);
    return EXIT_TROUBLE;
}

/* --- options of a command ------------------------------------------------------------------------- */

/* The command's own rows, then those of every command, in one table. */
static const struct option *merge_options(struct cli *cli, const struct command *command)
{
    const struct option *parts[] = {command->options,
                                    command->flags & COMMAND_LOCAL ? NULL : rest_options,
                                    common_options};
    struct option *table = arena_alloc(&cli->arena, OPTIONS_MAX * sizeof *table);
    size_t count = 0;
    for (size_t i = 0; table && i < sizeof parts / sizeof *parts; i++)
        for (const struct option *option = parts[i]; option && option->name; option++)
            if (count < OPTIONS_MAX - 1)
                table[count++] = *option;
    return table;
}

/* Fills the command's options; the exit status to end with, or EXIT_OK. */
static int read_options(struct cli *cli, const struct command *command, void *target, int argc,
                        char **argv)
{
    enum option_source *sources = arena_alloc(&cli->arena, OPTIONS_MAX * sizeof *sources);
    const struct option *table = merge_options(cli, command);
    struct err err;
    if (!sources || !table)
        return cli_trouble(cli, "out of memory");
    int rc = options_init(&cli->options, table, target, &cli->arena, sources, &err);
    rc = rc ? rc : options_read_env(&cli->options, &err);
    rc = rc ? rc : options_read_argv(&cli->options, argc, argv, &err);
    if (rc)
        return cli_trouble(cli, "%s", err.text);
    const struct option *missing = options_missing(&cli->options);
    return missing ? cli_trouble(cli, "%s is missing", missing->name) : EXIT_OK;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* argv[0] is the command's last word. */
static int run(const struct command_group *group, const struct command *command, int argc,
               char **argv)
{
    char name[64];
    struct cli cli = {.command = name};
    if (asks_for_help(argc, argv)) {
        help_command(group, command, stdout);
        return EXIT_OK;
    }
    snprintf(name, sizeof name, "%s%s%s", group->name, *command->name ? " " : "", command->name);
    arena_init(&cli.arena, ARENA_BYTES_MAX);
    output_init(&cli.out, stdout, COLOR_NEVER);
    struct common *target = arena_alloc(&cli.arena, command->options_bytes);
    int status = target ? read_options(&cli, command, target, argc, argv)
                        : cli_trouble(&cli, "out of memory");
    if (status == EXIT_OK) {
        cli.common = target;
        output_init(&cli.out, stdout, (enum output_color)target->color);
        status = command->run(&cli, target);
        if (fflush(stdout) || ferror(stdout))
            status = cli_trouble(&cli, "cannot write to standard output");
    } else {
        help_usage(group, command, stderr);
    }
    arena_release(&cli.arena);
    return status;
}

/* --- finding the command --------------------------------------------------------------------------- */

static const struct command_group *find_group(const char *name)
{
    for (const struct command_group *group = command_groups; group->name; group++)
        if (strcmp(group->name, name) == 0)
            return group;
    return NULL;
}

static const struct command *find_command(const struct command_group *group, const char *name)
{
    for (const struct command *command = group->commands; command->name; command++)
        if (strcmp(command->name, name) == 0)
            return command;
    return NULL;
}

static int unknown(const char *before, const char *name, struct nearest *nearest)
{
    fprintf(stderr, "sekisho: there is no command \"%s%s\"", before, name);
    if (nearest->best)
        fprintf(stderr, "; did you mean \"%s%s\"?", before, nearest->best);
    fputc('\n', stderr);
    return EXIT_TROUBLE;
}

static int unknown_group(const char *name)
{
    struct nearest nearest;
    nearest_init(&nearest, name);
    for (const struct command_group *group = command_groups; group->name; group++)
        nearest_offer(&nearest, group->name);
    return unknown("", name, &nearest);
}

static int unknown_command(const struct command_group *group, const char *name)
{
    struct nearest nearest;
    char before[32];
    nearest_init(&nearest, name);
    for (const struct command *command = group->commands; command->name; command++)
        nearest_offer(&nearest, command->name);
    snprintf(before, sizeof before, "%s ", group->name);
    return unknown(before, name, &nearest);
}

/* "sekisho help [GROUP [COMMAND]]" */
static int help(int argc, char **argv)
{
    if (argc < 2) {
        help_all(stdout);
        return EXIT_OK;
    }
    const struct command_group *group = find_group(argv[1]);
    if (!group)
        return unknown_group(argv[1]);
    if (argc < 3) {
        help_group(group, stdout);
        return EXIT_OK;
    }
    const struct command *command = find_command(group, argv[2]);
    if (!command)
        return unknown_command(group, argv[2]);
    help_command(group, command, stdout);
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help_all(stderr);
        return EXIT_TROUBLE;
    }
    const char *word = argv[1];
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(word, "--version") == 0) {
        printf("sekisho %s\n", SEKISHO_VERSION);
        return EXIT_OK;
    }
    const struct command_group *group = find_group(word);
    if (!group)
        return unknown_group(word);
    const struct command *alone = find_command(group, "");
    if (alone)
        return run(group, alone, argc - 1, argv + 1);
    if (argc < 3) {
        help_group(group, stderr);
        return EXIT_TROUBLE;
    }
    const struct command *command = find_command(group, argv[2]);
    if (command)
        return run(group, command, argc - 2, argv + 2);
    if (asks_for_help(argc - 1, argv + 1)) {
        help_group(group, stdout);
        return EXIT_OK;
    }
    return unknown_command(group, argv[2]);
}
