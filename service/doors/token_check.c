#include "doors/token_check.h"

#include "base/clock.h"
#include "base/log.h"

/* Why is for the log alone: it would help who is guessing. */
static void tell(struct connection *connection, const char *why)
{
    enum { EVERY_MS = 60 * 1000 };
    struct token_refusals *refusals = &connection->http->app->refusals;
    int64_t now_ms = clock_mono_ms(), told_at_ms = atomic_load(&refusals->told_at_ms);
    log_debug("token_refused", "peer=%s reason=\"%s\"", connection->peer, why);
    atomic_fetch_add(&refusals->count, 1);
    if ((!told_at_ms || now_ms - told_at_ms >= EVERY_MS) &&
        atomic_compare_exchange_strong(&refusals->told_at_ms, &told_at_ms, now_ms))
        log_warn("tokens_refused", "count=%u door=%s peer=%s reason=\"%s\"",
                 atomic_exchange(&refusals->count, 0),
                 connection->http->door == DOOR_DIAL ? "dial" : "admin", connection->peer, why);
}

bool token_check(struct connection *connection, int64_t now_ms, struct credential *ret)
{
    struct err err = {0};
    char scratch[TOKEN_BYTES_MAX];
    struct slice token = auth_token_of_header(connection->facts.authorization, scratch);
    if (token.n == 0) {
        refuse(connection, PROBLEM_INVALID_TOKEN, "a bearer token is required");
        return false;
    }
    if (auth_verify(connection->http->app->auth, token, now_ms, ret, &err)) {
        tell(connection, err.text);
        refuse(connection, PROBLEM_INVALID_TOKEN, "the token is not valid");
        return false;
    }
    return true;
}
