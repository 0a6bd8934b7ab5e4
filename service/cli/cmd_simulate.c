/* sekisho simulate: what other rules would have done to the calls really made. */
#include <string.h>

#include "cli/change.h"
#include "cli/rules.h"
#include "cli/simulation.h"

struct simulate_options {
    struct common common;
    const char *tenant, *rules;
    struct option_list add, remove;
    int64_t days;
};
#define AT(member) .offset = offsetof(struct simulate_options, member)

enum { BAR_COLUMNS = 30, NAME_COLUMNS = 9, EXAMPLES_SHOWN = 3 };

/* --- asking ---------------------------------------------------------------------------------------- */

/* "deny 0101", "allow +82 @1001", "divert country:SO voicemail": action, target, and after them an account
 * behind @ and, of a divert, where to. Returns new; NULL after telling why. */
static json_t *rule_of(struct cli *cli, const char *text)
{
    char copy[512], *rest = copy, *word, target[256] = "";
    json_t *rule = json_object();
    snprintf(copy, sizeof copy, "%s", text);
    word = strsep(&rest, " ");
    bool is_divert = strcmp(word, "divert") == 0;
    json_object_set_new(rule, "action", json_string(word));
    while ((word = strsep(&rest, " "))) {
        if (*word == '@')
            json_object_set_new(rule, "account", json_string(word + 1));
        else if (is_divert && !rest && *target)
            json_object_set_new(rule, "divert_to", json_string(word));
        else
            snprintf(target + strlen(target), sizeof target - strlen(target), "%s", word);
    }
    if (*target && json_object_set_new(rule, "target", json_string(target)) == 0)
        return rule;
    json_decref(rule);
    cli_trouble(cli, "\"%s\": expected an action and a target, such as \"deny 0101\"", text);
    return NULL;
}

static void add_rules(struct change *change, const struct option_list *list)
{
    json_t *rules = json_array();
    for (unsigned i = 0; i < list->count && change->status == EXIT_OK; i++) {
        json_t *rule = rule_of(change->cli, list->items[i]);
        if (!rule)
            change->status = EXIT_TROUBLE;
        else
            json_array_append_new(rules, rule);
    }
    if (list->count)
        change_value(change, "add", rules);
    else
        json_decref(rules);
}

static void remove_rules(struct change *change, const struct simulate_options *options)
{
    json_t *ids = json_array();
    for (unsigned i = 0; i < options->remove.count && change->status == EXIT_OK; i++) {
        json_t *rule;
        change->status =
            rules_find(change->cli, options->tenant, NULL, options->remove.items[i], &rule);
        if (change->status == EXIT_OK) {
            json_array_append(ids, json_object_get(rule, "id"));
            json_decref(rule);
        }
    }
    if (options->remove.count)
        change_value(change, "remove", ids);
    else
        json_decref(ids);
}

static void take_file(struct change *change, const char *path)
{
    json_t *file = path ? change_read_file(change->cli, path) : NULL;
    json_t *rules = json_is_object(file) ? json_object_get(file, "rules") : file;
    if (json_is_array(rules))
        change_value(change, "rules", json_incref(rules));
    else if (path)
        change->status = file ? cli_trouble(change->cli, "%s: expected an array of rules", path)
                              : EXIT_TROUBLE;
    json_decref(file);
}

/* --- showing --------------------------------------------------------------------------------------- */

static uint64_t number_at(json_t *object, const char *member)
{
    return (uint64_t)json_integer_value(json_object_get(object, member));
}

static const struct {
    const char *member, *title;
    enum style style;
} changes[] = {{"refused", "refused", STYLE_RED},
               {"diverted", "diverted", STYLE_YELLOW},
               {"passed", "newly pass", STYLE_GREEN}};
enum { CHANGES = sizeof changes / sizeof *changes };

/* A bar of as many # as its share of the largest; at least one for what is there at all. */
static void bar(struct output *out, enum style style, uint64_t count, uint64_t most)
{
    char text[BAR_COLUMNS + 1];
    size_t columns = most ? (size_t)((count * BAR_COLUMNS + most - 1) / most) : 0;
    memset(text, '#', columns);
    text[columns] = '\0';
    output_text(out, style, text, BAR_COLUMNS + 1);
}

static void chart(struct output *out, const char *title, json_t *sums, const char *member)
{
    uint64_t most = 0;
    json_t *sum;
    size_t i;
    json_array_foreach(sums, i, sum)
        for (unsigned c = 0; c < CHANGES; c++)
            if (number_at(sum, changes[c].member) > most)
                most = number_at(sum, changes[c].member);
    if (most == 0)
        return;
    fprintf(out->file, "\n");
    output_text(out, STYLE_STRONG, title, 0);
    fprintf(out->file, "\n");
    json_array_foreach(sums, i, sum) {
        const char *name = json_text(sum, member);
        for (unsigned c = 0; c < CHANGES; c++) {
            char number[NUMBER_BYTES];
            uint64_t count = number_at(sum, changes[c].member);
            if (count == 0)
                continue;
            output_text(out, STYLE_PLAIN, name ? name : "-", NAME_COLUMNS);
            bar(out, changes[c].style, count, most);
            fprintf(out->file, "%s %s\n", output_number(count, number), changes[c].title);
            name = ""; /* once */
        }
    }
}

static void summary(struct cli *cli, const char *of, json_t *answer)
{
    struct output *out = &cli->out;
    char text[NUMBER_BYTES];
    const char *calls = output_number(number_at(answer, "calls"), text);
    fprintf(out->file, "%s calls of %s in the last %lld days\n", calls, of,
            (long long)number_at(answer, "days"));
    for (unsigned c = 0; c < CHANGES; c++) {
        uint64_t count = number_at(answer, changes[c].member);
        output_text(out, STYLE_PLAIN, "", 2);
        output_text(out, count ? changes[c].style : STYLE_FAINT, changes[c].title, 12);
        fprintf(out->file, "%s\n", output_number(count, text));
    }
}

static const struct column example_columns[] = {{"EXAMPLE", "change", CELL_TEXT},
                                                {"TIME", "at", CELL_MOMENT},
                                                {"ACCOUNT", "account", CELL_TEXT},
                                                {"NUMBER", "number", CELL_TEXT},
                                                {"COUNTRY", "country", CELL_TEXT},
                                                {"SECONDS", "seconds", CELL_TEXT},
                                                {"NOW", "before.verdict", CELL_VERDICT},
                                                {"BY", "before.rule", CELL_TEXT},
                                                {"THEN", "after.verdict", CELL_VERDICT},
                                                {"BY", "after.rule", CELL_TEXT},
                                                {0}};

/* The latest few of each change; --json has more. */
static void show_examples(struct output *out, json_t *examples)
{
    json_t *few = json_array(), *example;
    const char *last = "";
    unsigned shown = 0;
    size_t i;
    json_array_foreach(examples, i, example) {
        const char *change = json_text(example, "change");
        if (!change || strcmp(change, last) != 0)
            shown = 0;
        last = change ? change : "";
        if (shown++ < EXAMPLES_SHOWN)
            json_array_append(few, example);
    }
    fprintf(out->file, "\n");
    output_table(out, example_columns, few, "");
    json_decref(few);
}

void simulation_print(struct cli *cli, const char *of, json_t *answer)
{
    struct output *out = &cli->out;
    json_t *examples = json_object_get(answer, "examples");
    summary(cli, of, answer);
    chart(out, "by country", json_object_get(answer, "countries"), "country");
    chart(out, "by prefix", json_object_get(answer, "prefixes"), "prefix");
    chart(out, "by account", json_object_get(answer, "accounts"), "account");
    if (json_array_size(examples))
        show_examples(out, examples);
}

static int run(struct cli *cli, const void *given)
{
    const struct simulate_options *options = given;
    struct change change;
    struct rest_answer answer;
    change_begin(&change, cli, "POST", rest_path(cli, "/v1/tenants/{}/simulate", options->tenant));
    change_value(&change, "days", json_integer(options->days));
    add_rules(&change, &options->add);
    remove_rules(&change, options);
    take_file(&change, options->rules);
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer.body);
    else
        simulation_print(cli, options->tenant, answer.body);
    rest_answer_release(&answer);
    return EXIT_OK;
}

static const struct option simulate_options[] = {
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant", AT(tenant)},
    {"add", OPTION_LIST, OPTION_WHOLE, "RULE", NULL, NULL,
     "a rule more: \"deny 0101\", \"allow +82 @1001\" of an account, \"divert country:SO voicemail\"; may "
     "come several times",
     AT(add)},
    {"remove", OPTION_LIST, OPTION_WHOLE, "ID|TARGET", NULL, NULL,
     "a rule less, by its id or target; may come several times", AT(remove)},
    {"rules", OPTION_PATH, 0, "FILE", NULL, NULL,
     "these rules instead of all of the tenant's and its accounts'; JSON as \"rule list --json\" prints "
     "it, - is standard input",
     AT(rules)},
    {"days", OPTION_INT, 0, "N", "30", NULL, "days of calls to look at", AT(days), .min = 1,
     .max = 3660},
    {0}};

const struct command simulate_commands[] = {
    {"", "What would other rules have done to the calls really made?",
     "example:\n"
     "  sekisho simulate acme --add \"deny 010\" --add \"allow 0101\" --days 90\n",
     simulate_options, sizeof(struct simulate_options), run, 0},
    {0}};
