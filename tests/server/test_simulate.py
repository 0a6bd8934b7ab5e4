"""A draft of rules against the calls really made, over HTTP and on the command line."""
import json
import sqlite3
import time

import pytest
from daemon import Daemon
from rest import ANY, as_role, new_tenant, problem
from test_cli import Cli

NOW = int(time.time() * 1000)
HOUR, DAY = 3600_000, 86400_000
SOMALIA, AMERICA, TOKYO = ("010252615550101", "international", "SO"), ("01012125550100", "international", "US"), ("0312345678", "geographic", "")


def call(n, account, number, age_ms, tenant="acme"):
    number, kind, country = number
    return (tenant, NOW - age_ms, str(n), account, number, kind, country, int(kind == "international"), 60, "answered", "pbx1", "", f"c.{n}", "")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    daemon = Daemon(tmp_path_factory.mktemp("simulate")).start()
    new = daemon.rest("PUT", "/v1/tenants/acme", {"name": "Acme K.K.", "profile": "open"})
    assert new.status == 201, new
    daemon.stop()
    rows = [call(n, "1001", SOMALIA, HOUR * (n + 1)) for n in range(30)]
    rows += [call(100 + n, "1002", AMERICA, HOUR * (n + 1)) for n in range(7)]
    rows += [call(200 + n, "1002", TOKYO, HOUR * (n + 1)) for n in range(50)]
    rows += [call(300, "1003", SOMALIA, 40 * DAY), call(400, "1001", AMERICA, HOUR, "other")]
    db = sqlite3.connect(daemon.folder / "store.db")
    db.executemany(f"INSERT INTO calls VALUES ({','.join('?' * 14)})", rows)
    db.commit()
    db.close()
    daemon.start()
    yield daemon
    daemon.stop()


PATH = "/v1/tenants/acme/simulate"


@pytest.fixture
def rule(world):
    """One rule that is there: deny 01025."""
    answer = world.rest("POST", "/v1/tenants/acme/rules", {"prefix": "01025", "action": "deny"})
    assert answer.status == 201
    yield answer.json["id"]
    world.rest("DELETE", answer.headers["Location"], headers=ANY)


def test_a_rule_more(world):
    told = world.rest("POST", PATH, {"add": [{"prefix": "010", "action": "deny"}, {"prefix": "0101", "action": "allow"}]})
    assert told.status == 200, told
    told = told.json
    assert (told["calls"], told["refused"], told["diverted"], told["passed"]) == (87, 30, 0, 0)
    assert told["before"] == {"allow": 87, "divert": 0, "deny": 0} and told["after"] == {"allow": 57, "divert": 0, "deny": 30}
    assert told["countries"] == [{"country": "SO", "refused": 30, "diverted": 0, "passed": 0}]
    assert told["prefixes"] == [{"prefix": "0102526", "refused": 30, "diverted": 0, "passed": 0}]
    assert [one["account"] for one in told["accounts"]] == ["1001"]
    assert len(told["examples"]) == 10 and told["examples"][0]["at"] > told["examples"][9]["at"]
    example = told["examples"][0]
    assert (example["change"], example["number"], example["seconds"]) == ("refused", SOMALIA[0], 60)
    assert example["before"] == {"verdict": "allow", "rule": None} and example["after"] == {"verdict": "deny", "rule": "010"}
    longer = world.rest("POST", PATH, {"days": 60, "add": [{"target": "country:SO", "action": "divert", "divert_to": "voicemail"}]}).json
    assert (longer["calls"], longer["diverted"], longer["days"]) == (88, 31, 60)


def test_a_rule_less_and_other_rules(world, rule):
    told = world.rest("POST", PATH, {"remove": [rule]}).json
    assert (told["refused"], told["passed"]) == (0, 30) and told["before"]["deny"] == 30
    told = world.rest("POST", PATH, {"remove": [rule], "add": [{"account": "1002", "prefix": "0101", "action": "deny"}]}).json
    assert (told["refused"], told["passed"]) == (7, 30)
    assert [(one["country"], one["refused"], one["passed"]) for one in told["countries"]] == [("SO", 0, 30), ("US", 7, 0)]
    told = world.rest("POST", PATH, {"rules": []}).json
    assert told["passed"] == 30
    told = world.rest("POST", PATH, {"rules": [{"prefix": "01025", "action": "deny"}]}).json
    assert (told["refused"], told["passed"]) == (0, 0)
    assert len(world.rest("GET", "/v1/tenants/acme/rules").json["rules"]) == 1, "nothing was saved"


def test_rules_are_judged_as_of_now(world):
    ended = {"prefix": "010", "action": "deny", "expires_at": "2020-01-01T00:00:00Z"}
    assert world.rest("POST", PATH, {"add": [ended]}).json["refused"] == 0
    begun = {"prefix": "010", "action": "deny", "starts_at": "2020-01-01T00:00:00Z"}
    assert world.rest("POST", PATH, {"add": [begun]}).json["refused"] == 37


def test_mistakes_are_told(world, rule):
    deny = {"prefix": "010", "action": "deny"}
    problem(world.rest("POST", PATH, {}), 400, "invalid")
    problem(world.rest("POST", PATH, {"days": 30}), 400, "invalid")
    problem(world.rest("POST", PATH, {"rules": [], "add": [deny]}), 400, "invalid")
    problem(world.rest("POST", PATH, {"add": [deny], "days": 0}), 400, "invalid", "/days")
    problem(world.rest("POST", PATH, {"add": [deny], "days": 4000}), 400, "invalid", "/days")
    problem(world.rest("POST", PATH, {"add": deny}), 400, "invalid", "/add")
    problem(world.rest("POST", PATH, {"add": [{"prefix": "x", "action": "deny"}]}), 400, "invalid", "/add/0/prefix")
    problem(world.rest("POST", PATH, {"add": [{"target": "country:ZZ", "action": "deny"}]}), 400, "invalid", "/add/0/target")
    problem(world.rest("POST", PATH, {"add": [deny, deny]}), 409, "exists", "/add/1")
    taken = world.rest("POST", PATH, {"add": [{"prefix": "01025", "action": "allow"}]})
    problem(taken, 409, "exists", "/add/0")
    assert "of 01025 already: remove it as well" in taken.json["detail"]
    problem(world.rest("POST", PATH, {"remove": [rule, "nope"]}), 400, "invalid", "/remove/1")
    problem(world.rest("POST", PATH, {"remove": rule}), 400, "invalid", "/remove")
    problem(world.rest("POST", "/v1/tenants/nobody/simulate", {"add": [deny]}), 404, "not_found")


def test_who_may(world):
    new_tenant(world)
    deny = {"add": [{"prefix": "010", "action": "deny"}]}
    for role in ("tenant_admin", "tenant_viewer"):
        assert as_role(world, role, "acme")("POST", PATH, deny).status == 200
        problem(as_role(world, role, "acme")("POST", "/v1/tenants/other/simulate", deny), 404, "not_found")
    problem(as_role(world, "provisioning")("POST", PATH, deny), 403, "forbidden")


def test_on_the_command_line(world, rule, tmp_path):
    cli = Cli(world)
    text = cli("simulate", "acme", "--add", "deny 0101", "--add", "divert 03 @1002 voicemail", "--remove", "01025")
    lines = text.splitlines()
    assert lines[0] == "87 calls of acme in the last 30 days"
    assert [line.split() for line in lines[1:4]] == [["refused", "7"], ["diverted", "50"], ["newly", "pass", "30"]]
    assert any(line.startswith("SO") and line.endswith("# 30 newly pass") for line in lines), text
    assert any(line.startswith("US") and line.endswith(" 7 refused") and line.count("#") == 7 for line in lines), text
    assert "0102526" in text and "EXAMPLE" in text and SOMALIA[0] in text
    assert cli.json("simulate", "acme", "--remove", rule)["passed"] == 30
    (tmp_path / "rules.json").write_text(json.dumps({"rules": [{"prefix": "010", "action": "deny"}]}))
    assert cli.json("simulate", "acme", "--rules", tmp_path / "rules.json", "--days", 60)["refused"] == 7
    assert "expected an action and a target" in cli("simulate", "acme", "--add", "deny", status=2)
    assert "add or remove" in cli("simulate", "acme", status=2)
