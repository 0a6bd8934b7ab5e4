#include "store/contacts.h"

#include "store/outbox.h"

int contacts_check(const struct tenant *tenant, struct err *err)
{
    if (tenant->contacts_count > CONTACTS_MAX)
        return err_field(err, ERR_LIMIT, "/contacts", "a tenant may have %d contacts",
                         CONTACTS_MAX);
    for (unsigned i = 0; i < tenant->contacts_count; i++) {
        const struct contact *contact = &tenant->contacts[i];
        char field[40];
        snprintf(field, sizeof field, "/contacts/%u", i);
        if (!contact->name[0] && !contact->email[0] && !contact->phone[0] && !contact->webhook[0])
            return err_field(err, ERR_INVALID, field,
                             "a contact needs a name, email, phone or webhook");
        const char *fault = NULL;
        if (contact->webhook[0])
            fault = outbox_address_fault(OUTBOX_WEBHOOK, slice_of(contact->webhook));
        snprintf(field, sizeof field, "/contacts/%u/webhook", i);
        if (fault)
            return err_field(err, ERR_INVALID, field, "%s", fault);
    }
    return 0;
}

bool contacts_are_same(const struct tenant *a, const struct tenant *b)
{
    if (a->contacts_count != b->contacts_count)
        return false;
    for (unsigned i = 0; i < a->contacts_count; i++) {
        const struct contact *x = &a->contacts[i], *y = &b->contacts[i];
        if (strcmp(x->name, y->name) != 0 || strcmp(x->email, y->email) != 0 ||
            strcmp(x->phone, y->phone) != 0 || strcmp(x->webhook, y->webhook) != 0)
            return false;
    }
    return true;
}

/* Adds the row's contact to the tenant it belongs to, at or after tenants[*at]. */
static int read_contact(struct txn *txn, struct tenant *tenants, unsigned count, unsigned *at,
                        struct arena *arena, struct err *err)
{
    while (*at < count && !slice_equals_text(column_text(txn, 0), tenants[*at].id))
        ++*at;
    if (*at == count)
        return 0; /* of a tenant between two of ours: cannot be, but harms nobody */
    struct tenant *tenant = &tenants[*at];
    if (tenant->contacts_count == CONTACTS_MAX)
        return 0;
    struct contact *contacts = tenant->contacts_count
                                   ? (struct contact *)tenant->contacts
                                   : arena_alloc(arena, CONTACTS_MAX * sizeof *contacts);
    if (!contacts)
        return txn_nomem(txn, err);
    struct contact *contact = &contacts[tenant->contacts_count];
    *contact = (struct contact){column_copy(txn, 1, arena), column_copy(txn, 2, arena),
                                column_copy(txn, 3, arena), column_copy(txn, 4, arena)};
    if (!contact->name || !contact->email || !contact->phone || !contact->webhook)
        return txn_nomem(txn, err);
    tenant->contacts = contacts;
    tenant->contacts_count++;
    return 0;
}

int contacts_read(struct txn *txn, struct tenant *tenants, unsigned count, struct arena *arena,
                  struct err *err)
{
    unsigned at = 0;
    if (count == 0)
        return 0;
    int r = txn_query(txn,
                      "SELECT tenant, name, email, phone, webhook FROM contacts "
                      "WHERE tenant >= $1 AND tenant <= $2 ORDER BY tenant, position",
                      SQL_VALUES(sql_text(tenants[0].id), sql_text(tenants[count - 1].id)), err);
    while (r == 0 && (r = txn_next(txn, err)) == 1)
        r = read_contact(txn, tenants, count, &at, arena, err);
    txn_end(txn);
    return r;
}

int contacts_write(struct txn *txn, const struct tenant *tenant, struct err *err)
{
    int r = txn_exec(txn, "DELETE FROM contacts WHERE tenant = $1",
                     SQL_VALUES(sql_text(tenant->id)), err);
    for (unsigned i = 0; i < tenant->contacts_count && r == 0; i++) {
        const struct contact *contact = &tenant->contacts[i];
        r = txn_exec(txn,
                     "INSERT INTO contacts (tenant, position, name, email, phone, webhook) "
                     "VALUES ($1, $2, $3, $4, $5, $6)",
                     SQL_VALUES(sql_text(tenant->id), sql_int(i), sql_text(contact->name),
                                sql_text(contact->email), sql_text(contact->phone),
                                sql_text(contact->webhook)),
                     err);
    }
    return r;
}
