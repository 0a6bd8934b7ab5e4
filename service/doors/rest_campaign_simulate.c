/*
 * /v1/campaigns/{c}/simulate: what the campaign would have done to the calls really made, were it applied
 * now. Reads the history of all its tenants, as far as the time for an answer goes.
 */
#include "base/clock.h"
#include "doors/rest.h"
#include "doors/simulation_json.h"
#include "jobs/campaign_simulate.h"
#include "wire/fields.h"

enum { SIMULATIONS_MAX = 2, TIME_MS = 20000, DAYS_DEFAULT = 90, DAYS_MAX = 3660 };

static int take_days(struct rest *rest, int *ret, struct err *err)
{
    static const struct where in_days = {NULL, "days", 0};
    json_t *days = json_object_get(rest->body, "days");
    *ret = DAYS_DEFAULT;
    if (json_object_size(rest->body) > (days ? 1 : 0))
        return err_set(err, ERR_INVALID, "only days is a member of this");
    if (!days)
        return 0;
    if (!json_is_integer(days) || json_integer_value(days) < 1 ||
        json_integer_value(days) > DAYS_MAX)
        return where_err(&in_days, ERR_INVALID, err, "must be a whole number, 1 to %d", DAYS_MAX);
    *ret = (int)json_integer_value(days);
    return 0;
}

static int answer(struct rest *rest, struct simulation *simulation, int days,
                  const struct campaign_simulation *done, int64_t from_ms, int64_t to_ms,
                  struct err *err)
{
    json_t *json = simulation_write(simulation_result(simulation), from_ms, to_ms, days);
    if (json && (json_object_set_new(json, "tenants", json_integer(done->tenants)) ||
                 json_object_set_new(json, "complete", json_boolean(done->is_complete)))) {
        json_decref(json);
        json = NULL;
    }
    return rest_answer(rest, 200, json, 0, err);
}

static int simulate(struct rest *rest, int days, struct err *err)
{
    int64_t now_ms = clock_now_ms(), from_ms = now_ms - days * INT64_C(86400000);
    struct campaign_simulation done;
    struct simulation *simulation;
    int rc = simulation_new(rest->app->rulesets, now_ms, true, &simulation, err);
    if (rc)
        return rc;
    rc = campaign_simulate(rest->app->store, simulation, rest->id, from_ms, now_ms,
                           clock_mono_ms() + TIME_MS, &done, err);
    if (rc == 0)
        rc = answer(rest, simulation, days, &done, from_ms, now_ms, err);
    simulation_free(simulation);
    return rc;
}

int rest_campaign_simulate(struct rest *rest, struct err *err)
{
    int days;
    int rc = take_days(rest, &days, err);
    if (rc)
        return rc;
    bool may_run = atomic_fetch_add(&rest->app->simulations, 1) < SIMULATIONS_MAX;
    rc = may_run ? simulate(rest, days, err)
                 : err_set(err, ERR_CROWDED, "%d simulations are under way", SIMULATIONS_MAX);
    atomic_fetch_sub(&rest->app->simulations, 1);
    return rc;
}
