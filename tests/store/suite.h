/*
 * What the conformance tests of the store share. Each test gets an empty store, opened by URL:
 *
 *     (nothing set)                    sqlite:, a new file in a temporary folder
 *     SEKISHO_TEST_STORE=postgres://…  that database; EVERYTHING in it is dropped before each test
 *
 * A test sees the store only through store.h (and its clock, where a day has to pass), so that
 * every driver can be held to it. test_sql asks the driver itself; test_sqlite is for SQLite alone.
 */
#ifndef SEKISHO_TESTS_STORE_SUITE_H
#define SEKISHO_TESTS_STORE_SUITE_H

/* clang-format off: cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "store/store.h"

struct suite {
    char folder[64];
    char url[256];
    struct store *store;
    struct arena arena; /* for what a test reads; released with the test */
    struct err err;     /* of the last call that was expected to fail */
};

/* For cmocka_unit_test_setup_teardown: *state is the struct suite. */
int suite_setup(void **state);
int suite_teardown(void **state);
#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, suite_setup, suite_teardown)

/* The suite's database as if nothing had ever been in it; the store must be closed. */
void suite_drop(struct suite *suite);
/* Closes the store and opens it again. */
void suite_reopen(struct suite *suite);

/* A call that must succeed, with its text when it does not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        int rc_ = call;                                                                            \
        if (rc_ != 0)                                                                              \
            fail_msg("%s: %d %s %s", #call, rc_, err.text, err.field);                             \
    } while (0)

/* A call that must fail with `code`; `err` in the call is kept in suite->err. */
#define FAILS(suite, code_, call)                                                                  \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        int rc_ = call;                                                                            \
        if (rc_ != (code_))                                                                        \
            fail_msg("%s: %d %s, not %s", #call, rc_, err.text, #code_);                           \
        assert_int_equal(err.code, code_);                                                         \
        assert_true(err.text[0] != '\0');                                                          \
        (suite)->err = err;                                                                        \
    } while (0)

/* --- transactions ----------------------------------------------------------------------------- */

struct txn *begin_write(struct suite *suite);
struct txn *begin_read(struct suite *suite);
uint64_t commit(struct txn *txn); /* its number in the feed */

/* --- short forms ------------------------------------------------------------------------------ */

/* Fields a test does not care for are filled in; `profile` may be NULL (the default). */
struct tenant a_tenant(const char *id, const char *profile);
struct account an_account(const char *tenant, const char *id);
/* "deny 010", "allow +1", "divert country:US"; source "customer", undated, of the tenant itself. */
struct rule a_rule(const char *text);

/* One change, one transaction. */
void put_tenant(struct suite *suite, const char *id, const char *profile);
void put_account(struct suite *suite, const char *tenant, const char *id);
void delete_tenant(struct suite *suite, const char *id);
/* Returns the rule's id, in the suite's arena. */
const char *add_rule(struct suite *suite, const char *tenant, const struct rule *rule);

struct tenant get_tenant(struct suite *suite, const char *id);
struct rule get_rule(struct suite *suite, const char *tenant, const char *id);
uint64_t revision(struct suite *suite, const char *tenant);

/* --- lists ------------------------------------------------------------------------------------ */

struct rule_filter all_of(const char *tenant);
struct rule_filter own_of(const char *tenant);
struct rule_filter account_of(const char *tenant, const char *account);

/* A list as text, in its order: "deny 010, allow 0101@1001". */
const char *list_text(struct suite *suite, struct txn *txn, struct rule_filter filter);
const char *rules_text(struct suite *suite, const char *tenant); /* of all scopes */
uint64_t list_version(struct suite *suite, struct rule_filter filter);

/* The newest audit record, and how many there are. */
struct audit_record last_audit(struct suite *suite);
unsigned audit_count(struct suite *suite);

/* What the feed tells from a position on, which moves: "tenant acme 1; platform  2; token JTI 0". */
const char *feed_text(struct suite *suite, struct feed_position *position, unsigned limit);

#define ALL_ROWS ((struct page){SLICE_NONE, 1000})
#define CONDITION(k, v) (&(struct condition){.kind = (k), .version = (v)})

#endif
