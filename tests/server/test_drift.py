"""Drift from profiles: who differs from what they were made with, and making it good without harm."""
import itertools

import pytest
from rest import ANY, all_pages, as_role, new_tenant, problem, verdict
from test_cli import Cli

numbers = itertools.count(1)


@pytest.fixture
def profile(daemon):
    """A profile of the test's own: deny 010, deny 0990."""
    name = f"drift-{next(numbers)}"
    put(daemon, name, ("deny", "010"), ("deny", "0990"))
    yield name
    assert daemon.rest("DELETE", f"/v1/profiles/{name}", headers=ANY).status == 204


def put(daemon, profile, *rules):
    body = {"rules": [{"action": action, "target": target} for action, target in rules]}
    assert daemon.rest("PUT", f"/v1/profiles/{profile}", body).status in (200, 201)


def drift(daemon, profile, query=""):
    """{(tenant, account): {(what, target): reapply}}"""
    return {(one["tenant"], one["account"]): {(r["what"], r["target"]): r["reapply"] for r in one["rules"]}
            for one in all_pages(daemon, f"/v1/profiles/{profile}/drift{query}", "drift")}


def reapply(daemon, profile, query=""):
    answer = daemon.rest("POST", f"/v1/profiles/{profile}/reapply{query}")
    assert answer.status == 200, answer
    return answer.json


def rules(daemon, tenant, query=""):
    return {r["target"]: r for r in all_pages(daemon, f"/v1/tenants/{tenant}/rules{query}", "rules")}


def test_a_profile_that_evolves(daemon, profile):
    tenant = new_tenant(daemon, profile=profile)
    daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/1001", {"profile": profile})
    daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/1002", {})
    assert drift(daemon, profile) == {}
    put(daemon, profile, ("deny", "010"), ("allow", "0990"), ("deny", "0570"))
    wanted = {("changed", "0990"): "replace", ("missing", "0570"): "add"}
    assert drift(daemon, profile) == {(tenant, None): wanted, (tenant, "1001"): wanted}
    dry = reapply(daemon, profile, "?dry_run=true")
    assert [one["account"] for one in dry["reapplied"]] == [None, "1001"] and dry["next"] is None
    assert len(drift(daemon, profile)) == 2 and "0570" not in rules(daemon, tenant)
    done = reapply(daemon, profile)
    assert [one["rules"] for one in done["reapplied"]] == [one["rules"] for one in dry["reapplied"]]
    assert drift(daemon, profile) == {}
    assert verdict(daemon, tenant, "1002", "0570012345") == "deny"  # in force at once
    assert {(r["action"], r["source"]) for r in rules(daemon, tenant, "?account=1001").values()} == {
        ("deny", "onboarding"), ("allow", "onboarding")}
    assert reapply(daemon, profile)["reapplied"] == []


def test_what_the_customer_did_stays(daemon, profile):
    tenant = new_tenant(daemon, profile=profile)
    customer = as_role(daemon, "tenant_admin", tenant)
    own = rules(daemon, tenant)
    changed = customer("PATCH", f"/v1/tenants/{tenant}/rules/{own['010']['id']}", {"action": "allow"}, ANY)
    assert changed.status == 200
    assert customer("DELETE", f"/v1/tenants/{tenant}/rules/{own['0990']['id']}", None, ANY).status == 204
    assert customer("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "0120", "action": "deny"}).status == 201
    assert drift(daemon, profile) == {(tenant, None): {("changed", "010"): "keep", ("missing", "0990"): "keep"}}
    assert drift(daemon, profile, "?extra=true")[tenant, None][("extra", "0120")] == "keep"
    item = next(r for r in daemon.rest("GET", f"/v1/profiles/{profile}/drift").json["drift"][0]["rules"]
                if r["what"] == "missing")
    assert item["deleted_by"] == "tenant_admin"
    before = rules(daemon, tenant)
    assert {r["reapply"] for r in reapply(daemon, profile)["reapplied"][0]["rules"]} == {"keep"}
    assert rules(daemon, tenant) == before
    # what was deleted comes back when the operator says so, what was changed does not
    reapply(daemon, profile, "?restore_deleted=true")
    after = rules(daemon, tenant)
    assert after["010"] == before["010"] and after["0990"]["action"] == "deny" and after["0120"] == before["0120"]
    record = daemon.rest("GET", f"/v1/tenants/{tenant}/audit?limit=1").json["records"][0]
    assert record["action"] == "profile.reapply" and record["object"] == profile


def test_an_operators_edit_stays(daemon, profile):
    tenant = new_tenant(daemon, profile=profile)
    own = rules(daemon, tenant)["010"]
    edited = daemon.rest("PATCH", f"/v1/tenants/{tenant}/rules/{own['id']}", {"action": "allow"}, headers=ANY).json
    assert edited["source"] == "onboarding"
    reapply(daemon, profile)
    assert rules(daemon, tenant)["010"]["action"] == "allow"


def test_a_deletion_by_a_whole_list(daemon, profile):
    tenant = new_tenant(daemon, profile=profile)
    daemon.rest("POST", f"/v1/tenants/{tenant}/rules/import", "010,×\n".encode(),
                headers=ANY | {"Content-Type": "text/csv"})
    assert drift(daemon, profile) == {(tenant, None): {("missing", "0990"): "keep"}}


def test_pages_and_one_tenant(daemon, profile):
    tenants = [new_tenant(daemon, profile=profile) for _ in range(3)]
    for account in ("1", "2"):
        daemon.rest("PUT", f"/v1/tenants/{tenants[1]}/accounts/{account}", {"profile": profile})
    put(daemon, profile, ("deny", "010"), ("deny", "0990"), ("deny", "0570"))
    places = sorted([(tenants[0], ""), (tenants[2], ""), (tenants[1], ""), (tenants[1], "1"), (tenants[1], "2")])
    listed = all_pages(daemon, f"/v1/profiles/{profile}/drift", "drift", limit=2)
    assert [(one["tenant"], one["account"] or "") for one in listed] == places
    assert len(drift(daemon, profile, f"?tenant={tenants[1]}")) == 3
    assert len(reapply(daemon, profile, f"?tenant={tenants[1]}")["reapplied"]) == 3
    assert set(drift(daemon, profile)) == {(tenants[0], None), (tenants[2], None)}
    first = reapply(daemon, profile, "?limit=1")
    rest = reapply(daemon, profile, f"?limit=1&cursor={first['next']}")
    assert len(first["reapplied"]) == len(rest["reapplied"]) == 1 and rest["next"] is None
    assert drift(daemon, profile) == {}


def test_no_room(daemon, profile):
    tenant = new_tenant(daemon, profile=profile)
    text = "target,action\n010,deny\n0990,deny\n" + "".join(f"05{n:05},deny\n" for n in range(9998))
    headers = ANY | {"Content-Type": "text/csv"}
    assert daemon.rest("POST", f"/v1/tenants/{tenant}/rules/import", text.encode(), headers=headers).status == 200
    other = new_tenant(daemon, profile=profile)
    put(daemon, profile, ("deny", "010"), ("deny", "0990"), ("deny", "0570"))
    done = {one["tenant"]: one["problem"] for one in reapply(daemon, profile)["reapplied"]}
    assert "10000 rules" in done[tenant] and done[other] is None
    assert set(drift(daemon, profile)) == {(tenant, None)}


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/v1/profiles/{p}/drift?tenant=%20", 400), ("GET", "/v1/profiles/{p}/drift?extra=1", 400),
    ("POST", "/v1/profiles/{p}/reapply?dry_run=1", 400), ("POST", "/v1/profiles/no-such/reapply", 404),
    ("GET", "/v1/profiles/no-such/drift", 404), ("GET", "/v1/profiles/{p}/drift?cursor=x", 400)])
def test_requests_that_are_wrong(daemon, profile, method, path, status):
    code = "invalid" if status == 400 else "not_found"
    problem(daemon.rest(method, path.replace("{p}", profile)), status, code)


def test_the_command_line(daemon, profile):
    cli, tenant = Cli(daemon), new_tenant(daemon, profile=profile)
    assert cli("profile", "drift", profile) == "no drift\n"
    customer = as_role(daemon, "tenant_admin", tenant)
    customer("PATCH", f"/v1/tenants/{tenant}/rules/{rules(daemon, tenant)['010']['id']}", {"action": "allow"}, ANY)
    put(daemon, profile, ("deny", "010"), ("deny", "0990"), ("deny", "0570"))
    table = [line.split() for line in cli("profile", "drift", profile, "--tenant", tenant).splitlines()]
    assert table == [["TENANT", "WHAT", "TARGET", "WANTED", "FOUND", "SOURCE", "REAPPLY"],
                     [tenant, "changed", "010", "deny", "allow", "customer", "keep"],
                     [tenant, "missing", "0570", "deny", "add"]]
    assert len(cli.json("profile", "drift", profile)["drift"]) == 1
    assert cli("profile", "reapply", profile, "--dry-run").splitlines()[-1] == (
        "dry run, nothing was changed; 1 drifted: 1 rule added, 0 replaced, 1 kept as they are")
    said = cli("profile", "reapply", profile).splitlines()
    assert said == [f"kept: tenant {tenant}: 010 is allow (customer), the profile says deny",
                    "1 drifted: 1 rule added, 0 replaced, 1 kept as they are"]
    assert cli.json("profile", "reapply", profile) == {
        "dry_run": False, "owners": 1, "added": 0, "replaced": 0, "kept": 1, "failed": 0}
    assert rules(daemon, tenant)["010"]["action"] == "allow" and "0570" in rules(daemon, tenant)
