#include "suite.h"

#include <dirent.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/sql.h"

/* --- an empty store --------------------------------------------------------------------------- */

static void drop_everything(const char *url)
{
    const struct sql_driver *driver = sql_driver_of(url);
    struct sql *sql;
    struct sql_conn *conn;
    assert_non_null(driver);
    OK(driver->open(url, &sql, &err));
    OK(sql_begin(sql, SQL_ALONE, &conn, &err));
    OK(driver->script(conn,
                      "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                      "GRANT USAGE ON SCHEMA public TO PUBLIC;",
                      &err));
    OK(sql_commit(conn, &err));
    driver->close(sql);
}

int suite_setup(void **state)
{
    const char *given = getenv("SEKISHO_TEST_STORE");
    struct suite *suite = calloc(1, sizeof *suite);
    assert_non_null(suite);
    if (given && given[0]) {
        snprintf(suite->url, sizeof suite->url, "%s", given);
        drop_everything(suite->url);
    } else {
        snprintf(suite->folder, sizeof suite->folder, "%s", "/tmp/sekisho-store-XXXXXX");
        assert_non_null(mkdtemp(suite->folder));
        snprintf(suite->url, sizeof suite->url, "sqlite:%s/store.db", suite->folder);
    }
    arena_init(&suite->arena, 256 << 20);
    OK(store_open(suite->url, &suite->store, &err));
    *state = suite;
    return 0;
}

/* Those whose names begin so. */
static void remove_files(const char *name, const char *start)
{
    char path[512];
    DIR *folder = opendir(name);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s", name, entry->d_name);
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, start, strlen(start)) == 0)
            unlink(path);
    }
    if (folder)
        closedir(folder);
}

int suite_teardown(void **state)
{
    struct suite *suite = *state;
    store_close(suite->store);
    arena_release(&suite->arena);
    if (suite->folder[0]) {
        remove_files(suite->folder, "");
        rmdir(suite->folder);
    }
    free(suite);
    return 0;
}

void suite_drop(struct suite *suite)
{
    if (suite->folder[0])
        remove_files(suite->folder, "store.db");
    else
        drop_everything(suite->url);
}

void suite_reopen(struct suite *suite)
{
    store_close(suite->store);
    suite->store = NULL;
    OK(store_open(suite->url, &suite->store, &err));
}

/* --- transactions ----------------------------------------------------------------------------- */

struct txn *begin_write(struct suite *suite)
{
    static const struct actor tester = {"token:01TEST", "operator", "req-1", "192.0.2.7"};
    struct txn *txn = NULL;
    OK(store_begin(suite->store, &tester, &txn, &err));
    return txn;
}

struct txn *begin_read(struct suite *suite)
{
    struct txn *txn = NULL;
    OK(store_begin(suite->store, NULL, &txn, &err));
    return txn;
}

uint64_t commit(struct txn *txn)
{
    uint64_t number = 0;
    OK(store_commit(txn, &number, &err));
    return number;
}

/* --- short forms ------------------------------------------------------------------------------ */

struct tenant a_tenant(const char *id, const char *profile)
{
    return (struct tenant){
        .id = id,
        .name = "Acme K.K.",
        .profile = profile ? profile : "",
        .outside_line = "",
        .locale = "ja",
        .time_zone = "Asia/Tokyo",
    };
}

struct account an_account(const char *tenant, const char *id)
{
    return (struct account){.tenant = tenant, .id = id, .display_name = "Desk", .profile = ""};
}

struct rule a_rule(const char *text)
{
    struct slice word = {text, strcspn(text, " ")};
    struct rule rule = {
        .id = "", .account = "", .divert_to = "", .note = "", .source = "customer"};
    assert_int_equal(action_of(word, &rule.action), 0);
    if (rule.action == ACTION_DIVERT)
        rule.divert_to = "voicemail";
    OK(target_parse(slice_of(text + word.n + 1), &rule.target, &err));
    return rule;
}

void put_tenant(struct suite *suite, const char *id, const char *profile)
{
    struct txn *txn = begin_write(suite);
    struct tenant tenant = a_tenant(id, profile);
    OK(store_tenant_put(txn, &tenant, NULL, NULL, &err));
    commit(txn);
}

void delete_tenant(struct suite *suite, const char *id)
{
    struct txn *txn = begin_write(suite);
    OK(store_tenant_delete(txn, slice_of(id), NULL, &err));
    commit(txn);
}

void put_account(struct suite *suite, const char *tenant, const char *id)
{
    struct txn *txn = begin_write(suite);
    struct account account = an_account(tenant, id);
    OK(store_account_put(txn, &account, NULL, NULL, &err));
    commit(txn);
}

const char *add_rule(struct suite *suite, const char *tenant, const struct rule *rule)
{
    char id[RULE_ID_BYTES];
    struct txn *txn = begin_write(suite);
    OK(store_rule_create(txn, slice_of(tenant), rule, id, &err));
    commit(txn);
    const char *copy = arena_copy(&suite->arena, slice_of(id));
    assert_non_null(copy);
    return copy;
}

struct tenant get_tenant(struct suite *suite, const char *id)
{
    struct tenant tenant = {0};
    struct txn *txn = begin_read(suite);
    OK(store_tenant_get(txn, slice_of(id), &suite->arena, &tenant, &err));
    store_rollback(txn);
    return tenant;
}

struct rule get_rule(struct suite *suite, const char *tenant, const char *id)
{
    struct rule rule = {0};
    struct txn *txn = begin_read(suite);
    OK(store_rule_get(txn, slice_of(tenant), slice_of(id), &suite->arena, &rule, &err));
    store_rollback(txn);
    return rule;
}

uint64_t revision(struct suite *suite, const char *tenant)
{
    uint64_t value = 0;
    struct txn *txn = begin_read(suite);
    OK(store_revision(txn, slice_of(tenant), &value, &err));
    store_rollback(txn);
    return value;
}

/* --- lists ------------------------------------------------------------------------------------ */

struct rule_filter all_of(const char *tenant)
{
    return (struct rule_filter){.tenant = slice_of(tenant), .which = RULES_ALL};
}

struct rule_filter own_of(const char *tenant)
{
    return (struct rule_filter){.tenant = slice_of(tenant), .which = RULES_TENANT_SCOPE};
}

struct rule_filter account_of(const char *tenant, const char *account)
{
    return (struct rule_filter){slice_of(tenant), RULES_OF_ACCOUNT, slice_of(account)};
}

const char *list_text(struct suite *suite, struct txn *txn, struct rule_filter filter)
{
    struct rule *rules;
    unsigned count;
    struct page page = {SLICE_NONE, RULES_PER_TENANT_MAX};
    char text[4096] = "";
    struct buf out = BUF_OVER(text);
    OK(store_rule_list(txn, &filter, page, &suite->arena, &rules, &count, &err));
    for (unsigned i = 0; i < count; i++)
        buf_printf(&out, "%s%s %s%s%s", i ? ", " : "", action_word(rules[i].action),
                   rules[i].target.text, rules[i].account[0] ? "@" : "", rules[i].account);
    const char *copy = arena_copy(&suite->arena, buf_slice(&out));
    assert_non_null(copy);
    return copy;
}

const char *rules_text(struct suite *suite, const char *tenant)
{
    struct txn *txn = begin_read(suite);
    const char *text = list_text(suite, txn, all_of(tenant));
    store_rollback(txn);
    return text;
}

uint64_t list_version(struct suite *suite, struct rule_filter filter)
{
    uint64_t version = 0;
    struct txn *txn = begin_read(suite);
    OK(store_rules_version(txn, &filter, &version, &err));
    store_rollback(txn);
    return version;
}

static unsigned audit(struct suite *suite, struct audit_record **ret)
{
    unsigned count = 0;
    struct txn *txn = begin_read(suite);
    OK(store_audit_list(txn, SLICE_NONE, 0, 1000, &suite->arena, ret, &count, &err));
    store_rollback(txn);
    return count;
}

struct audit_record last_audit(struct suite *suite)
{
    struct audit_record *records = NULL;
    assert_true(audit(suite, &records) > 0);
    return records[0];
}

unsigned audit_count(struct suite *suite)
{
    struct audit_record *records;
    return audit(suite, &records);
}

/* --- the feed --------------------------------------------------------------------------------- */

const char *feed_text(struct suite *suite, struct feed_position *position, unsigned limit)
{
    static const char *const kinds[] = {"tenant", "platform", "token"};
    char text[2048] = "";
    struct buf out = BUF_OVER(text);
    struct feed_row *rows;
    unsigned count;
    OK(store_feed_since(suite->store, position, limit, &suite->arena, &rows, &count, &err));
    for (unsigned i = 0; i < count; i++)
        buf_printf(&out, "%s%s %s%s %llu", i ? "; " : "", kinds[rows[i].kind], rows[i].tenant,
                   rows[i].jti, (unsigned long long)rows[i].revision);
    const char *copy = arena_copy(&suite->arena, buf_slice(&out));
    assert_non_null(copy);
    return copy;
}
