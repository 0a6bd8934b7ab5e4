#include "cli/propagation.h"

#include <poll.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

enum { WAIT_MS = 2000, ASK_APART_MS = 100, NAMED_MAX = 5 };

/* "/v1/tenants/acme/rules/01…" ─► "/v1/tenants/acme/propagation"; all else is the platform's. */
static char *path_of(struct cli *cli, const char *path, const char *revision, int64_t wait_ms)
{
    static const struct slice tenants = SLICE_LIT("/v1/tenants/");
    struct slice owner = SLICE_LIT("/v1/platform");
    if (slice_starts_with(slice_of(path), tenants))
        owner = (struct slice){path, tenants.n + strcspn(path + tenants.n, "/?")};
    return arena_printf(&cli->arena, "%.*s/propagation?revision=%s&wait=%lld", SLICE_ARG(owner),
                        revision, (long long)wait_ms);
}

static bool is_in_force(json_t *propagation)
{
    return json_is_true(json_object_get(propagation, "in_force"));
}

/* Adds ", name" for each of the array's objects that is not in force; the first after `title`. */
static void add_names(struct buf *buf, const char *title, json_t *nodes)
{
    unsigned named = 0;
    json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        if (is_in_force(node))
            continue;
        if (named == NAMED_MAX) {
            buf_add_text(buf, ", …");
            return;
        }
        buf_printf(buf, "%s %s", named++ ? "," : title, json_text(node, "name"));
    }
}

/* "on 2 of 3 nodes; not on osaka-1; lost: tokyo-4" */
static void count(json_t *propagation, struct buf *buf)
{
    json_t *node, *nodes = json_object_get(propagation, "nodes");
    size_t i, all = json_array_size(nodes);
    unsigned in_force = 0;
    json_array_foreach(nodes, i, node)
        in_force += is_in_force(node);
    buf_printf(buf, "on %u of %zu node%s", in_force, all, all == 1 ? "" : "s");
    add_names(buf, "; not on", nodes);
    add_names(buf, "; lost:", json_object_get(propagation, "lost"));
}

void propagation_print(struct cli *cli, json_t *propagation)
{
    char text[1024] = "";
    struct buf buf = BUF_OVER(text);
    buf_add_text(&buf, "in force ");
    count(propagation, &buf);
    output_text(&cli->out, STYLE_PLAIN, text, 0);
    fputc('\n', cli->out.file);
}

static int tell_missing(struct cli *cli, json_t *propagation)
{
    char text[1024] = "";
    struct buf buf = BUF_OVER(text);
    count(propagation, &buf);
    return cli_trouble(cli, "the change was made, but is not in force everywhere yet: %s", text);
}

int propagation_wait(struct cli *cli, const char *path, const char *revision, json_t **ret)
{
    int64_t until_ms = clock_mono_ms() + cli->common->timeout_ms, left_ms = 0;
    struct rest_answer answer = {0};
    bool is_done = false;
    *ret = NULL;
    while (!is_done && (left_ms = until_ms - clock_mono_ms()) > 0) {
        int64_t asked_ms = clock_mono_ms(), wait_ms = left_ms < 2 * WAIT_MS ? left_ms / 2 : WAIT_MS;
        struct rest_request request = {.method = "GET",
                                       .path = path_of(cli, path, revision, wait_ms)};
        json_decref(*ret);
        *ret = NULL;
        int status = rest_call(cli, &request, &answer);
        if (status)
            return status;
        *ret = json_incref(answer.body);
        rest_answer_release(&answer);
        is_done = is_in_force(*ret);
        if (!is_done && clock_mono_ms() - asked_ms < ASK_APART_MS) /* too many wait there */
            poll(NULL, 0, ASK_APART_MS);
    }
    return is_done ? EXIT_OK : tell_missing(cli, *ret);
}
