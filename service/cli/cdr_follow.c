/*
 * sekisho cdr follow: call records as they are written, each once, whatever happens in between.
 *
 *     place (kept by the daemon) ─► the file of its mark ─► piece ─► POST, moves the place
 *                                                       └─ nothing more, and it has the name no longer:
 *                                                          the next file, from 0
 *
 * Nothing is remembered here. What was read and where it ended are one transaction of the daemon, so that
 * after kill -9, of either, it goes on at the right byte; the file is found again by its mark, not by its
 * name (tail.h). A file that was renamed is read to its end before the next one is begun.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cdr_send.h"
#include "cli/tail.h"

enum {
    SAMPLE_BYTES = 256 * 1024,
    QUIET_MS = 2000, /* a renamed file may still be written to for a moment */
};

struct follow {
    struct cdr_send send;
    const struct cdr_options *options;
    struct cdr_place place; /* file: its whole path */
    int fd;                 /* of the file of place.mark, or -1 */
    char path[TAIL_PATH_BYTES]; /* what it is called now */
    char *bytes;
    int64_t seen;           /* its size when nothing more could be taken */
};

static volatile sig_atomic_t is_ending;

static void end(int signal)
{
    (void)signal;
    is_ending = 1;
}

static int say(struct follow *it, const char *format, ...) PRINTF_LIKE(2, 3);
static int say(struct follow *it, const char *format, ...)
{
    char text[2 * TAIL_PATH_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cli_trouble(it->send.cli, "%s", text);
    return EXIT_OK;
}

/* --- the place ---------------------------------------------------------------------------------- */

/* Where this file was read up to, as the daemon has it; version 0 when it has nothing. */
static int load_place(struct follow *it)
{
    json_t *answer, *row;
    size_t i;
    int status = rest_list(it->send.cli, "/v1/cdrs/follows", "follows", 0, &answer);
    if (status)
        return status;
    it->place.version = 0;
    it->place.position = 0;
    it->place.mark[0] = '\0';
    json_array_foreach(json_object_get(answer, "follows"), i, row) {
        const char *source = json_text(row, "source"), *file = json_text(row, "file"),
                   *mark = json_text(row, "mark");
        if (!source || !file || !mark || strcmp(source, it->send.source) != 0 ||
            strcmp(file, it->place.file) != 0)
            continue;
        snprintf(it->place.mark, sizeof it->place.mark, "%s", mark);
        it->place.position = json_integer_value(json_object_get(row, "position"));
        it->place.version = (uint64_t)json_integer_value(json_object_get(row, "version"));
    }
    json_decref(answer);
    return EXIT_OK;
}

static void leave_file(struct follow *it)
{
    if (it->fd >= 0)
        close(it->fd);
    it->fd = -1;
    it->seen = -1;
}

/* Sends a piece that begins at the place. Somebody was faster: *ret_taken is 0, and the place theirs. */
static int send_piece(struct follow *it, struct slice piece, bool is_last, size_t *ret_taken)
{
    *ret_taken = 0;
    int status = cdr_send_piece(&it->send, piece, is_last, &it->place, ret_taken);
    if (status == EXIT_OK || it->send.http_status != 412)
        return status;
    say(it, "%s: another follower went on; going on behind it", it->place.file);
    leave_file(it);
    return load_place(it);
}

/* Begins to read an open file (taken), from its start. */
static int begin_file(struct follow *it, int fd, const char *path)
{
    struct err err = {0};
    char mark[TAIL_MARK_BYTES];
    size_t taken;
    leave_file(it);
    if (tail_mark(fd, 0, mark, &err)) {
        close(fd);
        return cli_trouble(it->send.cli, "%s: %s", path, err.text);
    }
    snprintf(it->place.mark, sizeof it->place.mark, "%s", mark);
    it->place.position = 0;
    it->fd = fd;
    snprintf(it->path, sizeof it->path, "%s", path);
    it->send.line = 0;
    return send_piece(it, SLICE_NONE, false, &taken);
}

/* --- which file --------------------------------------------------------------------------------- */

/* The file of the place is nowhere: the rest of it is lost to us, and that is said. */
static int give_up_file(struct follow *it)
{
    int fd = open(it->place.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return EXIT_OK; /* between two files: there will be one */
    say(it, "%s: the file that was read up to byte %" PRId64 " is not in its folder any more (removed, "
            "compressed or truncated?); if there was more in it, give it to sekisho cdr import",
        it->place.file, it->place.position);
    return begin_file(it, fd, it->place.file);
}

static int find_file(struct follow *it)
{
    if (it->fd >= 0 && tail_is(it->fd, it->place.mark, it->place.position))
        return EXIT_OK;
    leave_file(it);
    if (it->place.version == 0) {
        int fd = open(it->place.file, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? EXIT_OK : begin_file(it, fd, it->place.file);
    }
    it->fd = tail_find(it->place.file, it->place.mark, it->place.position, it->path);
    if (it->fd < 0)
        return give_up_file(it);
    if (strcmp(it->path, it->place.file) != 0)
        say(it, "%s: is now %s; reading it to its end", it->place.file, it->path);
    return EXIT_OK;
}

/* Has the file still the name that the writer uses? */
static bool has_name(const struct follow *it)
{
    struct stat own, named;
    return fstat(it->fd, &own) == 0 && stat(it->place.file, &named) == 0 &&
           own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

/* Has nobody written to it for a while? */
static bool is_quiet(const struct follow *it)
{
    struct stat own;
    return fstat(it->fd, &own) == 0 &&
           clock_now_ms() - (own.st_mtim.tv_sec * INT64_C(1000) + own.st_mtim.tv_nsec / 1000000) > QUIET_MS;
}

static int next_file(struct follow *it)
{
    char path[TAIL_PATH_BYTES];
    int fd = tail_next(it->place.file, it->fd, path);
    if (fd < 0)
        return EXIT_OK; /* the writer has not made it yet */
    if (strcmp(path, it->place.file) == 0)
        say(it, "%s: that was its end; goes on with the new file of this name", it->place.file);
    else
        say(it, "%s: goes on with %s", it->place.file, path);
    return begin_file(it, fd, path);
}

/* --- reading ------------------------------------------------------------------------------------ */

static int detect(struct follow *it)
{
    if (it->send.layout[0] || it->send.is_json_lines)
        return EXIT_OK;
    ssize_t n = pread(it->fd, it->bytes, SAMPLE_BYTES, 0);
    struct slice sample = {it->bytes, n < 0 ? 0 : (size_t)n};
    it->send.is_json_lines = sample.n && sample.p[0] == '{';
    return sample.n && memchr(sample.p, '\n', sample.n) ? cdr_send_detect(&it->send, sample) : EXIT_OK;
}

static ssize_t read_at(struct follow *it, int64_t position)
{
    size_t n = 0;
    while (n < CDR_PIECE_BYTES) {
        ssize_t got = pread(it->fd, it->bytes + n, CDR_PIECE_BYTES - n, position + (off_t)n);
        if (got <= 0)
            return got < 0 && n == 0 ? -1 : (ssize_t)n;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

/* What is there behind the place, if it is not known that it is no whole record. 1: something was taken. */
static int take_more(struct follow *it, bool is_last, bool *ret_took)
{
    struct stat stat;
    struct err err = {0};
    char before[CDR_MARK_MAX + 1], mark[TAIL_MARK_BYTES];
    size_t taken;
    *ret_took = false;
    if (fstat(it->fd, &stat) || stat.st_size == it->place.position ||
        (stat.st_size == it->seen && !is_last))
        return EXIT_OK;
    int status = detect(it);
    ssize_t n = status ? 0 : read_at(it, it->place.position);
    if (status || n <= 0)
        return status ? status : n < 0 ? cli_trouble(it->send.cli, "%s: %s", it->path, strerror(errno))
                                       : EXIT_OK;
    bool has_line = memchr(it->bytes, '\n', (size_t)n) != NULL;
    if (!tail_is(it->fd, it->place.mark, it->place.position) || (!has_line && !is_last)) {
        it->seen = stat.st_size; /* half a line waits; what was truncated meanwhile is looked for anew */
        return EXIT_OK;
    }
    /* more of the head is known now; the place and the mark move together */
    memcpy(before, it->place.mark, sizeof before);
    if (tail_mark(it->fd, (uint64_t)(it->place.position + n), mark, &err))
        return EXIT_OK;
    snprintf(it->place.mark, sizeof it->place.mark, "%s", mark);
    bool is_whole = is_last && n < CDR_PIECE_BYTES;
    status = send_piece(it, (struct slice){it->bytes, (size_t)n}, is_whole, &taken);
    *ret_took = status == EXIT_OK && taken > 0;
    if (status == EXIT_OK && taken == 0)
        it->seen = stat.st_size;
    return status;
}

/* One look. *ret_is_idle: there is nothing to do until somebody writes. */
static int look(struct follow *it, bool *ret_is_idle)
{
    bool took = false;
    *ret_is_idle = true;
    int status = find_file(it);
    if (status || it->fd < 0)
        return status;
    bool is_current = has_name(it); /* before reading: what is written to it later is read below */
    status = take_more(it, false, &took);
    *ret_is_idle = !took;
    if (status || took || is_current || it->fd < 0)
        return status;
    if (!is_quiet(it)) {
        it->seen = -1;
        *ret_is_idle = !it->options->once; /* soon */
        if (it->options->once)
            usleep(100000);
        return EXIT_OK;
    }
    status = take_more(it, true, &took); /* half a line at the end of what nobody writes to any more */
    *ret_is_idle = false;
    if (status || took || it->fd < 0)
        return status;
    char mark[CDR_MARK_MAX + 1];
    memcpy(mark, it->place.mark, sizeof mark);
    status = next_file(it);
    *ret_is_idle = strcmp(mark, it->place.mark) == 0;
    return status;
}

/* The first question may have to wait for the daemon, too. */
static int begin(struct follow *it)
{
    enum { LONGEST_PAUSE_S = 30 };
    int status = load_place(it);
    for (unsigned pause_s = 1; status && !it->options->once && !is_ending;) {
        sleep(pause_s);
        pause_s = pause_s * 2 < LONGEST_PAUSE_S ? pause_s * 2 : LONGEST_PAUSE_S;
        status = load_place(it);
    }
    return status;
}

static int run(struct follow *it)
{
    int status = begin(it);
    while (status == EXIT_OK && !is_ending) {
        bool is_idle;
        status = look(it, &is_idle);
        if (is_idle && it->options->once)
            break;
        for (int64_t until = clock_mono_ms() + it->options->interval_ms;
             status == EXIT_OK && is_idle && !is_ending && clock_mono_ms() < until;)
            usleep((useconds_t)(until - clock_mono_ms() < 200 ? 1000 * (until - clock_mono_ms()) + 1
                                                              : 200000));
    }
    return status;
}

/* The whole path, also of a file that is yet to be made: one name from wherever it is called. */
static void name_file(const char *path, char ret[CDR_FILE_NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    char folder[CDR_FILE_NAME_MAX + 1] = ".";
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    char *whole = realpath(folder, NULL);
    snprintf(ret, CDR_FILE_NAME_MAX + 1, "%s/%s", !whole ? folder : whole[1] ? whole : "",
             slash ? slash + 1 : path);
    free(whole);
}

int cdr_follow_run(struct cli *cli, const void *given)
{
    const struct cdr_options *options = given;
    struct follow *it = arena_alloc(&cli->arena, sizeof *it);
    if (!it)
        return cli_trouble(cli, "out of memory");
    it->options = options;
    it->fd = -1;
    it->seen = -1;
    it->bytes = malloc(CDR_PIECE_BYTES);
    int status = cdr_send_begin(&it->send, cli, options);
    it->send.is_follower = true;
    if (!options->once)
        it->send.is_ending = &is_ending;
    name_file(options->file, it->place.file);
    if (status == EXIT_OK && !it->bytes)
        status = cli_trouble(cli, "out of memory");
    signal(SIGTERM, end);
    signal(SIGINT, end);
    if (status == EXIT_OK)
        status = run(it);
    if (status == EXIT_OK)
        status = cdr_send_say(&it->send);
    leave_file(it);
    free(it->bytes);
    cdr_send_release(&it->send);
    return status;
}
