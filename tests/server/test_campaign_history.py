"""Whom a campaign chooses by real history, what it would do to calls like those, and records that come late."""
import sqlite3
import time

import pytest
from campaigning import accounts, order, rules, states, wait_for
from daemon import Daemon

DAY = 86400_000
NOW = int(time.time() * 1000)
TODAY = (NOW + 9 * 3600_000) // DAY  # of Japan
SINCE = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(NOW / 1000 - 200 * 86400))


def call(tenant, account, days_before, n, country="SO", mark=""):
    is_overseas = country != "JP"
    return (tenant, NOW - days_before * DAY, f"{account}-{n}", account, "01025261555010" if is_overseas else "0312345678",
            "international" if is_overseas else "geographic", country if is_overseas else "", int(is_overseas), 60, "answered",
            "pbx1", "", f"{account}.{n}", mark)


def add_calls(folder, rows):
    db = sqlite3.connect(folder / "store.db")
    db.executemany(f"INSERT INTO calls VALUES ({','.join('?' * 14)})", rows)
    db.commit()
    db.close()


def fill(folder):
    """1 called abroad; 2 only fraudsters did from it; 3 never; 4 is new; 5 called abroad before the period; gap
    has records of too few days."""
    old = NOW - 300 * DAY
    db = sqlite3.connect(folder / "store.db")
    for tenant in ("acme", "gap"):
        db.execute("INSERT INTO policies VALUES (?, 1, 1, 1)", (tenant,))
        db.execute("INSERT INTO tenants VALUES (?, 'T', 'open', '', 'ja', 'Asia/Tokyo', 'active', ?, ?, 1)", (tenant, old, old))
    db.executemany("INSERT INTO accounts VALUES (?, ?, '', '', ?, 1, 1, 1)",
                   [("acme", "1", old), ("acme", "2", old), ("acme", "3", old), ("acme", "4", NOW), ("acme", "5", old), ("gap", "1", old)])
    db.executemany("INSERT INTO call_source_days VALUES (?, ?, 1)", [("pbx1", TODAY - n) for n in range(250)] + [("pbx2", TODAY - 3)])
    db.executemany("INSERT INTO call_tenant_sources VALUES (?, ?)", [("acme", "pbx1"), ("gap", "pbx2")])
    db.commit()
    db.close()
    add_calls(folder, [call("acme", "1", 20, 0), call("acme", "2", 20, 0, mark="01K"), call("acme", "3", 5, 0, "JP"),
                       call("acme", "5", 220, 0), call("gap", "1", 3, 0, "JP")])


@pytest.fixture
def daemon(tmp_path):
    daemon = Daemon(tmp_path, "--node=here").start()
    daemon.stop()
    fill(tmp_path)
    daemon.start()
    yield daemon
    daemon.stop()


def plan(daemon, **selection):
    answer = daemon.rest("POST", "/v1/campaigns", {"name": "x", "rate": 0, "selection": {"since": SINCE} | selection})
    assert answer.status == 201, answer
    wait_for(daemon, answer.json["id"], "planned")
    return answer.json["id"]


def test_by_history(daemon):
    campaign = plan(daemon)
    assert states(daemon, campaign) == {
        ("acme", "1"): ("out", "called"), ("acme", "2"): ("planned", "never"), ("acme", "3"): ("planned", "never"),
        ("acme", "4"): ("out", "too_young"), ("acme", "5"): ("planned", "never"), ("gap", "1"): ("out", "little_history")}
    row = accounts(daemon, campaign)["acme", "1"]
    assert (row["overseas_calls"], row["calls"]) == (1, 1) and row["last_overseas_at"] and row["days_covered"] >= 190
    # nobody in it called abroad, so there is nothing that it would have refused
    told = daemon.rest("POST", f"/v1/campaigns/{campaign}/simulate", {"days": 100})
    assert told.status == 200 and told.json["complete"] and told.json["tenants"] == 1
    assert told.json["calls"] == 3 and told.json["refused"] == 1  # the marked one: a call is a call
    assert [example["account"] for example in told.json["examples"]] == ["2"]

    daemon.stop()  # a record of a call made before the plan comes in after it
    add_calls(daemon.folder, [call("acme", "3", 10, 1)])
    daemon.start()
    order(daemon, campaign, "apply")
    wait_for(daemon, campaign, "applied")
    after = states(daemon, campaign)
    assert after["acme", "3"] == ("skipped", "called")
    assert after["acme", "2"] == ("applied", "never") and after["acme", "5"] == ("applied", "never")
    assert [rule[0] for rule in rules(daemon, "acme")] == ["2", "5"]


def test_whole_tenants_by_history(daemon):
    campaign = plan(daemon, level="tenant")
    assert states(daemon, campaign) == {("acme", None): ("out", "called"), ("gap", None): ("out", "little_history")}
    with_unknown = plan(daemon, level="tenant", unknown=True)
    assert states(daemon, with_unknown)["gap", None] == ("planned", "little_history")


def test_what_a_simulation_takes(daemon):
    campaign = plan(daemon)
    for body in ({"days": 0}, {"days": "x"}, {"day": 1}, {"days": 1, "more": 2}):
        assert daemon.rest("POST", f"/v1/campaigns/{campaign}/simulate", body).status == 400
    assert daemon.rest("POST", "/v1/campaigns/nonsense/simulate", {}).status == 404
