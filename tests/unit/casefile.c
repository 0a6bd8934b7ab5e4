#include "casefile.h"

#include <stdio.h>

#include "base/clock.h"

static void die(const char *path, unsigned line, const char *what)
{
    fprintf(stderr, "%s:%u: %s\n", path, line, what);
    exit(1);
}

static const char *keep(struct case_block *block, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = block->texts + block->texts_used;
    if (block->texts_used + n > sizeof block->texts)
        die("block", 0, "too many rules");
    memcpy(copy, text, n);
    block->texts_used += n;
    return copy;
}

static char *next_word(char **rest)
{
    char *word = *rest + strspn(*rest, " ");
    size_t n = strcspn(word, " ");
    *rest = word + n;
    if (word[n])
        *(*rest)++ = '\0';
    return n ? word : NULL;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *read_option(struct rule *rule, const char *word, struct case_block *block)
{
    if (strcmp(word, "exact") == 0)
        rule->is_exact = true;
    else if (starts(word, "to="))
        rule->divert_to = keep(block, word + 3);
    else if (starts(word, "from="))
        return clock_parse(slice_of(word + 5), &rule->starts_at_ms) ? NULL : "bad time";
    else if (starts(word, "until="))
        return clock_parse(slice_of(word + 6), &rule->expires_at_ms) ? NULL : "bad time";
    else
        return "unknown option of a rule";
    return NULL;
}

static const char *read_rule(char *rest, struct case_block *block)
{
    char *scope = next_word(&rest), *action = next_word(&rest), *target = next_word(&rest);
    struct err err = {0};
    char id[8];
    if (!target)
        return "rule SCOPE ACTION TARGET";
    bool is_lock = strcmp(scope, "lock") == 0, is_account = starts(scope, "account:");
    bool is_platform = is_lock || strcmp(scope, "platform") == 0;
    snprintf(id, sizeof id, "r%u", block->tenant_count + block->platform_count);
    struct rule rule = {.id = keep(block, id),
                        .account = is_account ? keep(block, scope + 8) : "",
                        .is_locked = is_lock,
                        .divert_to = "",
                        .note = "",
                        .source = is_platform ? "operator" : "customer"};
    if (!is_platform && !is_account && strcmp(scope, "tenant") != 0)
        return "unknown scope";
    if (action_of(slice_of(action), &rule.action) || target_parse(slice_of(target), &rule.target, &err))
        return "unknown action or target";
    for (char *word; (word = next_word(&rest));) {
        const char *wrong = read_option(&rule, word, block);
        if (wrong)
            return wrong;
    }
    if (rule_check(&rule, &err))
        return "rule_check refuses it";
    if (is_platform)
        block->platform_rules[block->platform_count++] = rule;
    else
        block->tenant_rules[block->tenant_count++] = rule;
    return NULL;
}

static const char *read_tenant(char *rest, struct case_block *block)
{
    memset(block, 0, sizeof *block);
    char *word = next_word(&rest);
    if (!word)
        return "tenant NAME";
    snprintf(block->tenant, sizeof block->tenant, "%s", word);
    while ((word = next_word(&rest))) {
        if (starts(word, "outside="))
            snprintf(block->outside_line, sizeof block->outside_line, "%s", word + 8);
        else if (strcmp(word, "suspended") == 0)
            block->is_suspended = true;
        else
            return "unknown option of a tenant";
    }
    return NULL;
}

static const char *read_call(char *rest, struct case_call *call)
{
    char *arrow = strstr(rest, " => "), *account = next_word(&rest);
    if (!arrow || !account || arrow < rest)
        return "call ACCOUNT DIALED => VERDICT";
    *arrow = '\0';
    snprintf(call->account, sizeof call->account, "%s", account);
    snprintf(call->expected, sizeof call->expected, "%s", arrow + 4);
    call->dialed_len = 0;
    for (const char *p = rest; *p; p++) {
        unsigned byte = (unsigned char)*p;
        if (p[0] == '\\' && p[1] == 'x' && sscanf(p + 2, "%2x", &byte) == 1)
            p += 3;
        call->dialed[call->dialed_len++] = (char)byte;
    }
    return NULL;
}

unsigned casefile_each(const char *path,
                       void (*fn)(const struct case_block *, const struct case_call *, void *),
                       void *context)
{
    static struct case_block block;
    static struct case_call call;
    char line[1024];
    unsigned calls = 0;
    call = (struct case_call){.file = path};
    FILE *file = fopen(path, "r");
    if (!file)
        die(path, 0, "cannot be opened");
    while (fgets(line, sizeof line, file)) {
        char *rest = line;
        call.line++;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        char *word = next_word(&rest);
        const char *wrong = "unknown line";
        if (strcmp(word, "tenant") == 0)
            wrong = read_tenant(rest, &block);
        else if (strcmp(word, "rule") == 0)
            wrong = read_rule(rest, &block);
        else if (strcmp(word, "call") == 0)
            wrong = read_call(rest, &call);
        if (wrong)
            die(path, call.line, wrong);
        if (strcmp(word, "call") == 0) {
            fn(&block, &call, context);
            calls++;
        }
    }
    fclose(file);
    return calls;
}
