"""Rules of tenants, accounts and the platform."""
import threading

import pytest
from rest import ANY, all_pages, as_role, new_tenant, problem, revision, verdict


@pytest.fixture
def tenant(daemon):
    return new_tenant(daemon, ["1001", "1002"])


def rules_path(tenant):
    return f"/v1/tenants/{tenant}/rules"


def add(daemon, tenant, **rule):
    answer = daemon.rest("POST", rules_path(tenant), rule)
    assert answer.status == 201, answer
    return answer


def test_what_people_write_is_stored_canonically(daemon, tenant):
    answer = add(daemon, tenant, account="1001", prefix="+1 (212)", action="divert", divert_to="voicemail",
                 note="電話は受付へ", expires_at="2030-12-01T09:00:00+09:00")
    rule = answer.json
    assert answer.headers["Location"] == f"{rules_path(tenant)}/{rule['id']}"
    assert (rule["target"], rule["prefix"], rule["match"]) == ("0101212", "0101212", "prefix")
    assert rule["expires_at"] == "2030-12-01T00:00:00Z" and rule["starts_at"] is None
    assert rule["source"] == "operator" and rule["note"] == "電話は受付へ"
    assert answer.headers["ETag"] == f'"{rule["version"]}"'
    assert daemon.rest("GET", answer.headers["Location"]).json == rule
    assert add(daemon, tenant, target="country:us", action="allow").json["prefix"] is None
    assert add(daemon, tenant, target="０１０ー８２", action="allow").json["prefix"] == "01082"
    both = add(daemon, tenant, target="+44", prefix="01044", action="allow").json
    assert both["target"] == "01044"


def test_an_edit_is_in_force_when_it_is_acknowledged(daemon, tenant):
    for action in ("deny", "allow") * 5:
        for rule in daemon.rest("GET", rules_path(tenant)).json["rules"]:
            assert daemon.rest("DELETE", f"{rules_path(tenant)}/{rule['id']}", headers=ANY).status == 204
        answer = add(daemon, tenant, prefix="010", action=action)
        told = daemon.authorize(tenant, "1001", "+12125550100").json
        assert told["verdict"] == action
        assert told["rule"]["id"] == answer.json["id"]
        assert told["revision"] == int(answer.headers["Sekisho-Revision"])


def test_the_same_rule_twice(daemon, tenant):
    add(daemon, tenant, prefix="010", action="deny")
    before = revision(daemon, tenant)
    problem(daemon.rest("POST", rules_path(tenant), {"prefix": "010", "action": "allow"}), 409, "exists")
    problem(daemon.rest("POST", rules_path(tenant), {"prefix": "+", "action": "allow"}), 400, "invalid", "/prefix")
    assert revision(daemon, tenant) == before
    add(daemon, tenant, prefix="010", action="deny", match="exact")
    add(daemon, tenant, prefix="010", action="allow", account="1001")
    dated = {"prefix": "010", "action": "allow", "starts_at": "2030-01-01T00:00:00Z"}
    add(daemon, tenant, **dated, expires_at="2030-02-01T00:00:00Z")
    problem(daemon.rest("POST", rules_path(tenant), dated | {"expires_at": "2030-01-02T00:00:00Z"}), 409, "exists")
    add(daemon, tenant, prefix="010", action="allow", starts_at="2030-02-01T00:00:00Z")


def test_open_one_country_until_a_date(daemon, tenant):
    add(daemon, tenant, prefix="010", action="deny")
    add(daemon, tenant, prefix="010", action="allow", starts_at="2020-01-01T00:00:00Z",
        expires_at="2021-01-01T00:00:00Z")
    assert verdict(daemon, tenant, "1001", "+12125550100") == "deny"
    add(daemon, tenant, prefix="010", action="allow", starts_at="2022-01-01T00:00:00Z",
        expires_at="2099-01-01T00:00:00Z")
    assert verdict(daemon, tenant, "1001", "+12125550100") == "allow"


def test_patch(daemon, tenant):
    made = add(daemon, tenant, prefix="010", action="divert", divert_to="vm", note="n", account="1001")
    path = made.headers["Location"]
    tag = {"If-Match": made.headers["ETag"]}
    answer = daemon.rest("PATCH", path, {"action": "deny", "note": None}, headers=tag)
    assert answer.status == 200
    assert (answer.json["action"], answer.json["divert_to"], answer.json["note"]) == ("deny", None, None)
    assert answer.json["created_at"] == made.json["created_at"]
    assert answer.json["version"] == int(answer.headers["Sekisho-Revision"])
    stale = daemon.rest("PATCH", path, {"note": "x"}, headers=tag)
    problem(stale, 412, "stale")
    assert stale.headers["ETag"] == answer.headers["ETag"]
    problem(daemon.rest("PATCH", path, {"note": "x"}), 428, "match_required")
    problem(daemon.rest("PATCH", path, {"account": "1002"}, headers=ANY), 400, "invalid", "/account")
    problem(daemon.rest("PATCH", path, {"id": "x"}, headers=ANY), 400, "invalid", "/id")
    problem(daemon.rest("PATCH", path, {"action": "divert"}, headers=ANY), 400, "invalid", "/divert_to")
    problem(daemon.rest("PATCH", f"{rules_path(tenant)}/none", {}, headers=ANY), 404, "not_found")
    moved = daemon.rest("PATCH", path, {"target": "group:high-risk"}, headers=ANY)
    assert moved.json["prefix"] is None and moved.json["target"] == "group:high-risk"


def test_a_patch_that_would_collide(daemon, tenant):
    add(daemon, tenant, prefix="010", action="deny")
    made = add(daemon, tenant, prefix="0101", action="allow")
    problem(daemon.rest("PATCH", made.headers["Location"], {"prefix": "010"}, headers=ANY), 409, "exists")
    assert daemon.rest("GET", made.headers["Location"]).json == made.json


def test_delete(daemon, tenant):
    path = add(daemon, tenant, prefix="010", action="deny").headers["Location"]
    problem(daemon.rest("DELETE", path), 428, "match_required")
    problem(daemon.rest("DELETE", path, headers={"If-Match": '"9999"'}), 412, "stale")
    assert daemon.rest("DELETE", path, headers=ANY).status == 204
    problem(daemon.rest("DELETE", path, headers=ANY), 404, "not_found")
    assert verdict(daemon, tenant, "1001", "+12125550100") == "allow"


def test_lists_by_scope_and_account(daemon, tenant):
    own = add(daemon, tenant, prefix="010", action="deny").json
    theirs = add(daemon, tenant, prefix="0101", action="allow", account="1001").json
    path = rules_path(tenant)
    assert daemon.rest("GET", path).json["rules"] == [own, theirs]
    assert daemon.rest("GET", f"{path}?scope=tenant").json["rules"] == [own]
    assert daemon.rest("GET", f"{path}?account=1001").json["rules"] == [theirs]
    assert daemon.rest("GET", f"{path}?account=1002").json["rules"] == []
    problem(daemon.rest("GET", f"{path}?account=nobody"), 404, "not_found")
    for query in ("scope=account", "scope=tenant&account=1001", "acount=1001", "account=%00", "account="):
        problem(daemon.rest("GET", f"{path}?{query}"), 400, daemon.rest("GET", f"{path}?{query}").json["code"])


def test_a_list_is_replaced_as_one_change(daemon, tenant):
    path = rules_path(tenant)
    kept = add(daemon, tenant, prefix="010", action="deny", note="stays").json
    gone = add(daemon, tenant, prefix="0101", action="allow").json
    theirs = add(daemon, tenant, prefix="0101", action="deny", account="1001").json
    listed = daemon.rest("GET", path)
    before = listed.json["revision"]
    body = {"rules": [{"prefix": "010", "action": "deny", "note": "stays"}, {"prefix": "+82", "action": "allow"}]}
    problem(daemon.rest("PUT", path, body), 428, "match_required")
    answer = daemon.rest("PUT", path, body, headers={"If-Match": listed.headers["ETag"]})
    assert answer.status == 200, answer
    assert answer.json["revision"] == before + 1
    assert answer.json["rules"][0] == kept, "what stays the same keeps id, version and dates"
    assert [r["prefix"] for r in answer.json["rules"]] == ["010", "01082"]
    assert daemon.rest("GET", f"{path}/{gone['id']}").status == 404
    assert daemon.rest("GET", f"{path}/{theirs['id']}").json == theirs, "an account's rules are another list"
    stale = daemon.rest("PUT", path, body, headers={"If-Match": listed.headers["ETag"]})
    problem(stale, 412, "stale")
    own = daemon.rest("GET", f"{path}?scope=tenant")
    assert stale.headers["ETag"] == own.headers["ETag"]
    assert daemon.rest("PUT", path, {"rules": []}, headers={"If-Match": own.headers["ETag"]}).json["rules"] == []
    assert daemon.rest("PUT", f"{path}?account=1001", {"rules": []}, headers=ANY).json["rules"] == []
    assert daemon.rest("GET", path).json["rules"] == []


def test_a_list_may_be_sent_back_as_it_was_got(daemon, tenant):
    path = rules_path(tenant)
    add(daemon, tenant, prefix="010", action="deny")
    add(daemon, tenant, target="country:US", action="divert", divert_to="vm", expires_at="2099-01-01T00:00:00Z")
    got = daemon.rest("GET", path)
    answer = daemon.rest("PUT", path, got.json, headers={"If-Match": got.headers["ETag"]})
    assert answer.status == 200 and answer.json["rules"] == got.json["rules"]


def test_a_page_is_not_the_list(daemon, tenant):
    path = rules_path(tenant)
    add(daemon, tenant, prefix="010", action="deny")
    add(daemon, tenant, prefix="0101", action="deny")
    page = daemon.rest("GET", f"{path}?limit=1").json
    problem(daemon.rest("PUT", path, page, headers=ANY), 400, "invalid", "/next")
    assert len(daemon.rest("GET", path).json["rules"]) == 2


def test_a_list_with_a_fault_changes_nothing(daemon, tenant):
    path = rules_path(tenant)
    add(daemon, tenant, prefix="010", action="deny")
    before = daemon.rest("GET", path).json
    good = {"prefix": "0101", "action": "allow"}
    for rules, status, pointer in (
            ([good, {"prefix": "01x", "action": "deny"}], 400, "/rules/1/prefix"),
            ([good, {"prefix": "0102"}], 400, "/rules/1/action"),
            ([good, good | {"account": "1001"}], 400, "/rules/1/account"),
            ([good, {"target": "country:QQ", "action": "deny"}], 400, "/rules/1/target"),
            ([good, {"target": "group:nowhere", "action": "deny"}], 400, "/rules/1/target"),
            ([good, good], 409, None)):
        answer = daemon.rest("PUT", path, {"rules": rules}, headers=ANY)
        problem(answer, status, "invalid" if status == 400 else "exists", pointer)
        assert daemon.rest("GET", path).json == before


def test_an_empty_list_has_an_etag(daemon):
    tenant = new_tenant(daemon)
    tag = daemon.rest("GET", rules_path(tenant)).headers["ETag"]
    add(daemon, tenant, prefix="010", action="deny")
    problem(daemon.rest("PUT", rules_path(tenant), {"rules": []}, headers={"If-Match": tag}), 412, "stale")
    problem(daemon.rest("PUT", "/v1/tenants/nobody/rules", {"rules": []}, headers=ANY), 404, "not_found")
    problem(daemon.rest("PUT", f"{rules_path(tenant)}?account=x", {"rules": []}, headers=ANY), 404, "not_found")


def test_pages_of_rules(daemon, tenant):
    rules = [{"prefix": f"0{n:05}", "action": "deny"} for n in range(250)]
    assert daemon.rest("PUT", rules_path(tenant), {"rules": rules}, headers=ANY).status == 200
    listed = all_pages(daemon, rules_path(tenant), "rules", 60)
    assert len(listed) == 250 and len({r["id"] for r in listed}) == 250
    assert [r["id"] for r in listed] == sorted(r["id"] for r in listed)


def test_where_a_rule_comes_from_cannot_be_forged(daemon, tenant):
    admin = as_role(daemon, "tenant_admin", tenant)
    path = rules_path(tenant)
    made = admin("POST", path, {"prefix": "010", "action": "deny"})
    assert made.json["source"] == "customer"
    assert admin("POST", path, {"prefix": "0101", "action": "deny", "source": "customer"}).status == 201
    problem(admin("POST", path, {"prefix": "0102", "action": "deny", "source": "operator"}), 403, "forbidden", "/source")
    problem(admin("PATCH", f"{path}/{made.json['id']}", {"source": "guard"}, ANY), 403, "forbidden", "/source")
    problem(admin("PUT", path, {"rules": [{"prefix": "0103", "action": "deny", "source": "guard"}]}, ANY), 403,
            "forbidden", "/rules/0/source")
    guard = daemon.rest("POST", path, {"prefix": "0104", "action": "deny", "source": "guard"}).json
    assert guard["source"] == "guard"
    # sent back unchanged it stays the guard's; changed, it is the customer's
    listed = admin("GET", path)
    assert admin("PUT", path, listed.json, ANY).json["rules"] == listed.json["rules"]
    changed = admin("PATCH", f"{path}/{guard['id']}", {"note": "looked at"}, ANY).json
    assert changed["source"] == "customer"
    by_operator = daemon.rest("PATCH", f"{path}/{guard['id']}", {"note": "again"}, headers=ANY).json
    assert by_operator["source"] == "customer"


def test_an_account_must_exist(daemon, tenant):
    answer = daemon.rest("POST", rules_path(tenant), {"prefix": "010", "action": "deny", "account": "9"})
    problem(answer, 400, "invalid", "/account")
    answer = daemon.rest("POST", "/v1/tenants/nobody/rules", {"prefix": "010", "action": "deny", "account": "9"})
    problem(answer, 404, "not_found")
    problem(daemon.rest("POST", "/v1/tenants/nobody/rules", {"prefix": "010", "action": "deny"}), 404, "not_found")


def test_writers_at_once_lose_nothing(daemon, tenant):
    """Eight writers, each with its own rules: every acknowledged rule is there, every revision its own."""
    told = []

    def write(n):
        for i in range(6):
            answer = daemon.rest("POST", rules_path(tenant), {"prefix": f"010{n}{i}", "action": "deny"})
            told.append((answer.status, answer.json.get("id"), answer.headers["Sekisho-Revision"]))

    writers = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [status for status, _, _ in told] == [201] * 48
    assert {r["id"] for r in all_pages(daemon, rules_path(tenant), "rules")} == {rule for _, rule, _ in told}
    assert len({number for _, _, number in told}) == 48


def test_one_of_two_editors_is_told(daemon, tenant):
    made = add(daemon, tenant, prefix="010", action="deny")
    statuses = []

    def edit(n):
        statuses.append(daemon.rest("PATCH", made.headers["Location"], {"note": str(n)},
                                    headers={"If-Match": made.headers["ETag"]}).status)

    editors = [threading.Thread(target=edit, args=(n,)) for n in range(6)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    assert sorted(statuses) == [200] + [412] * 5


# --- platform -----------------------------------------------------------------------------------------

@pytest.fixture
def platform(daemon):
    yield "/v1/platform/rules"
    assert daemon.rest("PUT", "/v1/platform/rules", {"rules": []}, headers=ANY).status == 200


def test_platform_rules(daemon, platform):
    tenant = new_tenant(daemon)
    made = daemon.rest("POST", platform, {"prefix": "0101876", "action": "deny", "locked": False})
    assert made.status == 201 and made.headers["Location"] == f"{platform}/{made.json['id']}"
    assert made.json["locked"] is False and "account" not in made.json
    assert daemon.authorize(tenant, "1", "+18765550100").json["rule"]["scope"] == "platform"
    add(daemon, tenant, prefix="0101876", action="allow")
    assert verdict(daemon, tenant, "1", "+18765550100") == "allow"
    locked = daemon.rest("PATCH", made.headers["Location"], {"locked": True}, headers=ANY)
    assert locked.status == 200 and locked.json["locked"] is True
    answer = daemon.authorize(tenant, "1", "+18765550100").json
    assert (answer["verdict"], answer["reason"]) == ("deny", "lock")
    assert answer["platform_revision"] == int(locked.headers["Sekisho-Revision"])
    problem(daemon.rest("POST", platform, {"prefix": "010", "action": "deny", "account": "1"}), 400, "invalid", "/account")
    assert daemon.rest("DELETE", made.headers["Location"], headers=ANY).status == 204
    assert verdict(daemon, tenant, "1", "+18765550100") == "allow"


def test_a_locked_rule_of_a_tenant_does_not_exist(daemon, tenant):
    problem(daemon.rest("POST", rules_path(tenant), {"prefix": "010", "action": "deny", "locked": True}), 400,
            "invalid", "/locked")


def test_the_platform_list_is_replaced_as_one_change(daemon, platform):
    empty = daemon.rest("GET", platform)
    assert empty.json["rules"] == []
    body = {"rules": [{"prefix": "01053", "action": "deny", "locked": True}, {"prefix": "01053", "action": "allow"}]}
    answer = daemon.rest("PUT", platform, body, headers={"If-Match": empty.headers["ETag"]})
    assert answer.status == 200 and len(answer.json["rules"]) == 2
    problem(daemon.rest("PUT", platform, body, headers={"If-Match": empty.headers["ETag"]}), 412, "stale")
