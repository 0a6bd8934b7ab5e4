/* Issuing of tokens, the record of them, their way through an Authorization header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/base64.h"
#include "auth/credential.h"
#include "auth/issued.h"
#include "mint.h"

static const int64_t now_ms = 1800000000000, day_ms = 86400000;
static struct keyring *keyring;
static struct revocations *revocations;
static struct auth *auth;

static int set_up(void **state)
{
    char folder[MINT_PATH_BYTES];
    (void)state;
    mint_folder(folder);
    int rc = keyring_load(folder, true, &keyring, NULL);
    mint_remove_folder(folder);
    return rc || revocations_new(&revocations, NULL) || auth_new(keyring, revocations, &auth, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    auth_free(auth);
    revocations_free(revocations);
    keyring_free(keyring);
    return 0;
}

static void verify(const char *token, struct credential *ret)
{
    struct err err = {0};
    if (auth_verify(auth, slice_of(token), now_ms, ret, &err))
        fail_msg("%s: %s", err.text, token);
}

static void an_issued_token_is_accepted(void **state)
{
    static const char *const tenants[] = {"acme", "globex"};
    struct token_request request = {ROLE_PBX, tenants, 2, 400 * day_ms, "日本 \"1\""};
    struct credential issued, read;
    struct err err = {0};
    char token[TOKEN_BYTES_MAX];
    (void)state;
    assert_int_equal(token_issue(keyring, &request, now_ms + 789, token, &issued, &err), 0);
    verify(token, &read);
    assert_int_equal(read.role, ROLE_PBX);
    assert_int_equal(read.issued_at_ms, now_ms);
    assert_int_equal(read.expires_at_ms, now_ms + 400 * day_ms);
    assert_string_equal(read.subject, "日本 \"1\"");
    assert_string_equal(read.jti, issued.jti);
    assert_int_equal(strlen(read.jti), 26);
    assert_int_equal(read.tenants_count, 2);
    assert_true(credential_covers(&read, SLICE_LIT("globex")));
    request = (struct token_request){ROLE_TENANT_ADMIN, tenants, 1, day_ms, NULL};
    assert_int_equal(token_issue(keyring, &request, now_ms, token, NULL, &err), 0);
    verify(token, &read);
    assert_string_equal(credential_tenant(&read), "acme");
}

static void what_is_not_issued(void **state)
{
    static const char *const acme[] = {"acme"}, *const bad[] = {"ACME"};
    const char *long_ids[64];
    char ids[64][64], token[TOKEN_BYTES_MAX], subject[80];
    struct err err = {0};
    (void)state;
    memset(subject, 's', sizeof subject - 1);
    subject[sizeof subject - 1] = '\0';
    for (int i = 0; i < 64; i++) {
        snprintf(ids[i], sizeof ids[i], "%060d", i);
        long_ids[i] = ids[i];
    }
    const struct {
        struct token_request request;
        int rc;
    } rows[] = {
        {{ROLE_PBX, NULL, 0, 401 * day_ms, NULL}, ERR_INVALID},
        {{ROLE_PBX, NULL, 0, 999, NULL}, ERR_INVALID},
        {{ROLE_PBX, NULL, 0, -day_ms, NULL}, ERR_INVALID},
        {{ROLE_PBX, NULL, 0, INT64_MAX, NULL}, ERR_INVALID},
        {{ROLE_PBX, NULL, 0, day_ms, subject}, ERR_INVALID},
        {{ROLE_PBX, NULL, 0, day_ms, "a\nb"}, ERR_INVALID},
        {{ROLE_PBX, bad, 1, day_ms, NULL}, ERR_INVALID},
        {{ROLE_OPERATOR, acme, 1, day_ms, NULL}, ERR_INVALID},
        {{ROLE_TENANT_ADMIN, NULL, 0, day_ms, NULL}, ERR_INVALID},
        {{ROLE_TENANT_ADMIN, long_ids, 2, day_ms, NULL}, ERR_INVALID},
        {{ROLE_PBX, long_ids, 64, day_ms, NULL}, ERR_LIMIT},
        {{(enum role)3, NULL, 0, day_ms, NULL}, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(token_issue(keyring, &rows[i].request, now_ms, token, NULL, &err),
                         rows[i].rc);
}

static void roles_have_words(void **state)
{
    enum role role;
    (void)state;
    for (enum role r = ROLE_OPERATOR; r <= ROLE_PBX; r = (enum role)(r * 2)) {
        assert_int_equal(role_of(slice_of(role_word(r)), &role), 0);
        assert_int_equal(role, r);
    }
    assert_int_equal(role_of(SLICE_LIT("none"), &role), ERR_INVALID);
    assert_int_equal(role_of(SLICE_NONE, &role), ERR_INVALID);
}

static void the_token_of_a_header(void **state)
{
    static const struct {
        const char *header, *token;
    } rows[] = {
        {"Bearer a.b.c", "a.b.c"},
        {"bEARER   a.b.c", "a.b.c"},
        {"Bearer", ""},
        {"Bearer ", ""},
        {"Bearer\ta.b.c", ""},
        {"Bearera.b.c", ""},
        {"a.b.c", ""},
        {"", ""},
        {"Digest a.b.c", ""},
        {"Basic cGJ4OmEuYi5j", "a.b.c"},     /* pbx:a.b.c */
        {"basic OmEuYi5j", "a.b.c"},         /* :a.b.c */
        {"Basic cGI6YTpi", "a:b"},           /* pb:a:b */
        {"Basic cGJ4MTphLmIuYw==", "a.b.c"}, /* pbx1:a.b.c */
        {"Basic cGJ4MTphLmIuYw", "a.b.c"},   /* without padding */
        {"Basic YS5iLmM=", ""},              /* a.b.c: no colon */
        {"Basic cGJ4Og==", ""},              /* pbx: with nothing after it */
        {"Basic cGJ4OmEu*mIuYw", ""},
        {"Basic cGJ4 OmEuYi5j", ""},
        {"Basic c", ""},
        {"Basic ====", ""},
        {"Basic -_-_", ""}, /* base64url is another alphabet */
    };
    char scratch[TOKEN_BYTES_MAX], long_header[3 * TOKEN_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice token = auth_token_of_header(slice_of(rows[i].header), scratch);
        if (!slice_equals_text(token, rows[i].token))
            fail_msg("%s: got %.*s", rows[i].header, SLICE_ARG(token));
    }
    assert_int_equal(auth_token_of_header(SLICE_NONE, scratch).n, 0);
    memset(long_header, 'O', sizeof long_header); /* decodes to a colon now and then, but too long */
    memcpy(long_header, "Basic ", 6);
    assert_int_equal(auth_token_of_header((struct slice){long_header, sizeof long_header}, scratch).n,
                     0);
}

/* Byte by byte: libsodium 1.0.18 alone takes '7' | 0x80 and others for letters. */
static void base64_has_one_alphabet(void **state)
{
    static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char out[3];
    size_t n;
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[4] = {'A', 'A', 'A', (char)c};
        bool is_common = c && strchr(common, c);
        assert_int_equal(base64_decode((struct slice){text, 4}, BASE64_URL, out, 3, &n),
                         is_common || c == '-' || c == '_');
        assert_int_equal(base64_decode((struct slice){text, 4}, BASE64_PLAIN, out, 3, &n),
                         is_common || c == '+' || c == '/');
    }
    assert_false(base64_decode(SLICE_LIT("AAAA"), BASE64_URL, out, 2, &n)); /* no room */
    assert_false(base64_decode(SLICE_LIT("AB"), BASE64_URL, out, 3, &n));   /* bits left over */
    assert_false(base64_decode(SLICE_LIT("AA=="), BASE64_URL, out, 3, &n));
}

static struct credential credential_for(const char *jti, enum role role, const char *tenant)
{
    struct credential credential;
    credential_init(&credential);
    credential.role = role;
    credential.issued_at_ms = now_ms;
    credential.expires_at_ms = now_ms + day_ms;
    snprintf(credential.jti, sizeof credential.jti, "%s", jti);
    if (tenant)
        assert_int_equal(credential_add_tenant(&credential, slice_of(tenant)), 0);
    return credential;
}

static void what_is_issued_goes_on_record(void **state)
{
    char folder[MINT_PATH_BYTES], path[128];
    struct credential one = credential_for("J1", ROLE_PBX, "acme"),
                      two = credential_for("J2", ROLE_OPERATOR, NULL);
    unsigned unreadable;
    json_t *records;
    struct stat st;
    (void)state;
    mint_folder(folder);
    assert_int_equal(issued_read(folder, &records, &unreadable, NULL), 0);
    assert_int_equal(json_array_size(records), 0);
    json_decref(records);
    snprintf(one.subject, sizeof one.subject, "東京 \"1\"\\");
    assert_int_equal(issued_append(folder, &one, NULL), 0);
    assert_int_equal(issued_append(folder, &two, NULL), 0);
    assert_int_equal(issued_read(folder, &records, &unreadable, NULL), 0);
    assert_int_equal(unreadable, 0);
    json_t *wanted = json_pack(
        "[{s:s,s:s,s:[s],s:s,s:s,s:s},{s:s,s:s,s:n,s:n,s:s,s:s}]", "jti", "J1", "role", "pbx",
        "tenants", "acme", "subject", "東京 \"1\"\\", "issued_at", "2027-01-15T08:00:00Z",
        "expires_at", "2027-01-16T08:00:00Z", "jti", "J2", "role", "operator", "tenants", "subject",
        "issued_at", "2027-01-15T08:00:00Z", "expires_at", "2027-01-16T08:00:00Z");
    assert_true(json_equal(records, wanted));
    json_decref(wanted);
    json_decref(records);
    snprintf(path, sizeof path, "%s/issued.ndjson", folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    mint_remove_folder(folder);
}

static void a_broken_line_costs_no_other(void **state)
{
    char folder[MINT_PATH_BYTES];
    struct credential credential = credential_for("J1", ROLE_PBX, NULL);
    unsigned unreadable;
    json_t *records;
    (void)state;
    mint_folder(folder);
    mint_file(folder, "issued.ndjson", "nonsense\n[]\n{\"jti\":1}\n{\"jti\":\"J0\",\"ro", 0600);
    assert_int_equal(issued_append(folder, &credential, NULL), 0);
    assert_int_equal(issued_read(folder, &records, &unreadable, NULL), 0);
    assert_int_equal(unreadable, 4);
    assert_int_equal(json_array_size(records), 1);
    json_decref(records);
    mint_remove_folder(folder);
}

static void a_link_is_no_record(void **state)
{
    char folder[MINT_PATH_BYTES], path[128];
    struct credential credential = credential_for("J1", ROLE_PBX, NULL);
    struct err err = {0};
    (void)state;
    mint_folder(folder);
    mint_file(folder, "elsewhere", "", 0600);
    snprintf(path, sizeof path, "%s/issued.ndjson", folder);
    assert_int_equal(symlink("elsewhere", path), 0);
    assert_int_equal(issued_append(folder, &credential, &err), ERR_IO);
    mint_remove_folder(folder);
    assert_int_equal(issued_append(folder, &credential, &err), ERR_IO);
}

/* As on a full disk: half a line is written. */
static void what_is_half_recorded_is_an_error(void **state)
{
    char folder[MINT_PATH_BYTES];
    struct credential credential = credential_for("J1", ROLE_PBX, NULL);
    struct rlimit whole, small;
    struct err err = {0};
    unsigned unreadable;
    json_t *records;
    (void)state;
    mint_folder(folder);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &whole);
    small = (struct rlimit){20, whole.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    int rc = issued_append(folder, &credential, &err);
    setrlimit(RLIMIT_FSIZE, &whole);
    assert_int_equal(rc, ERR_IO);
    assert_non_null(strstr(err.text, "not all could be written"));
    assert_int_equal(issued_append(folder, &credential, &err), 0);
    assert_int_equal(issued_read(folder, &records, &unreadable, NULL), 0);
    assert_int_equal(json_array_size(records), 1);
    assert_int_equal(unreadable, 1);
    json_decref(records);
    mint_remove_folder(folder);
}

static void tenants_fit_or_are_refused(void **state)
{
    struct credential credential = credential_for("J1", ROLE_PBX, NULL);
    char id[64];
    int rc = 0;
    unsigned count = 0;
    (void)state;
    for (; rc == 0; count += rc == 0) {
        snprintf(id, sizeof id, "%060u", count);
        rc = credential_add_tenant(&credential, slice_of(id));
    }
    assert_int_equal(rc, ERR_LIMIT);
    assert_int_equal(count, TENANT_IDS_BYTES / 61);
    assert_int_equal(credential.tenants_count, count);
    assert_int_equal(credential.tenant_ids_bytes, count * 61);
}

/* Four processes, a hundred records each: every line whole. */
static void many_may_record_at_once(void **state)
{
    char folder[MINT_PATH_BYTES], jti[JTI_BYTES];
    unsigned unreadable;
    int status;
    json_t *records;
    (void)state;
    mint_folder(folder);
    for (int process = 0; process < 4; process++) {
        if (fork())
            continue;
        int failed = 0;
        for (int i = 0; i < 100; i++) {
            snprintf(jti, sizeof jti, "J%d-%d", process, i);
            struct credential credential = credential_for(jti, ROLE_PBX, "acme");
            failed |= issued_append(folder, &credential, NULL);
        }
        _exit(failed ? 1 : 0);
    }
    for (int process = 0; process < 4; process++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(issued_read(folder, &records, &unreadable, NULL), 0);
    assert_int_equal(json_array_size(records), 400);
    assert_int_equal(unreadable, 0);
    json_decref(records);
    mint_remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issued_token_is_accepted),
        cmocka_unit_test(what_is_not_issued),
        cmocka_unit_test(roles_have_words),
        cmocka_unit_test(the_token_of_a_header),
        cmocka_unit_test(what_is_issued_goes_on_record),
        cmocka_unit_test(a_broken_line_costs_no_other),
        cmocka_unit_test(a_link_is_no_record),
        cmocka_unit_test(what_is_half_recorded_is_an_error),
        cmocka_unit_test(tenants_fit_or_are_refused),
        cmocka_unit_test(many_may_record_at_once),
        cmocka_unit_test(base64_has_one_alphabet),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
