"""Tenants and their accounts: upserts, merges, pages, and what a PUT keeps."""
from rest import ANY, all_pages, as_role, new_tenant, problem, verdict


def test_put_is_an_upsert(daemon):
    body = {"name": "Upsert K.K.", "profile": "standard", "outside_line": "0"}
    first = daemon.rest("PUT", "/v1/tenants/upsert", body)
    assert first.status == 201
    assert first.headers["Location"] == "/v1/tenants/upsert"
    assert first.json["outside_line"] == "0" and first.json["locale"] == "ja"
    assert first.json["time_zone"] == "Asia/Tokyo" and first.json["status"] == "active"
    again = daemon.rest("PUT", "/v1/tenants/upsert", body)
    assert again.status == 200 and "Location" not in again.headers
    assert again.json["name"] == "Upsert K.K." and again.json["created_at"] == first.json["created_at"]
    rules = daemon.rest("GET", "/v1/tenants/upsert/rules").json["rules"]
    assert [(r["prefix"], r["action"], r["source"]) for r in rules] == [("010", "deny", "onboarding")]


def test_a_new_customer_has_010_barred(daemon):
    assert daemon.rest("PUT", "/v1/tenants/barred", {"name": "b"}).json["profile"] == "standard"
    assert verdict(daemon, "barred", "1001", "010-252-61-555-0101") == "deny"
    assert verdict(daemon, "barred", "1001", "0312345678") == "allow"


def test_put_keeps_what_is_left_out(daemon):
    tenant = new_tenant(daemon, outside_line="9", contacts=[{"email": "a@example.com"}], locale="en")
    answer = daemon.rest("PUT", f"/v1/tenants/{tenant}", {"name": "New name"})
    assert answer.status == 200
    assert answer.json["name"] == "New name" and answer.json["outside_line"] == "9"
    assert answer.json["locale"] == "en"
    assert answer.json["contacts"] == [{"name": None, "email": "a@example.com", "phone": None, "webhook": None}]


def test_a_tenant_may_be_sent_back_as_it_was_got(daemon):
    tenant = new_tenant(daemon)
    got = daemon.rest("GET", f"/v1/tenants/{tenant}").json
    answer = daemon.rest("PUT", f"/v1/tenants/{tenant}", got | {"name": "Back"})
    assert answer.status == 200 and answer.json["name"] == "Back"
    problem(daemon.rest("PUT", f"/v1/tenants/{tenant}", got | {"id": "other"}), 400, "invalid", "/id")


def test_the_profile_applies_at_creation_only(daemon):
    tenant = new_tenant(daemon, profile="open")
    assert daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"] == []
    assert daemon.rest("PUT", f"/v1/tenants/{tenant}", {"profile": "open"}).status == 200
    problem(daemon.rest("PUT", f"/v1/tenants/{tenant}", {"profile": "standard"}), 409, "exists")
    problem(daemon.rest("PUT", "/v1/tenants/no-such-profile", {"profile": "none"}), 400, "invalid", "/profile")
    assert daemon.rest("GET", "/v1/tenants/no-such-profile").status == 404


def test_preconditions(daemon):
    tenant = new_tenant(daemon)
    path = f"/v1/tenants/{tenant}"
    problem(daemon.rest("PATCH", path, {"name": "x"}), 428, "match_required")
    problem(daemon.rest("DELETE", path), 428, "match_required")
    tag = daemon.rest("GET", path).headers["ETag"]
    first = daemon.rest("PATCH", path, {"name": "first"}, headers={"If-Match": tag})
    assert first.status == 200 and first.headers["ETag"] != tag
    stale = daemon.rest("PATCH", path, {"name": "second"}, headers={"If-Match": tag})
    problem(stale, 412, "stale")
    assert stale.headers["ETag"] == first.headers["ETag"]
    weak = daemon.rest("PATCH", path, {"name": "w"}, headers={"If-Match": f"W/{first.headers['ETag']}"})
    problem(weak, 412, "stale")
    problem(daemon.rest("PATCH", path, {"name": "w"}, headers={"If-Match": '"abc"'}), 412, "stale")
    problem(daemon.rest("PATCH", path, {"name": "w"}, headers={"If-Match": "7"}), 400, "invalid")
    listed = {"If-Match": f'"999999", {first.headers["ETag"]}'}
    assert daemon.rest("PATCH", path, {"name": "listed"}, headers=listed).status == 200
    problem(daemon.rest("PUT", path, {"name": "n"}, headers={"If-None-Match": "*"}), 412, "stale")
    problem(daemon.rest("PUT", path, {"name": "n"}, headers={"If-Match": tag}), 412, "stale")
    problem(daemon.rest("PUT", "/v1/tenants/not-there", {}, headers=ANY), 412, "stale")
    made = daemon.rest("PUT", "/v1/tenants/only-if-new", {}, headers={"If-None-Match": "*"})
    assert made.status == 201 and made.json["name"] == "only-if-new"
    assert daemon.rest("GET", path).json["name"] == "listed"


def test_patch_merges(daemon):
    tenant = new_tenant(daemon, outside_line="0", contacts=[{"name": "A"}])
    answer = daemon.rest("PATCH", f"/v1/tenants/{tenant}", {"outside_line": None, "contacts": None}, headers=ANY)
    assert answer.json["outside_line"] is None and answer.json["contacts"] == []
    assert answer.json["name"] == tenant
    merge = {"Content-Type": "application/merge-patch+json"} | ANY
    answer = daemon.http("admin", "PATCH", f"/v1/tenants/{tenant}", b'{"status":"suspended"}',
                         daemon.token(), merge)
    assert answer.json["status"] == "suspended"


def test_suspended_is_in_force_at_once(daemon):
    tenant = new_tenant(daemon)
    assert verdict(daemon, tenant, "1", "0312345678") == "allow"
    assert daemon.rest("PATCH", f"/v1/tenants/{tenant}", {"status": "suspended"}, headers=ANY).status == 200
    answer = daemon.authorize(tenant, "1", "0312345678").json
    assert (answer["verdict"], answer["reason"]) == ("deny", "suspended")
    assert verdict(daemon, tenant, "1", "110") == "allow"


def test_the_outside_line_is_in_force_at_once(daemon):
    tenant = new_tenant(daemon, profile="standard")
    assert verdict(daemon, tenant, "1", "9-03-1234-5678") == "deny"  # unknown, so judged as abroad
    daemon.rest("PUT", f"/v1/tenants/{tenant}", {"outside_line": "9"})
    assert verdict(daemon, tenant, "1", "9-03-1234-5678") == "allow"


def test_delete_takes_everything_along(daemon):
    tenant = new_tenant(daemon, ["1001"], profile="standard")
    path = f"/v1/tenants/{tenant}"
    before = daemon.rest("GET", path).json["revision"]
    answer = daemon.rest("DELETE", path, headers=ANY)
    assert answer.status == 204 and int(answer.headers["Sekisho-Revision"]) > before
    problem(daemon.rest("GET", path), 404, "not_found")
    problem(daemon.rest("GET", f"{path}/accounts/1001"), 404, "not_found")
    problem(daemon.rest("GET", f"{path}/rules"), 404, "not_found")
    problem(daemon.rest("DELETE", path, headers=ANY), 404, "not_found")
    assert daemon.authorize(tenant, "1001", "0312345678").json["reason"] == "unknown_tenant"
    actions = [r["action"] for r in daemon.rest("GET", f"/v1/audit?tenant={tenant}").json["records"]]
    assert actions[0] == "tenant.delete" and actions[-1] == "tenant.create"
    again = daemon.rest("PUT", path, {"profile": "open"})
    assert again.status == 201 and again.json["revision"] > before, "a revision never goes back"
    assert daemon.rest("GET", f"{path}/accounts").json["accounts"] == []


def test_accounts(daemon):
    tenant = new_tenant(daemon)
    path = f"/v1/tenants/{tenant}/accounts"
    made = daemon.rest("PUT", f"{path}/a.1-B_c", {"display_name": "受付", "profile": None})
    assert made.status == 201 and made.headers["Location"] == f"{path}/a.1-B_c"
    assert made.json["display_name"] == "受付" and made.json["profile"] is None
    assert daemon.rest("PUT", f"{path}/a.1-B_c", {}).json["display_name"] == "受付"
    answer = daemon.rest("PATCH", f"{path}/a.1-B_c", {"display_name": None}, headers=ANY)
    assert answer.json["display_name"] is None
    barred = daemon.rest("PUT", f"{path}/2", {"profile": "standard"})
    assert barred.status == 201 and barred.json["profile"] == "standard"
    rules = daemon.rest("GET", f"/v1/tenants/{tenant}/rules?account=2").json["rules"]
    assert [(r["account"], r["prefix"], r["source"]) for r in rules] == [("2", "010", "onboarding")]
    assert verdict(daemon, tenant, "2", "+12125550100") == "deny"
    assert verdict(daemon, tenant, "a.1-B_c", "+12125550100") == "allow"
    assert daemon.rest("DELETE", f"{path}/2", headers=ANY).status == 204
    assert verdict(daemon, tenant, "2", "+12125550100") == "allow"
    listed = daemon.rest("GET", path).json
    assert [a["id"] for a in listed["accounts"]] == ["a.1-B_c"] and listed["next"] is None
    problem(daemon.rest("PUT", "/v1/tenants/nobody/accounts/1", {}), 404, "not_found")


def test_pages(daemon):
    tenant = new_tenant(daemon)
    path = f"/v1/tenants/{tenant}/accounts"
    names = [f"{n:03}" for n in range(53)]
    for name in names:
        daemon.rest("PUT", f"{path}/{name}", {})
    assert len(daemon.rest("GET", path).json["accounts"]) == 50
    for limit in (1, 7, 50, 53, 100):
        if limit > 1:
            assert [a["id"] for a in all_pages(daemon, path, "accounts", limit)] == names
    for limit in ("0", "101", "-1", "x", "", "1.5"):
        problem(daemon.rest("GET", f"{path}?limit={limit}"), 400, "invalid")
    cursor = daemon.rest("GET", f"{path}?limit=1").json["next"]
    other = new_tenant(daemon)
    problem(daemon.rest("GET", f"/v1/tenants/{other}/accounts?cursor={cursor}"), 400, "invalid")
    problem(daemon.rest("GET", f"/v1/tenants/{tenant}/rules?cursor={cursor}"), 400, "invalid")
    problem(daemon.rest("GET", f"{path}?cursor={cursor[:-1]}"), 400, "invalid")
    problem(daemon.rest("GET", f"{path}?cursor=MDA1"), 400, "invalid")
    # a cursor stays good when what it points at is gone
    daemon.rest("DELETE", f"{path}/000", headers=ANY)
    assert daemon.rest("GET", f"{path}?limit=1&cursor={cursor}").json["accounts"][0]["id"] == "001"


def test_the_list_of_tenants_shows_what_the_token_covers(daemon):
    one, two = new_tenant(daemon), new_tenant(daemon)
    listed = as_role(daemon, "tenant_viewer", one)("GET", "/v1/tenants").json["tenants"]
    assert [t["id"] for t in listed] == [one]
    token = daemon.token("provisioning", two, one, "not-there")
    pages = []
    cursor = ""
    while cursor is not None:
        page = daemon.http("admin", "GET", f"/v1/tenants?limit=1{cursor}", token=token).json
        pages.append([t["id"] for t in page["tenants"]])
        cursor = page["next"] and f"&cursor={page['next']}"
    assert pages == [[t] for t in sorted((one, two))]
    everyone = [t["id"] for t in all_pages(daemon, "/v1/tenants", "tenants")]
    assert everyone == sorted(everyone) and {one, two} <= set(everyone)


def test_provisioning_for_some_tenants(daemon):
    mine, other = new_tenant(daemon), new_tenant(daemon)
    token = daemon.token("provisioning", mine, "mine-too")
    assert daemon.http("admin", "PUT", "/v1/tenants/mine-too", {}, token).status == 201
    assert daemon.http("admin", "PUT", f"/v1/tenants/{mine}/accounts/1", {}, token).status == 201
    problem(daemon.http("admin", "PUT", f"/v1/tenants/{other}/accounts/1", {}, token), 404, "not_found")
    problem(daemon.http("admin", "PUT", "/v1/tenants/not-mine", {}, token), 404, "not_found")
    assert daemon.rest("GET", "/v1/tenants/not-mine").status == 404


def test_the_audit_trail_says_who_changed_what(daemon):
    tenant = new_tenant(daemon)
    admin = as_role(daemon, "tenant_admin", tenant)
    admin("PATCH", f"/v1/tenants/{tenant}", {"name": "Mine"}, ANY)
    newest = admin("GET", f"/v1/tenants/{tenant}/audit").json["records"][0]
    assert newest["action"] == "tenant.update" and newest["object"] == tenant
    assert newest["role"] == "tenant_admin" and newest["subject"].startswith("token:")
    assert newest["before"]["name"] == tenant and newest["after"]["name"] == "Mine"
    assert newest["address"].startswith("127.0.0.1") and newest["request_id"]
    sequence = [r["seq"] for r in all_pages(daemon, "/v1/audit", "records", 20)]
    assert sequence == sorted(sequence, reverse=True) and len(set(sequence)) == len(sequence)


def test_provisioning_cannot_lift_a_suspension(daemon):
    path = f"/v1/tenants/{new_tenant(daemon)}"
    suspended = daemon.rest("PATCH", path, {"status": "suspended"}, headers={"If-Match": "*"})
    assert suspended.status == 200
    again = daemon.rest("PUT", path, {"name": "Acme again"}, role="provisioning")
    assert again.status == 200 and again.json["status"] == "suspended"
    lifted = daemon.rest("PUT", path, {"status": "active"}, role="provisioning")
    assert lifted.status == 403 and lifted.json["errors"][0]["pointer"] == "/status"
    assert daemon.rest("GET", path).json["status"] == "suspended"
