/* The snapshot on disk: what was written is loaded, and a file that was touched is refused whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/rulesets.h"
#include "engine/snapshot.h"

enum { TENANTS = 3000 };

static const unsigned char key[ENVELOPE_KEY_BYTES] = "a key of thirty-two bytes in all";
static char folder[] = "/tmp/snapshot-XXXXXX", path[64];

static struct ruleset *make(const char *tenant, uint64_t revision)
{
    struct ruleset *ruleset;
    struct rule rule = {.id = tenant, .account = "", .divert_to = "", .note = "", .source = "customer"};
    struct ruleset_owner owner = {.tenant = slice_of(tenant), .revision = revision};
    assert_int_equal(target_parse(SLICE_LIT("010"), &rule.target, NULL), 0);
    assert_int_equal(ruleset_new(&owner, &rule, 1, &ruleset, NULL), 0);
    return ruleset;
}

static struct rulesets *many(void)
{
    struct rulesets *rulesets;
    assert_int_equal(rulesets_new(&rulesets, NULL), 0);
    for (unsigned i = 1; i <= TENANTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%u", i);
        assert_int_equal(rulesets_publish(rulesets, make(name, i), NULL), 0);
    }
    assert_int_equal(rulesets_publish(rulesets, make("", 77), NULL), 0);
    return rulesets;
}

static void write_many(int64_t known_at_ms)
{
    struct rulesets *rulesets = many();
    struct err err = {0};
    assert_int_equal(snapshot_write(rulesets, path, key, known_at_ms, &err), 0);
    rulesets_free(rulesets);
}

static int load(int64_t oldest_ms, struct err *err)
{
    struct rulesets *rulesets;
    int64_t known_at_ms = 0;
    assert_int_equal(rulesets_new(&rulesets, NULL), 0);
    int rc = snapshot_load(rulesets, path, key, oldest_ms, &known_at_ms, err);
    assert_int_equal(rulesets_totals(rulesets).tenants, rc ? 0 : TENANTS);
    if (!rc) {
        assert_int_equal(known_at_ms, 5000);
        rulesets_enter();
        assert_int_equal(ruleset_revision(rulesets_find(rulesets, SLICE_LIT("t1234"))), 1234);
        assert_int_equal(ruleset_revision(rulesets_platform(rulesets)), 77);
        rulesets_leave();
    }
    rulesets_free(rulesets);
    return rc;
}

static void what_was_written_is_loaded(void **state)
{
    (void)state;
    struct err err = {0};
    struct stat st;
    write_many(5000);
    assert_int_equal(load(4999, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_is_too_old_or_missing_is_refused(void **state)
{
    (void)state;
    struct err err = {0};
    write_many(5000);
    assert_int_equal(load(5001, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "--stale-max"));
    unlink(path);
    assert_int_equal(load(0, &err), ERR_NOT_FOUND);
}

static void a_touched_file_is_refused_whole(void **state)
{
    (void)state;
    struct err err = {0};
    write_many(5000);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    for (long at = 0; at < size; at += at < 200 ? 1 : size / 40) {
        fseek(file, at, SEEK_SET);
        int byte = fgetc(file);
        fseek(file, at, SEEK_SET);
        fputc(byte ^ 0x10, file);
        fflush(file);
        int rc = load(0, &err);
        assert_true(rc == ERR_INVALID || rc == ERR_VERSION);
        fseek(file, at, SEEK_SET);
        fputc(byte, file);
        fflush(file);
    }
    assert_int_equal(load(0, &err), 0);
    assert_int_equal(ftruncate(fileno(file), size - 1), 0);
    assert_int_equal(load(0, &err), ERR_INVALID);
    assert_int_equal(ftruncate(fileno(file), size + 1), 0);
    assert_int_equal(load(0, &err), ERR_INVALID);
    assert_int_equal(ftruncate(fileno(file), 0), 0);
    assert_int_equal(load(0, &err), ERR_INVALID);
    fclose(file);
}

static void what_cannot_be_written_leaves_the_old_one(void **state)
{
    (void)state;
    struct err err = {0};
    struct rulesets *rulesets = many();
    write_many(5000);
    char beside[80];
    snprintf(beside, sizeof beside, "%s.new", path);
    assert_int_equal(mkdir(beside, 0700), 0);
    assert_int_equal(snapshot_write(rulesets, path, key, 6000, &err), ERR_IO);
    rmdir(beside);
    assert_int_equal(load(0, &err), 0);
    rulesets_free(rulesets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_loaded),
        cmocka_unit_test(what_is_too_old_or_missing_is_refused),
        cmocka_unit_test(a_touched_file_is_refused_whole),
        cmocka_unit_test(what_cannot_be_written_leaves_the_old_one),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/snapshot", folder);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    rmdir(folder);
    return failed;
}
