/*
 * What only the SQLite driver can get wrong: the file and its mode, files of others, a full disk, a
 * process killed in the middle. (These tests do not look at SEKISHO_TEST_STORE.)
 */
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/txn.h"

static const struct slice acme = {"acme", 4};
static const struct actor tester = {"t", "operator", "", ""};

/* --- folders and files ------------------------------------------------------------------------ */

struct place {
    char folder[64], file[96], url[112];
};

static struct place new_place(void)
{
    struct place place;
    snprintf(place.folder, sizeof place.folder, "%s", "/tmp/sekisho-sqlite-XXXXXX");
    assert_non_null(mkdtemp(place.folder));
    snprintf(place.file, sizeof place.file, "%s/store.db", place.folder);
    snprintf(place.url, sizeof place.url, "sqlite:%s", place.file);
    return place;
}

static void remove_place(const struct place *place)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock", "-journal"};
    char path[128];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", place->file, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(place->folder), 0);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void read_file(const char *path, char *ret, size_t size)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    memset(ret, 0, size);
    assert_true(fread(ret, 1, size - 1, file) > 0);
    fclose(file);
}

static int open_with(const char *url, struct err *err)
{
    struct store *store = NULL;
    *err = (struct err){0};
    int rc = store_open(url, &store, err);
    if (rc == 0)
        store_close(store);
    return rc;
}

/* Runs SQL on a file behind the store's back. */
static void run_sql(const char *path, const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void ask(const char *path, const char *text, char *ret, size_t size)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(ret, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

static void the_files_are_private(void **unused)
{
    (void)unused;
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    struct place place = new_place();
    struct store *store;
    struct stat info;
    char path[128];
    mode_t before = umask(0);
    OK(store_open(place.url, &store, &err));
    umask(before);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(path, sizeof path, "%s%s", place.file, ends[i]);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_mode & 0777, 0600);
    }
    store_close(store);
    remove_place(&place);
}

static void the_settings_are_in_force(void **unused)
{
    (void)unused;
    struct place place = new_place();
    struct store *store;
    struct txn *txn;
    int64_t value = -1;
    OK(store_open(place.url, &store, &err));
    OK(store_begin(store, &tester, &txn, &err));
    assert_int_equal(txn_number(txn, "PRAGMA synchronous", SQL_NO_VALUES, &value, NULL), 1);
    assert_int_equal(value, 2); /* FULL */
    assert_int_equal(txn_number(txn, "PRAGMA foreign_keys", SQL_NO_VALUES, &value, NULL), 1);
    assert_int_equal(value, 1);
    assert_int_equal(txn_number(txn, "PRAGMA application_id", SQL_NO_VALUES, &value, NULL), 1);
    assert_int_equal(value, 0x534b5348);
    store_rollback(txn);
    OK(store_begin(store, NULL, &txn, &err));
    assert_int_equal(txn_number(txn, "PRAGMA wal_autocheckpoint", SQL_NO_VALUES, &value, NULL), 1);
    assert_int_equal(value, 0); /* readers never checkpoint */
    store_rollback(txn);
    store_close(store);
    char mode[16];
    ask(place.file, "PRAGMA journal_mode", mode, sizeof mode);
    assert_string_equal(mode, "wal");
    remove_place(&place);
}

/* --- files that are not for us ---------------------------------------------------------------- */

static void a_file_that_is_no_database_is_left_alone(void **unused)
{
    (void)unused;
    static const char text[] = "This is a letter to my aunt, and quite long enough to be read "
                               "as the header of a database, which it is not, as anyone can see.";
    struct place place = new_place();
    struct err err;
    char after[200];
    write_file(place.file, text);
    assert_int_equal(open_with(place.url, &err), ERR_VERSION);
    assert_non_null(strstr(err.text, "--store"));
    read_file(place.file, after, sizeof after);
    assert_string_equal(after, text);
    remove_place(&place);
}

static void a_database_of_another_program_is_left_alone(void **unused)
{
    (void)unused;
    static const char *const scripts[] = {"CREATE TABLE recipes (name TEXT)",
                                          "PRAGMA application_id = 7",
                                          "PRAGMA application_id = 7; CREATE TABLE tenants (id)"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        struct place place = new_place();
        struct err err;
        char mode[16];
        run_sql(place.file, scripts[i]);
        assert_int_equal(open_with(place.url, &err), ERR_VERSION);
        assert_non_null(strstr(err.text, "another program"));
        assert_non_null(strstr(err.text, "--store"));
        ask(place.file, "PRAGMA journal_mode", mode, sizeof mode);
        assert_string_equal(mode, "delete");
        remove_place(&place);
    }
}

static void an_empty_file_becomes_ours(void **unused)
{
    (void)unused;
    struct place place = new_place();
    struct err err;
    write_file(place.file, "");
    assert_int_equal(open_with(place.url, &err), 0);
    assert_int_equal(open_with(place.url, &err), 0);
    remove_place(&place);
}

static void a_newer_schema_is_refused_and_untouched(void **unused)
{
    (void)unused;
    struct place place = new_place();
    struct err err;
    char versions[64], before[64];
    assert_int_equal(open_with(place.url, &err), 0);
    ask(place.file, "SELECT group_concat(version) || ',9999' FROM sekisho_migrations", before,
        sizeof before);
    run_sql(place.file, "INSERT INTO sekisho_migrations VALUES (9999, 'of_the_future', 0)");
    assert_int_equal(open_with(place.url, &err), ERR_VERSION);
    assert_non_null(strstr(err.text, "9999"));
    assert_non_null(strstr(err.text, "newer"));
    ask(place.file, "SELECT group_concat(version) FROM sekisho_migrations", versions,
        sizeof versions);
    assert_string_equal(versions, before);
    remove_place(&place);
}

static void paths_that_cannot_be_are_named(void **unused)
{
    (void)unused;
    struct place place = new_place();
    struct err err;
    char url[160];
    snprintf(url, sizeof url, "sqlite:%s/nosuch/store.db", place.folder);
    assert_int_equal(open_with(url, &err), ERR_IO);
    assert_non_null(strstr(err.text, "--store"));
    assert_non_null(strstr(err.text, strerror(ENOENT)));
    snprintf(url, sizeof url, "sqlite:%s", place.folder);
    assert_int_equal(open_with(url, &err), ERR_IO);
    remove_place(&place);
}

/* As somebody who is not root, for whom modes count; the exit status is minus the error. */
static int open_as_nobody(const char *url)
{
    pid_t child = fork();
    if (child == 0) {
        struct err err;
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        int rc = open_with(url, &err);
        _exit(rc && !strstr(err.text, "--store") ? 98 : -rc);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void a_file_that_cannot_be_written_is_refused(void **unused)
{
    (void)unused;
    struct place place = new_place();
    struct err err;
    assert_int_equal(open_with(place.url, &err), 0);
    chmod(place.folder, 0777);
    chmod(place.file, 0444);
    assert_int_equal(open_as_nobody(place.url), ERR_IO);
    chmod(place.file, 0666); /* but its folder cannot: no log can be made beside it */
    chmod(place.folder, 0555);
    assert_int_equal(open_as_nobody(place.url), ERR_IO);
    chmod(place.folder, 0700);
    remove_place(&place);
}

/* --- one process, one writer ------------------------------------------------------------------ */

static void a_file_in_use_is_refused(void **unused)
{
    (void)unused;
    struct place place = new_place();
    struct store *store;
    struct err said;
    char link[128], url[140];
    OK(store_open(place.url, &store, &err));
    assert_int_equal(open_with(place.url, &said), ERR_UNAVAILABLE);
    assert_non_null(strstr(said.text, "in use"));
    snprintf(link, sizeof link, "%s/other", place.folder);
    snprintf(url, sizeof url, "sqlite:%s", link);
    assert_int_equal(symlink(place.file, link), 0);
    assert_int_equal(open_with(url, &said), ERR_UNAVAILABLE); /* by another name too */
    unlink(link);
    store_close(store);
    assert_int_equal(open_with(place.url, &said), 0);
    remove_place(&place);
}

static void a_writer_that_waits_too_long_is_told(void **state)
{
    struct suite *suite = *state;
    struct place place = new_place();
    struct store *store;
    struct txn *first, *second = NULL;
    OK(store_open(place.url, &store, &err));
    OK(store_begin(store, &tester, &first, &err));
    FAILS(suite, ERR_CROWDED, store_begin(store, &tester, &second, &err));
    store_rollback(first);
    OK(store_begin(store, &tester, &second, &err));
    store_rollback(second);
    store_close(store);
    remove_place(&place);
}

/* --- edits that can be counted ---------------------------------------------------------------- */

/* Adds rule number `n` to tenant acme, in a transaction of its own. */
static int add_numbered(struct store *store, int n, struct err *err)
{
    char id[RULE_ID_BYTES], text[40];
    struct txn *txn;
    struct rule rule = {.id = "", .account = "", .action = ACTION_DENY, .divert_to = "",
                        .note = "a note that takes some room in the file, as notes do",
                        .source = "customer"};
    snprintf(text, sizeof text, "09%07d", n);
    int rc = target_parse(slice_of(text), &rule.target, err);
    if (rc == 0)
        rc = store_begin(store, &tester, &txn, err);
    if (rc < 0)
        return rc;
    rc = store_rule_create(txn, acme, &rule, id, err);
    if (rc == 0)
        return store_commit(txn, NULL, err);
    store_rollback(txn);
    return rc;
}

static int add_acme(struct store *store, struct err *err)
{
    struct txn *txn;
    struct tenant tenant = a_tenant("acme", "open");
    int rc = store_begin(store, &tester, &txn, err);
    if (rc == 0)
        rc = store_tenant_put(txn, &tenant, NULL, NULL, err);
    return rc ? rc : store_commit(txn, NULL, err);
}

/* How many rules there are, if they are numbers 0 to n-1 and everything else agrees; else -1. */
static int count_numbered(struct store *store)
{
    struct arena arena;
    struct rule *rules;
    struct audit_record *records;
    unsigned count = 0, audited = 0;
    uint64_t revision = 0;
    struct rule_filter filter = {.tenant = acme, .which = RULES_ALL};
    struct page page = {SLICE_NONE, RULES_PER_TENANT_MAX};
    struct txn *txn;
    arena_init(&arena, 256 << 20);
    bool ok = store_begin(store, NULL, &txn, NULL) == 0 &&
              store_rule_list(txn, &filter, page, &arena, &rules, &count, NULL) == 0 &&
              store_audit_list(txn, acme, 0, RULES_PER_TENANT_MAX, &arena, &records, &audited,
                               NULL) == 0 &&
              store_revision(txn, acme, &revision, NULL) == 0;
    store_rollback(txn);
    for (unsigned i = 0; ok && i < count; i++) {
        char text[40];
        snprintf(text, sizeof text, "09%07u", i);
        ok = strcmp(rules[i].target.text, text) == 0 && rules[i].version == i + 2;
    }
    ok = ok && audited == count + 1 && revision == count + 1;
    struct feed_row *rows;
    unsigned rows_count;
    ok = ok && store_feed_since(store, &(struct feed_position){0}, 9, &arena, &rows, &rows_count, NULL) == 0 &&
         rows_count == 1 && rows[0].revision == revision;
    arena_release(&arena);
    return ok ? (int)count : -1;
}

/* --- a full disk ------------------------------------------------------------------------------ */

/* What a child does whose file cannot grow; its exit status says where it went wrong. */
static int live_on_a_full_disk(const char *url, void (*set_full)(bool is_full))
{
    struct store *store;
    struct err err = {0};
    int n = 0, rc = 0;
    if (store_open(url, &store, &err) != 0 || add_acme(store, &err) != 0)
        return 1;
    set_full(true);
    while (n < RULES_PER_TENANT_MAX - 10 && (rc = add_numbered(store, n, &err)) == 0)
        n++;
    if (rc != ERR_UNAVAILABLE)
        return 2;
    if (n < 10)
        return 3; /* it was full from the start: nothing is shown */
    for (int i = 0; i < 20; i++) /* and stays refused, not half accepted */
        if (add_numbered(store, n, &err) != ERR_UNAVAILABLE)
            return 4;
    if (count_numbered(store) != n)
        return 5;
    set_full(false);
    for (int i = 0; i < 5; i++)
        if (add_numbered(store, n++, &err) != 0)
            return 6;
    if (count_numbered(store) != n)
        return 7;
    store_close(store);
    if (store_open(url, &store, &err) != 0 || count_numbered(store) != n)
        return 8;
    store_close(store);
    return 0;
}

static int run_child(int (*run)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(run());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_integrity(const char *path)
{
    char answer[64];
    ask(path, "PRAGMA integrity_check", answer, sizeof answer);
    assert_string_equal(answer, "ok");
}

static struct place full_place; /* for the children below */

static void limit_file_size(bool is_full)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = is_full ? 700 * 1024 : limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int live_with_a_file_size_limit(void)
{
    return live_on_a_full_disk(full_place.url, limit_file_size);
}

static void a_file_that_may_not_grow(void **unused)
{
    (void)unused;
    full_place = new_place();
    assert_int_equal(run_child(live_with_a_file_size_limit), 0);
    check_integrity(full_place.file);
    remove_place(&full_place);
}

/* Something else on the disk takes all that is left, or gives it back. */
static void fill_disk(bool is_full)
{
    char path[128], block[4096] = "x";
    snprintf(path, sizeof path, "%s/filler", full_place.folder);
    if (!is_full) {
        unlink(path);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    for (int i = 0; i < 300 && write(fd, block, sizeof block) == sizeof block; i++)
        ; /* leaves some room, which the edits take up */
    close(fd);
}

/* In a mount namespace of its own: gone with the child. 77: not allowed to. */
static int live_on_a_small_disk(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", full_place.folder, "tmpfs", 0, "size=2m") != 0)
        return 77;
    return live_on_a_full_disk(full_place.url, fill_disk);
}

static void a_disk_that_is_full(void **unused)
{
    (void)unused;
    full_place = new_place();
    int status = run_child(live_on_a_small_disk);
    remove_place(&full_place);
    if (status == 77)
        skip();
    assert_int_equal(status, 0);
}

/* --- kill -9 ---------------------------------------------------------------------------------- */

/* Adds edits from number `first` and tells each one that was acknowledged, until it is killed. */
static void edit_until_killed(const char *url, int first, int out)
{
    struct store *store;
    struct err err = {0};
    if (store_open(url, &store, &err) != 0 || (first == 0 && add_acme(store, &err) != 0))
        _exit(1);
    for (int n = first;; n++)
        if (add_numbered(store, n, &err) != 0 || write(out, &n, sizeof n) != sizeof n)
            _exit(2);
}

/* Starts such a child, kills it `after_us` after its first acknowledged edit; returns the last
 * one. */
static int kill_one(const char *url, int first, int after_us)
{
    int fds[2], n = first - 1, got, status;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        edit_until_killed(url, first, fds[1]);
    }
    close(fds[1]);
    if (read(fds[0], &got, sizeof got) == sizeof got) {
        n = got;
        nanosleep(&(struct timespec){.tv_nsec = after_us * 1000L}, NULL);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status)); /* it did not fail by itself */
    while (read(fds[0], &got, sizeof got) == sizeof got)
        n = got;
    close(fds[0]);
    return n;
}

static void every_acknowledged_edit_survives_kill_9(void **unused)
{
    (void)unused;
    enum { KILLS = 40 };
    struct place place = new_place();
    unsigned seed = 20261121;
    int count = 0;
    for (int i = 0; i < KILLS; i++) {
        int last = kill_one(place.url, count, rand_r(&seed) % 20000);
        struct store *store;
        OK(store_open(place.url, &store, &err));
        count = count_numbered(store);
        store_close(store);
        assert_true(count >= last + 1); /* all that was acknowledged is there */
        assert_true(count <= last + 2); /* and at most the one that was on its way */
        check_integrity(place.file);
    }
    assert_true(count > KILLS);
    print_message("%d edits acknowledged over %d kills\n", count, KILLS);
    remove_place(&place);
}

/* --- the log stays small ---------------------------------------------------------------------- */

static void the_log_is_checkpointed_on_the_way(void **unused)
{
    (void)unused;
    struct place place = new_place();
    struct store *store;
    struct stat info;
    char path[128];
    OK(store_open(place.url, &store, &err));
    OK(add_acme(store, &err));
    for (int n = 0; n < 1200; n++)
        OK(add_numbered(store, n, &err));
    snprintf(path, sizeof path, "%s-wal", place.file);
    assert_int_equal(stat(path, &info), 0);
    assert_true(info.st_size < 8 << 20); /* 1200 commits of some eight pages each are 38 MB */
    store_close(store);
    assert_int_equal(stat(path, &info), -1); /* closing leaves one file (and the lock) */
    remove_place(&place);
}

int main(void)
{
    unsetenv("SEKISHO_TEST_STORE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_are_private),
        cmocka_unit_test(the_settings_are_in_force),
        cmocka_unit_test(a_file_that_is_no_database_is_left_alone),
        cmocka_unit_test(a_database_of_another_program_is_left_alone),
        cmocka_unit_test(an_empty_file_becomes_ours),
        cmocka_unit_test(a_newer_schema_is_refused_and_untouched),
        cmocka_unit_test(paths_that_cannot_be_are_named),
        cmocka_unit_test(a_file_that_cannot_be_written_is_refused),
        cmocka_unit_test(a_file_in_use_is_refused),
        STORE_TEST(a_writer_that_waits_too_long_is_told),
        cmocka_unit_test(a_file_that_may_not_grow),
        cmocka_unit_test(a_disk_that_is_full),
        cmocka_unit_test(every_acknowledged_edit_survives_kill_9),
        cmocka_unit_test(the_log_is_checkpointed_on_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
