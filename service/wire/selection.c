#include "wire/selection.h"

#include <stdlib.h>
#include <string.h>

enum { DAYS_MIN_DEFAULT = 90, DAYS_MIN_MAX = 3660 };

/* --- lists of ids --------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort(struct id_list *list)
{
    unsigned kept = 0;
    if (list->count)
        qsort(list->ids, list->count, sizeof *list->ids, compare);
    for (unsigned i = 0; i < list->count; i++)
        if (kept == 0 || strcmp(list->ids[kept - 1], list->ids[i]) != 0)
            list->ids[kept++] = list->ids[i];
    list->count = kept;
}

bool id_list_has(const struct id_list *list, const char *id)
{
    return list->count && bsearch(&id, list->ids, list->count, sizeof *list->ids, compare);
}

/* "acme" or "acme/1001" */
static bool is_place(struct slice text)
{
    const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
    struct slice tenant = {text.p, slash ? (size_t)(slash - text.p) : text.n};
    if (!tenant_id_is_valid(tenant))
        return false;
    return !slash || account_id_is_valid((struct slice){slash + 1, text.n - tenant.n - 1});
}

static int read_id(json_t *value, bool may_have_account, const struct where *where,
                   struct arena *arena, const char **ret, struct err *err)
{
    struct slice text = {json_string_value(value), json_string_length(value)};
    bool is_good = json_is_string(value) &&
                   (may_have_account ? is_place(text) : tenant_id_is_valid(text));
    if (!is_good)
        return where_err(where, ERR_INVALID, err,
                         may_have_account ? "must be \"TENANT\" or \"TENANT/ACCOUNT\""
                                          : "must be an id");
    *ret = arena_copy(arena, text);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static int read_ids(json_t *value, const struct field *field, const struct where *where,
                    struct arena *arena, void *record, struct err *err)
{
    struct id_list *list = (struct id_list *)((char *)record + field->offset);
    size_t count = json_array_size(value); /* 0 for NULL */
    bool may_have_account = field->offset == offsetof(struct selection, excluded);
    if (value && !json_is_array(value))
        return where_err(where, ERR_INVALID, err, "must be an array of ids");
    if (count > SELECTION_LIST_MAX)
        return where_err(where, ERR_LIMIT, err, "has more than %d ids", SELECTION_LIST_MAX);
    list->ids = arena_alloc(arena, (count + 1) * sizeof *list->ids);
    if (!list->ids)
        return err_set(err, ERR_NOMEM, "out of memory");
    list->count = (unsigned)count;
    for (size_t i = 0; i < count; i++) {
        struct where here = {where, NULL, i};
        int rc = read_id(json_array_get(value, i), may_have_account, &here, arena, &list->ids[i],
                         err);
        if (rc)
            return rc;
    }
    sort(list);
    return 0;
}

static json_t *write_ids(const void *record, const struct field *field)
{
    const struct id_list *list = (const void *)((const char *)record + field->offset);
    json_t *array = json_array();
    for (unsigned i = 0; array && i < list->count; i++)
        if (json_array_append_new(array, json_string(list->ids[i]))) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static int read_days(json_t *value, const struct field *field, const struct where *where,
                     struct arena *arena, void *record, struct err *err)
{
    int64_t *days = (int64_t *)((char *)record + field->offset);
    (void)arena;
    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > DAYS_MIN_MAX)
        return where_err(where, ERR_INVALID, err, "must be a number of days, 1 to %d",
                         DAYS_MIN_MAX);
    *days = json_integer_value(value);
    return 0;
}

static json_t *write_days(const void *record, const struct field *field)
{
    return json_integer(*(const int64_t *)((const char *)record + field->offset));
}

/* --- the whole ------------------------------------------------------------------------------------ */

static const struct field_type field_ids = {read_ids, write_ids};
static const struct field_type field_days = {read_days, write_days};
static const char *const levels[] = {"tenant", "account", NULL};

#define AT(member) .offset = offsetof(struct selection, member)
static const struct field selection_fields[] = {
    {"level", &field_word, AT(level), .words = levels},
    {"since", &field_time, AT(since_ms), FIELD_REQUIRED},
    {"days_min", &field_days, AT(days_min)},
    {"tenants", &field_ids, AT(tenants), FIELD_NULL},
    {"profiles", &field_ids, AT(profiles), FIELD_NULL},
    {"exclude", &field_ids, AT(excluded), FIELD_NULL},
    {"unknown", &field_bool, AT(with_unknown)},
    {0},
};
#undef AT

int selection_read(json_t *object, const struct where *where, struct arena *arena,
                   struct selection *ret, struct err *err)
{
    struct selection selection = {.level = 1, .days_min = DAYS_MIN_DEFAULT};
    int rc = fields_read(object, selection_fields, 0, READ_NEW, where, arena, &selection, err);
    if (rc == 0)
        *ret = selection;
    return rc;
}

json_t *selection_write(const struct selection *selection)
{
    return fields_write(selection_fields, 0, selection);
}

bool selection_excludes(const struct selection *selection, const char *tenant, const char *account)
{
    char place[TENANT_ID_BYTES + ACCOUNT_ID_BYTES];
    if (id_list_has(&selection->excluded, tenant))
        return true;
    snprintf(place, sizeof place, "%s/%s", tenant, account);
    return *account && id_list_has(&selection->excluded, place);
}
