"""The explanation of a number: it must say what the dial door would say, and why."""
import pytest
from rest import ANY, as_role, new_tenant, problem, revision


@pytest.fixture
def tenant(daemon):
    tenant = new_tenant(daemon, ["1001", "1002"], profile="standard", outside_line="0")
    for rule in ({"prefix": "0101", "action": "allow"}, {"prefix": "010", "action": "deny", "account": "1002"},
                 {"target": "country:FR", "action": "divert", "divert_to": "voicemail"},
                 {"target": "group:high-risk", "action": "deny"}):
        assert daemon.rest("POST", f"/v1/tenants/{tenant}/rules", rule).status == 201
    return tenant


def check(daemon, tenant, number, account="1001", **more):
    answer = daemon.rest("POST", f"/v1/tenants/{tenant}/check", {"number": number, "account": account} | more)
    assert answer.status == 200, answer
    return answer.json


NUMBERS = ["+1 (212) 555-0100", "0-010-252-61-555-0101", "＋３３ 1 23 45 67 89", "0-118", "184110", "0312345678",
           "0-186-122-0033-010-1767-555-0100", "00441234567890", "0081010377935550100", "*21*0101212555 0100#",
           "090-1234-5678", "junk", "", "+", "9" * 65, "1" * 200, "0120 123456", "00999999999", "7777777", "0,,,1"]


@pytest.mark.parametrize("account", ["1001", "1002", "nobody", "no such account!"])
def test_it_says_what_the_dial_door_says(daemon, tenant, account):
    for number in NUMBERS:
        asked = daemon.authorize(tenant, account, number).json
        told = check(daemon, tenant, number, account)
        for member in asked.keys() - {"decision_id"}:
            assert told[member] == asked[member], (number, member)
        assert told.keys() - asked.keys() == {"reading", "scopes", "country_name"}


def test_the_steps_of_a_reading(daemon, tenant):
    told = check(daemon, tenant, "０-１８６-122-0033-010-1767-555-0100")
    assert [(s["step"], s["taken"]) for s in told["reading"]][:5] == [
        ("fold", ""), ("outside_line", "0"), ("prefix", "186"), ("prefix", "122"), ("prefix", "0033")]
    assert told["reading"][-1]["rest"] == "01017675550100"
    assert told["country"] == "DM" and told["country_name"] == {"en": "Dominica", "ja": "ドミニカ国"}
    assert told["dial"] == "18601017675550100"


def test_each_scope_and_which_took_over(daemon, tenant):
    told = check(daemon, tenant, "+12125550100", "1002")
    assert told["verdict"] == "deny" and told["rule"]["scope"] == "account"
    assert [(s["scope"], s["action"], s["rule"]["target"], s["took_over"]) for s in told["scopes"]] == [
        ("tenant", "allow", "0101", True), ("account", "deny", "010", True)]
    told = check(daemon, tenant, "+12125550100", "1001")
    assert told["verdict"] == "allow" and [s["scope"] for s in told["scopes"]] == ["tenant"]
    assert all(s["text"] for s in told["scopes"] + told["reading"])


def test_a_platform_lock(daemon, tenant):
    made = daemon.rest("POST", "/v1/platform/rules", {"prefix": "0101", "action": "deny", "locked": True})
    try:
        told = check(daemon, tenant, "+12125550100")
        assert (told["verdict"], told["reason"]) == ("deny", "lock")
        assert told["scopes"][0]["locked"] and told["scopes"][0]["scope"] == "platform"
    finally:
        daemon.rest("DELETE", made.headers["Location"], headers=ANY)


def test_a_draft_stands_in_for_the_rules(daemon, tenant):
    before = revision(daemon, tenant)
    assert check(daemon, tenant, "+12125550100")["verdict"] == "allow"
    draft = [{"prefix": "010", "action": "deny"}]
    told = check(daemon, tenant, "+12125550100", rules=draft)
    assert (told["verdict"], told["rule"]["id"]) == ("deny", "")
    assert check(daemon, tenant, "+12125550100", rules=[])["reason"] == "default"
    draft.append({"prefix": "0101", "action": "divert", "divert_to": "decoy", "account": "1001"})
    assert check(daemon, tenant, "+12125550100", rules=draft)["divert_to"] == "decoy"
    assert check(daemon, tenant, "+12125550100", "1002", rules=draft)["verdict"] == "deny"
    # the list as it was got is a draft, too
    listed = daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"]
    assert check(daemon, tenant, "+12125550100", rules=listed)["verdict"] == "allow"
    assert revision(daemon, tenant) == before
    assert check(daemon, tenant, "+12125550100")["verdict"] == "allow"


def test_at_another_time(daemon, tenant):
    week = {"prefix": "010", "action": "allow", "starts_at": "2035-01-01T00:00:00Z", "expires_at": "2035-01-08T00:00:00Z"}
    rules = [{"prefix": "010", "action": "deny"}, week]
    for at, expected in (("2034-12-31T23:59:59.999Z", "deny"), ("2035-01-01T09:00:00+09:00", "allow"),
                         ("2035-01-07T23:59:59Z", "allow"), ("2035-01-08T00:00:00Z", "deny"), (None, "deny")):
        assert check(daemon, tenant, "+12125550100", rules=rules, at=at)["verdict"] == expected, at


def test_nothing_is_recorded(daemon, tenant):
    told = check(daemon, tenant, "0-010-252-61-555-0101")
    assert told["verdict"] == "deny"
    kept = daemon.rest("GET", f"/v1/tenants/{tenant}/attempts").json["attempts"]
    assert told["decision_id"] not in [attempt["decision_id"] for attempt in kept]


def test_what_is_refused(daemon, tenant):
    path = f"/v1/tenants/{tenant}/check"
    problem(daemon.rest("POST", path, {}), 400, "invalid", "/number")
    problem(daemon.rest("POST", path, {"number": 110}), 400, "invalid", "/number")
    problem(daemon.rest("POST", path, {"number": "1", "at": "tomorrow"}), 400, "invalid", "/at")
    problem(daemon.rest("POST", path, {"number": "1\u0007"}), 400, "invalid", "/number")
    problem(daemon.rest("POST", path, {"number": "1" * 257}), 400, "invalid", "/number")
    problem(daemon.rest("POST", path, {"number": "1", "rules": [{"prefix": "0"}]}), 400, "invalid", "/rules/0/action")
    rule = {"target": "group:nowhere", "action": "deny"}
    problem(daemon.rest("POST", path, {"number": "1", "rules": [rule]}), 400, "invalid", "/rules/0/target")
    rule = {"prefix": "010", "action": "deny"}
    other = {"prefix": "0101", "action": "allow"}
    problem(daemon.rest("POST", path, {"number": "1", "rules": [other, rule, rule]}), 409, "exists", "/rules/2")
    dated = [{"prefix": "010", "action": "allow", "starts_at": f"20{a}-01-01T00:00:00Z", "expires_at": f"20{b}-01-01T00:00:00Z"}
             for a, b in ((40, 42), (30, 35), (35, 40), (41, 43))]
    assert daemon.rest("POST", path, {"number": "1", "rules": dated[:3] + [rule]}).status == 200
    problem(daemon.rest("POST", path, {"number": "1", "rules": dated}), 409, "exists", "/rules/3")
    problem(daemon.rest("POST", "/v1/tenants/nobody/check", {"number": "1"}), 404, "not_found")


def test_a_suspended_tenant(daemon):
    tenant = new_tenant(daemon, status="suspended")
    assert check(daemon, tenant, "0312345678")["reason"] == "suspended"
    assert check(daemon, tenant, "119")["reason"] == "emergency"


def test_viewers_may_check(daemon, tenant):
    viewer = as_role(daemon, "tenant_viewer", tenant)
    assert viewer("POST", f"/v1/tenants/{tenant}/check", {"number": "110"}).json["verdict"] == "allow"
