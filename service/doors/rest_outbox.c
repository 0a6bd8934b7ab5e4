/* /v1/outbox: what tenants were told, or are yet to be; and the secret that signs their webhooks. */
#include "doors/listing.h"
#include "doors/rest.h"
#include "jobs/notify.h"
#include "wire/fields.h"

/* clang-format off */
#define AT(member) .offset = offsetof(struct outbox_message, member)
enum { IN_LIST = 1, IN_FULL = 2 };
static const struct field message_fields[] = {
    {"id",         &field_text, AT(id)},
    {"tenant",     &field_text, AT(tenant)},
    {"channel",    &field_word, AT(channel), .words = outbox_channel_words},
    {"address",    &field_text, AT(address)},
    {"state",      &field_word, AT(state), .words = outbox_state_words},
    {"attempts",   &field_u64, AT(attempts)},
    {"due_at",     &field_time, AT(due_at_ms)},
    {"last_error", &field_text, AT(last_error), FIELD_NULL},
    {"about",      &field_text, AT(about), FIELD_NULL},
    {"locale",     &field_text, AT(locale), FIELD_NULL},
    {"subject",    &field_text, AT(subject)},
    {"body",       &field_text, AT(body), .only = IN_FULL},
    {"created_at", &field_time, AT(created_at_ms)},
    {"updated_at", &field_time, AT(updated_at_ms)},
    {0},
};
#undef AT
/* clang-format on */

static int read_filter(struct rest *rest, struct outbox_filter *ret, struct err *err)
{
    struct slice state = request_query(rest->request, "state");
    *ret = (struct outbox_filter){request_query(rest->request, "tenant"),
                                  request_query(rest->request, "about"), -1};
    if (ret->tenant.p && !tenant_id_is_valid(ret->tenant))
        return err_set(err, ERR_INVALID, "tenant is no id");
    if (ret->about.n > OUTBOX_ABOUT_BYTES_MAX)
        return err_set(err, ERR_INVALID, "about is too long");
    for (int i = 0; state.p && outbox_state_words[i]; i++)
        if (slice_equals_text(state, outbox_state_words[i]))
            ret->state = i;
    return state.p && ret->state < 0
               ? err_set(err, ERR_INVALID, "state is waiting, sending, sent or given_up")
               : 0;
}

int rest_outbox_list(struct rest *rest, struct err *err)
{
    struct listing listing;
    struct outbox_filter filter;
    struct outbox_message *messages;
    unsigned found;
    int rc = read_filter(rest, &filter, err);
    if (rc)
        return rc;
    const char *name = arena_printf(rest->arena, "%.*s %.*s %d", SLICE_ARG(filter.tenant),
                                    SLICE_ARG(filter.about), filter.state);
    if (!name)
        return err_set(err, ERR_NOMEM, "out of memory");
    rc = listing_begin(rest, slice_of(name), &listing, err);
    if (rc == 0)
        rc = outbox_list(rest->txn, &filter, listing_page(&listing), rest->arena, &messages, &found,
                         err);
    if (rc)
        return rc;
    unsigned count = listing_count(&listing, found);
    struct slice last = found > count ? slice_of(messages[count - 1].id) : SLICE_NONE;
    json_t *array = fields_write_all(message_fields, IN_LIST, messages, count, sizeof *messages);
    return listing_answer(rest, &listing, "messages", array, last, err);
}

int rest_outbox_get(struct rest *rest, struct err *err)
{
    struct outbox_message message;
    int rc = outbox_get(rest->txn, rest->id, rest->arena, &message, err);
    return rc ? rc : rest_answer(rest, 200, fields_write(message_fields, IN_FULL, &message), 0, err);
}

int rest_outbox_retry(struct rest *rest, struct err *err)
{
    struct outbox_message message;
    int rc = outbox_retry(rest->txn, rest->id, err);
    if (rc == 0)
        rc = outbox_get(rest->txn, rest->id, rest->arena, &message, err);
    return rc ? rc : rest_answer(rest, 200, fields_write(message_fields, IN_LIST, &message), 0, err);
}

int rest_webhook_secret(struct rest *rest, struct err *err)
{
    struct tenant tenant;
    char secret[WEBHOOK_SECRET_BYTES];
    int rc = store_tenant_get(rest->txn, rest->tenant, rest->arena, &tenant, err);
    if (rc == 0)
        rc = webhook_secret(&rest->app->notify->webhook.keys, rest->tenant, secret, err);
    return rc ? rc : rest_answer(rest, 200, json_pack("{s:s}", "secret", secret), 0, err);
}
