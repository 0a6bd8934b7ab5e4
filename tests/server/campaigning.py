"""Small words for tests of campaigns."""
import time

from rest import all_pages

SINCE = "2024-01-01T00:00:00Z"
WAIT_SECONDS = 60


def wait_for(daemon, campaign, state, seconds=WAIT_SECONDS):
    """The campaign, once it is in this state."""
    deadline = time.monotonic() + seconds
    while True:
        answer = daemon.rest("GET", f"/v1/campaigns/{campaign}")
        assert answer.status == 200, answer
        if answer.json["state"] == state:
            return answer.json
        assert time.monotonic() < deadline, (answer.json, daemon.log()[-3000:])
        time.sleep(0.02)


def plan(daemon, tenants, wait=True, **more):
    """A campaign of these tenants that takes the young, too; its id."""
    selection = {"since": SINCE, "tenants": tenants, "unknown": True} | more.pop("selection", {})
    body = {"name": "test", "selection": selection, "rate": 0} | more
    answer = daemon.rest("POST", "/v1/campaigns", body)
    assert answer.status == 201, answer
    if wait:
        wait_for(daemon, answer.json["id"], "planned")
    return answer.json["id"]


def order(daemon, campaign, verb, body=None, status=202):
    if body is None and verb in ("apply", "notify"):
        body = {"force": True} if verb == "apply" else {}
    answer = daemon.rest("POST", f"/v1/campaigns/{campaign}/{verb}", body)
    assert answer.status == status, answer
    return answer


def accounts(daemon, campaign, query=""):
    """(tenant, account): its row."""
    rows = all_pages(daemon, f"/v1/campaigns/{campaign}/accounts{query}", "accounts")
    return {(row["tenant"], row["account"]): row for row in rows}


def states(daemon, campaign):
    return {place: (row["state"], row["reason"]) for place, row in accounts(daemon, campaign).items()}


def rules(daemon, tenant):
    """(account, target, action, source) of each rule."""
    return sorted((rule["account"] or "", rule["target"], rule["action"], rule["source"])
                  for rule in all_pages(daemon, f"/v1/tenants/{tenant}/rules", "rules"))
