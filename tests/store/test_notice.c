/* Notices in the outbox: one for each address of a tenant, however often the job runs. */
#include "suite.h"

#include "jobs/notice.h"

static const struct answer_keys keys = {1, {"a key of thirty-two bytes ......"}};
static const struct target target = {TARGET_PREFIX, "010"};

static struct notice_count tell(struct suite *suite, const struct tenant *tenant, int64_t from_ms)
{
    struct notices_config config = {NULL, "https://sekisho.example.jp", NULL, &keys};
    struct notices *notices = NULL;
    struct notice notice = {.campaign = "01KAKM3Z5Q8H4V0XJ6S2M9C7RT", .tenant = tenant,
                            .target = &target, .from_ms = from_ms,
                            .accounts = (const char *const[]){"1001"}, .accounts_count = 1};
    struct notice_count count = {0};
    OK(notices_new(&config, &notices, &err));
    struct txn *txn = begin_write(suite);
    OK(notice_add(notices, txn, &notice, &count, &err));
    commit(txn);
    notices_free(notices);
    return count;
}

static unsigned list(struct suite *suite, struct outbox_message **ret)
{
    struct outbox_filter filter = {.about = SLICE_LIT("campaign:01KAKM3Z5Q8H4V0XJ6S2M9C7RT"),
                                   .state = -1};
    unsigned count = 0;
    struct txn *txn = begin_read(suite);
    OK(outbox_list(txn, &filter, ALL_ROWS, &suite->arena, ret, &count, &err));
    store_rollback(txn);
    return count;
}

static void every_address_is_told_once(void **state)
{
    struct suite *suite = *state;
    struct contact contacts[] = {{"A", "a@example.jp", "", ""},
                                 {"B", "b@example.jp", "", "https://example.jp/hook"},
                                 {"C", "", "03-1234-5678", ""},
                                 {"D", "a@example.jp", "", ""},
                                 {"E", "e@", "", ""}};
    struct tenant tenant = a_tenant("acme", NULL);
    struct outbox_message *messages;
    tenant.contacts = contacts;
    tenant.contacts_count = 5;
    struct notice_count count = tell(suite, &tenant, INT64_C(1800000000000));
    assert_true(count.added == 3 && count.known == 1 && count.bad == 1);
    count = tell(suite, &tenant, INT64_C(1800000000000));
    assert_true(count.added == 0 && count.known == 4 && count.bad == 1);
    assert_int_equal(list(suite, &messages), 3);
    /* another date is another notice */
    count = tell(suite, &tenant, INT64_C(1800086400000));
    assert_true(count.added == 3);
}

static void a_webhook_gets_json(void **state)
{
    struct suite *suite = *state;
    struct contact contact = {"A \"B\"", "", "", "https://example.jp/hook"};
    struct tenant tenant = a_tenant("acme", NULL);
    struct outbox_message *messages;
    tenant.name = "A \"quoted\" K.K.";
    tenant.locale = "ja";
    tenant.contacts = &contact;
    tenant.contacts_count = 1;
    assert_int_equal(tell(suite, &tenant, INT64_C(1800000000000)).added, 1);
    assert_int_equal(list(suite, &messages), 1);
    assert_true(messages->channel == OUTBOX_WEBHOOK);
    assert_string_equal(messages->subject, "campaign.notice");
    assert_non_null(strstr(messages->body, "{\"type\":\"campaign.notice\",\"tenant\":\"acme\","));
    assert_non_null(strstr(messages->body, "\"target\":\"010\",\"from\":\"2027-01-15T08:00:00Z\","
                                           "\"accounts\":[\"1001\"],\"accounts_count\":1,"));
    assert_non_null(strstr(messages->body, "A \\\"quoted\\\" K.K."));
    assert_null(strchr(messages->body, '\n'));
}

static void who_has_no_address_is_counted_so(void **state)
{
    struct suite *suite = *state;
    struct contact contact = {"A", "", "03-1234-5678", ""};
    struct tenant tenant = a_tenant("acme", NULL);
    struct outbox_message *messages;
    tenant.contacts = &contact;
    tenant.contacts_count = 1;
    struct notice_count count = tell(suite, &tenant, INT64_C(1800000000000));
    assert_true(count.added == 0 && count.known == 0 && count.bad == 0);
    assert_int_equal(list(suite, &messages), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_address_is_told_once),
        STORE_TEST(a_webhook_gets_json),
        STORE_TEST(who_has_no_address_is_counted_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
