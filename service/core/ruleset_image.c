/*
 * A ruleset as bytes, and back. The block holds offsets and no pointers, so its bytes are the image; what
 * comes back is checked so that no offset, index or count in it can lead outside, whoever made it.
 */
#include <stdlib.h>

#include "core/ruleset_data.h"

struct slice ruleset_image(const struct ruleset *rs)
{
    return (struct slice){(const char *)rs, rs->texts_at + rs->texts_bytes};
}

static bool is_range(struct rule_range range, const struct ruleset *rs)
{
    return range.first + range.count <= rs->entries_count;
}

/* Can it be copied into an array of `room` bytes? ruleset_copy_text() takes whole steps. */
static bool is_text(uint32_t at, size_t room, const struct ruleset *rs)
{
    const char *text = ruleset_texts(rs) + at;
    if (at < 1 || at >= rs->texts_bytes)
        return false;
    size_t n = (uint8_t)text[-1];
    return n >= 1 && n <= room && at + n + RULESET_TEXT_STEP - 1 <= rs->texts_bytes &&
           text[n - 1] == '\0';
}

static bool is_name(uint32_t at, const struct ruleset *rs)
{
    return at < rs->texts_bytes; /* the area ends with a NUL */
}

/* Are the parts of the block where its counts say, up to its very end? */
static bool has_shape(const struct ruleset *rs, size_t n)
{
    size_t texts_at = sizeof *rs + rs->entries_count * (sizeof(uint64_t) + sizeof(struct fact)) +
                      rs->rules_count * sizeof(struct cold_rule) +
                      rs->accounts_count * sizeof(struct cold_account);
    return rs->entries_count <= rs->rules_count && rs->rules_count <= RULES_PER_TENANT_MAX &&
           rs->accounts_count <= rs->entries_count && rs->texts_at == texts_at &&
           rs->texts_bytes >= 1 && n == texts_at + rs->texts_bytes &&
           ruleset_texts(rs)[rs->texts_bytes - 1] == '\0' && is_range(rs->wide, rs) &&
           is_range(rs->locks, rs);
}

static bool are_facts_sound(const struct ruleset *rs)
{
    const uint64_t *keys = ruleset_keys(rs);
    for (unsigned i = 0; i < rs->entries_count; i++) {
        const struct fact *fact = &ruleset_facts(rs)[i];
        bool climbs = fact->parent == NO_PARENT || (fact->parent < i && keys[fact->parent] <= keys[i]);
        if (!climbs || fact->rule >= rs->rules_count || fact->len > RULE_PREFIX_DIGITS_MAX)
            return false;
    }
    return true;
}

static bool are_rules_sound(const struct ruleset *rs)
{
    for (unsigned i = 0; i < rs->rules_count; i++) {
        const struct cold_rule *rule = &ruleset_cold(rs)[i];
        bool has_texts = is_text(rule->target, RULE_TARGET_BYTES, rs) &&
                         is_text(rule->id, RULE_ID_BYTES, rs) &&
                         is_text(rule->source, RULE_SOURCE_BYTES, rs) &&
                         is_text(rule->divert_to, RULE_DIVERT_BYTES, rs);
        if (!has_texts || rule->action > ACTION_DENY)
            return false;
    }
    for (unsigned i = 0; i < rs->accounts_count; i++) {
        const struct cold_account *account = &ruleset_accounts(rs)[i];
        if (!is_name(account->name, rs) || !is_range(account->range, rs))
            return false;
    }
    return rs->rules_count == 0 || ruleset_cold(rs)[rs->rules_count - 1].is_last;
}

static bool is_owner_sound(const struct ruleset *rs)
{
    struct slice line = {rs->outside_line, strnlen(rs->outside_line, sizeof rs->outside_line)};
    return strlen(ruleset_texts(rs)) == rs->tenant_bytes && number_is_outside_line(line);
}

int ruleset_from_image(struct slice image, struct ruleset **ret, struct err *err)
{
    struct ruleset *rs = image.n < sizeof *rs ? NULL : malloc(image.n);
    if (!rs)
        return image.n < sizeof *rs ? err_set(err, ERR_INVALID, "too short for a ruleset")
                                    : err_set(err, ERR_NOMEM, "out of memory");
    memcpy(rs, image.p, image.n); /* aligned from here on */
    if (!has_shape(rs, image.n) || !are_facts_sound(rs) || !are_rules_sound(rs) || !is_owner_sound(rs)) {
        free(rs);
        return err_set(err, ERR_INVALID, "damaged ruleset");
    }
    *ret = rs;
    return 0;
}
