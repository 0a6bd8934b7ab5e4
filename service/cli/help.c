/* What --help says, from the tables alone. */
#include <string.h>

#include "cli/cli.h"

static bool is_alone(const struct command_group *group)
{
    return group->commands[0].name[0] == '\0';
}

static void print_row(FILE *out, const char *name, const char *about)
{
    fprintf(out, "  %-12s  %s\n", name, about);
}

void help_all(FILE *out)
{
    fputs("usage: sekisho COMMAND [options] …\n\n"
          "May this account of this tenant dial this number now, and why? Asks and edits what a\n"
          "running sekishod enforces.\n\n",
          out);
    for (const struct command_group *group = command_groups; group->name; group++)
        print_row(out, group->name, group->about);
    fputs("\nsekisho COMMAND --help tells more; sekisho --version the version.\n"
          "SEKISHO_URL is the admin listener (http://127.0.0.1:8081), SEKISHO_TOKEN the credential.\n",
          out);
}

void help_usage(const struct command_group *group, const struct command *command, FILE *out)
{
    fprintf(out, "usage: sekisho %s%s%s [options]", group->name, *command->name ? " " : "",
            command->name);
    for (const struct option *option = command->options; option->name; option++) {
        char text[96] = "";
        struct buf usage = BUF_OVER(text);
        if (!(option->flags & OPTION_POSITIONAL))
            continue;
        option_print_usage(option, &usage);
        fprintf(out, " %s", text);
    }
    fputc('\n', out);
}

void help_group(const struct command_group *group, FILE *out)
{
    if (is_alone(group)) {
        help_command(group, &group->commands[0], out);
        return;
    }
    fprintf(out, "usage: sekisho %s COMMAND [options] …\n\n%s.\n\n", group->name, group->about);
    for (const struct command *command = group->commands; command->name; command++)
        print_row(out, command->name, command->about);
    fprintf(out, "\nsekisho %s COMMAND --help tells more.\n", group->name);
}

void help_command(const struct command_group *group, const struct command *command, FILE *out)
{
    bool is_question = command->about[strlen(command->about) - 1] == '?';
    help_usage(group, command, out);
    fprintf(out, "\n%s%s\n\n", command->about, is_question ? "" : ".");
    options_print_help(command->options, out);
    if (command->details) {
        bool is_ended = command->details[strlen(command->details) - 1] == '\n';
        fprintf(out, "%s%s%s", command->options->name ? "\n" : "", command->details, is_ended ? "" : "\n");
    }
    fputs("\nfor every command:\n", out);
    if (!(command->flags & COMMAND_LOCAL))
        options_print_help(rest_options, out);
    options_print_help(common_options, out);
}
