"""What was tried, and who changed what."""
import time

from rest import ANY, as_role, new_tenant, problem


def attempts(daemon, path, count):
    """The newest attempts, once `count` of them were written (they are written in the background)."""
    deadline = time.monotonic() + 10
    while True:
        answer = daemon.rest("GET", path)
        assert answer.status == 200, answer
        if len(answer.json["attempts"]) >= count or time.monotonic() > deadline:
            return answer.json
        time.sleep(0.05)


def test_attempts_are_kept_newest_first(daemon):
    tenant = new_tenant(daemon, ["1001"], profile="standard")
    for n in range(5):
        daemon.authorize(tenant, "1001", f"+1212555010{n}", call_id=f"call-{n}", origin="forward", source_ip="192.0.2.9")
        time.sleep(0.003)  # within one millisecond the order is that of the random half of their ids
    daemon.authorize(tenant, "1002", "junk!")
    path = f"/v1/tenants/{tenant}/attempts"
    kept = attempts(daemon, path, 6)["attempts"]
    assert [a["number"] for a in kept] == ["junk!"] + [f"0101212555010{n}" for n in (4, 3, 2, 1, 0)]
    assert kept[1]["country"] == "US" and kept[1]["verdict"] == "deny" and kept[1]["reason"] == "rule"
    assert (kept[1]["call_id"], kept[1]["origin"], kept[1]["source_ip"]) == ("call-4", "forward", "192.0.2.9")
    rules = daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"]
    assert kept[1]["rule_id"] == rules[0]["id"] and kept[0]["rule_id"] is None
    first = daemon.rest("GET", f"{path}?account=1001&limit=2").json
    second = daemon.rest("GET", f"{path}?account=1001&limit=2&cursor={first['next']}").json
    assert [a["call_id"] for a in first["attempts"] + second["attempts"]] == ["call-4", "call-3", "call-2", "call-1"]
    problem(daemon.rest("GET", f"{path}?account=1002&cursor={first['next']}"), 400, "invalid")
    same = daemon.rest("GET", f"/v1/attempts?tenant={tenant}&account=1001").json["attempts"]
    assert same == kept[1:]


def test_attempts_of_a_time(daemon):
    tenant = new_tenant(daemon, profile="standard")
    path = f"/v1/tenants/{tenant}/attempts"
    daemon.authorize(tenant, "1", "+12125550100")
    at = attempts(daemon, path, 1)["attempts"][0]["at"]
    time.sleep(0.02)
    daemon.authorize(tenant, "1", "+12125550101")
    later = attempts(daemon, path, 2)["attempts"][0]["at"]
    assert at < later
    assert [a["at"] for a in daemon.rest("GET", f"{path}?from={later}").json["attempts"]] == [later]
    assert [a["at"] for a in daemon.rest("GET", f"{path}?to={later}").json["attempts"]] == [at]
    assert daemon.rest("GET", f"{path}?from=2099-01-01T00:00:00Z").json["attempts"] == []
    told = daemon.rest("GET", f"{path}?from=2020-01-01T00:00:00Z&limit=1").json
    assert told["allowed_domestic"] == 0 and told["next"]
    problem(daemon.rest("GET", f"{path}?from=yesterday"), 400, "invalid")
    problem(daemon.rest("GET", f"{path}?account=a%20b"), 400, "invalid")


def test_allowed_domestic_calls_are_counted(daemon):
    tenant = new_tenant(daemon)
    for _ in range(3):
        daemon.authorize(tenant, "1", "0312345678")
    path = f"/v1/tenants/{tenant}/attempts?from=2020-01-01T00:00:00Z"
    deadline = time.monotonic() + 10
    while daemon.rest("GET", path).json["allowed_domestic"] < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    told = daemon.rest("GET", path).json
    assert told["allowed_domestic"] == 3 and told["attempts"] == []


def test_the_audit_trail_of_rules(daemon):
    tenant = new_tenant(daemon)
    admin = as_role(daemon, "tenant_admin", tenant)
    made = admin("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "010", "action": "deny"})
    admin("PATCH", made.headers["Location"], {"note": "n"}, ANY)
    admin("DELETE", made.headers["Location"], headers=ANY)
    records = admin("GET", f"/v1/tenants/{tenant}/audit").json["records"]
    assert [r["action"] for r in records] == ["rule.delete", "rule.update", "rule.create", "tenant.create"]
    assert {r["object"] for r in records[:3]} == {made.json["id"]}
    assert not records[1]["before"].get("note") and records[1]["after"]["note"] == "n"
    assert records[0]["after"] is None and records[2]["before"] is None
    first = admin("GET", f"/v1/tenants/{tenant}/audit?limit=3").json
    rest = admin("GET", f"/v1/tenants/{tenant}/audit?limit=3&cursor={first['next']}").json
    assert first["records"] + rest["records"] == records and rest["next"] is None
    everything = daemon.rest("GET", "/v1/audit?limit=4").json["records"]
    assert everything == records, "the newest of all are these"


def test_what_concerns_everyone(daemon):
    made = daemon.rest("POST", "/v1/platform/rules", {"prefix": "01053", "action": "deny"})
    newest = daemon.rest("GET", "/v1/audit?limit=1").json["records"][0]
    assert newest["tenant"] is None and newest["object"] == made.json["id"] and newest["role"] == "operator"
    daemon.rest("DELETE", made.headers["Location"], headers=ANY)


def test_revoked_tokens(daemon):
    path = "/v1/tokens/revoked"
    for n in range(3):
        answer = daemon.rest("PUT", f"{path}/lost.{n}", {"note": "lost", "expires_at": "2099-01-01T00:00:00Z"})
        assert answer.status == 201, answer
    assert daemon.rest("PUT", f"{path}/lost.0", {}).status == 200
    listed = daemon.rest("GET", f"{path}?limit=2").json
    assert len(listed["revoked"]) == 2 and listed["next"]
    problem(daemon.rest("PUT", f"{path}/{'x' * 40}", {}), 400, "invalid")
    problem(daemon.rest("PUT", f"{path}/a%20b", {}), 400, "invalid")
    problem(daemon.rest("PUT", f"{path}/ok", {"jti": "other"}), 400, "invalid", "/jti")
