#include "cli/drift.h"

#include <inttypes.h>

#include "cli/progress.h"
#include "cli/rest_client.h"
#include "cli/rules.h"

enum { SHOWN_MAX = 20 };

/* --- drift ------------------------------------------------------------------------------------ */

/* One row a rule; who it is about stands in each. */
static json_t *flatten(json_t *drift)
{
    json_t *rows = json_array(), *one, *rule;
    size_t i, j;
    json_array_foreach(drift, i, one) {
        json_array_foreach(json_object_get(one, "rules"), j, rule) {
            json_t *row = json_copy(rule);
            const char *match = json_text(rule, "match");
            json_object_set(row, "tenant", json_object_get(one, "tenant"));
            json_object_set(row, "account", json_object_get(one, "account"));
            if (!match || strcmp(match, "exact") != 0)
                json_object_del(row, "match");
            json_array_append_new(rows, row);
        }
    }
    return rows;
}

int drift_list(struct cli *cli, const void *given)
{
    static const struct column columns[] = {
        {"TENANT", "tenant", CELL_TEXT},        {"ACCOUNT", "account", CELL_TEXT},
        {"WHAT", "what", CELL_TEXT},            {"TARGET", "target", CELL_TEXT},
        {"MATCH", "match", CELL_TEXT},          {"WANTED", "wanted.action", CELL_VERDICT},
        {"FOUND", "found.action", CELL_VERDICT}, {"SOURCE", "found.source", CELL_TEXT},
        {"DELETED BY", "deleted_by", CELL_TEXT}, {"REAPPLY", "reapply", CELL_TEXT},
        {0}};
    const struct drift_options *options = given;
    json_t *answer;
    char *path = rest_path(cli, "/v1/profiles/{}/drift", options->profile);
    path = rest_query(cli, path, "tenant", options->tenant);
    path = rest_query(cli, path, "extra", options->extra ? "true" : NULL);
    int status = path ? rest_list(cli, path, "drift", (unsigned)options->limit, &answer)
                      : cli_trouble(cli, "out of memory, or a name that is too long");
    if (status)
        return status;
    if (cli->common->is_json) {
        output_json(&cli->out, answer);
    } else {
        json_t *rows = flatten(json_object_get(answer, "drift"));
        output_table(&cli->out, columns, rows, "no drift");
        json_decref(rows);
    }
    json_decref(answer);
    return EXIT_OK;
}

/* --- reapply ---------------------------------------------------------------------------------- */

struct reapply {
    struct cli *cli;
    const struct drift_options *options;
    struct progress progress;
    uint64_t owners, added, replaced, kept, failed, shown;
};

static void say(struct reapply *it, enum style style, const char *text)
{
    if (it->cli->common->is_json || it->shown > SHOWN_MAX)
        return;
    progress_clear(&it->progress);
    if (it->shown++ == SHOWN_MAX)
        text = "… and more; sekisho profile drift lists them";
    output_text(&it->cli->out, style, text, 0);
    fputc('\n', it->cli->out.file);
    fflush(it->cli->out.file);
}

static void say_kept(struct reapply *it, json_t *one, json_t *rule)
{
    char text[512];
    const char *what = json_text(rule, "what"), *by = json_text(rule, "deleted_by");
    const char *target = json_text(rule, "target"), *found = json_text(rule, "found.action");
    const char *source = json_text(rule, "found.source");
    const char *wanted = json_text(rule, "wanted.action");
    const char *owner = rules_owner(it->cli, json_text(one, "tenant"), json_text(one, "account"));
    if (what && strcmp(what, "missing") == 0)
        snprintf(text, sizeof text, "kept: %s: %s was deleted (%s), the profile says %s", owner,
                 target ? target : "?", by ? by : "?", wanted ? wanted : "?");
    else
        snprintf(text, sizeof text, "kept: %s: %s is %s (%s), the profile says %s", owner,
                 target ? target : "?", found ? found : "?", source ? source : "?",
                 wanted ? wanted : "?");
    say(it, STYLE_PLAIN, text);
}

static void take_owner(struct reapply *it, json_t *one)
{
    const char *problem = json_text(one, "problem");
    json_t *rule;
    size_t i;
    it->owners++;
    if (problem) {
        char text[512];
        snprintf(text, sizeof text, "nothing done: %s: %s",
                 rules_owner(it->cli, json_text(one, "tenant"), json_text(one, "account")),
                 problem);
        it->failed++;
        say(it, STYLE_RED, text);
        return;
    }
    json_array_foreach(json_object_get(one, "rules"), i, rule) {
        const char *mend = json_text(rule, "reapply");
        if (mend && strcmp(mend, "add") == 0) {
            it->added++;
        } else if (mend && strcmp(mend, "replace") == 0) {
            it->replaced++;
        } else {
            it->kept++;
            say_kept(it, one, rule);
        }
    }
}

static char *path_of(struct reapply *it, const char *cursor)
{
    char *path = rest_path(it->cli, "/v1/profiles/{}/reapply", it->options->profile);
    path = rest_query(it->cli, path, "limit", "100");
    path = rest_query(it->cli, path, "tenant", it->options->tenant);
    path = rest_query(it->cli, path, "dry_run", it->options->dry_run ? "true" : NULL);
    path = rest_query(it->cli, path, "restore_deleted",
                      it->options->restore_deleted ? "true" : NULL);
    return rest_query(it->cli, path, "cursor", cursor);
}

static int run_pages(struct reapply *it)
{
    const char *next = NULL;
    progress_begin(&it->progress, it->cli, "tenants and accounts", 0);
    do {
        struct rest_request request = {.method = "POST", .path = path_of(it, next)};
        struct rest_answer answer;
        json_t *one;
        size_t i;
        int status = request.path
                         ? rest_call(it->cli, &request, &answer)
                         : cli_trouble(it->cli, "out of memory, or a name that is too long");
        if (status) {
            progress_clear(&it->progress);
            return status;
        }
        json_array_foreach(json_object_get(answer.body, "reapplied"), i, one)
            take_owner(it, one);
        next = json_text(answer.body, "next");
        next = next ? arena_printf(&it->cli->arena, "%s", next) : NULL;
        rest_answer_release(&answer);
        progress_set(&it->progress, it->owners, it->owners);
    } while (next);
    progress_end(&it->progress);
    return EXIT_OK;
}

int drift_reapply(struct cli *cli, const void *given)
{
    struct reapply it = {.cli = cli, .options = given};
    int status = run_pages(&it);
    if (status)
        return status;
    if (cli->common->is_json) {
        json_t *summary = json_pack("{s:b,s:I,s:I,s:I,s:I,s:I}", "dry_run",
                                    (int)it.options->dry_run, "owners", (json_int_t)it.owners,
                                    "added", (json_int_t)it.added, "replaced",
                                    (json_int_t)it.replaced, "kept", (json_int_t)it.kept, "failed",
                                    (json_int_t)it.failed);
        output_json(&cli->out, summary);
        json_decref(summary);
    } else {
        fprintf(cli->out.file,
                "%s%" PRIu64 " drifted: %" PRIu64 " rule%s added, %" PRIu64 " replaced, %" PRIu64
                " kept as they are\n",
                it.options->dry_run ? "dry run, nothing was changed; " : "", it.owners, it.added,
                it.added == 1 ? "" : "s", it.replaced, it.kept);
    }
    return it.failed ? EXIT_PARTLY : EXIT_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct drift_options, member)
#define PROFILE                                                                                    \
    {"PROFILE", OPTION_TEXT, OPTION_POSITIONAL, "PROFILE", NULL, NULL, "id of the profile",        \
     AT(profile)}
#define ONE_TENANT                                                                                 \
    {"tenant", OPTION_TEXT, 0, "TENANT", NULL, NULL, "only this tenant and its accounts",          \
     AT(tenant)}

const struct option drift_options[] = {
    PROFILE,
    ONE_TENANT,
    {"extra", OPTION_FLAG, 0, NULL, NULL, NULL, "rules that the profile does not have, too",
     AT(extra)},
    {"limit", OPTION_INT, 0, "N", "0", NULL, "show so many tenants and accounts; 0 shows all",
     AT(limit), .max = 1000000},
    {0}};
const struct option reapply_options[] = {
    PROFILE,
    ONE_TENANT,
    {"dry-run", OPTION_FLAG, 0, NULL, NULL, NULL, "say what would happen, and change nothing",
     AT(dry_run)},
    {"restore-deleted", OPTION_FLAG, 0, NULL, NULL, NULL, "add rules that somebody deleted, too",
     AT(restore_deleted)},
    {0}};
