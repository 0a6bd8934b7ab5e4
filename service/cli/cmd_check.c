/* sekisho check: the verdict on a number, how it was read and which rule decided. */
#include <string.h>

#include "cli/change.h"
#include "cli/rules.h"

struct check_options {
    struct common common;
    const char *tenant, *account, *number, *at, *draft;
};
#define AT(member) .offset = offsetof(struct check_options, member)

enum { LABEL = 10, STEP = 26, SCOPE = 10, ACTION = 8, TARGET = 16 };

static const char *text_of(json_t *object, const char *path)
{
    const char *text = json_text(object, path);
    return text ? text : "";
}

static void label(struct output *out, const char *text)
{
    output_text(out, STYLE_FAINT, text, LABEL);
}

static void line(struct output *out, const char *name, const char *value)
{
    if (!*value)
        return;
    label(out, name);
    output_text(out, STYLE_PLAIN, value, 0);
    fputc('\n', out->file);
}

static bool is_japanese(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strncmp(value, "ja", 2) == 0;
    }
    return false;
}

/* --- how the number was read ------------------------------------------------------------------------- */

/* What a step did, for people. */
static const char *step_text(struct cli *cli, const char *step, const char *taken)
{
    static const struct {
        const char *step, *text;
    } texts[] = {{"fold", "written plainly"},
                 {"outside_line", "outside line %s taken off"},
                 {"prefix", "%s taken off"},
                 {"service", "target of service code %s"},
                 {"international", "00 stands for 010"},
                 {"bare_carrier", "or: carrier %s, then 010"}};
    if (strcmp(step, "plus") == 0)
        return strcmp(taken, "+") == 0 ? "+ stands for 010" : "+81 stands for 0";
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(step, texts[i].step) == 0) {
            const char *percent = strstr(texts[i].text, "%s");
            const char *text = !percent ? texts[i].text
                                        : arena_printf(&cli->arena, "%.*s%s%s",
                                                       (int)(percent - texts[i].text),
                                                       texts[i].text, taken, percent + 2);
            return text ? text : "";
        }
    }
    return step;
}

static void print_step(struct output *out, const char *what, const char *rest)
{
    fputs("  ", out->file);
    output_text(out, STYLE_PLAIN, what, STEP);
    output_text(out, STYLE_PLAIN, rest, 0);
    fputc('\n', out->file);
}

/* "international   United States (US)"; the number's kind, and its country or the number itself. */
static void print_kind(struct cli *cli, json_t *reading, const char *country_name)
{
    const char *kind = text_of(reading, "kind"), *country = text_of(reading, "country");
    const char *about = text_of(reading, "number");
    if (*country)
        about = arena_printf(&cli->arena, *country_name ? "%s (%s)" : "%s%s", country_name, country);
    else if (strcmp(kind, "international") == 0)
        about = "no country: the code is not assigned";
    print_step(&cli->out, kind, about ? about : "");
}

static void print_reading(struct cli *cli, json_t *answer, const char *dialed)
{
    json_t *step, *readings = json_object_get(answer, "readings");
    const char *name = text_of(answer, is_japanese() ? "country_name.ja" : "country_name.en");
    size_t i;
    line(&cli->out, "dialed", dialed);
    json_array_foreach(json_object_get(answer, "reading"), i, step) {
        const char *what = text_of(step, "step"), *rest = text_of(step, "rest");
        if (strcmp(what, "kind") != 0 && !(strcmp(what, "fold") == 0 && strcmp(rest, dialed) == 0))
            print_step(&cli->out, step_text(cli, what, text_of(step, "taken")), rest);
    }
    print_kind(cli, json_array_size(readings) ? json_array_get(readings, 0) : answer, name);
    if (json_array_size(readings) > 1)
        print_kind(cli, json_array_get(readings, 1), "");
}

/* --- what each scope said ---------------------------------------------------------------------------- */

static bool is_same_rule(json_t *scope, json_t *rule)
{
    return strcmp(text_of(scope, "scope"), text_of(rule, "scope")) == 0 &&
           strcmp(text_of(scope, "rule.target"), text_of(rule, "target")) == 0 &&
           strcmp(text_of(scope, "rule.id"), text_of(rule, "id")) == 0;
}

/* The step that decided: the last one that took over with the deciding rule. */
static json_t *find_decider(json_t *scopes, json_t *rule)
{
    json_t *scope, *decider = NULL;
    size_t i;
    json_array_foreach(scopes, i, scope)
        if (json_is_true(json_object_get(scope, "took_over")) && is_same_rule(scope, rule))
            decider = scope;
    return decider;
}

static const char *fate_of(json_t *scope, json_t *decider)
{
    if (scope == decider)
        return json_is_true(json_object_get(scope, "for_010"))
                   ? "decides: a number of unknown kind is asked for as 010, too"
                   : "decides";
    if (!json_is_true(json_object_get(scope, "took_over")))
        return "passed over: a wider scope restricts more digits";
    if (decider && json_integer_value(json_object_get(scope, "reading")) !=
                       json_integer_value(json_object_get(decider, "reading")))
        return "passed over: the other reading is stricter";
    return "passed over: a narrower scope says otherwise";
}

static void print_scopes(struct cli *cli, json_t *answer)
{
    struct output *out = &cli->out;
    json_t *scope, *scopes = json_object_get(answer, "scopes");
    json_t *decider = find_decider(scopes, json_object_get(answer, "rule"));
    size_t i;
    if (json_array_size(scopes) == 0)
        return;
    output_text(out, STYLE_FAINT, "rules", 0);
    fputc('\n', out->file);
    json_array_foreach(scopes, i, scope) {
        bool is_lock = json_is_true(json_object_get(scope, "locked"));
        const char *action = text_of(scope, "action");
        fputs("  ", out->file);
        output_text(out, STYLE_PLAIN, is_lock ? "lock" : text_of(scope, "scope"), SCOPE);
        output_text(out, output_verdict_style(action), action, ACTION);
        output_text(out, STYLE_PLAIN, text_of(scope, "rule.target"), TARGET);
        output_text(out, scope == decider ? STYLE_STRONG : STYLE_FAINT, fate_of(scope, decider), 0);
        fputc('\n', out->file);
    }
}

/* --- the verdict -------------------------------------------------------------------------------------- */

static const char *reason_text(const char *reason)
{
    static const struct {
        const char *reason, *text;
    } texts[] = {{"default", "no rule matches"},
                 {"emergency", "emergency calls always go through"},
                 {"invalid_number", "this is not a number that can be read"},
                 {"unknown00", "begins with 00 and nothing explains it; only a rule for 00… can allow it"},
                 {"unknown_tenant", "there is no such tenant"},
                 {"suspended", "the tenant is suspended"},
                 {"floor", "nothing is known of the tenant: what is safe for everyone"}};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(reason, texts[i].reason) == 0)
            return texts[i].text;
    return reason;
}

/* The rule as it is stored, for its note and dates; NULL when the credential may not see it. */
static json_t *fetch_rule(struct cli *cli, const char *tenant, json_t *rule)
{
    bool is_platform = strcmp(text_of(rule, "scope"), "platform") == 0;
    const char *id = text_of(rule, "id");
    struct rest_request request = {.method = "GET", .is_extra = true};
    struct rest_answer answer = {0};
    request.path = arena_printf(&cli->arena, "%s/%s", rules_path(cli, is_platform ? NULL : tenant), id);
    if (!*id || !request.path || rest_call(cli, &request, &answer))
        return NULL;
    return answer.body;
}

static void print_rule(struct cli *cli, const struct check_options *options, json_t *answer)
{
    struct output *out = &cli->out;
    char moment[MOMENT_BYTES];
    json_t *rule = json_object_get(answer, "rule");
    const char *scope = text_of(rule, "scope");
    const char *tenant = strcmp(scope, "platform") == 0 ? NULL : options->tenant;
    const char *account = strcmp(scope, "account") == 0 ? options->account : NULL;
    bool is_lock = strcmp(text_of(answer, "reason"), "lock") == 0;
    fprintf(out->file, is_lock ? "locked rule " : "rule ");
    output_text(out, STYLE_STRONG, text_of(rule, "target"), 0);
    fprintf(out->file, " of %s\n", rules_owner(cli, tenant, account));
    json_t *stored = fetch_rule(cli, options->tenant, rule);
    line(out, "  id", *text_of(rule, "id") ? text_of(rule, "id") : "(draft)");
    line(out, "  source", text_of(rule, "source"));
    line(out, "  note", text_of(stored, "note"));
    line(out, "  starts", output_moment(text_of(stored, "starts_at"), moment));
    line(out, "  expires", output_moment(text_of(stored, "expires_at"), moment));
    json_decref(stored);
}

static void print_verdict(struct cli *cli, const struct check_options *options, json_t *answer)
{
    struct output *out = &cli->out;
    const char *verdict = text_of(answer, "verdict");
    output_text(out, output_verdict_style(verdict), verdict, LABEL);
    if (json_is_object(json_object_get(answer, "rule"))) {
        print_rule(cli, options, answer);
    } else {
        output_text(out, STYLE_PLAIN, reason_text(text_of(answer, "reason")), 0);
        fputc('\n', out->file);
    }
    line(out, "  degraded", text_of(answer, "degraded"));
    if (strcmp(verdict, "divert") == 0)
        line(out, "divert to", text_of(answer, "divert_to"));
    else if (strcmp(verdict, "allow") == 0)
        line(out, "dial", text_of(answer, "dial"));
}

static int status_of(const char *verdict)
{
    return strcmp(verdict, "allow") == 0    ? EXIT_OK
           : strcmp(verdict, "deny") == 0   ? EXIT_DENY
           : strcmp(verdict, "divert") == 0 ? EXIT_DIVERT
                                            : EXIT_TROUBLE;
}

static void add_draft(struct change *change, const char *path)
{
    json_t *file = change_read_file(change->cli, path);
    json_t *rules = json_is_object(file) ? json_object_get(file, "rules") : file;
    if (json_is_array(rules))
        change_value(change, "rules", json_incref(rules));
    else
        change->status = file ? cli_trouble(change->cli, "%s: expected an array of rules", path)
                              : EXIT_TROUBLE;
    json_decref(file);
}

static int run(struct cli *cli, const void *given)
{
    const struct check_options *options = given;
    struct change change;
    struct rest_answer answer;
    change_begin(&change, cli, "POST", rest_path(cli, "/v1/tenants/{}/check", options->tenant));
    change_value(&change, "number", json_string(options->number));
    if (strcmp(options->account, "-") != 0)
        change_value(&change, "account", json_string(options->account));
    change_moment(&change, "at", "at", options->at);
    if (options->draft)
        add_draft(&change, options->draft);
    int status = change_ask(&change, &answer);
    if (status)
        return status;
    status = status_of(text_of(answer.body, "verdict"));
    if (cli->common->is_json) {
        output_json(&cli->out, answer.body);
    } else {
        print_reading(cli, answer.body, options->number);
        print_scopes(cli, answer.body);
        print_verdict(cli, options, answer.body);
    }
    rest_answer_release(&answer);
    return status;
}

static const struct option check_options[] = {
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant", AT(tenant)},
    {"ACCOUNT", OPTION_TEXT, OPTION_POSITIONAL, "ACCOUNT", NULL, NULL,
     "who dials; - for an account that is not known", AT(account)},
    {"NUMBER", OPTION_TEXT, OPTION_POSITIONAL, "NUMBER", NULL, NULL,
     "as it is dialed, or as people write it", AT(number)},
    {"at", OPTION_TEXT, 0, "TIME", NULL, NULL,
     "judge as of this moment: \"2026-12-01 09:00\", 7d (from now)", AT(at)},
    {"draft", OPTION_PATH, 0, "FILE", NULL, NULL,
     "judge by these rules instead of the tenant's and its accounts'; JSON as \"rule list --json\" "
     "prints it, - is standard input",
     AT(draft)},
    {0}};

const struct command check_commands[] = {
    {"", "May this account of this tenant dial this number now, and why?",
     "exit status:  0 allow   1 deny   3 divert   2 could not be asked\n\n"
     "example:\n"
     "  sekisho check acme 1001 \"+1 (212) 555-0100\"\n",
     check_options, sizeof(struct check_options), run, 0},
    {0}};
