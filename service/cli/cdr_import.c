/* sekisho cdr import: a file of call records, or standard input, once. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cdr_send.h"

enum { SAMPLE_BYTES = 256 * 1024 };

/* What has been read and not been taken yet. */
struct window {
    int fd;
    char *bytes;
    size_t n;
    bool is_at_end;
};

/* Reads until the window is full or the file ends. */
static int fill(struct cdr_send *send, struct window *window)
{
    while (!window->is_at_end && window->n < CDR_PIECE_BYTES) {
        ssize_t n = read(window->fd, window->bytes + window->n, CDR_PIECE_BYTES - window->n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return cli_trouble(send->cli, "%s: %s", send->name, strerror(errno));
        window->n += (size_t)n;
        window->is_at_end = n == 0;
    }
    return EXIT_OK;
}

static int send_all(struct cdr_send *send, struct window *window)
{
    int status = EXIT_OK;
    while (status == EXIT_OK && window->n) {
        size_t taken = 0;
        status = cdr_send_piece(send, (struct slice){window->bytes, window->n}, window->is_at_end, NULL,
                                &taken);
        if (status)
            break;
        if (taken == 0 || taken > window->n)
            return cli_trouble(send->cli, "%s: nothing of %zu bytes was taken", send->name, window->n);
        memmove(window->bytes, window->bytes + taken, window->n - taken);
        window->n -= taken;
        progress_set(&send->progress, send->records, send->bytes);
        status = fill(send, window);
    }
    return status;
}

/* A record of JSON begins with a brace, one of CSV hardly ever. */
static bool is_json_lines(struct slice text)
{
    size_t i = 0;
    while (i < text.n && strchr(" \t\r\n", text.p[i]))
        i++;
    return i < text.n && text.p[i] == '{';
}

static int run(struct cdr_send *send, struct window *window)
{
    struct stat stat;
    int status = fill(send, window);
    if (status || window->n == 0)
        return status;
    size_t sample = window->n < SAMPLE_BYTES ? window->n : SAMPLE_BYTES;
    send->is_json_lines = is_json_lines((struct slice){window->bytes, sample});
    status = cdr_send_detect(send, (struct slice){window->bytes, sample});
    if (status)
        return status;
    bool is_sized = fstat(window->fd, &stat) == 0 && S_ISREG(stat.st_mode);
    progress_begin(&send->progress, send->cli, "records", is_sized ? (uint64_t)stat.st_size : 0);
    status = send_all(send, window);
    if (status)
        progress_clear(&send->progress);
    else
        progress_end(&send->progress);
    return status;
}

static int keep_reading(struct cli *cli, const struct cdr_options *options)
{
    struct cdr_options follow = *options;
    follow.interval_ms = 1000;
    if (options->dry_run || options->table || strcmp(options->file, "-") == 0)
        return cli_trouble(cli, "--follow takes a file, and no --dry-run or --table");
    return cdr_follow_run(cli, &follow);
}

int cdr_import_run(struct cli *cli, const void *given)
{
    const struct cdr_options *options = given;
    struct cdr_send send;
    if (options->follow)
        return keep_reading(cli, options);
    if (options->table)
        return cdr_table_run(cli, options);
    int status = cdr_send_begin(&send, cli, options);
    bool is_input = strcmp(options->file, "-") == 0;
    struct window window = {.fd = STDIN_FILENO, .bytes = malloc(CDR_PIECE_BYTES)};
    if (status == EXIT_OK && !window.bytes)
        status = cli_trouble(cli, "out of memory");
    if (is_input)
        send.name = "standard input";
    else if (status == EXIT_OK && (window.fd = open(options->file, O_RDONLY | O_CLOEXEC)) < 0)
        status = cli_trouble(cli, "%s: %s", options->file, strerror(errno));
    if (status == EXIT_OK) {
        status = run(&send, &window);
        if (status == EXIT_OK)
            status = cdr_send_say(&send);
        else if (send.records)
            cli_trouble(cli, "stopped after %" PRIu64 " records; doing it again is safe", send.records);
    }
    if (window.fd > STDIN_FILENO)
        close(window.fd);
    free(window.bytes);
    cdr_send_release(&send);
    return status;
}
