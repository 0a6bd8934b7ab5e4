/* sekisho node: the running daemons. */
#include <string.h>

#include "cli/rest_client.h"

struct node_options {
    struct common common;
};

static const struct column columns[] = {{"NODE", "name", CELL_TEXT},
                                        {"STATUS", "status", CELL_TEXT},
                                        {"VERSION", "version", CELL_TEXT},
                                        {"NUMBERING", "numbering", CELL_TEXT},
                                        {"FEED", "feed_position", CELL_TEXT},
                                        {"PLATFORM", "platform_revision", CELL_TEXT},
                                        {"KEYS", "keys", CELL_TEXT},
                                        {"STARTED", "started_at", CELL_MOMENT},
                                        {"HEARTBEAT", "heartbeat_at", CELL_MOMENT},
                                        {"ADDRESS", "address", CELL_TEXT},
                                        {0}};

/* Enough of a fingerprint to see with the eye that two differ. */
static void shorten_keys(json_t *nodes)
{
    enum { SHORT = 12 };
    json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node) {
        const char *keys = json_text(node, "keys");
        if (keys && strlen(keys) > SHORT)
            json_object_set_new(node, "keys", json_stringn(keys, SHORT));
    }
}

static int list(struct cli *cli, const void *given)
{
    struct rest_request request = {.method = "GET", .path = "/v1/nodes"};
    struct rest_answer answer;
    (void)given;
    int status = rest_call(cli, &request, &answer);
    if (status)
        return status;
    json_t *nodes = json_object_get(answer.body, "nodes");
    if (cli->common->is_json) {
        output_json(&cli->out, answer.body);
    } else {
        shorten_keys(nodes);
        output_table(&cli->out, columns, nodes, "no nodes");
    }
    rest_answer_release(&answer);
    return EXIT_OK;
}

static const struct option none[] = {{0}};

const struct command node_commands[] = {
    {"list", "Lists the nodes of the cluster and how far each follows the changes",
     "A node that ended is not listed. One that fell silent is lost after ten seconds: nobody\n"
     "waits for it any more, and after a day it is forgotten. KEYS must be the same on all.\n"
     "FEED is the last change that a node knows of, PLATFORM the revision of the platform's rules.\n",
     none, sizeof(struct node_options), list, 0},
    {0}};
