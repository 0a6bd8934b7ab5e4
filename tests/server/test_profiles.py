"""Profiles: what tenants and accounts start with."""
import pytest
from rest import ANY, new_tenant, problem, verdict

STANDARD = {"rules": [{"prefix": "010", "action": "deny"}], "default": True, "name": "International calls barred"}


@pytest.fixture
def profiles(daemon):
    yield "/v1/profiles"
    assert daemon.rest("PUT", "/v1/profiles/standard", STANDARD).status == 200
    for profile in daemon.rest("GET", "/v1/profiles").json["profiles"]:
        if not profile["builtin"]:
            assert daemon.rest("DELETE", f"/v1/profiles/{profile['id']}", headers=ANY).status == 204


def test_two_are_there_from_the_start(daemon):
    listed = {p["id"]: p for p in daemon.rest("GET", "/v1/profiles").json["profiles"]}
    assert listed["standard"]["default"] and listed["standard"]["builtin"]
    assert [(r["prefix"], r["action"]) for r in listed["standard"]["rules"]] == [("010", "deny")]
    assert listed["open"]["rules"] == [] and listed["open"]["builtin"] and not listed["open"]["default"]


def test_put_and_use(daemon, profiles):
    body = {"name": "Only South Korea", "rules": [{"prefix": "010", "action": "deny", "note": "all"},
                                                  {"target": "country:kr", "action": "allow"}]}
    made = daemon.rest("PUT", f"{profiles}/korea", body)
    assert made.status == 201 and made.headers["Location"] == f"{profiles}/korea"
    assert [r["target"] for r in made.json["rules"]] == ["010", "country:KR"]
    assert daemon.rest("PUT", f"{profiles}/korea", made.json).json["rules"] == made.json["rules"]
    tenant = new_tenant(daemon, profile="korea")
    rules = daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"]
    assert {(r["target"], r["source"], r["note"]) for r in rules} == {("010", "onboarding", "all"),
                                                                     ("country:KR", "onboarding", None)}
    assert verdict(daemon, tenant, "1", "+82212345678") == "allow"
    assert verdict(daemon, tenant, "1", "+12125550100") == "deny"
    # what was copied is the tenant's own from then on
    daemon.rest("PUT", f"{profiles}/korea", {"rules": []})
    assert verdict(daemon, tenant, "1", "+12125550100") == "deny"
    assert daemon.rest("DELETE", f"{profiles}/korea", headers=ANY).status == 204
    assert verdict(daemon, tenant, "1", "+12125550100") == "deny"


def test_what_is_left_out_stays(daemon, profiles):
    daemon.rest("PUT", f"{profiles}/p", {"name": "P", "rules": [{"prefix": "0570", "action": "deny"}]})
    answer = daemon.rest("PUT", f"{profiles}/p", {"name": "Q"}).json
    assert answer["name"] == "Q" and [r["prefix"] for r in answer["rules"]] == ["0570"]


def test_the_default_moves(daemon, profiles):
    daemon.rest("PUT", f"{profiles}/cautious", {"default": True, "rules": [{"prefix": "0", "action": "deny"}]})
    assert [p["id"] for p in daemon.rest("GET", profiles).json["profiles"] if p["default"]] == ["cautious"]
    tenant = new_tenant(daemon, profile=None)
    assert daemon.rest("GET", f"/v1/tenants/{tenant}").json["profile"] == "cautious"
    assert verdict(daemon, tenant, "1", "0312345678") == "deny"
    problem(daemon.rest("DELETE", f"{profiles}/cautious", headers=ANY), 409, "exists")
    problem(daemon.rest("PUT", f"{profiles}/cautious", {"default": False}), 400, "invalid", "/default")


def test_preconditions(daemon, profiles):
    made = daemon.rest("PUT", f"{profiles}/p", {})
    tag = made.headers["ETag"]
    answer = daemon.rest("PUT", f"{profiles}/p", {"name": "n"}, headers={"If-Match": tag})
    assert answer.status == 200 and answer.headers["ETag"] != tag
    stale = daemon.rest("PUT", f"{profiles}/p", {"name": "m"}, headers={"If-Match": tag})
    problem(stale, 412, "stale")
    assert stale.headers["ETag"] == answer.headers["ETag"]
    problem(daemon.rest("PUT", f"{profiles}/p", {}, headers={"If-None-Match": "*"}), 412, "stale")
    problem(daemon.rest("DELETE", f"{profiles}/p"), 428, "match_required")
    problem(daemon.rest("DELETE", f"{profiles}/p", headers={"If-Match": tag}), 412, "stale")


@pytest.mark.parametrize("rules, status, pointer", [
    ([{"prefix": "010", "action": "deny", "account": "1"}], 400, "/rules/0/account"),
    ([{"prefix": "010", "action": "deny", "source": "customer"}], 400, "/rules/0/source"),
    ([{"prefix": "010", "action": "deny", "expires_at": "2030-01-01T00:00:00Z"}], 400, "/rules/0/expires_at"),
    ([{"prefix": "010", "action": "deny", "locked": True}], 400, "/rules/0/locked"),
    ([{"target": "group:nowhere", "action": "deny"}], 400, "/rules/0/target"),
    ([{"prefix": "0", "action": "deny"}] * 2, 409, None),
    ([{"prefix": f"0{n}", "action": "deny"} for n in range(1001)], 422, "/rules"),
])
def test_rules_that_no_profile_may_have(daemon, profiles, rules, status, pointer):
    code = {400: "invalid", 409: "exists", 422: "limit"}[status]
    problem(daemon.rest("PUT", f"{profiles}/bad", {"rules": rules}), status, code, pointer)
    assert daemon.rest("GET", f"{profiles}/bad").status == 404


def test_built_in_ones_stay(daemon):
    for name in ("standard", "open"):
        problem(daemon.rest("DELETE", f"/v1/profiles/{name}", headers=ANY), 409, "exists")
    problem(daemon.rest("DELETE", "/v1/profiles/none", headers=ANY), 404, "not_found")
    problem(daemon.rest("PUT", "/v1/profiles/Not-A-Slug", {}), 400, "invalid")
