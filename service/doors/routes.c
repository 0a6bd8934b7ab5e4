/*
 * Every route of the admin door, and who may use it. THE place where roles are granted: a handler that
 * runs has been allowed here. tests/lint/routes.py reads this table and compares it with
 * api/openapi.yaml, in both directions.
 */
#include "doors/rest.h"
#include "doors/answer_page.h"
#include "doors/health.h"
#include "doors/rest.h"

enum {
    EVERYBODY = 0, /* without a token: who can reach the listener */
    OPERATOR = ROLE_OPERATOR,
    PBX_REPORT = ROLE_OPERATOR | ROLE_PBX,
    ONBOARD = ROLE_OPERATOR | ROLE_PROVISIONING,
    CUSTOMER_EDIT = ROLE_OPERATOR | ROLE_TENANT_ADMIN,
    CUSTOMER_READ = ROLE_OPERATOR | ROLE_TENANT_ADMIN | ROLE_TENANT_VIEWER,
    MANY_READ = CUSTOMER_READ | ROLE_PROVISIONING,
};

enum {
    T = ROUTE_TENANT,
    BODY = ROUTE_BODY,
    MATCH = ROUTE_NEEDS_MATCH,
    CSV = ROUTE_CSV,
    FORM = ROUTE_FORM,
    LINES = ROUTE_NDJSON | ROUTE_CSV,
};

static const char *const paged[] = {"limit", "cursor", NULL};
static const char *const rules[] = {"limit", "cursor", "account", "scope", "format", "charset", "bom", NULL};
static const char *const rule_import[] = {"account", "mode", "action", "charset", "dry_run", "skip_refused", NULL};
static const char *const rule_list[] = {"account", NULL};
static const char *const records[] = {"limit", "cursor", "tenant", NULL};
static const char *const attempts[] = {"limit", "cursor", "account", "from", "to", NULL};
static const char *const all_attempts[] = {"limit", "cursor", "account", "from", "to", "tenant", NULL};
static const char *const lint[] = {"days", NULL};
static const char *const history[] = {"limit", "cursor", "overseas", "since", "until", "days_min", "by",
                                      "tenant", "profile", NULL};
static const char *const history_sums[] = {"since", "until", "days_min", "tenant", "profile", NULL};
static const char *const own_history[] = {"limit", "cursor", "overseas", "since", "until", "days_min",
                                          NULL};
static const char *const propagation[] = {"revision", "wait", NULL};
static const char *const provision[] = {"dry_run", "tenant", "charset", NULL};
static const char *const cdrs[] = {"source", "layout", "time_zone", "map", "dry_run", "last", "rejects", "file", "mark", "position", "version", NULL};
static const char *const unmapped[] = {"limit", "cursor", "source", NULL};
static const char *const coverage[] = {"from", "to", "tenant", "tolerance", NULL};
static const char *const of_source[] = {"source", NULL};
static const char *const campaign[] = {"reasons", NULL};
static const char *const members[] = {"limit", "cursor", "tenant", "state", "reason", NULL};
static const char *const drift[] = {"limit", "cursor", "tenant", "extra", NULL};
static const char *const reapply[] = {"limit", "cursor", "tenant", "dry_run", "restore_deleted", NULL};
static const char *const outbox[] = {"limit", "cursor", "state", "about", "tenant", NULL};
static const char *const page[] = {"lang", NULL};
static const char *const ready[] = {"verbose", NULL};

#define ASK rest_ask
#define READ rest_read
#define WRITE rest_write
#define ORDER rest_campaign_write

/* clang-format off */
const struct route admin_routes[] = {
    {"GET",    "/v1/tenants",                     MANY_READ,     READ,  0,                rest_tenant_list,    paged},
    {"GET",    "/v1/tenants/{t}",                 MANY_READ,     READ,  T,                rest_tenant_get,     NULL},
    {"PUT",    "/v1/tenants/{t}",                 ONBOARD,       WRITE, T | BODY,         rest_tenant_put,     NULL},
    {"PATCH",  "/v1/tenants/{t}",                 CUSTOMER_EDIT, WRITE, T | BODY | MATCH, rest_tenant_patch,   NULL},
    {"DELETE", "/v1/tenants/{t}",                 OPERATOR,      WRITE, T | MATCH,        rest_tenant_delete,  NULL},

    {"GET",    "/v1/tenants/{t}/accounts",        MANY_READ,     READ,  T,                rest_account_list,   paged},
    {"GET",    "/v1/tenants/{t}/accounts/{a}",    MANY_READ,     READ,  T,                rest_account_get,    NULL},
    {"PUT",    "/v1/tenants/{t}/accounts/{a}",    ONBOARD,       WRITE, T | BODY,         rest_account_put,    NULL},
    {"PATCH",  "/v1/tenants/{t}/accounts/{a}",    CUSTOMER_EDIT, WRITE, T | BODY | MATCH, rest_account_patch,  NULL},
    {"DELETE", "/v1/tenants/{t}/accounts/{a}",    OPERATOR,      WRITE, T | MATCH,        rest_account_delete, NULL},

    {"GET",    "/v1/tenants/{t}/rules",           CUSTOMER_READ, READ,  T,                rest_rule_list,      rules},
    {"POST",   "/v1/tenants/{t}/rules",           CUSTOMER_EDIT, WRITE, T | BODY,         rest_rule_create,    NULL},
    {"PUT",    "/v1/tenants/{t}/rules",           CUSTOMER_EDIT, WRITE, T | BODY | MATCH, rest_rule_replace,   rule_list},
    {"POST",   "/v1/tenants/{t}/rules/import",    CUSTOMER_EDIT, WRITE, T | CSV | MATCH,  rest_rule_import,    rule_import},
    {"GET",    "/v1/tenants/{t}/rules/{id}",      CUSTOMER_READ, READ,  T,                rest_rule_get,       NULL},
    {"PATCH",  "/v1/tenants/{t}/rules/{id}",      CUSTOMER_EDIT, WRITE, T | BODY | MATCH, rest_rule_patch,     NULL},
    {"DELETE", "/v1/tenants/{t}/rules/{id}",      CUSTOMER_EDIT, WRITE, T | MATCH,        rest_rule_delete,    NULL},

    {"POST",   "/v1/tenants/{t}/check",           CUSTOMER_READ, ASK,   T | BODY,         rest_check,          NULL},
    {"GET",    "/v1/tenants/{t}/lint",            CUSTOMER_READ, ASK,   T,                rest_lint,           lint},
    {"POST",   "/v1/tenants/{t}/lint/fix",        CUSTOMER_EDIT, WRITE, T | BODY,         rest_lint_fix,       NULL},
    {"POST",   "/v1/tenants/{t}/simulate",        CUSTOMER_READ, ASK,   T | BODY,         rest_simulate,       NULL},
    {"GET",    "/v1/tenants/{t}/attempts",        CUSTOMER_READ, READ,  T,                rest_attempt_list,   attempts},
    {"GET",    "/v1/tenants/{t}/calls/marks",     OPERATOR,      READ,  T,                rest_mark_list,      paged},
    {"POST",   "/v1/tenants/{t}/calls/marks",     OPERATOR,      WRITE, T | BODY,         rest_mark_create,    NULL},
    {"GET",    "/v1/tenants/{t}/calls/marks/{id}", OPERATOR,     READ,  T,                rest_mark_get,       NULL},
    {"DELETE", "/v1/tenants/{t}/calls/marks/{id}", OPERATOR,     WRITE, T,                rest_mark_delete,    NULL},
    {"GET",    "/v1/tenants/{t}/history",         CUSTOMER_READ, ASK,   T,                rest_history_tenant, own_history},
    {"GET",    "/v1/tenants/{t}/audit",           CUSTOMER_READ, READ,  T,                rest_audit_list,     paged},
    {"GET",    "/v1/tenants/{t}/propagation",     MANY_READ,     ASK,   T,                rest_propagation,    propagation},

    {"POST",   "/v1/provision",                   ONBOARD,       rest_provision, LINES,   NULL,                provision},

    {"GET",    "/v1/profiles",                    ONBOARD,       READ,  0,                rest_profile_list,   paged},
    {"GET",    "/v1/profiles/{p}",                ONBOARD,       READ,  0,                rest_profile_get,    NULL},
    {"PUT",    "/v1/profiles/{p}",                OPERATOR,      WRITE, BODY,             rest_profile_put,    NULL},
    {"DELETE", "/v1/profiles/{p}",                OPERATOR,      WRITE, MATCH,            rest_profile_delete, NULL},
    {"GET",    "/v1/profiles/{p}/drift",          OPERATOR,      READ,  0,                rest_drift_list,     drift},
    {"POST",   "/v1/profiles/{p}/reapply",        OPERATOR,      WRITE, 0,                rest_drift_mend,     reapply},

    {"GET",    "/v1/platform/rules",              OPERATOR,      READ,  0,                rest_rule_list,      paged},
    {"POST",   "/v1/platform/rules",              OPERATOR,      WRITE, BODY,             rest_rule_create,    NULL},
    {"PUT",    "/v1/platform/rules",              OPERATOR,      WRITE, BODY | MATCH,     rest_rule_replace,   NULL},
    {"GET",    "/v1/platform/rules/{id}",         OPERATOR,      READ,  0,                rest_rule_get,       NULL},
    {"PATCH",  "/v1/platform/rules/{id}",         OPERATOR,      WRITE, BODY | MATCH,     rest_rule_patch,     NULL},
    {"DELETE", "/v1/platform/rules/{id}",         OPERATOR,      WRITE, MATCH,            rest_rule_delete,    NULL},
    {"GET",    "/v1/platform/propagation",        OPERATOR,      ASK,   0,                rest_propagation,    propagation},

    {"GET",    "/v1/campaigns",                   OPERATOR,      READ,  0,                rest_campaign_list,  paged},
    {"POST",   "/v1/campaigns",                   OPERATOR,      ORDER, BODY,             rest_campaign_create, NULL},
    {"GET",    "/v1/campaigns/{c}",               OPERATOR,      READ,  0,                rest_campaign_get,   campaign},
    {"GET",    "/v1/campaigns/{c}/accounts",      OPERATOR,      READ,  0,                rest_campaign_accounts, members},
    {"POST",   "/v1/campaigns/{c}/answers",       OPERATOR,      WRITE, BODY,             rest_campaign_answer, NULL},
    {"POST",   "/v1/campaigns/{c}/simulate",      OPERATOR,      ASK,   BODY,             rest_campaign_simulate, NULL},
    {"POST",   "/v1/campaigns/{c}/notify",        OPERATOR,      ORDER, BODY,             rest_campaign_notify, NULL},
    {"POST",   "/v1/campaigns/{c}/apply",         OPERATOR,      ORDER, BODY,             rest_campaign_apply, NULL},
    {"POST",   "/v1/campaigns/{c}/pause",         OPERATOR,      ORDER, 0,                rest_campaign_pause, NULL},
    {"POST",   "/v1/campaigns/{c}/resume",        OPERATOR,      ORDER, 0,                rest_campaign_resume, NULL},
    {"POST",   "/v1/campaigns/{c}/cancel",        OPERATOR,      ORDER, 0,                rest_campaign_cancel, NULL},
    {"POST",   "/v1/campaigns/{c}/undo",          OPERATOR,      ORDER, 0,                rest_campaign_undo,  NULL},
    {"GET",    "/v1/campaigns/{c}/report",        OPERATOR,      READ,  0,                rest_campaign_report, NULL},
    {"GET",    "/v1/campaigns/{c}/report.csv",    OPERATOR,      READ,  0,                rest_campaign_report_csv, NULL},
    {"GET",    "/v1/outbox",                      OPERATOR,      READ,  0,                rest_outbox_list,    outbox},
    {"GET",    "/v1/outbox/{id}",                 OPERATOR,      READ,  0,                rest_outbox_get,     NULL},
    {"POST",   "/v1/outbox/{id}/retry",           OPERATOR,      WRITE, 0,                rest_outbox_retry,   NULL},
    {"GET",    "/v1/tenants/{t}/webhook-secret",  CUSTOMER_EDIT, READ,  T,                rest_webhook_secret, NULL},
    {"GET",    "/v1/numbering/propagation",       OPERATOR,      READ,  0,                rest_numbering_propagation, NULL},

    {"GET",    "/v1/nodes",                       OPERATOR,      READ,  0,                rest_node_list,      NULL},

    {"GET",    "/v1/tokens/revoked",              OPERATOR,      READ,  0,                rest_revoked_list,   paged},
    {"PUT",    "/v1/tokens/revoked/{jti}",        OPERATOR,      WRITE, BODY,             rest_revoked_put,    NULL},

    {"GET",    "/v1/accounts",                    ONBOARD,       ASK,   0,                rest_history_list,   history},
    {"GET",    "/v1/history",                     ONBOARD,       ASK,   0,                rest_history_sums,   history_sums},
    {"GET",    "/v1/attempts",                    OPERATOR,      READ,  0,                rest_attempt_list,   all_attempts},
    {"GET",    "/v1/audit",                       OPERATOR,      READ,  0,                rest_audit_list,     records},

    {"POST",   "/v1/cdrs",                        PBX_REPORT,    rest_cdr_import, LINES,  NULL,                cdrs},
    {"GET",    "/v1/cdrs/terms",                  OPERATOR,      READ,  0,                rest_cdr_terms_get,  NULL},
    {"PUT",    "/v1/cdrs/terms",                  OPERATOR,      WRITE, BODY,             rest_cdr_terms_put,  NULL},
    {"GET",    "/v1/cdrs/unmapped",               OPERATOR,      READ,  0,                rest_cdr_unmapped,   unmapped},
    {"DELETE", "/v1/cdrs/unmapped",               OPERATOR,      WRITE, 0,                rest_cdr_unmapped_clear, of_source},
    {"GET",    "/v1/cdrs/coverage",               OPERATOR,      ASK,   0,                rest_cdr_coverage,   coverage},
    {"GET",    "/v1/cdrs/follows",                PBX_REPORT,    READ,  0,                rest_cdr_follows,    paged},
    {"GET",    "/a/{token}",                      EVERYBODY,     answer_page_get, 0,       NULL,                page},
    {"POST",   "/a/{token}",                      EVERYBODY,     answer_page_post, FORM,   NULL,                page},

    {"GET",    "/livez",                          EVERYBODY,     health_live,    0,       NULL,                NULL},
    {"GET",    "/readyz",                         EVERYBODY,     health_ready,   0,       NULL,                ready},
    {"GET",    "/metrics",                        EVERYBODY,     health_metrics, 0,       NULL,                NULL},
    {"GET",    "/openapi.yaml",                   EVERYBODY,     health_openapi, 0,       NULL,                NULL},
    {"GET",    "/problems/{code}",                EVERYBODY,     problem_page,   0,       NULL,                NULL},
    {0},
};
/* clang-format on */
