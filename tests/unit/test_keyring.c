/* The directory of keys: what is loaded, what is refused, and the key made at first start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/keyring.h"
#include "mint.h"

static const unsigned char secret[65] =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static char folder[MINT_PATH_BYTES];

static int set_up(void **state)
{
    (void)state;
    mint_folder(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mint_remove_folder(folder);
    return 0;
}

static struct keyring *loads(void)
{
    struct keyring *keyring = NULL;
    struct err err = {0};
    if (keyring_load(folder, false, &keyring, &err))
        fail_msg("%s", err.text);
    return keyring;
}

static void refuses(int code, const char *why)
{
    struct keyring *keyring = NULL;
    struct err err = {0};
    assert_int_equal(keyring_load(folder, false, &keyring, &err), code);
    assert_null(keyring);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static char *path_of(const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", folder, name);
    return path;
}

static void the_first_key_is_private_and_stays(void **state)
{
    struct keyring *first, *again;
    struct stat st;
    char path[256];
    (void)state;
    rmdir(folder); /* the directory is made, too */
    assert_int_equal(keyring_load(folder, true, &first, NULL), 0);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(path_of("k1.hs256", path), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(first->count, 1);
    assert_int_equal(first->keys[0].n, 32);
    assert_int_equal(keyring_load(folder, true, &again, NULL), 0);
    assert_string_equal(keyring_fingerprint(first), keyring_fingerprint(again));
    assert_int_equal(strlen(keyring_fingerprint(first)), 32);
    keyring_free(again);
    keyring_free(first);
}

static void two_first_keys_differ(void **state)
{
    struct keyring *one, *two;
    char path[256];
    (void)state;
    assert_int_equal(keyring_load(folder, true, &one, NULL), 0);
    unlink(path_of("k1.hs256", path));
    assert_int_equal(keyring_load(folder, true, &two, NULL), 0);
    assert_string_not_equal(keyring_fingerprint(one), keyring_fingerprint(two));
    keyring_free(one);
    keyring_free(two);
}

/* Loads the directory when the pipe closes, and says the fingerprint. */
static void start_node(int gate[2], int answers)
{
    struct keyring *keyring;
    char byte;
    close(gate[1]);
    if (read(gate[0], &byte, 1) != 0 || keyring_load(folder, true, &keyring, NULL) != 0)
        _exit(1);
    _exit(write(answers, keyring_fingerprint(keyring), 32) == 32 ? 0 : 1);
}

static void many_that_start_at_once_have_one_key(void **state)
{
    enum { NODES = 8, ROUNDS = 10 };
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        int gate[2], answers[2], status;
        char first[33] = "", other[33] = "";
        assert_int_equal(pipe(gate) | pipe(answers), 0);
        rmdir(folder);
        for (int i = 0; i < NODES; i++)
            if (fork() == 0)
                start_node(gate, answers[1]);
        close(gate[0]);
        close(gate[1]);
        for (int i = 0; i < NODES; i++) {
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
            assert_int_equal(read(answers[0], i ? other : first, 32), 32);
            assert_string_equal(i ? other : first, first);
        }
        close(answers[0]);
        close(answers[1]);
        struct keyring *keyring = loads();
        assert_string_equal(keyring_fingerprint(keyring), first);
        keyring_free(keyring);
        int files = 0;
        DIR *dir = opendir(folder);
        while (readdir(dir))
            files++;
        closedir(dir);
        assert_int_equal(files, 3); /* . .. and the key: nothing half made */
        mint_remove_folder(folder);
    }
}

static void nothing_is_made_unless_asked(void **state)
{
    (void)state;
    refuses(ERR_NOT_FOUND, "no key");
    rmdir(folder);
    refuses(ERR_NOT_FOUND, "No such file");
    assert_int_not_equal(access(folder, F_OK), 0);
    mkdir(folder, 0700);
}

static void a_directory_with_a_public_key_is_not_empty(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct keyring *keyring;
    char pem[MINT_PEM_BYTES], token[TOKEN_BYTES_MAX];
    struct token_request request = {ROLE_PBX, NULL, 0, 60000, NULL};
    (void)state;
    mint_file(folder, "idp.es256.pem", mint_public_pem(pem, key), 0444);
    assert_int_equal(keyring_load(folder, true, &keyring, NULL), 0);
    assert_int_equal(keyring->count, 1);
    assert_int_equal(token_issue(keyring, &request, 1, token, NULL, NULL), ERR_NOT_FOUND);
    keyring_free(keyring);
    EVP_PKEY_free(key);
}

static void modes_matter(void **state)
{
    char path[256];
    (void)state;
    mint_secret_file(folder, "k1.hs256", secret, 32);
    keyring_free(loads());
    static const mode_t open_modes[] = {0440, 0404, 0444, 0410, 0401, 0640, 0666};
    for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
        chmod(path_of("k1.hs256", path), open_modes[i]);
        refuses(ERR_INVALID, "others can");
    }
    chmod(path_of("k1.hs256", path), 0600);
    keyring_free(loads());
    chmod(folder, 0755); /* to see names is no harm */
    keyring_free(loads());
    chmod(folder, 0775);
    refuses(ERR_INVALID, "others can write it; want mode 0700");
    chmod(folder, 0707);
    refuses(ERR_INVALID, "others can write it; want mode 0700");
    chmod(folder, 0700);
}

static void a_public_key_that_others_can_write_is_refused(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char pem[MINT_PEM_BYTES];
    (void)state;
    mint_file(folder, "idp.es256.pem", mint_public_pem(pem, key), 0464);
    refuses(ERR_INVALID, "idp.es256.pem: others can write it");
    mint_file(folder, "idp.es256.pem", pem, 0444);
    keyring_free(loads());
    EVP_PKEY_free(key);
}

static void links_and_fifos_are_refused(void **state)
{
    char path[256], other[MINT_PATH_BYTES], target[256];
    (void)state;
    mint_folder(other);
    mint_secret_file(other, "k1.hs256", secret, 32);
    snprintf(target, sizeof target, "%s/k1.hs256", other);
    assert_int_equal(symlink(target, path_of("k1.hs256", path)), 0);
    refuses(ERR_INVALID, "k1.hs256: a symbolic link");
    unlink(path);
    assert_int_equal(symlink("/nowhere", path), 0);
    refuses(ERR_INVALID, "symbolic link");
    unlink(path);
    assert_int_equal(mkfifo(path, 0400), 0);
    refuses(ERR_INVALID, "not a regular file");
    mint_remove_folder(other);
}

static void short_and_strange_secrets_are_refused(void **state)
{
    static const struct {
        const char *content, *why;
    } rows[] = {
        {"", "too short"},
        {"\n", "too short"},
        {"c2VjcmV0", "6 bytes are too short"},
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZQ", "31 bytes are too short"},
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "base64url"}, /* padding */
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWZ", "base64url"},  /* bits left over */
        {" MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY", "base64url"},
        {"MDEyMzQ1Njc4OWFiY2Rl\nZjAxMjM0NTY3ODlhYmNkZWY", "base64url"},
        {"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZW+", "base64url"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mint_file(folder, "k1.hs256", rows[i].content, 0400);
        refuses(ERR_INVALID, rows[i].why);
    }
    mint_file(folder, "k1.hs256", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY\r\n", 0400);
    keyring_free(loads());
    mint_secret_file(folder, "k1.hs256", secret, 64);
    keyring_free(loads());
    mint_secret_file(folder, "k1.hs256", secret, 65);
    refuses(ERR_INVALID, "base64url");
}

static void a_pem_file_is_no_secret(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char pem[MINT_PEM_BYTES];
    (void)state;
    mint_file(folder, "k1.hs256", mint_public_pem(pem, rsa), 0400);
    refuses(ERR_INVALID, "base64url");
    mint_file(folder, "k1.hs256", mint_public_pem(pem, ed), 0400);
    refuses(ERR_INVALID, "base64url");
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed);
}

static void a_public_key_must_be_of_its_algorithm(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *weak = EVP_RSA_gen(1024), *ec = EVP_EC_gen("P-256"),
             *p384 = EVP_EC_gen("P-384"), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    EVP_PKEY *const keys[] = {rsa, weak, ec, p384, ed};
    static const struct {
        const char *name, *whys[5]; /* NULL: fits */
    } rows[] = {
        {"i.rs256.pem", {NULL, "2048", "not an RSA", "not an RSA", "not an RSA"}},
        {"i.es256.pem", {"P-256", "P-256", NULL, "P-256", "P-256"}},
        {"i.eddsa.pem", {"Ed25519", "Ed25519", "Ed25519", "Ed25519", NULL}},
    };
    char pem[MINT_PEM_BYTES], path[256];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t k = 0; k < 5; k++) {
            mint_file(folder, rows[i].name, mint_public_pem(pem, keys[k]), 0444);
            if (rows[i].whys[k])
                refuses(ERR_INVALID, rows[i].whys[k]);
            else
                keyring_free(loads());
            mint_file(folder, rows[i].name, mint_private_pem(pem, keys[k]), 0400);
            refuses(ERR_INVALID, "no public key");
        }
        mint_file(folder, rows[i].name, "0123456789abcdef0123456789abcdef", 0444);
        refuses(ERR_INVALID, "no public key");
        unlink(path_of(rows[i].name, path));
    }
    for (size_t k = 0; k < 5; k++)
        EVP_PKEY_free(keys[k]);
}

static void names_are_checked(void **state)
{
    static const char *const bad[] = {
        "k1.hs512", "k1", "k1.pem", "k1.rs256", "k 1.hs256", "k1.hs256.pem", "k1.HS256",
        "k1.hs256~", "README",
        "0123456789012345678901234567890123456789012345678901234567890123x.hs256",
    };
    char path[256];
    (void)state;
    mint_secret_file(folder, "good.key-1_A.hs256", secret, 32);
    mint_file(folder, "issued.ndjson", "{}\n", 0600);
    mint_file(folder, ".k1.hs256.swp", "x", 0600);
    mkdir(path_of("lost+found", path), 0700);
    struct keyring *keyring = loads();
    assert_int_equal(keyring->count, 1);
    assert_non_null(keyring_find(keyring, SLICE_LIT("good.key-1_A")));
    keyring_free(keyring);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mint_secret_file(folder, bad[i], secret, 32);
        refuses(ERR_INVALID, bad[i]);
        unlink(path_of(bad[i], path));
    }
}

static void a_kid_stands_for_one_key(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char pem[MINT_PEM_BYTES];
    (void)state;
    mint_secret_file(folder, "k1.hs256", secret, 32);
    mint_file(folder, "k1.es256.pem", mint_public_pem(pem, key), 0444);
    refuses(ERR_INVALID, "another file has this key id");
    EVP_PKEY_free(key);
}

static void the_last_in_version_order_signs(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    char pem[MINT_PEM_BYTES];
    (void)state;
    mint_secret_file(folder, "k10.hs256", secret, 32); /* oldest file, newest name */
    mint_secret_file(folder, "k9.hs256", secret + 1, 32);
    mint_secret_file(folder, "k1.hs256", secret + 2, 32);
    mint_file(folder, "z.es256.pem", mint_public_pem(pem, key), 0444);
    struct keyring *keyring = loads();
    assert_int_equal(keyring->count, 4);
    assert_string_equal(keyring_signer(keyring)->kid, "k10");
    keyring_free(keyring);
    EVP_PKEY_free(key);
}

static void rotation_keeps_old_tokens(void **state)
{
    struct token_request request = {ROLE_OPERATOR, NULL, 0, 60000, NULL};
    struct keyring *before, *after;
    struct revocations *revocations;
    struct credential credential;
    struct auth *auth;
    char old[TOKEN_BYTES_MAX], new[TOKEN_BYTES_MAX], path[256];
    (void)state;
    assert_int_equal(revocations_new(&revocations, NULL), 0);
    mint_secret_file(folder, "k1.hs256", secret, 32);
    before = loads();
    assert_int_equal(token_issue(before, &request, 1000, old, NULL, NULL), 0);
    mint_secret_file(folder, "k2.hs256", secret + 1, 32);
    after = loads();
    assert_string_not_equal(keyring_fingerprint(before), keyring_fingerprint(after));
    assert_int_equal(token_issue(after, &request, 1000, new, NULL, NULL), 0);
    assert_int_equal(auth_new(after, revocations, &auth, NULL), 0);
    assert_int_equal(auth_verify(auth, slice_of(old), 1000, &credential, NULL), 0);
    assert_int_equal(auth_verify(auth, slice_of(new), 1000, &credential, NULL), 0);
    auth_free(auth);
    keyring_free(after);
    unlink(path_of("k1.hs256", path));
    after = loads();
    assert_int_equal(auth_new(after, revocations, &auth, NULL), 0);
    assert_int_equal(auth_verify(auth, slice_of(old), 1000, &credential, NULL), ERR_FORBIDDEN);
    assert_int_equal(auth_verify(auth, slice_of(new), 1000, &credential, NULL), 0);
    auth_free(auth);
    keyring_free(after);
    keyring_free(before);
    revocations_free(revocations);
}

static void too_many_keys_are_refused(void **state)
{
    char name[32];
    (void)state;
    for (int i = 0; i < KEYS_MAX; i++) {
        snprintf(name, sizeof name, "k%d.hs256", i);
        mint_secret_file(folder, name, secret, 32);
    }
    keyring_free(loads());
    mint_secret_file(folder, "more.hs256", secret, 32);
    refuses(ERR_LIMIT, "more than 64 keys");
}

static void a_large_file_is_refused(void **state)
{
    char large[KEY_FILE_BYTES_MAX + 2];
    (void)state;
    memset(large, 'A', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    mint_file(folder, "k1.hs256", large, 0400);
    refuses(ERR_INVALID, "larger than");
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(the_first_key_is_private_and_stays),
        WITH_FOLDER(two_first_keys_differ),
        WITH_FOLDER(many_that_start_at_once_have_one_key),
        WITH_FOLDER(nothing_is_made_unless_asked),
        WITH_FOLDER(a_directory_with_a_public_key_is_not_empty),
        WITH_FOLDER(modes_matter),
        WITH_FOLDER(a_public_key_that_others_can_write_is_refused),
        WITH_FOLDER(links_and_fifos_are_refused),
        WITH_FOLDER(short_and_strange_secrets_are_refused),
        WITH_FOLDER(a_pem_file_is_no_secret),
        WITH_FOLDER(a_public_key_must_be_of_its_algorithm),
        WITH_FOLDER(names_are_checked),
        WITH_FOLDER(a_kid_stands_for_one_key),
        WITH_FOLDER(the_last_in_version_order_signs),
        WITH_FOLDER(rotation_keeps_old_tokens),
        WITH_FOLDER(too_many_keys_are_refused),
        WITH_FOLDER(a_large_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
