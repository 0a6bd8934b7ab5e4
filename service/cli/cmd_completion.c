/* sekisho completion bash: a script made from the tables of commands and options. */
#include <string.h>

#include "cli/cli.h"

struct completion_options {
    struct common common;
    int shell;
};

/* "a|b" as "a b" */
static void print_words(FILE *out, const char *words)
{
    for (; *words; words++)
        fputc(*words == '|' ? ' ' : *words, out);
}

static void print_flags(FILE *out, const struct option *table)
{
    for (const struct option *option = table; option->name; option++)
        if (!(option->flags & OPTION_POSITIONAL))
            fprintf(out, " --%s", option->name);
}

/* What may follow the flags that take a value: words of a choice, files, or nothing known. */
static void print_values(FILE *out, const char *command, const struct option *table)
{
    for (const struct option *option = table; option->name; option++) {
        if (option->flags & OPTION_POSITIONAL || option->kind == OPTION_FLAG)
            continue;
        fprintf(out, "        \"%s --%s\") ", command, option->name);
        if (option->kind == OPTION_CHOICE) {
            fputs("words='", out);
            print_words(out, option->value);
            fputs("'; flags= ;;\n", out);
        } else {
            fprintf(out, "flags=; files=%s ;;\n", option->kind == OPTION_PATH ? "yes" : "");
        }
    }
}

/* Choices among the positional words are offered wherever a word may stand. */
static void print_positional(FILE *out, const struct option *table)
{
    for (const struct option *option = table; option->name; option++) {
        if (option->flags & OPTION_POSITIONAL && option->kind == OPTION_CHOICE) {
            fputc(' ', out);
            print_words(out, option->value);
        }
    }
}

static bool takes_file(const struct option *table)
{
    for (const struct option *option = table; option->name; option++)
        if (option->flags & OPTION_POSITIONAL && option->kind == OPTION_PATH)
            return true;
    return false;
}

/* The command's words as they are typed: "rule add", "check". */
static const char *typed(const struct command_group *group, const struct command *command,
                         char text[64])
{
    snprintf(text, 64, "%s%s%s", group->name, *command->name ? " " : "", command->name);
    return text;
}

static void print_commands(FILE *out)
{
    char name[64];
    fputs("    case $command in\n        '') words='help", out);
    for (const struct command_group *group = command_groups; group->name; group++)
        fprintf(out, " %s", group->name);
    fputs("'; flags='--help --version' ;;\n", out);
    for (const struct command_group *group = command_groups; group->name; group++) {
        if (*group->commands[0].name) {
            fprintf(out, "        %s) words='", group->name);
            for (const struct command *command = group->commands; command->name; command++)
                fprintf(out, "%s ", command->name);
            fputs("'; flags=--help ;;\n", out);
        }
        for (const struct command *command = group->commands; command->name; command++) {
            fprintf(out, "        '%s') words='", typed(group, command, name));
            print_positional(out, command->options);
            fputs("'; flags='", out);
            print_flags(out, command->options);
            if (!(command->flags & COMMAND_LOCAL))
                print_flags(out, rest_options);
            print_flags(out, common_options);
            fprintf(out, "'; files=%s ;;\n", takes_file(command->options) ? "yes" : "");
        }
    }
    fputs("    esac\n", out);
}

static void print_flag_values(FILE *out)
{
    char name[64];
    fputs("    case \"$command $before\" in\n", out);
    for (const struct command_group *group = command_groups; group->name; group++)
        for (const struct command *command = group->commands; command->name; command++) {
            print_values(out, typed(group, command, name), command->options);
            if (!(command->flags & COMMAND_LOCAL))
                print_values(out, name, rest_options);
            print_values(out, name, common_options);
        }
    fputs("    esac\n", out);
}

static void print_groups_with_commands(FILE *out)
{
    for (const struct command_group *group = command_groups, *first = NULL; group->name; group++) {
        if (!*group->commands[0].name)
            continue;
        fprintf(out, "%s%s", first ? "|" : "", group->name);
        first = group;
    }
}

static int run(struct cli *cli, const void *options)
{
    FILE *out = cli->out.file;
    (void)options;
    fputs("# completion of sekisho for bash:  source <(sekisho completion bash)\n"
          "_sekisho() {\n"
          "    local now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    local command= words= flags= files=\n"
          "    if ((COMP_CWORD > 1)); then\n"
          "        command=${COMP_WORDS[1]}\n"
          "        case $command in\n"
          "            ",
          out);
    print_groups_with_commands(out);
    fputs(")\n"
          "                ((COMP_CWORD > 2)) && command+=\" ${COMP_WORDS[2]}\" ;;\n"
          "        esac\n"
          "    fi\n",
          out);
    print_commands(out);
    print_flag_values(out);
    fputs("    [[ $now == -* ]] && words=$flags files=\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n"
          "    [[ $files ]] && COMPREPLY+=($(compgen -f -- \"$now\"))\n"
          "}\n"
          "complete -F _sekisho sekisho\n",
          out);
    return EXIT_OK;
}

static const struct option completion_options[] = {
    {"SHELL", OPTION_CHOICE, OPTION_POSITIONAL, "bash", NULL, NULL, "bash",
     .offset = offsetof(struct completion_options, shell)},
    {0}};

const struct command completion_commands[] = {
    {"", "Prints a script that completes commands and options in the shell",
     "Load it with:  source <(sekisho completion bash)\n", completion_options,
     sizeof(struct completion_options), run, COMMAND_LOCAL},
    {0}};
