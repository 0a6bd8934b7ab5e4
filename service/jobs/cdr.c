#include "jobs/cdr.h"

#include <strings.h>

static const char *const names[CDR_FIELDS] = {
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp",
    "lastdata", "start", "answer", "end", "duration", "billsec", "disposition", "amaflags",
    "uniqueid", "userfield", "peeraccount", "linkedid", "sequence", "tenantid", "account",
};

/* What else the fields are called. */
static const struct {
    const char *name;
    enum cdr_field field;
} aliases[] = {
    {"calldate", CDR_START}, {"at", CDR_START},          {"number", CDR_DST},
    {"tenant", CDR_TENANTID}, {"seconds", CDR_BILLSEC},  {"call_id", CDR_UNIQUEID},
    {"context", CDR_DCONTEXT}, {"callerid", CDR_CLID},   {"calleridnum", CDR_SRC},
};

const char *cdr_field_name(enum cdr_field field)
{
    return names[field];
}

static bool is_name(struct slice text, const char *name)
{
    return strlen(name) == text.n && strncasecmp(text.p, name, text.n) == 0;
}

int cdr_field_of(struct slice name)
{
    for (int i = 0; i < CDR_FIELDS && name.n; i++)
        if (is_name(name, names[i]))
            return i;
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases && name.n; i++)
        if (is_name(name, aliases[i].name))
            return (int)aliases[i].field;
    return -1;
}

const char *cdr_reason_word(enum cdr_reason reason)
{
    static const char *const words[CDR_REASONS] = {
        "taken",   "quoting", "columns",   "json",           "charset",       "time",    "future",
        "too_old", "number",  "no_tenant", "unknown_tenant", "outside_token", "context",
    };
    return words[reason];
}
