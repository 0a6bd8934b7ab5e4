/* sekisho token: bearer tokens. Issuing and listing read the folder of keys; revoking asks a node. */
#include "auth/issued.h"
#include "base/clock.h"
#include "cli/change.h"

struct token_options {
    struct common common;
    const char *keys, *subject, *jti, *note;
    struct option_list tenants;
    int role;
    int64_t ttl_ms;
    bool is_long;
};
#define AT(member) .offset = offsetof(struct token_options, member)

/* --- issuing ----------------------------------------------------------------------------------------- */

/* In the order of the words of --role. */
static const enum role roles[] = {ROLE_OPERATOR, ROLE_TENANT_ADMIN, ROLE_TENANT_VIEWER,
                                  ROLE_PROVISIONING, ROLE_PBX};

/* "acme, globex and 3 more", or "all tenants" */
static const char *tenants_text(const json_t *tenants, char text[160])
{
    enum { SHOWN = 2 };
    size_t count = json_array_size(tenants);
    struct buf out = {text, 0, 160, false};
    if (!json_is_array(tenants))
        buf_add_text(&out, "all tenants");
    for (size_t i = 0; i < count && i < SHOWN; i++)
        buf_printf(&out, "%s%s", i ? ", " : "", json_string_value(json_array_get(tenants, i)));
    if (count > SHOWN)
        buf_printf(&out, " and %zu more", count - SHOWN);
    return text;
}

/* The token alone on standard output, so that $(…) takes it; what it is on standard error. */
static int print_issued(struct cli *cli, const char *token, const struct credential *credential)
{
    char tenants[160], moment[MOMENT_BYTES];
    json_t *record = issued_record(credential);
    if (!record)
        return cli_trouble(cli, "out of memory");
    if (cli->common->is_json) {
        json_object_set_new(record, "token", json_string(token));
        output_json(&cli->out, record);
    } else {
        fprintf(cli->out.file, "%s\n", token);
        fflush(cli->out.file);
        fprintf(stderr, "%s of %s until %s, jti %s\n", role_word(credential->role),
                tenants_text(json_object_get(record, "tenants"), tenants),
                output_moment(json_text(record, "expires_at"), moment), credential->jti);
    }
    json_decref(record);
    return EXIT_OK;
}

/* What the options say that token_issue() would refuse without naming them, or that needs --long. */
static int check_request(struct cli *cli, const struct token_request *request, bool is_long)
{
    if (role_is_of_tenant(request->role) && request->tenants_count != 1)
        return cli_trouble(cli, "--tenant: role %s needs exactly one tenant", role_word(request->role));
    if (request->role == ROLE_OPERATOR && request->tenants_count)
        return cli_trouble(cli, "--tenant: an operator is not limited to tenants");
    if (request->ttl_ms > token_ttl_max_ms(request->role) && !is_long)
        return cli_trouble(cli, "a token of role %s should last 24 hours at most; --long insists",
                           role_word(request->role));
    return EXIT_OK;
}

static int issue(struct cli *cli, const void *given)
{
    const struct token_options *options = given;
    struct keyring *keyring = NULL;
    struct credential credential;
    char token[TOKEN_BYTES_MAX];
    struct err err;
    if (!cli_given(cli, "keys") || !cli_given(cli, "role"))
        return cli_trouble(cli, "--%s is missing", cli_given(cli, "keys") ? "role" : "keys");
    struct token_request request = {roles[options->role], (const char *const *)options->tenants.items,
                                    options->tenants.count, options->ttl_ms, options->subject};
    if (check_request(cli, &request, options->is_long))
        return EXIT_TROUBLE;
    int rc = keyring_load(options->keys, false, &keyring, &err);
    if (rc == 0)
        rc = token_issue(keyring, &request, clock_now_ms(), token, &credential, &err);
    keyring_free(keyring);
    if (rc == 0)
        rc = issued_append(options->keys, &credential, &err);
    return rc ? cli_trouble(cli, "%s", err.text) : print_issued(cli, token, &credential);
}

/* --- listing ----------------------------------------------------------------------------------------- */

static const struct column columns[] = {{"JTI", "jti", CELL_TEXT},
                                        {"ROLE", "role", CELL_TEXT},
                                        {"TENANTS", "tenants_text", CELL_TEXT},
                                        {"SUBJECT", "subject", CELL_TEXT},
                                        {"ISSUED", "issued_at", CELL_MOMENT},
                                        {"EXPIRES", "expires_at", CELL_MOMENT},
                                        {"EXPIRED", "expired", CELL_TEXT},
                                        {0}};

static int read_issued(struct cli *cli, const char *keys, json_t **ret)
{
    unsigned unreadable;
    struct err err;
    if (issued_read(keys, ret, &unreadable, &err))
        return cli_trouble(cli, "%s", err.text);
    if (unreadable)
        fprintf(stderr, "sekisho %s: %u line%s of issued.ndjson cannot be read\n", cli->command,
                unreadable, unreadable == 1 ? "" : "s");
    return EXIT_OK;
}

static int list(struct cli *cli, const void *given)
{
    const struct token_options *options = given;
    json_t *records, *record;
    size_t i;
    char tenants[160];
    int64_t expires_at_ms;
    if (!cli_given(cli, "keys"))
        return cli_trouble(cli, "--keys is missing");
    int status = read_issued(cli, options->keys, &records);
    if (status)
        return status;
    json_array_foreach(records, i, record) {
        bool is_expired = clock_parse(slice_of(json_text(record, "expires_at")), &expires_at_ms) &&
                          expires_at_ms <= clock_now_ms();
        json_object_set_new(record, "expired", json_boolean(is_expired));
        if (!cli->common->is_json)
            json_object_set_new(record, "tenants_text",
                                json_string(tenants_text(json_object_get(record, "tenants"), tenants)));
    }
    json_t *answer = json_pack("{s:o}", "tokens", records);
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, columns, records, "no tokens were issued with these keys");
    json_decref(answer);
    return EXIT_OK;
}

static const struct column revoked_columns[] = {{"JTI", "jti", CELL_TEXT},
                                                {"REVOKED", "revoked_at", CELL_MOMENT},
                                                {"EXPIRES", "expires_at", CELL_MOMENT},
                                                {"NOTE", "note", CELL_TEXT},
                                                {0}};

static int revoked(struct cli *cli, const void *given)
{
    json_t *answer;
    (void)given;
    int status = rest_list(cli, "/v1/tokens/revoked", "revoked", 0, &answer);
    if (status)
        return status;
    if (cli->common->is_json)
        output_json(&cli->out, answer);
    else
        output_table(&cli->out, revoked_columns, json_object_get(answer, "revoked"),
                     "no tokens are revoked");
    json_decref(answer);
    return EXIT_OK;
}

/* --- revoking ---------------------------------------------------------------------------------------- */

/* With the record at hand the node is told when the token ends by itself, and a slip in the jti shows. */
static void add_expiry(struct change *change, const struct token_options *options)
{
    json_t *records = NULL, *record;
    size_t i;
    const char *expires_at = NULL;
    if (read_issued(change->cli, options->keys, &records) != EXIT_OK)
        return;
    json_array_foreach(records, i, record)
        if (slice_equals_text(slice_of(json_text(record, "jti")), options->jti))
            expires_at = json_text(record, "expires_at");
    if (expires_at)
        change_value(change, "expires_at", json_string(expires_at));
    else
        fprintf(stderr, "sekisho %s: no token of this jti is on record in %s\n",
                change->cli->command, options->keys);
    json_decref(records);
}

static int revoke(struct cli *cli, const void *given)
{
    const struct token_options *options = given;
    struct change change;
    if (!jti_is_valid(slice_of(options->jti)))
        return cli_trouble(cli, "%s: is no jti; \"sekisho token list\" shows them", options->jti);
    change_begin(&change, cli, "PUT", rest_path(cli, "/v1/tokens/revoked/{}", options->jti));
    change_text(&change, "note", "note", options->note);
    if (cli_given(cli, "keys"))
        add_expiry(&change, options);
    return change_send(&change, "token %s revoked", options->jti);
}

/* --- tables ------------------------------------------------------------------------------------------ */

#define KEYS                                                                                       \
    {"keys", OPTION_PATH, 0, "DIR", NULL, "SEKISHO_KEYS",                                          \
     "folder of the keys, as sekishod has it", AT(keys)}

static const struct option none[] = {{0}};
static const struct option keys_only[] = {KEYS, {0}};
static const struct option issue_options[] = {
    KEYS,
    {"role", OPTION_CHOICE, 0, "operator|tenant_admin|tenant_viewer|provisioning|pbx", NULL, NULL,
     "what its holder may do", AT(role)},
    {"tenant", OPTION_LIST, 0, "TENANT,…", NULL, NULL,
     "the one tenant of tenant_admin and tenant_viewer; limits pbx and provisioning to some",
     AT(tenants)},
    {"ttl", OPTION_DURATION, 0, "TIME", "1h", NULL,
     "how long it is good: 30s 15m 1h 7d; 24h at most, for pbx 400d", AT(ttl_ms), .min = 1000,
     .max = (int64_t)TOKEN_LIFETIME_DAYS_MAX * 86400 * 1000},
    {"subject", OPTION_TEXT, 0, "TEXT", NULL, NULL, "who holds it, for the audit", AT(subject)},
    {"long", OPTION_FLAG, 0, NULL, NULL, NULL,
     "let a token of another role than pbx last longer than 24 hours", AT(is_long)},
    {0}};
static const struct option revoke_options[] = {
    {"JTI", OPTION_TEXT, OPTION_POSITIONAL, "JTI", NULL, NULL, "id of the token", AT(jti)},
    {"note", OPTION_TEXT, 0, "TEXT", NULL, NULL, "why", AT(note)},
    KEYS,
    {0}};

#define ROW(name, about, details, options, run, flags)                                             \
    {name, about, details, options, sizeof(struct token_options), run, flags}

const struct command token_commands[] = {
    ROW("issue", "Signs a token and prints it, alone, on standard output",
        "Its jti goes on record in DIR/issued.ndjson, the token itself nowhere:\n\n"
        "  SEKISHO_TOKEN=$(sekisho token issue --keys /var/lib/sekisho/keys --role operator)\n",
        issue_options, issue, COMMAND_LOCAL),
    ROW("list", "Lists the tokens that were issued with these keys", NULL, keys_only, list,
        COMMAND_LOCAL),
    ROW("revoke", "Refuses a token from now on, on every node",
        "With --keys the node is told when the token ends by itself, and need not keep it longer.\n",
        revoke_options, revoke, 0),
    ROW("revoked", "Lists the tokens that are revoked", NULL, none, revoked, 0),
    {0}};
