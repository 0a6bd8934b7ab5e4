#include "wire/tenant.h"

#include <ctype.h>
#include <string.h>

#include "base/slice.h"
#include "core/number.h"

enum {
    NAME_BYTES_MAX = 200,
    EMAIL_BYTES_MAX = 254, /* RFC 5321 section 4.5.3.1.3, without the angle brackets */
    PHONE_BYTES_MAX = 40,
    WEBHOOK_BYTES_MAX = 1024,
    LOCALE_BYTES_MAX = 35, /* RFC 5646 section 4.4.1 */
    TIME_ZONE_BYTES_MAX = 64,
};

/* --- contacts ----------------------------------------------------------------------------------- */

#define AT(member) .offset = offsetof(struct contact, member)
static const struct field contact_fields[] = {
    {"name", &field_text, AT(name), FIELD_NULL, .max = NAME_BYTES_MAX},
    {"email", &field_text, AT(email), FIELD_NULL, .max = EMAIL_BYTES_MAX},
    {"phone", &field_text, AT(phone), FIELD_NULL, .max = PHONE_BYTES_MAX},
    {"webhook", &field_text, AT(webhook), FIELD_NULL, .max = WEBHOOK_BYTES_MAX},
    {0},
};
#undef AT

/* Something, one @, something, and no space: more than that only a sent mail can tell. */
static bool is_email(const char *text)
{
    const char *at = strchr(text, '@');
    return at && at != text && at[1] && !strchr(at + 1, '@') && !strchr(text, ' ');
}

static bool is_phone(const char *text)
{
    return text[strspn(text, "+0123456789 -().#*")] == '\0' && strpbrk(text, "0123456789");
}

/* Where it leads to is looked at when something is sent there. */
static bool is_url(const char *text)
{
    if (strncmp(text, "https://", 8) != 0 && strncmp(text, "http://", 7) != 0)
        return false;
    while (*text > ' ' && *text < 0x7f)
        text++;
    return *text == '\0';
}

static int read_contact(json_t *value, const struct where *where, struct arena *arena,
                        struct contact *contact, struct err *err)
{
    struct where email = {where, "email", 0}, phone = {where, "phone", 0};
    struct where webhook = {where, "webhook", 0};
    *contact = (struct contact){"", "", "", ""};
    int rc = fields_read(value, contact_fields, 0, READ_WHOLE, where, arena, contact, err);
    if (rc)
        return rc;
    if (!*contact->name && !*contact->email && !*contact->phone && !*contact->webhook)
        return where_err(where, ERR_INVALID, err, "needs a name, an email, a phone or a webhook");
    if (*contact->email && !is_email(contact->email))
        return where_err(&email, ERR_INVALID, err, "is no email address");
    if (*contact->phone && !is_phone(contact->phone))
        return where_err(&phone, ERR_INVALID, err, "is no phone number");
    if (*contact->webhook && !is_url(contact->webhook))
        return where_err(&webhook, ERR_INVALID, err, "must be https://… without spaces");
    return 0;
}

static int read_contacts(json_t *value, const struct field *field, const struct where *where,
                         struct arena *arena, void *record, struct err *err)
{
    struct tenant *tenant = record;
    size_t count = json_array_size(value); /* 0 for NULL */
    if (value && !json_is_array(value))
        return where_err(where, ERR_INVALID, err, "must be an array of contacts");
    if (count > field->max)
        return where_err(where, ERR_LIMIT, err, "has more than %zu contacts", field->max);
    struct contact *contacts = arena_alloc(arena, (count ? count : 1) * sizeof *contacts);
    if (!contacts)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        struct where here = {where, NULL, i};
        int rc = read_contact(json_array_get(value, i), &here, arena, &contacts[i], err);
        if (rc)
            return rc;
    }
    tenant->contacts = contacts;
    tenant->contacts_count = (unsigned)count;
    return 0;
}

static json_t *write_contacts(const void *record, const struct field *field)
{
    const struct tenant *tenant = record;
    (void)field;
    return fields_write_all(contact_fields, 0, tenant->contacts, tenant->contacts_count,
                            sizeof *tenant->contacts);
}

static const struct field_type field_contacts = {read_contacts, write_contacts};

/* --- tenant ------------------------------------------------------------------------------------- */

static const char *const status_words[] = {
    [TENANT_ACTIVE] = "active", [TENANT_SUSPENDED] = "suspended", NULL};

/* clang-format off */
#define AT(member) .offset = offsetof(struct tenant, member)
static const struct field tenant_fields[] = {
    {"id",           &field_text,     AT(id), FIELD_READ_ONLY | FIELD_SAME},
    {"name",         &field_text,     AT(name), .max = NAME_BYTES_MAX},
    {"status",       &field_word,     AT(status), .words = status_words},
    {"profile",      &field_text,     AT(profile), FIELD_NULL, .max = TENANT_ID_BYTES - 1},
    {"outside_line", &field_text,     AT(outside_line), FIELD_NULL, .max = OUTSIDE_LINE_MAX},
    {"locale",       &field_text,     AT(locale), .max = LOCALE_BYTES_MAX},
    {"time_zone",    &field_text,     AT(time_zone), .max = TIME_ZONE_BYTES_MAX},
    {"contacts",     &field_contacts, AT(contacts), FIELD_NULL, .max = CONTACTS_MAX},
    {"created_at",   &field_time,     AT(created_at_ms), FIELD_READ_ONLY},
    {"updated_at",   &field_time,     AT(updated_at_ms), FIELD_READ_ONLY},
    {"version",      &field_u64,      AT(version), FIELD_READ_ONLY},
    {"revision",     &field_u64,      AT(revision), FIELD_READ_ONLY},
    {0},
};
#undef AT
/* clang-format on */

/* BCP 47 by its shape: a language of two or three letters, then subtags of one to eight. */
static bool is_locale(const char *text)
{
    size_t n = 0, letters = 0, subtags = 0;
    for (;; text++) {
        if (*text == '-' || *text == '\0') {
            bool fits = subtags == 0 ? letters == n && (n == 2 || n == 3) : n >= 1 && n <= 8;
            if (!fits || *text == '\0')
                return fits;
            subtags++;
            n = letters = 0;
        } else if (!isalnum((unsigned char)*text)) {
            return false;
        } else {
            n++;
            letters += isalpha((unsigned char)*text) != 0;
        }
    }
}

/* "UTC" or Area/City: parts of the characters that zone names have, none empty, none with a dot. */
static bool is_time_zone(const char *text)
{
    bool in_part = false;
    if (strcmp(text, "UTC") == 0)
        return true;
    if (!strchr(text, '/'))
        return false;
    for (; *text; text++) {
        if (*text == '/') {
            if (!in_part)
                return false;
            in_part = false;
        } else if (isalnum((unsigned char)*text) || *text == '_' || *text == '-' || *text == '+') {
            in_part = true;
        } else {
            return false;
        }
    }
    return in_part;
}

static int refuse(const char *member, const char *text, struct err *err)
{
    struct where where = {NULL, member, 0};
    return where_err(&where, ERR_INVALID, err, "%s", text);
}

int tenant_read(json_t *object, enum read_mode mode, struct arena *arena, struct tenant *tenant,
                struct err *err)
{
    struct tenant read = *tenant;
    int rc = fields_read(object, tenant_fields, 0, mode, NULL, arena, &read, err);
    if (rc)
        return rc;
    if (!*read.name)
        return refuse("name", "must not be empty", err);
    if (!number_is_outside_line(slice_of(read.outside_line)))
        return refuse("outside_line", "must be 1 to 4 of 0-9*#, the first not 1", err);
    if (!is_locale(read.locale))
        return refuse("locale", "must be a language tag such as ja or en-US", err);
    if (!is_time_zone(read.time_zone))
        return refuse("time_zone", "must be a zone such as Asia/Tokyo", err);
    *tenant = read;
    return 0;
}

json_t *tenant_write(const struct tenant *tenant)
{
    return fields_write(tenant_fields, 0, tenant);
}

json_t *tenants_write(const struct tenant *tenants, unsigned count)
{
    return fields_write_all(tenant_fields, 0, tenants, count, sizeof *tenants);
}

/* --- account ------------------------------------------------------------------------------------ */

/* clang-format off */
#define AT(member) .offset = offsetof(struct account, member)
static const struct field account_fields[] = {
    {"id",           &field_text, AT(id), FIELD_READ_ONLY | FIELD_SAME},
    {"display_name", &field_text, AT(display_name), FIELD_NULL, .max = NAME_BYTES_MAX},
    {"profile",      &field_text, AT(profile), FIELD_NULL, .max = TENANT_ID_BYTES - 1},
    {"created_at",   &field_time, AT(created_at_ms), FIELD_READ_ONLY},
    {"updated_at",   &field_time, AT(updated_at_ms), FIELD_READ_ONLY},
    {"version",      &field_u64,  AT(version), FIELD_READ_ONLY},
    {0},
};
#undef AT
/* clang-format on */

int account_read(json_t *object, enum read_mode mode, struct arena *arena, struct account *account,
                 struct err *err)
{
    return fields_read(object, account_fields, 0, mode, NULL, arena, account, err);
}

json_t *account_write(const struct account *account)
{
    return fields_write(account_fields, 0, account);
}

json_t *accounts_write(const struct account *accounts, unsigned count)
{
    return fields_write_all(account_fields, 0, accounts, count, sizeof *accounts);
}
