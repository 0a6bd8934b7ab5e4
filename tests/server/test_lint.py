"""The linter over the wire: findings, fixes as one change, and who may."""
import pytest
from cdr import days_ago, line, sent, state_terms
from rest import as_role, new_tenant, problem, verdict


@pytest.fixture
def tenant(daemon):
    return new_tenant(daemon, ["1001"], profile="standard")


def add(daemon, tenant, **rule):
    answer = daemon.rest("POST", f"/v1/tenants/{tenant}/rules", rule)
    assert answer.status == 201, answer
    return answer.json["id"]


def lint(daemon, tenant, query=""):
    answer = daemon.rest("GET", f"/v1/tenants/{tenant}/lint{query}")
    assert answer.status == 200, answer
    return answer.json


def fix(ask, tenant, *ids):
    return ask("POST", f"/v1/tenants/{tenant}/lint/fix", {"findings": list(ids)})


def test_standard_is_clean(daemon, tenant):
    assert lint(daemon, tenant) == {"findings": [], "rules": 1, "history_days": 0}
    assert lint(daemon, tenant, "?days=0")["history_days"] is None


def test_a_fix_is_one_change_and_in_force_at_once(daemon, tenant):
    rule = add(daemon, tenant, prefix="0101", action="allow", note="New York")
    assert verdict(daemon, tenant, "1001", "0101 876 555 0100") == "allow"
    [finding] = lint(daemon, tenant)["findings"]
    assert (finding["code"], finding["rule"], finding["level"]) == ("opens_beyond_note", rule, "warning")
    assert "21 area codes in 18 territories" in finding["text"]["en"]
    before = daemon.rest("GET", f"/v1/tenants/{tenant}").json["revision"]
    answer = fix(daemon.rest, tenant, finding["id"])
    assert answer.status == 200 and answer.json == {"fixed": 1}, answer
    assert int(answer.headers["Sekisho-Revision"]) == before + 1
    assert lint(daemon, tenant)["findings"] == []
    assert verdict(daemon, tenant, "1001", "0101 876 555 0100") == "deny"
    assert verdict(daemon, tenant, "1001", "0101 212 555 0100") == "allow"
    # it was done: the same finding holds no more
    problem(fix(daemon.rest, tenant, finding["id"]), 412, "stale")


def test_all_or_nothing(daemon, tenant):
    for digit in "23456789":
        add(daemon, tenant, prefix=f"010{digit}", action="deny", account="1001")
    add(daemon, tenant, prefix="119", action="deny")
    found = {finding["code"]: finding["id"] for finding in lint(daemon, tenant)["findings"]}
    # for the account 0100 is closed by its tenant
    assert found.keys() == {"touches_emergency"}
    rules = daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json
    problem(fix(daemon.rest, tenant, found["touches_emergency"], "0" * 16), 412, "stale")
    assert daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json == rules
    assert fix(daemon.rest, tenant, found["touches_emergency"]).status == 200
    assert lint(daemon, tenant)["findings"] == []


def test_the_customer_mends_and_the_viewer_looks(daemon, tenant):
    add(daemon, tenant, prefix="010252", action="allow")
    admin, viewer = as_role(daemon, "tenant_admin", tenant), as_role(daemon, "tenant_viewer", tenant)
    [finding] = viewer("GET", f"/v1/tenants/{tenant}/lint").json["findings"]
    assert finding["code"] == "opens_high_risk" and finding["fix"]["expires_at"]
    problem(fix(viewer, tenant, finding["id"]), 403, "forbidden")
    assert fix(admin, tenant, finding["id"]).status == 200
    assert not viewer("GET", f"/v1/tenants/{tenant}/lint").json["findings"]
    foreign = new_tenant(daemon)
    problem(admin("GET", f"/v1/tenants/{foreign}/lint"), 404, "not_found")
    problem(fix(admin, foreign, finding["id"]), 404, "not_found")


def test_rules_that_a_customers_fix_adds_are_the_customers(daemon, tenant):
    add(daemon, tenant, prefix="01044", action="allow")
    admin = as_role(daemon, "tenant_admin", tenant)
    [finding] = admin("GET", f"/v1/tenants/{tenant}/lint").json["findings"]
    assert fix(admin, tenant, finding["id"]).status == 200
    added = [rule for rule in admin("GET", f"/v1/tenants/{tenant}/rules").json["rules"]
             if rule["target"].startswith("country:")]
    assert added and {rule["source"] for rule in added} == {"customer"}


@pytest.mark.parametrize("body", [{}, {"findings": []}, {"findings": "all"}, {"findings": [7]}, {"findings": ["x"] * 101},
                                  {"findings": ["x" * 17]}, {"findings": ["0" * 16], "more": 1}])
def test_bad_bodies(daemon, tenant, body):
    problem(daemon.rest("POST", f"/v1/tenants/{tenant}/lint/fix", body), 400, "invalid")


@pytest.mark.parametrize("days", ["", "-1", "x", "3661", "99999999999999999999"])
def test_bad_days(daemon, tenant, days):
    problem(daemon.rest("GET", f"/v1/tenants/{tenant}/lint?days={days}"), 400, "invalid")


def test_an_allow_that_no_call_needed(daemon, tenant):
    """Once there is enough history to say so."""
    state_terms(daemon)
    needed = add(daemon, tenant, prefix="01082", action="allow")
    unused = add(daemon, tenant, prefix="01033", action="allow")
    sent(daemon, line(tenant, "1001", "010 82 2 555 0101", days_ago(40)))
    assert [finding["code"] for finding in lint(daemon, tenant, "?days=20")["findings"]] == []
    found = lint(daemon, tenant)
    assert found["history_days"] == 40
    [finding] = found["findings"]
    assert (finding["code"], finding["level"], finding["rule"]) == ("never_hit", "info", unused)
    assert fix(daemon.rest, tenant, finding["id"]).status == 200
    left = [rule["id"] for rule in daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"]]
    assert needed in left and unused not in left
