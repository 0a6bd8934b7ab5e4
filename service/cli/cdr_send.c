#include "cli/cdr_send.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/clock.h"

enum { FIRST_PAUSE_MS = 250, LONGEST_PAUSE_MS = 30000, SHOWN_MAX = 20, PATH_BYTES = 8192 };

/* --- begin and end ------------------------------------------------------------------------------ */

/* This machine's name, in the letters that a source has. */
static void default_source(char source[64])
{
    size_t n = 0;
    if (gethostname(source, 63))
        source[0] = '\0';
    source[63] = '\0';
    for (char *p = source; *p && *p != '.'; p++, n++)
        *p = isalnum((unsigned char)*p) ? (char)tolower((unsigned char)*p) : n ? '-' : 'x';
    source[n] = '\0';
    if (n == 0)
        snprintf(source, 64, "pbx");
}

int cdr_send_begin(struct cdr_send *send, struct cli *cli, const struct cdr_options *options)
{
    *send = (struct cdr_send){.cli = cli, .options = options, .name = options->file};
    if (options->source)
        snprintf(send->source, sizeof send->source, "%s", options->source);
    else
        default_source(send->source);
    snprintf(send->layout, sizeof send->layout, "%s", options->layout ? options->layout : "");
    snprintf(send->time_zone, sizeof send->time_zone, "%s", options->time_zone ? options->time_zone : "");
    send->by_reason = json_object();
    if (options->rejects && !(send->rejects = fopen(options->rejects, "ae")))
        return cli_trouble(cli, "--rejects: %s: %s", options->rejects, strerror(errno));
    return send->by_reason ? EXIT_OK : cli_trouble(cli, "out of memory");
}

void cdr_send_release(struct cdr_send *send)
{
    if (send->rejects)
        fclose(send->rejects);
    json_decref(send->by_reason);
}

/* --- one request -------------------------------------------------------------------------------- */

static void add(struct buf *path, const char *name, const char *value)
{
    buf_printf(path, "&%s=", name);
    buf_add_form(path, slice_of(value));
}

/* What is said with each piece. */
static bool write_path(const struct cdr_send *send, bool is_last, bool is_dry,
                       const struct cdr_place *place, struct buf *path)
{
    const struct cdr_options *options = send->options;
    buf_add_text(path, "/v1/cdrs?source=");
    buf_add_form(path, slice_of(send->source));
    if (send->layout[0] && !send->is_json_lines)
        add(path, "layout", send->layout);
    if (send->time_zone[0])
        add(path, "time_zone", send->time_zone);
    if (options->map)
        add(path, "map", options->map);
    if (is_dry)
        add(path, "dry_run", "true");
    if (!is_last)
        add(path, "last", "false");
    if (send->rejects)
        add(path, "rejects", "all");
    if (place) {
        add(path, "file", place->file);
        add(path, "mark", place->mark);
        buf_printf(path, "&position=%" PRId64 "&version=%" PRIu64, place->position, place->version);
    }
    return !path->overflowed;
}

/* Asks again while nobody answers or the store is away, with pauses that grow. */
static int ask(struct cdr_send *send, const char *path, struct slice piece, struct rest_answer *ret)
{
    const struct rest_request request = {
        .method = "POST",
        .path = path,
        .text = piece,
        .content_type = send->is_json_lines ? "application/x-ndjson" : "text/csv"};
    int64_t until_ms = clock_mono_ms() + send->options->patience_ms;
    for (unsigned pause_ms = FIRST_PAUSE_MS;;) {
        int status = rest_call(send->cli, &request, ret);
        send->http_status = ret->status;
        bool is_worth = status && (ret->status == 0 || ret->status == 503);
        bool is_over = send->is_ending ? *send->is_ending : clock_mono_ms() + pause_ms > until_ms;
        if (!is_worth || is_over)
            return status;
        rest_answer_release(ret);
        progress_clear(&send->progress);
        fprintf(stderr, "sekisho %s: trying again in %u.%02u s\n", send->cli->command, pause_ms / 1000,
                pause_ms % 1000 / 10);
        usleep(pause_ms * 1000);
        pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
    }
}

/* A follower runs for months: what one request needs of the arena goes with it. */
static int ask_apart(struct cdr_send *send, const char *path, struct slice piece,
                     struct rest_answer *ret)
{
    struct cli apart = *send->cli, *cli = send->cli;
    arena_init(&apart.arena, 1 << 20);
    send->cli = &apart;
    int status = ask(send, path, piece, ret);
    send->cli = cli;
    arena_release(&apart.arena);
    return status;
}

/* --- what was refused --------------------------------------------------------------------------- */

static uint64_t number(json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static void show(struct cdr_send *send, json_t *reject, uint64_t line)
{
    const char *detail = json_text(reject, "detail");
    char text[256];
    if (send->cli->common->is_json || send->shown++ >= SHOWN_MAX)
        return;
    progress_clear(&send->progress);
    snprintf(text, sizeof text, "%s:%" PRIu64 " refused: %s%s%s", send->name, line,
             json_text(reject, "reason"), detail ? ": " : "", detail ? detail : "");
    output_text(&send->cli->out, STYLE_PLAIN, text, 0);
    fputc('\n', send->cli->out.file);
    if (send->shown == SHOWN_MAX)
        fputs("… and more; --rejects FILE gets them all\n", send->cli->out.file);
    fflush(send->cli->out.file);
}

/* The record as it stood, beside why. */
static int keep(struct cdr_send *send, json_t *reject, uint64_t line, struct slice piece)
{
    size_t offset = number(reject, "offset"), bytes = number(reject, "bytes");
    char *text = NULL;
    if (offset > piece.n || bytes > piece.n - offset || !(text = malloc(bytes * 6 + 256)))
        return cli_trouble(send->cli, "the answer is not understood");
    struct buf out = {.p = text, .cap = bytes * 6 + 256};
    buf_add_text(&out, "{\"file\":");
    json_t *file = json_string(send->name);
    char *name = json_dumps(file, JSON_ENCODE_ANY);
    json_decref(file);
    fprintf(send->rejects, "%s%s,\"line\":%" PRIu64 ",\"reason\":\"%s\",\"record\":", text,
            name ? name : "\"\"", line, json_text(reject, "reason"));
    free(name);
    out.n = 0;
    while (bytes && (piece.p[offset + bytes - 1] == '\n' || piece.p[offset + bytes - 1] == '\r'))
        bytes--;
    buf_add_json(&out, (struct slice){piece.p + offset, bytes});
    fprintf(send->rejects, "%s}\n", text);
    free(text);
    return EXIT_OK;
}

static int take_rejects(struct cdr_send *send, json_t *answer, struct slice piece)
{
    json_t *reject;
    size_t i;
    int status = EXIT_OK;
    json_array_foreach(json_object_get(answer, "rejects"), i, reject) {
        uint64_t line = send->line + number(reject, "line");
        if (!json_text(reject, "reason"))
            return cli_trouble(send->cli, "the answer is not understood");
        show(send, reject, line);
        if (send->rejects && status == EXIT_OK)
            status = keep(send, reject, line, piece);
    }
    if (send->rejects && fflush(send->rejects))
        status = cli_trouble(send->cli, "%s: %s", send->options->rejects, strerror(errno));
    return status;
}

/* --- a piece ------------------------------------------------------------------------------------ */

static void count(struct cdr_send *send, json_t *answer)
{
    const char *reason;
    json_t *some;
    send->line += number(answer, "lines");
    send->bytes += number(answer, "bytes");
    send->records += number(answer, "records");
    send->added += number(answer, "added");
    send->already += number(answer, "already");
    send->overseas += number(answer, "overseas");
    send->without_account += number(answer, "without_account");
    send->other_context += number(answer, "other_context");
    send->refused += number(json_object_get(answer, "refused"), "total");
    json_object_foreach(json_object_get(answer, "refused"), reason, some)
        if (strcmp(reason, "total") != 0)
            json_object_set_new(send->by_reason, reason,
                                json_integer((json_int_t)number(send->by_reason, reason) +
                                             json_integer_value(some)));
}

int cdr_send_piece(struct cdr_send *send, struct slice piece, bool is_last, struct cdr_place *place,
                   size_t *ret_taken)
{
    char text[PATH_BYTES] = "";
    struct buf path = BUF_OVER(text);
    struct rest_answer answer;
    if (!write_path(send, is_last, send->options->dry_run, place, &path))
        return cli_trouble(send->cli, "%s: the name is too long", send->name);
    int status = ask_apart(send, text, piece, &answer);
    if (status)
        return status;
    json_t *follow = json_object_get(answer.body, "follow");
    *ret_taken = number(answer.body, "bytes");
    status = take_rejects(send, answer.body, piece);
    count(send, answer.body);
    if (place && !send->options->dry_run) {
        place->version = number(follow, "version");
        place->position = (int64_t)number(follow, "position");
    }
    rest_answer_release(&answer);
    return status;
}

/* --- what the file is --------------------------------------------------------------------------- */

static const struct column call_columns[] = {
    {"TIME", "at", CELL_MOMENT},      {"TENANT", "tenant", CELL_TEXT},   {"ACCOUNT", "account", CELL_TEXT},
    {"NUMBER", "number", CELL_TEXT},  {"KIND", "kind", CELL_TEXT},       {"COUNTRY", "country", CELL_TEXT},
    {"ABROAD", "overseas", CELL_TEXT}, {"SECONDS", "seconds", CELL_TEXT}, {"DISPOSITION", "disposition", CELL_TEXT},
    {"CONTEXT", "context", CELL_TEXT}, {0}};

static void say_found(struct cdr_send *send, json_t *answer)
{
    FILE *to = send->is_follower ? stderr : send->cli->out.file;
    struct output out;
    char line[1200];
    const char *layout = json_text(answer, "layout"), *warning = json_text(answer, "warning");
    if (send->cli->common->is_json)
        return;
    output_init(&out, to, COLOR_NEVER);
    if (layout) {
        snprintf(line, sizeof line, "%s: layout %s (%s)", send->name, layout, json_text(answer, "layout_why"));
        output_text(&out, STYLE_PLAIN, line, 0);
        fputc('\n', to);
    }
    snprintf(line, sizeof line, "%s: times in %s (%s)", send->name, json_text(answer, "time_zone"),
             json_text(answer, "time_zone_why"));
    output_text(&out, STYLE_PLAIN, line, 0);
    fputc('\n', to);
    if (warning) {
        snprintf(line, sizeof line, "%s: WARNING: %s", send->name, warning);
        output_text(&out, STYLE_PLAIN, line, 0);
        fputc('\n', to);
    }
    if (send->options->dry_run)
        output_table(&send->cli->out, call_columns, json_object_get(answer, "sample"), "no records to show");
    fflush(to);
}

int cdr_send_detect(struct cdr_send *send, struct slice sample)
{
    char text[PATH_BYTES] = "";
    struct buf path = BUF_OVER(text);
    struct rest_answer answer;
    FILE *rejects = send->rejects;
    send->rejects = NULL; /* this time they are not wanted */
    bool is_good = write_path(send, false, true, NULL, &path);
    send->rejects = rejects;
    if (!is_good)
        return cli_trouble(send->cli, "the options are too long");
    int status = ask_apart(send, text, sample, &answer);
    if (status)
        return status;
    const char *layout = json_text(answer.body, "layout"), *zone = json_text(answer.body, "time_zone");
    snprintf(send->layout, sizeof send->layout, "%s", layout ? layout : "");
    snprintf(send->time_zone, sizeof send->time_zone, "%s", zone ? zone : "");
    say_found(send, answer.body);
    rest_answer_release(&answer);
    return EXIT_OK;
}

/* --- the sums ----------------------------------------------------------------------------------- */

static void say_json(struct cdr_send *send)
{
    json_t *sums = json_pack(
        "{sb, ss, ss, ss, sI, sI, sI, sI, sI, sI, sI, sI, sO}", "dry_run", (int)send->options->dry_run,
        "source", send->source, "layout", send->layout, "time_zone", send->time_zone, "records",
        (json_int_t)send->records, "added", (json_int_t)send->added, "already", (json_int_t)send->already,
        "overseas", (json_int_t)send->overseas, "without_account", (json_int_t)send->without_account,
        "other_context", (json_int_t)send->other_context, "refused", (json_int_t)send->refused, "bytes",
        (json_int_t)send->bytes, "refused_by_reason", send->by_reason);
    output_json(&send->cli->out, sums);
    json_decref(sums);
}

int cdr_send_say(struct cdr_send *send)
{
    FILE *out = send->cli->out.file;
    const char *reason, *before = " (";
    json_t *some;
    int status = send->refused ? EXIT_PARTLY : EXIT_OK;
    if (send->cli->common->is_json) {
        say_json(send);
        return status;
    }
    fprintf(out, "%s%" PRIu64 " records: %" PRIu64 " added, %" PRIu64 " were there already, %" PRIu64
            " refused",
            send->options->dry_run ? "dry run, nothing was changed; " : "", send->records, send->added,
            send->already, send->refused);
    json_object_foreach(send->by_reason, reason, some) {
        fprintf(out, "%s%s %" JSON_INTEGER_FORMAT, before, reason, json_integer_value(some));
        before = ", ";
    }
    fprintf(out, "%s; %" PRIu64 " of the calls went abroad\n", *before == ',' ? ")" : "", send->overseas);
    if (send->other_context)
        fprintf(out, "%" PRIu64 " records of other contexts were passed over\n", send->other_context);
    if (send->without_account)
        fprintf(out, "%" PRIu64 " calls have no account and count for their tenant: sekisho cdr unmapped\n",
                send->without_account);
    return status;
}
