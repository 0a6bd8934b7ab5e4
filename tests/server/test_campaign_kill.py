"""kill -9 while a campaign is applied and undone, again and again, on both databases: every account is done
exactly once, and what the campaign says it did is what is there."""
import random
import time

import pytest
from campaigning import accounts, order, plan, wait_for
from postgres_server import Postgres, find_programs
from rest import all_pages

TENANTS, ACCOUNTS, KILLS = 12, 25, 4


@pytest.fixture(params=["sqlite", "postgres"])
def store(request):
    """The option for the store."""
    if request.param == "sqlite":
        yield []
        return
    if not find_programs():
        pytest.fail("PostgreSQL is not installed; make test-deps does it")
    server = Postgres()
    try:
        yield [f"--store={server.make().url()}"]
    finally:
        server.remove()


def make_world(daemon):
    tenants = [f"t{n}" for n in range(TENANTS)]
    for tenant in tenants:
        assert daemon.rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant, "profile": "open"}).status == 201
        for n in range(ACCOUNTS):
            assert daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/{n:02}", {}).status == 201
    return tenants


def kill_on_the_way(daemon, campaign, state, seed):
    """Ends the daemon at some moments of the job, and starts it again."""
    moments = random.Random(seed)
    for _ in range(KILLS):
        before = daemon.rest("GET", f"/v1/campaigns/{campaign}").json
        if before["state"] == state:
            break
        time.sleep(moments.uniform(0.005, 0.25))
        daemon.kill()
        daemon.start()
    return wait_for(daemon, campaign, state)


def audited(daemon, tenant, action):
    return sorted(record["object"] for record in all_pages(daemon, f"/v1/tenants/{tenant}/audit", "records")
                  if record["action"] == action)


def test_kill_9(start_daemon, store):
    daemon = start_daemon(*store, "--node=here")
    tenants = make_world(daemon)
    campaign = plan(daemon, tenants, rate=300)
    order(daemon, campaign, "apply")
    applied = kill_on_the_way(daemon, campaign, "applied", "apply")
    assert applied["counts"]["applied"] == TENANTS * ACCOUNTS, applied
    planned = {tenant: sorted(row["rule"] for row in accounts(daemon, campaign, f"?tenant={tenant}").values())
               for tenant in tenants}
    revisions = {}
    for tenant in tenants:
        rules = all_pages(daemon, f"/v1/tenants/{tenant}/rules", "rules")
        assert sorted(rule["id"] for rule in rules) == planned[tenant]
        assert sorted(rule["account"] for rule in rules) == [f"{n:02}" for n in range(ACCOUNTS)]
        assert audited(daemon, tenant, "rule.create") == planned[tenant]
        revisions[tenant] = daemon.rest("GET", f"/v1/tenants/{tenant}").json["revision"]
        rows = accounts(daemon, campaign, f"?tenant={tenant}").values()
        assert {row["revision"] for row in rows} <= set(range(1, revisions[tenant] + 1))
        assert daemon.authorize(tenant, "00", "010-1-212-555-0100").json["verdict"] == "deny"

    order(daemon, campaign, "undo")
    undone = kill_on_the_way(daemon, campaign, "undone", "undo")
    assert (undone["counts"]["undone"], undone["counts"]["kept"]) == (TENANTS * ACCOUNTS, 0), undone
    for tenant in tenants:
        assert all_pages(daemon, f"/v1/tenants/{tenant}/rules", "rules") == []
        assert audited(daemon, tenant, "rule.delete") == planned[tenant]
        assert daemon.rest("GET", f"/v1/tenants/{tenant}").json["revision"] > revisions[tenant]


def test_kill_9_while_planning(start_daemon):
    daemon = start_daemon("--node=here")
    tenants = make_world(daemon)
    campaign = plan(daemon, tenants, wait=False)
    daemon.kill()
    daemon.start()
    planned = wait_for(daemon, campaign, "planned")
    assert planned["counts"]["planned"] == TENANTS * ACCOUNTS
    assert len(accounts(daemon, campaign)) == TENANTS * ACCOUNTS
