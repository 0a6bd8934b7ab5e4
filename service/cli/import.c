#include "cli/import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ulid.h"
#include "cli/cutter.h"
#include "cli/progress.h"
#include "cli/rest_client.h"

enum { FIRST_PAUSE_MS = 250, SHOWN_MAX = 20, SEEN_MIN = 1024 };

/* Tenants that a dry run would have made, by their hash: accounts of theirs come in later
 * pieces. */
struct seen {
    uint64_t *slots; /* 0: free */
    size_t cap, count;
};

struct import {
    struct cli *cli;
    const struct import_options *options;
    struct cutter cutter;
    struct progress progress;
    struct seen seen;
    FILE *results;
    char run[ULID_BYTES]; /* names this run in its Idempotency-Keys */
    unsigned pieces, after;
    uint64_t lines, created, updated, unchanged, refused, unavailable;
};

/* --- tenants of a dry run --------------------------------------------------------------------- */

static uint64_t *seen_slot(const struct seen *seen, uint64_t hash)
{
    size_t at = hash & (seen->cap - 1);
    while (seen->slots[at] && seen->slots[at] != hash)
        at = (at + 1) & (seen->cap - 1);
    return &seen->slots[at];
}

static bool seen_grow(struct seen *seen)
{
    struct seen more = {.cap = seen->cap ? 2 * seen->cap : SEEN_MIN, .count = seen->count};
    if (2 * (seen->count + 1) <= seen->cap)
        return true;
    if (!(more.slots = calloc(more.cap, sizeof *more.slots)))
        return false;
    for (size_t i = 0; i < seen->cap; i++)
        if (seen->slots[i])
            *seen_slot(&more, seen->slots[i]) = seen->slots[i];
    free(seen->slots);
    *seen = more;
    return true;
}

static uint64_t seen_hash(const char *tenant)
{
    uint64_t hash = hash_slice(slice_of(tenant));
    return hash ? hash : 1;
}

static void seen_add(struct seen *seen, const char *tenant)
{
    if (!seen_grow(seen))
        return; /* then some accounts are said to have no tenant */
    uint64_t *slot = seen_slot(seen, seen_hash(tenant));
    seen->count += *slot == 0;
    *slot = seen_hash(tenant);
}

static bool seen_has(const struct seen *seen, const char *tenant)
{
    return seen->cap && *seen_slot(seen, seen_hash(tenant)) != 0;
}

/* --- results ---------------------------------------------------------------------------------- */

static const char *problem_text(json_t *result, const char *member)
{
    json_t *problem = json_object_get(result, "problem");
    json_t *error = json_array_get(json_object_get(problem, "errors"), 0);
    const char *text = strcmp(member, "pointer") == 0 ? json_text(error, member)
                                                      : json_text(problem, member);
    return text ? text : "";
}

/* The first ones are shown; what goes to a file or a program is whole anyway. */
static void show_refused(struct import *it, json_t *result)
{
    char line[512];
    const char *pointer = problem_text(result, "pointer");
    if (it->cli->common->is_json || it->refused > SHOWN_MAX)
        return;
    progress_clear(&it->progress);
    snprintf(line, sizeof line, "line %" JSON_INTEGER_FORMAT " refused: %s%s%s",
             json_integer_value(json_object_get(result, "line")), *pointer ? pointer + 1 : "",
             *pointer ? ": " : "", problem_text(result, "detail"));
    output_text(&it->cli->out, STYLE_PLAIN, line, 0);
    fputc('\n', it->cli->out.file);
    if (it->refused == SHOWN_MAX)
        fputs("… and more; --results FILE gets them all\n", it->cli->out.file);
    fflush(it->cli->out.file);
}

/* In a dry run: would its tenant be there, had the earlier pieces been done? */
static bool is_only_dry(const struct import *it, json_t *result)
{
    const char *tenant = json_text(result, "tenant");
    return it->options->dry_run && json_text(result, "account") && tenant &&
           strcmp(problem_text(result, "code"), "not_found") == 0 && seen_has(&it->seen, tenant);
}

static void count(struct import *it, json_t *result)
{
    const char *status = json_text(result, "status"), *tenant = json_text(result, "tenant");
    if (is_only_dry(it, result)) {
        json_object_del(result, "problem");
        json_object_set_new(result, "status", json_string("created"));
        status = "created";
    }
    it->lines++;
    if (strcmp(status, "created") == 0) {
        it->created++;
        if (it->options->dry_run && !json_text(result, "account"))
            seen_add(&it->seen, tenant);
    } else if (strcmp(status, "updated") == 0) {
        it->updated++;
    } else if (strcmp(status, "unchanged") == 0) {
        it->unchanged++;
    } else {
        it->refused++;
        show_refused(it, result);
    }
}

static int take_result(struct import *it, struct slice line)
{
    json_error_t error;
    json_t *result = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &error);
    json_int_t number = json_integer_value(json_object_get(result, "line"));
    int status = EXIT_OK;
    if (!json_text(result, "status") || number < 1 || number > UINT32_MAX) {
        json_decref(result);
        return cli_trouble(it->cli, "the answer is not understood; is it the admin listener?");
    }
    if (strcmp(problem_text(result, "code"), "unavailable") == 0) {
        json_decref(result); /* not a result: it was not tried, and --resume is to try it */
        return cli_trouble(it->cli, "the store is away");
    }
    json_object_set_new(result, "line", json_integer(cutter_line(&it->cutter, (unsigned)number)));
    count(it, result);
    if (it->results && (json_dumpf(result, it->results, JSON_COMPACT) ||
                        fputc('\n', it->results) == EOF))
        status = cli_trouble(it->cli, "%s: %s", it->options->results, strerror(errno));
    json_decref(result);
    return status;
}

static int take_results(struct import *it, struct slice text)
{
    uint64_t before = it->lines;
    int status = EXIT_OK;
    while (text.n && status == EXIT_OK) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        status = take_result(it, (struct slice){text.p, n});
        text.p += n + (end != NULL);
        text.n -= n + (end != NULL);
    }
    if (status == EXIT_OK && it->lines - before != it->cutter.records)
        status = cli_trouble(it->cli, "%u lines were sent and %" PRIu64 " answered",
                             it->cutter.records, it->lines - before);
    if (it->results && fflush(it->results))
        status = cli_trouble(it->cli, "%s: %s", it->options->results, strerror(errno));
    return status;
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool has_unavailable(struct slice text)
{
    static const char mark[] = "\"code\":\"unavailable\"";
    return text.n && memmem(text.p, text.n, mark, sizeof mark - 1) != NULL;
}

/* Sends the piece until it gets an answer without trouble of the store, with pauses that grow. */
static int send_piece(struct import *it, const char *path, struct rest_answer *ret)
{
    char key[ULID_BYTES + 16];
    bool is_csv = it->cutter.format == BULK_CSV;
    struct rest_request request = {
        .method = "POST",
        .path = path,
        .text = it->cutter.piece,
        .content_type = is_csv ? "text/csv" : "application/x-ndjson",
        .accept = "application/x-ndjson",
        .idempotency_key = it->options->dry_run ? NULL : key};
    snprintf(key, sizeof key, "%s-%u", it->run, it->pieces++);
    int64_t until_ms = clock_mono_ms() + it->options->patience_ms;
    for (unsigned pause_ms = FIRST_PAUSE_MS;; pause_ms *= 2) {
        int status = rest_call(it->cli, &request, ret);
        bool is_worth = status ? ret->status == 0 || ret->status >= 500
                               : has_unavailable(ret->text);
        if (!is_worth || clock_mono_ms() + pause_ms > until_ms)
            return status;
        rest_answer_release(ret);
        progress_clear(&it->progress);
        fprintf(stderr, "sekisho %s: trying again in %u.%02u s\n", it->cli->command,
                pause_ms / 1000, pause_ms % 1000 / 10);
        usleep(pause_ms * 1000);
    }
}

static const char *path_of(struct import *it)
{
    static const char *const charsets[] = {"auto", "utf-8", "shift_jis"};
    char *path = rest_path(it->cli, "/v1/provision");
    path = rest_query(it->cli, path, "dry_run", it->options->dry_run ? "true" : NULL);
    path = rest_query(it->cli, path, "tenant", it->options->tenant);
    if (it->cutter.format == BULK_CSV)
        path = rest_query(it->cli, path, "charset", charsets[it->options->charset]);
    return path;
}

static int send_all(struct import *it)
{
    struct err err = {0};
    const char *path = path_of(it);
    int rc, status = path ? EXIT_OK : cli_trouble(it->cli, "out of memory");
    progress_begin(&it->progress, it->cli, "lines", cutter_file_bytes(&it->cutter));
    while (status == EXIT_OK && (rc = cutter_next(&it->cutter, it->after, &err)) != 0) {
        struct rest_answer answer;
        if (rc < 0)
            return cli_trouble(it->cli, "%s: %s", it->options->file, err.text);
        status = send_piece(it, path, &answer);
        if (status)
            break;
        status = take_results(it, answer.text);
        rest_answer_release(&answer);
        progress_set(&it->progress, it->lines, it->cutter.bytes_taken);
    }
    if (status == EXIT_OK)
        progress_end(&it->progress);
    else
        progress_clear(&it->progress);
    return status;
}

/* --- results of an earlier run ---------------------------------------------------------------- */

/* The line of the last whole result of the file, and where it ends: what is behind was torn. */
static int find_end(struct import *it, FILE *file, off_t *ret_end)
{
    char *line = NULL;
    size_t cap = 0;
    int status = EXIT_OK;
    *ret_end = 0;
    for (ssize_t n; status == EXIT_OK && (n = getline(&line, &cap, file)) > 0;) {
        if (line[n - 1] != '\n')
            break;
        json_error_t error;
        json_t *result = json_loadb(line, (size_t)n, 0, &error);
        json_int_t number = json_integer_value(json_object_get(result, "line"));
        if (number < 1 || number > UINT32_MAX)
            status = cli_trouble(it->cli, "%s: holds no results of an import",
                                 it->options->results);
        else
            it->after = (unsigned)number;
        json_decref(result);
        *ret_end += n;
    }
    free(line);
    return status;
}

static int open_results(struct import *it)
{
    const struct import_options *options = it->options;
    off_t end = 0;
    int status = EXIT_OK;
    if (options->resume && !options->results)
        return cli_trouble(it->cli, "--resume goes on where --results FILE ends: name it, too");
    if (options->resume && options->dry_run)
        return cli_trouble(it->cli, "--dry-run did nothing that --resume could go on with");
    if (!options->results)
        return EXIT_OK;
    it->results = fopen(options->results, options->resume ? "a+e" : "we");
    if (!it->results)
        return cli_trouble(it->cli, "%s: %s", options->results, strerror(errno));
    if (options->resume) {
        rewind(it->results);
        status = find_end(it, it->results, &end);
        if (status == EXIT_OK && (fflush(it->results) || ftruncate(fileno(it->results), end) ||
                                  fseeko(it->results, 0, SEEK_END)))
            status = cli_trouble(it->cli, "%s: %s", options->results, strerror(errno));
    }
    return status;
}

/* --- the command ------------------------------------------------------------------------------ */

static void say(struct import *it)
{
    struct cli *cli = it->cli;
    if (cli->common->is_json) {
        json_t *summary = json_pack(
            "{s:I,s:I,s:I,s:I,s:I,s:b}", "lines", (json_int_t)it->lines, "created",
            (json_int_t)it->created, "updated", (json_int_t)it->updated, "unchanged",
            (json_int_t)it->unchanged, "refused", (json_int_t)it->refused, "dry_run",
            (int)it->options->dry_run);
        output_json(&cli->out, summary);
        json_decref(summary);
        return;
    }
    if (it->after)
        fprintf(cli->out.file, "went on behind line %u\n", it->after);
    fprintf(cli->out.file,
            "%s%" PRIu64 " lines: %" PRIu64 " created, %" PRIu64 " updated, %" PRIu64
            " unchanged, %" PRIu64 " refused\n",
            it->options->dry_run ? "dry run, nothing was changed; " : "", it->lines, it->created,
            it->updated, it->unchanged, it->refused);
}

int import_run(struct cli *cli, const void *given)
{
    static const enum bulk_format formats[] = {BULK_NDJSON, BULK_NDJSON, BULK_CSV};
    const struct import_options *options = given;
    struct import *it = arena_alloc(&cli->arena, sizeof *it);
    struct err err = {0};
    if (!it)
        return cli_trouble(cli, "out of memory");
    it->cli = cli;
    it->options = options;
    ulid_make(clock_now_ms(), it->run);
    int status = open_results(it);
    if (status == EXIT_OK &&
        cutter_open(&it->cutter, options->file, options->format ? &formats[options->format] : NULL,
                    &err))
        status = cli_trouble(cli, "%s: %s", options->file, err.text);
    if (status == EXIT_OK) {
        status = send_all(it);
        if (status == EXIT_OK)
            say(it);
        else
            cli_trouble(cli, "stopped after %" PRIu64 " lines; doing it again is safe", it->lines);
    }
    if (it->results && fclose(it->results) && status == EXIT_OK)
        status = cli_trouble(cli, "%s: %s", options->results, strerror(errno));
    cutter_close(&it->cutter);
    free(it->seen.slots);
    return status ? status : it->refused ? EXIT_PARTLY : EXIT_OK;
}

#define AT(member) .offset = offsetof(struct import_options, member)
#define IMPORT                                                                                     \
    {"FILE", OPTION_PATH, OPTION_POSITIONAL, "FILE", NULL, NULL,                                   \
     "NDJSON, or CSV with a header line; - is standard input", AT(file)},                          \
    {"dry-run", OPTION_FLAG, 0, NULL, NULL, NULL, "say what would happen, and change nothing",     \
     AT(dry_run)},                                                                                 \
    {"results", OPTION_PATH, 0, "FILE", NULL, NULL,                                                \
     "gets a line of JSON for each line: created, updated, unchanged, or refused and why",         \
     AT(results)},                                                                                 \
    {"resume", OPTION_FLAG, 0, NULL, NULL, NULL,                                                   \
     "go on behind the last line that --results has", AT(resume)},                                 \
    {"format", OPTION_CHOICE, 0, "auto|ndjson|csv", "auto", NULL,                                  \
     "auto goes by the first character", AT(format)},                                              \
    {"charset", OPTION_CHOICE, 0, "auto|utf-8|shift_jis", "auto", NULL,                            \
     "of a CSV; auto detects it", AT(charset)},                                                    \
    {"patience", OPTION_DURATION, 0, "TIME", "60s", NULL,                                          \
     "how long to try again when there is no answer, or the store is away", AT(patience_ms),       \
     .max = 86400000},                                                                             \
    {0}

const struct option tenant_import_options[] = {IMPORT};
const struct option account_import_options[] = {
    {"TENANT", OPTION_TEXT, OPTION_POSITIONAL, "TENANT", NULL, NULL, "id of the tenant",
     AT(tenant)},
    IMPORT};
