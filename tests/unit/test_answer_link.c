/* The link in a notice: what it says is what was signed, and nothing else passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "jobs/answer_link.h"
#include "mint.h"

static const unsigned char secrets[3][64] = {"the first one", "the second one", "the third one"};
static const struct answer_link example = {"01KAKM3Z5Q8H4V0XJ6S2M9C7RT", "acme", "1001",
                                           1800000000000};

/* Keys named k1, k2, …; the last one signs. */
static struct answer_keys keys_of(unsigned first, unsigned count)
{
    static struct answer_keys keys;
    char folder[MINT_PATH_BYTES], name[16];
    struct keyring *keyring = NULL;
    mint_folder(folder);
    for (unsigned i = first; i < first + count; i++) {
        snprintf(name, sizeof name, "k%u.hs256", i);
        mint_secret_file(folder, name, secrets[i], sizeof secrets[i]);
    }
    assert_int_equal(keyring_load(folder, false, &keyring, NULL), 0);
    answer_keys_init(&keys, keyring);
    keyring_free(keyring);
    mint_remove_folder(folder);
    return keys;
}

static void make(const struct answer_keys *keys, const struct answer_link *link,
                 char token[ANSWER_TOKEN_BYTES])
{
    struct err err = {0};
    if (answer_link_make(keys, link, token, &err))
        fail_msg("%s", err.text);
}

static int check(const struct answer_keys *keys, const char *token, struct answer_link *ret)
{
    struct err err = {0};
    return answer_link_check(keys, slice_of(token), example.expires_at_ms - 1, ret, &err);
}

static void a_link_says_what_was_signed(void **state)
{
    (void)state;
    char token[ANSWER_TOKEN_BYTES];
    struct answer_link link = {0}, longest = example;
    struct answer_keys keys = keys_of(0, 1);
    make(&keys, &example, token);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     strlen(token));
    assert_int_equal(check(&keys, token, &link), 0);
    assert_string_equal(link.campaign, example.campaign);
    assert_string_equal(link.tenant, "acme");
    assert_string_equal(link.account, "1001");
    assert_true(link.expires_at_ms == example.expires_at_ms);

    memset(longest.tenant, 'a', TENANT_ID_BYTES - 1);
    memset(longest.account, 'b', ACCOUNT_ID_BYTES - 1);
    make(&keys, &longest, token);
    assert_int_equal(check(&keys, token, &link), 0);
    assert_string_equal(link.account, longest.account);
    longest.account[0] = '\0';
    make(&keys, &longest, token);
    assert_int_equal(check(&keys, token, &link), 0);
    assert_string_equal(link.account, "");
}

static void no_byte_can_be_changed(void **state)
{
    (void)state;
    char token[ANSWER_TOKEN_BYTES], torn[ANSWER_TOKEN_BYTES + 2];
    struct answer_link link = {.tenant = "untouched"};
    struct answer_keys keys = keys_of(0, 1);
    make(&keys, &example, token);
    size_t n = strlen(token);
    for (size_t i = 0; i < n; i++) {
        snprintf(torn, sizeof torn, "%s", token);
        torn[i] = torn[i] == 'A' ? 'B' : 'A';
        assert_int_equal(check(&keys, torn, &link), ERR_INVALID);
        torn[i] = (char)0xc1;
        assert_int_equal(check(&keys, torn, &link), ERR_INVALID);
        torn[i] = '\0';
        assert_int_equal(check(&keys, torn, &link), ERR_INVALID);
    }
    snprintf(torn, sizeof torn, "%sA", token);
    assert_int_equal(check(&keys, torn, &link), ERR_INVALID);
    assert_int_equal(check(&keys, "", &link), ERR_INVALID);
    assert_string_equal(link.tenant, "untouched");
}

static void it_ends(void **state)
{
    (void)state;
    char token[ANSWER_TOKEN_BYTES];
    struct answer_link link = {0};
    struct err err = {0};
    struct answer_keys keys = keys_of(0, 1);
    make(&keys, &example, token);
    assert_int_equal(answer_link_check(&keys, slice_of(token), example.expires_at_ms, &link, &err),
                     ERR_STALE);
    assert_string_equal(link.tenant, "acme");
}

static void an_older_key_is_good_while_it_is_there(void **state)
{
    (void)state;
    char token[ANSWER_TOKEN_BYTES];
    struct answer_link link;
    struct answer_keys old = keys_of(0, 1), both = keys_of(0, 2), new = keys_of(1, 1);
    make(&old, &example, token);
    assert_int_equal(check(&both, token, &link), 0);
    assert_int_equal(check(&new, token, &link), ERR_INVALID);
    make(&both, &example, token); /* by the newer one */
    assert_int_equal(check(&new, token, &link), 0);
    assert_int_equal(check(&old, token, &link), ERR_INVALID);
}

static void what_is_no_name_is_not_signed(void **state)
{
    (void)state;
    char token[ANSWER_TOKEN_BYTES];
    struct answer_link link = example;
    struct answer_keys keys = keys_of(0, 1), none = {0};
    struct err err = {0};
    assert_int_equal(answer_link_make(&none, &link, token, &err), ERR_UNAVAILABLE);
    err = (struct err){0};
    link.expires_at_ms = 0;
    assert_int_equal(answer_link_make(&keys, &link, token, &err), ERR_INVALID);
    link = example;
    err = (struct err){0};
    snprintf(link.tenant, sizeof link.tenant, "a/b");
    assert_int_equal(answer_link_make(&keys, &link, token, &err), ERR_INVALID);
    assert_int_equal(check(&none, "AAAA", &link), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_says_what_was_signed),
        cmocka_unit_test(no_byte_can_be_changed),
        cmocka_unit_test(it_ends),
        cmocka_unit_test(an_older_key_is_good_while_it_is_there),
        cmocka_unit_test(what_is_no_name_is_not_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
