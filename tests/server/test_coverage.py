"""GET /v1/cdrs/coverage: calls in the records that nobody asked about."""
import time

import pytest
from cdr import days_ago, line, sent, state_terms
from rest import new_tenant, problem
from test_cli import Cli

WAIT_SECONDS = 30


@pytest.fixture(scope="module", autouse=True)
def terms(daemon):
    state_terms(daemon)


def ask(daemon, tenant, account, number, **more):
    assert daemon.authorize(tenant, account, number, **more).json["number"]


def wait_until_recorded(daemon, tenant, attempts, allowed):
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        said = daemon.rest("GET", f"/v1/tenants/{tenant}/attempts?from=2020-01-01T00:00:00Z&limit=100").json
        if len(said["attempts"]) == attempts and said["allowed_domestic"] == allowed:
            return
        time.sleep(0.05)
    raise AssertionError(said)


def coverage(daemon, tenant, query=""):
    answer = daemon.rest("GET", f"/v1/cdrs/coverage?tenant={tenant}{query}")
    assert answer.status == 200, answer
    return answer.json


def test_calls_are_found_by_id_number_or_count(daemon):
    tenant, now = new_tenant(daemon, accounts=["1001"]), days_ago(0)
    stamp = int(now.timestamp())
    ask(daemon, tenant, "1001", "01012125550100", call_id=f"{stamp}.9001")   # by id, another account in the record
    ask(daemon, tenant, "1001", "01012125550101")                            # by number
    ask(daemon, tenant, "1001", "0312345678")                                # counted, not kept
    ask(daemon, tenant, "1001", "0312345679")
    wait_until_recorded(daemon, tenant, 2, 2)
    text = (line(tenant, "1009", "01012125550100", now, serial=9001) +
            line(tenant, "1001", "01012125550101", now) +
            line(tenant, "1001", "01012125550101", now) +                    # a second call, asked once
            "".join(line(tenant, "1001", f"031234567{n}", now) for n in range(3)) +
            line(tenant, "1001", "119", now) +
            line(tenant, "1002", "0312345678", now, context="from-fax") +
            line(tenant, "1002", "01082255500100", now, context="from-fax", disposition="BUSY"))
    assert sent(daemon, text, "source=cover")["added"] == 9
    said = coverage(daemon, tenant)
    assert (said["calls"], said["emergency"], said["not_asked"], said["not_asked_overseas"]) == (9, 1, 4, 2)
    assert said["asked"] == {"by_call_id": 1, "by_number": 1, "by_count": 2}
    groups = {(group["account"], group["context"]): group for group in said["groups"]}
    assert groups.keys() == {("1001", "from-internal"), ("1002", "from-fax")}
    fax = groups["1002", "from-fax"]
    assert (fax["calls"], fax["overseas"], fax["answered"]) == (2, 1, 1)
    assert {example["number"] for example in fax["examples"]} == {"0312345678", "01082255500100"}
    cli = Cli(daemon)("cdr", "coverage", "--tenant", tenant, status=1).splitlines()
    assert cli[0] == ("9 calls: 4 were asked for (1 by call id, 1 by number, 2 by count), 1 to emergency numbers, "
                      "4 without anybody asking, 2 of these abroad")
    assert cli[1].split()[:3] == ["TENANT", "ACCOUNT", "CONTEXT"] and len(cli) == 4


def test_the_tolerance(daemon):
    tenant = new_tenant(daemon)
    ask(daemon, tenant, "1001", "01012125550100")
    wait_until_recorded(daemon, tenant, 1, 0)
    sent(daemon, line(tenant, "1001", "01012125550100", days_ago(600 / 86400)), "source=cover")
    assert coverage(daemon, tenant)["not_asked"] == 1
    assert coverage(daemon, tenant, "&tolerance=1800")["asked"]["by_number"] == 1
    assert coverage(daemon, tenant, "&to=2024-01-01T00:00:00Z")["calls"] == 0
    assert Cli(daemon)("cdr", "coverage", "--tenant", tenant, "--tolerance", "30m").startswith("1 calls: 1 were asked")


def test_groups_and_examples_are_bounded(daemon):
    tenant, now = new_tenant(daemon), days_ago(0)
    text = "".join(line(tenant, f"{n}", "0312345678", now) for n in range(1100))
    text += "".join(line(tenant, "5", f"0101212555010{n}", now) for n in range(9))
    assert sent(daemon, text, "source=cover")["added"] == 1109
    said = coverage(daemon, tenant)
    assert said["not_asked"] == 1109 and len(said["groups"]) == 1000 and said["more_calls"] == 100
    assert said["groups"][0]["account"] == "5" and said["groups"][0]["calls"] == 10
    assert len(said["groups"][0]["examples"]) == 3 and all(e["overseas"] for e in said["groups"][0]["examples"])


def test_what_is_no_question(daemon):
    for query in ("tolerance=3601", "tolerance=x", "tolerance=", "from=yesterday", "to=1",
                  "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"):
        problem(daemon.rest("GET", f"/v1/cdrs/coverage?{query}"), 400, "invalid")
