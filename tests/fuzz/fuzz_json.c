/*
 * JSON bodies. The first byte says what the rest is read as: t tenant, a account, p profile, c check,
 * r rule (new), m rule (merged over another), l platform rule, n any JSON.
 *
 * Beside not crashing: an error names a place of at most the size of the field and leaves the record
 * untouched; what was read can be written, and what was written reads back to the same JSON.
 */
#include <assert.h>
#include <stdint.h>

#include "wire/check.h"
#include "wire/json.h"
#include "wire/profile.h"
#include "wire/rule.h"
#include "wire/tenant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 1 << 20 };

static void check_error(int rc, const struct err *err)
{
    assert(rc == ERR_INVALID || rc == ERR_LIMIT || rc == ERR_NOMEM);
    assert(err->code == rc && err->text[0]);
    assert(err->field[0] == '\0' || err->field[0] == '/');
}

/* The writer's JSON must be what it writes again after reading it back. Takes `written`. */
#define READS_BACK(written, read, write)                                                           \
    do {                                                                                           \
        json_t *first_ = (written);                                                                \
        assert(first_);                                                                            \
        int rc_ = (read);                                                                          \
        assert(rc_ == 0);                                                                          \
        json_t *second_ = (write);                                                                 \
        assert(second_ && json_equal(first_, second_));                                            \
        json_decref(first_);                                                                       \
        json_decref(second_);                                                                      \
    } while (0)

static void read_tenant(json_t *body, struct arena *arena)
{
    const struct tenant blank = {.id = "acme", .name = "acme", .profile = "", .outside_line = "",
                                 .locale = "ja", .time_zone = "Asia/Tokyo"};
    struct tenant tenant = blank, again = blank;
    struct err err = {0};
    int rc = tenant_read(body, READ_WHOLE, arena, &tenant, &err);
    if (rc) {
        check_error(rc, &err);
        assert(memcmp(&tenant, &blank, sizeof tenant) == 0);
        return;
    }
    READS_BACK(tenant_write(&tenant), tenant_read(first_, READ_WHOLE, arena, &again, &err),
               tenant_write(&again));
}

static void read_account(json_t *body, struct arena *arena)
{
    const struct account blank = {.tenant = "acme", .id = "1001", .display_name = "", .profile = ""};
    struct account account = blank, again = blank;
    struct err err = {0};
    int rc = account_read(body, READ_MERGE, arena, &account, &err);
    if (rc) {
        check_error(rc, &err);
        return;
    }
    READS_BACK(account_write(&account), account_read(first_, READ_WHOLE, arena, &again, &err),
               account_write(&again));
}

static void read_profile(json_t *body, struct arena *arena)
{
    const struct profile blank = {.id = "p", .name = "p"};
    struct profile profile = blank, again = blank;
    struct err err = {0};
    int rc = profile_read(body, READ_WHOLE, arena, &profile, &err);
    if (rc) {
        check_error(rc, &err);
        return;
    }
    READS_BACK(profile_write(&profile), profile_read(first_, READ_WHOLE, arena, &again, &err),
               profile_write(&again));
}

static void read_rule(json_t *body, enum rule_kind kind, enum read_mode mode, struct arena *arena)
{
    struct rule rule = rule_blank("customer");
    struct err err = {0};
    if (mode == READ_MERGE) {
        rule.action = ACTION_DIVERT;
        rule.divert_to = "voicemail";
        rule.target = (struct target){TARGET_PREFIX, "010"};
        rule.starts_at_ms = 1800000000000;
    }
    const struct rule before = rule;
    int rc = rule_read(body, kind, mode, NULL, arena, &rule, &err);
    if (rc) {
        check_error(rc, &err);
        assert(memcmp(&rule, &before, sizeof rule) == 0);
        return;
    }
    assert(rule_check(&rule, NULL) == 0 && rule.target.text[0]);
    struct rule again = rule_blank("customer");
    READS_BACK(rule_write(&rule, kind), rule_read(first_, kind, READ_WHOLE, NULL, arena, &again, &err),
               rule_write(&again, kind));
}

static void read_check(json_t *body, struct arena *arena)
{
    struct check_request request;
    struct err err = {0};
    int rc = check_read(body, arena, &request, &err);
    if (rc)
        check_error(rc, &err);
    else
        assert(request.has_draft || request.rules_count == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct err err = {0};
    json_t *body = NULL;
    if (size == 0)
        return 0;
    int rc = json_read((struct slice){(const char *)data + 1, size - 1}, &body, &err);
    if (rc) {
        check_error(rc, &err);
        assert(!body);
        return 0;
    }
    arena_init(&arena, ARENA_BYTES);
    switch (data[0]) {
    case 't': read_tenant(body, &arena); break;
    case 'a': read_account(body, &arena); break;
    case 'p': read_profile(body, &arena); break;
    case 'c': read_check(body, &arena); break;
    case 'r': read_rule(body, RULE_OF_TENANT, READ_NEW, &arena); break;
    case 'm': read_rule(body, RULE_OF_TENANT, READ_MERGE, &arena); break;
    case 'l': read_rule(body, RULE_OF_PLATFORM, READ_NEW, &arena); break;
    default: break;
    }
    arena_release(&arena);
    json_decref(body);
    return 0;
}
