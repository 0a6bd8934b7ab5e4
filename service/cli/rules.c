#include "cli/rules.h"

#include <stdlib.h>
#include <string.h>

#include "core/rule.h"

const struct column rule_columns[] = {{"ACCOUNT", "account", CELL_TEXT},
                                      {"ACTION", "action", CELL_VERDICT},
                                      {"TARGET", "target", CELL_TEXT},
                                      {"EXACT", "is_exact", CELL_TEXT},
                                      {"LOCKED", "locked", CELL_TEXT},
                                      {"DIVERT TO", "divert_to", CELL_TEXT},
                                      {"STARTS", "starts_at", CELL_MOMENT},
                                      {"EXPIRES", "expires_at", CELL_MOMENT},
                                      {"SOURCE", "source", CELL_TEXT},
                                      {"ID", "id", CELL_TEXT},
                                      {"NOTE", "note", CELL_TEXT},
                                      {0}};

char *rules_path(struct cli *cli, const char *tenant)
{
    return tenant ? rest_path(cli, "/v1/tenants/{}/rules", tenant)
                  : rest_path(cli, "/v1/platform/rules");
}

const char *rules_owner(struct cli *cli, const char *tenant, const char *account)
{
    const char *text = !tenant   ? "the platform"
                       : account ? arena_printf(&cli->arena, "account %s of tenant %s", account, tenant)
                                 : arena_printf(&cli->arena, "tenant %s", tenant);
    return text ? text : "";
}

static const char *text_or_empty(json_t *rule, const char *member)
{
    const char *text = json_text(rule, member);
    return text ? text : "";
}

static int compare(const void *a, const void *b)
{
    json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    static const char *const members[] = {"account", "target", "match", "starts_at", "id"};
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++) {
        int order = strcmp(text_or_empty(x, members[i]), text_or_empty(y, members[i]));
        if (order)
            return order;
    }
    return 0;
}

void rules_sort(json_t *rules)
{
    size_t count = json_array_size(rules);
    json_t **sorted = calloc(count ? count : 1, sizeof *sorted);
    if (!sorted)
        return;
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_incref(json_array_get(rules, i));
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++)
        json_array_set_new(rules, i, sorted[i]);
    free(sorted);
}

/* A whole id: 26 characters of Crockford's base 32. A target never has that many. */
static bool is_id(const char *word)
{
    return strlen(word) == 26 && strspn(word, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == 26;
}

static int find_by_id(struct cli *cli, const char *tenant, const char *id, json_t **ret)
{
    struct rest_request request = {
        .method = "GET", .path = arena_printf(&cli->arena, "%s/%s", rules_path(cli, tenant), id)};
    struct rest_answer answer;
    int status = rest_call(cli, &request, &answer);
    if (status == EXIT_OK)
        *ret = json_incref(answer.body);
    if (status == EXIT_OK)
        rest_answer_release(&answer);
    return status;
}

int rules_find(struct cli *cli, const char *tenant, const char *account, const char *word,
               json_t **ret)
{
    struct target target;
    struct err err;
    json_t *list, *rule, *found = NULL;
    unsigned count = 0;
    size_t i;

    if (is_id(word))
        return find_by_id(cli, tenant, word, ret);
    if (target_parse(slice_of(word), &target, &err))
        return cli_trouble(cli, "\"%s\" is neither the id of a rule nor a target: %s", word,
                           err.text);
    int status = rest_list(cli, rules_path(cli, tenant), "rules", 0, &list);
    if (status)
        return status;
    json_array_foreach(json_object_get(list, "rules"), i, rule) {
        if (strcmp(text_or_empty(rule, "target"), target.text) == 0 &&
            strcmp(text_or_empty(rule, "account"), account ? account : "") == 0) {
            found = rule;
            count++;
        }
    }
    if (count == 1)
        *ret = json_incref(found);
    else if (count == 0)
        status = cli_trouble(cli, "%s has no rule for %s", rules_owner(cli, tenant, account),
                             target.text);
    else
        status = cli_trouble(cli, "%s has %u rules for %s; name one by its id",
                             rules_owner(cli, tenant, account), count, target.text);
    json_decref(list);
    return status;
}
