/*
 * The work of the REST routes, one file a resource: rest_tenants.c, rest_accounts.c, rest_rules.c
 * (tenant's and platform's), rest_profiles.c, rest_check.c, rest_tokens.c, rest_audit.c,
 * rest_attempts.c. Each function runs inside the frame of exchange.h; routes.c says who may call it.
 */
#ifndef SEKISHO_DOORS_REST_H
#define SEKISHO_DOORS_REST_H

#include "doors/http.h"

exchange_fn rest_tenant_list, rest_tenant_get, rest_tenant_put, rest_tenant_patch, rest_tenant_delete;
exchange_fn rest_account_list, rest_account_get, rest_account_put, rest_account_patch,
    rest_account_delete;
exchange_fn rest_rule_list, rest_rule_get, rest_rule_create, rest_rule_replace, rest_rule_patch,
    rest_rule_delete;
exchange_fn rest_profile_list, rest_profile_get, rest_profile_put, rest_profile_delete;
exchange_fn rest_check;
exchange_fn rest_revoked_list, rest_revoked_put;
exchange_fn rest_audit_list;
exchange_fn rest_attempt_list;

#endif
