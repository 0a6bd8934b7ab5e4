"""Campaigns on a PostgreSQL that goes away, that refuses one tenant, and with a node that dies at work."""
import time

import pytest
from campaigning import order, plan, rules, states, wait_for
from postgres_server import Postgres, find_programs
from test_postgres import on

pytestmark = pytest.mark.skipif(find_programs() is None, reason="PostgreSQL is not installed")
TENANTS, ACCOUNTS = [f"t{n}" for n in range(6)], 20


@pytest.fixture
def postgres():
    server = Postgres()
    try:
        yield server.make()
    finally:
        server.remove()


def make_world(daemon):
    for tenant in TENANTS:
        assert daemon.rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant, "profile": "open"}).status == 201
        for n in range(ACCOUNTS):
            assert daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/{n:02}", {}).status == 201


def until_some(daemon, campaign, state):
    deadline = time.monotonic() + 60
    while daemon.rest("GET", f"/v1/campaigns/{campaign}").json["counts"][state] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_store_goes_and_comes_back(postgres, start_daemon, tmp_path):
    daemon = on(start_daemon, tmp_path, postgres.url())
    make_world(daemon)
    campaign = plan(daemon, TENANTS, rate=100)
    order(daemon, campaign, "apply")
    until_some(daemon, campaign, "applied")
    for _ in range(2):
        postgres.stop()
        postgres.start()
        time.sleep(0.3)  # some of the work
    assert wait_for(daemon, campaign, "applied")["counts"]["applied"] == len(TENANTS) * ACCOUNTS
    assert [len(rules(daemon, tenant)) for tenant in TENANTS] == [ACCOUNTS] * len(TENANTS)
    made = postgres.sql("SELECT count(*), count(DISTINCT object) FROM audit WHERE action = 'rule.create'", "sekisho")
    assert made == f"{len(TENANTS) * ACCOUNTS}|{len(TENANTS) * ACCOUNTS}"


def test_one_tenants_trouble_is_its_own(postgres, start_daemon, tmp_path):
    daemon = on(start_daemon, tmp_path, postgres.url())
    make_world(daemon)
    postgres.sql("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                 "$$ BEGIN RAISE 'no luck' USING ERRCODE = 'check_violation'; END $$; "
                 "CREATE TRIGGER refuse BEFORE INSERT ON rules FOR EACH ROW WHEN (NEW.tenant = 't3' AND NEW.account < '02') "
                 "EXECUTE FUNCTION refuse()", "sekisho")
    campaign = plan(daemon, TENANTS)
    order(daemon, campaign, "apply")
    applied = wait_for(daemon, campaign, "applied")
    assert (applied["counts"]["applied"], applied["counts"]["failed"]) == (len(TENANTS) * ACCOUNTS - 2, 2)
    assert {place for place, (state, _) in states(daemon, campaign).items() if state == "failed"} == {("t3", "00"), ("t3", "01")}
    assert "campaign_account_failed" in daemon.log()
    postgres.sql("DROP TRIGGER refuse ON rules", "sekisho")
    order(daemon, campaign, "apply")
    assert wait_for(daemon, campaign, "applied")["counts"]["applied"] == len(TENANTS) * ACCOUNTS


def test_another_node_goes_on(postgres, start_daemon, tmp_path):
    first = on(start_daemon, tmp_path, postgres.url(), "first")
    make_world(first)
    campaign = plan(first, TENANTS, rate=60)
    second = on(start_daemon, tmp_path, postgres.url(), "second")
    order(first, campaign, "apply")
    until_some(first, campaign, "applied")
    node = second.rest("GET", f"/v1/campaigns/{campaign}").json["progress"]["node"]
    dying, other = (first, second) if node == "first" else (second, first)
    dying.kill()
    assert wait_for(other, campaign, "applied")["counts"]["applied"] == len(TENANTS) * ACCOUNTS
    assert [len(rules(other, tenant)) for tenant in TENANTS] == [ACCOUNTS] * len(TENANTS)
