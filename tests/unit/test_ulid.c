/* ULIDs: shape, order, uniqueness over threads and forks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ulid.h"

static void time_is_the_first_ten_characters(void **unused)
{
    (void)unused;
    char id[ULID_BYTES];
    ulid_make(1469918176385, id); /* the example of the specification: 01ARYZ6S41… */
    assert_memory_equal(id, "01ARYZ6S41", 10);
    ulid_make(0, id);
    assert_memory_equal(id, "0000000000", 10);
    ulid_make((INT64_C(1) << 48) - 1, id);
    assert_memory_equal(id, "7ZZZZZZZZZ", 10);
    assert_int_equal(strlen(id), ULID_CHARS);
}

static void ids_of_one_thread_ascend(void **unused)
{
    (void)unused;
    char before[ULID_BYTES], id[ULID_BYTES];
    ulid_make(1000, before);
    for (int i = 1; i < 20000; i++) { /* several in each millisecond, and many times the pool */
        ulid_make(1000 + i / 100, id);
        assert_true(ulid_is_valid(slice_of(id)));
        assert_true(strcmp(before, id) < 0);
        memcpy(before, id, sizeof id);
    }
}

static void a_clock_that_goes_back_is_taken_at_its_word(void **unused)
{
    (void)unused;
    char late[ULID_BYTES], early[ULID_BYTES];
    ulid_make(2000, late);
    ulid_make(1999, early);
    assert_true(strcmp(early, late) < 0);
}

enum { THREADS = 4, IDS_EACH = 20000 };

static void *make_many(void *ids)
{
    char(*out)[ULID_BYTES] = ids;
    for (int i = 0; i < IDS_EACH; i++)
        ulid_make(5000, out[i]);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void threads_never_make_the_same_id(void **unused)
{
    (void)unused;
    char(*ids)[ULID_BYTES] = calloc(THREADS * IDS_EACH, ULID_BYTES);
    assert_non_null(ids);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_many, ids + i * IDS_EACH), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, THREADS * IDS_EACH, ULID_BYTES, compare);
    for (int i = 1; i < THREADS * IDS_EACH; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    free(ids);
}

static void a_forked_child_makes_other_ids(void **unused)
{
    (void)unused;
    int pipe_fds[2];
    char ours[ULID_BYTES], theirs[ULID_BYTES];
    assert_int_equal(pipe(pipe_fds), 0);
    ulid_make(7000, ours);
    pid_t child = fork();
    if (child == 0) {
        ulid_make(7000, theirs);
        _exit(write(pipe_fds[1], theirs, sizeof theirs) == sizeof theirs ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(read(pipe_fds[0], theirs, sizeof theirs), sizeof theirs);
    ulid_make(7000, ours);
    assert_string_not_equal(ours, theirs);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void what_is_no_ulid_is_told(void **unused)
{
    (void)unused;
    assert_true(ulid_is_valid(SLICE_LIT("01ARYZ6S41TSV4RRFFQ69G5FAV")));
    assert_false(ulid_is_valid(SLICE_LIT("")));
    assert_false(ulid_is_valid(SLICE_LIT("01ARYZ6S41TSV4RRFFQ69G5FA")));
    assert_false(ulid_is_valid(SLICE_LIT("01ARYZ6S41TSV4RRFFQ69G5FAVV")));
    assert_false(ulid_is_valid(SLICE_LIT("01ARYZ6S41TSV4RRFFQ69G5FAU"))); /* U is not in it */
    assert_false(ulid_is_valid(SLICE_LIT("01aryz6s41tsv4rrffq69g5fav")));
    assert_false(ulid_is_valid(SLICE_LIT("81ARYZ6S41TSV4RRFFQ69G5FAV")));
    assert_false(ulid_is_valid((struct slice){"01ARYZ6S41TSV4RRFFQ69G5FA\0", 26}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_the_first_ten_characters),
        cmocka_unit_test(ids_of_one_thread_ascend),
        cmocka_unit_test(a_clock_that_goes_back_is_taken_at_its_word),
        cmocka_unit_test(threads_never_make_the_same_id),
        cmocka_unit_test(a_forked_child_makes_other_ids),
        cmocka_unit_test(what_is_no_ulid_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
