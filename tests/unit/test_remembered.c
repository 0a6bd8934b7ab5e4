/*
 * Remembered tokens and revocations: what they answer, and what they answer while other threads write.
 * Run it with SANITIZE=thread, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "auth/credential.h"
#include "auth/remembered.h"
#include "mint.h"

static const int64_t now_ms = 1800000000000;

/* Token number i of a family; all of one family end in the same bytes, so they want the same slot. */
static struct slice token_of(char text[TOKEN_BYTES_MAX], char family, unsigned i)
{
    int n = snprintf(text, TOKEN_BYTES_MAX, "%0*u.", (int)(1 + i % 200), i);
    memset(text + n, family, 64);
    return (struct slice){text, (size_t)n + 64};
}

/* All of it tells i, and the length differs from one i to the next. */
static void credential_of(struct credential *credential, unsigned i)
{
    char id[64];
    credential_init(credential);
    credential->role = ROLE_PBX;
    credential->issued_at_ms = i;
    credential->expires_at_ms = now_ms + 1 + i;
    snprintf(credential->jti, sizeof credential->jti, "%u", i);
    snprintf(credential->subject, sizeof credential->subject, "%u", i);
    for (unsigned k = 0; k < i % 20; k++) {
        snprintf(id, sizeof id, "tenant%u-%u", k, i);
        assert_int_equal(credential_add_tenant(credential, slice_of(id)), 0);
    }
}

/* Not cmocka's asserts, which are not for threads. */
static bool is_credential_of(const struct credential *found, unsigned i)
{
    struct credential wanted;
    credential_of(&wanted, i);
    return found->tenant_ids_bytes == wanted.tenant_ids_bytes &&
           memcmp(found, &wanted, offsetof(struct credential, tenant_ids)) == 0 &&
           memcmp(found->tenant_ids, wanted.tenant_ids, wanted.tenant_ids_bytes) == 0;
}

static int set_up(void **state)
{
    *state = remembered_new();
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    remembered_free(*state);
    return 0;
}

static void a_token_is_found_by_all_its_bytes(void **state)
{
    char text[TOKEN_BYTES_MAX], other[TOKEN_BYTES_MAX];
    struct credential credential, found;
    struct slice token = token_of(text, 'a', 7);
    credential_of(&credential, 7);
    assert_false(remembered_find(*state, token, &found));
    remembered_add(*state, token, &credential, now_ms);
    assert_true(remembered_find(*state, token, &found));
    assert_true(is_credential_of(&found, 7));
    for (size_t i = 0; i < token.n; i++) { /* most of these have the same tag */
        memcpy(other, text, token.n);
        other[i] ^= 1;
        assert_false(remembered_find(*state, (struct slice){other, token.n}, &found));
        if (i)
            assert_false(remembered_find(*state, (struct slice){text + i, token.n - i}, &found));
        assert_false(remembered_find(*state, (struct slice){text, i}, &found));
    }
    memcpy(other, text, token.n);
    memset(other + token.n, 0, 8); /* not even filled up as the last word is */
    for (size_t i = 1; i <= 8; i++)
        assert_false(remembered_find(*state, (struct slice){other, token.n + i}, &found));
}

static void the_newer_of_one_slot_stays(void **state)
{
    char text[TOKEN_BYTES_MAX];
    struct credential credential, found;
    for (unsigned i = 0; i < 500; i++) {
        struct slice token = token_of(text, 'a', i);
        credential_of(&credential, i);
        remembered_add(*state, token, &credential, now_ms);
        assert_true(remembered_find(*state, token, &found));
        assert_true(is_credential_of(&found, i));
        if (i)
            assert_false(remembered_find(*state, token_of(text, 'a', i - 1), &found));
    }
}

/* A token whose end is its number. */
static struct slice spread_token(char text[TOKEN_BYTES_MAX], unsigned i)
{
    return (struct slice){text, (size_t)snprintf(text, TOKEN_BYTES_MAX, "header.claims.%032u", i)};
}

static void a_full_table_forgets_and_never_mistakes(void **state)
{
    enum { TOKENS = 6000 }; /* for 4096 slots */
    char text[TOKEN_BYTES_MAX];
    struct credential credential, found;
    unsigned found_count = 0;
    for (unsigned i = 0; i < TOKENS; i++) {
        credential_of(&credential, i);
        remembered_add(*state, spread_token(text, i), &credential, now_ms);
        assert_true(remembered_find(*state, spread_token(text, i), &found));
    }
    for (unsigned i = 0; i < TOKENS; i++) {
        if (!remembered_find(*state, spread_token(text, i), &found))
            continue;
        found_count++;
        assert_true(is_credential_of(&found, i));
    }
    assert_in_range(found_count, 3000, 4096);
}

static void the_expired_make_room(void **state)
{
    enum { TOKENS = 1000 }; /* of each kind; 8 of a set cannot be all in use before */
    char text[TOKEN_BYTES_MAX];
    struct credential credential, found;
    unsigned kept = 0;
    for (unsigned i = 0; i < 4096 * 3; i++) { /* fills every slot with what expires at now + 1 */
        credential_of(&credential, 0);
        remembered_add(*state, spread_token(text, 100000 + i), &credential, now_ms);
    }
    for (unsigned i = 1; i <= TOKENS; i++) {
        credential_of(&credential, i);
        remembered_add(*state, spread_token(text, i), &credential, now_ms + 1);
    }
    for (unsigned i = 1; i <= TOKENS; i++)
        kept += remembered_find(*state, spread_token(text, i), &found);
    assert_in_range(kept, TOKENS - 20, TOKENS);
}

static void what_is_too_long_is_not_remembered(void **state)
{
    char text[TOKEN_BYTES_MAX], id[64];
    struct credential credential, found;
    struct slice token = {text, sizeof text - 1};
    memset(text, 'a', sizeof text);
    credential_of(&credential, 0);
    remembered_add(*state, token, &credential, now_ms);
    assert_false(remembered_find(*state, token, &found));
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "%060d", i);
        assert_int_equal(credential_add_tenant(&credential, slice_of(id)), 0);
    }
    remembered_add(*state, (struct slice){text, 2000}, &credential, now_ms);
    assert_false(remembered_find(*state, (struct slice){text, 2000}, &found));
    remembered_add(*state, (struct slice){text, 1500}, &credential, now_ms);
    assert_true(remembered_find(*state, (struct slice){text, 1500}, &found));
    assert_true(credential_covers(&found, slice_of(id)));
    assert_false(remembered_find(*state, SLICE_NONE, &found));
}

enum { THREADS = 4, WRITES = 20000 };

struct race {
    struct remembered *remembered;
    _Atomic unsigned writers_left;
    _Atomic unsigned newest; /* what a writer is about to write */
    _Atomic unsigned hits, mistakes;
};

static void *race_write(void *arg)
{
    struct race *race = arg;
    char text[TOKEN_BYTES_MAX];
    struct credential credential;
    for (unsigned i = 0; i < WRITES; i++) {
        credential_of(&credential, i);
        race->newest = i;
        remembered_add(race->remembered, token_of(text, 'r', i), &credential, now_ms);
    }
    race->writers_left--;
    return NULL;
}

static void *race_read(void *arg)
{
    struct race *race = arg;
    char text[TOKEN_BYTES_MAX];
    struct credential found;
    while (race->writers_left) {
        unsigned i = race->newest;
        if (!remembered_find(race->remembered, token_of(text, 'r', i), &found))
            continue;
        race->hits++;
        if (!is_credential_of(&found, i))
            race->mistakes++;
    }
    return NULL;
}

/* All tokens want one slot: a reader that took half of one and half of the next would show here. */
static void a_torn_slot_is_never_read(void **state)
{
    struct race race = {.remembered = *state, .writers_left = THREADS / 2};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i % 2 ? race_write : race_read, &race), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(race.mistakes, 0);
    assert_true(race.hits > 0);
}

static void revocations_are_a_set(void **state)
{
    static const char *const bad[] = {"", "a/b", "a b", "a\n", "あ",
                                      "0123456789012345678901234567890123456789"};
    struct revocations *revocations;
    struct err err = {0};
    (void)state;
    assert_int_equal(revocations_new(&revocations, &err), 0);
    assert_false(revocations_has(revocations, SLICE_LIT("J1")));
    assert_int_equal(revocations_add(revocations, SLICE_LIT("J1"), &err), 0);
    assert_int_equal(revocations_add(revocations, SLICE_LIT("J1"), &err), 0);
    assert_true(revocations_has(revocations, SLICE_LIT("J1")));
    assert_false(revocations_has(revocations, SLICE_LIT("J")));
    assert_false(revocations_has(revocations, SLICE_LIT("J10")));
    assert_false(revocations_has(revocations, SLICE_LIT("j1")));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(revocations_add(revocations, slice_of(bad[i]), &err), ERR_INVALID);
        assert_false(revocations_has(revocations, slice_of(bad[i])));
    }
    revocations_free(revocations);
}

enum { REVOKED = 20000 };

struct revoking {
    struct revocations *revocations;
    _Atomic unsigned done;
    _Atomic unsigned mistakes;
};

static struct slice jti_of(char text[JTI_BYTES], unsigned i)
{
    return (struct slice){text, (size_t)snprintf(text, JTI_BYTES, "J%u", i)};
}

static void *revoke(void *arg)
{
    struct revoking *revoking = arg;
    char text[JTI_BYTES];
    for (unsigned i = 0; i < REVOKED; i++) {
        if (revocations_add(revoking->revocations, jti_of(text, i), NULL) != 0)
            revoking->mistakes++;
        atomic_store_explicit(&revoking->done, i + 1, memory_order_release);
    }
    return NULL;
}

static void *look_up(void *arg)
{
    struct revoking *revoking = arg;
    char text[JTI_BYTES];
    for (unsigned done = 0, i = 0; done < REVOKED; i += 7919) {
        done = atomic_load_explicit(&revoking->done, memory_order_acquire);
        if (done && !revocations_has(revoking->revocations, jti_of(text, i % done)))
            revoking->mistakes++; /* revoked before we asked */
        if (revocations_has(revoking->revocations, jti_of(text, REVOKED + i % 1000)))
            revoking->mistakes++;
    }
    return NULL;
}

static void a_revocation_is_seen_while_the_set_grows(void **state)
{
    struct revoking revoking = {0};
    pthread_t threads[3];
    (void)state;
    assert_int_equal(revocations_new(&revoking.revocations, NULL), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i ? look_up : revoke, &revoking), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(revoking.mistakes, 0);
    revocations_free(revoking.revocations);
}

enum { TOKENS = 64 };

struct verifying {
    struct auth *auth;
    struct revocations *revocations;
    char tokens[TOKENS][TOKEN_BYTES_MAX], jtis[TOKENS][JTI_BYTES];
    _Atomic unsigned revoked; /* tokens below this are */
    _Atomic unsigned mistakes;
};

static void *verify_all(void *arg)
{
    struct verifying *verifying = arg;
    struct credential credential;
    for (unsigned i = 0; i < 4000; i++) {
        unsigned at = i % TOKENS;
        bool was_revoked = at < atomic_load_explicit(&verifying->revoked, memory_order_acquire);
        int rc = auth_verify(verifying->auth, slice_of(verifying->tokens[at]), now_ms, &credential,
                             NULL);
        if ((was_revoked && rc == 0) ||
            (rc == 0 && strcmp(credential.jti, verifying->jtis[at]) != 0) ||
            (rc != 0 && at > atomic_load(&verifying->revoked)))
            verifying->mistakes++;
    }
    return NULL;
}

static void *revoke_half(void *arg)
{
    struct verifying *verifying = arg;
    for (unsigned i = 0; i < TOKENS / 2; i++) {
        if (revocations_add(verifying->revocations, slice_of(verifying->jtis[i]), NULL) != 0)
            verifying->mistakes++;
        atomic_store_explicit(&verifying->revoked, i + 1, memory_order_release);
    }
    return NULL;
}

static void threads_verify_while_tokens_are_revoked(void **state)
{
    static struct verifying verifying;
    struct token_request request = {ROLE_PBX, NULL, 0, 60000, NULL};
    struct keyring *keyring;
    pthread_t threads[3];
    char folder[MINT_PATH_BYTES];
    (void)state;
    assert_int_equal(keyring_load(mint_folder(folder), true, &keyring, NULL), 0);
    mint_remove_folder(folder);
    assert_int_equal(revocations_new(&verifying.revocations, NULL), 0);
    assert_int_equal(auth_new(keyring, verifying.revocations, &verifying.auth, NULL), 0);
    for (int i = 0; i < TOKENS; i++) {
        struct credential credential;
        assert_int_equal(token_issue(keyring, &request, now_ms, verifying.tokens[i], &credential,
                                     NULL), 0);
        memcpy(verifying.jtis[i], credential.jti, sizeof credential.jti);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i ? verify_all : revoke_half, &verifying),
                         0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(verifying.mistakes, 0);
    auth_free(verifying.auth);
    revocations_free(verifying.revocations);
    keyring_free(keyring);
}

int main(void)
{
#define WITH_TABLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_TABLE(a_token_is_found_by_all_its_bytes),
        WITH_TABLE(the_newer_of_one_slot_stays),
        WITH_TABLE(a_full_table_forgets_and_never_mistakes),
        WITH_TABLE(the_expired_make_room),
        WITH_TABLE(what_is_too_long_is_not_remembered),
        WITH_TABLE(a_torn_slot_is_never_read),
        cmocka_unit_test(revocations_are_a_set),
        cmocka_unit_test(a_revocation_is_seen_while_the_set_grows),
        cmocka_unit_test(threads_verify_while_tokens_are_revoked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
