"""Bad input is refused with the place of the fault, and changes nothing: the revision stays."""
import json

import pytest
from rest import ANY, all_pages, new_tenant, problem, revision

GOOD = {"prefix": "0101", "action": "allow"}


@pytest.fixture(scope="module")
def tenant(daemon):
    tenant = new_tenant(daemon, ["1001"])
    assert daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "010", "action": "deny"}).status == 201
    return tenant


@pytest.fixture
def unchanged(daemon, tenant):
    """The test changes nothing of the tenant, and writes no audit record."""
    def state():
        return (daemon.rest("GET", f"/v1/tenants/{tenant}").json, daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json,
                daemon.rest("GET", f"/v1/tenants/{tenant}/audit").json["records"][0]["seq"])
    before = state()
    yield
    assert state() == before


def raw(daemon, method, path, body, **headers):
    headers = {"Content-Type": "application/json"} | headers
    return daemon.http("admin", method, path, body if isinstance(body, bytes) else body.encode(), daemon.token(), headers)


RULES = [
    (GOOD | {"colour": "red"}, "/colour"),
    (GOOD | {"tenant": "other"}, "/tenant"),
    (GOOD | {"id": "01KAR1S8Z0Q4W7T2N5B9C3D6FG"}, "/id"),
    (GOOD | {"version": 1}, "/version"),
    (GOOD | {"created_at": "2026-01-01T00:00:00Z"}, "/created_at"),
    (GOOD | {"locked": True}, "/locked"),
    (GOOD | {"prefix": 101}, "/prefix"),
    (GOOD | {"prefix": 101.0}, "/prefix"),
    (GOOD | {"prefix": ["0101"]}, "/prefix"),
    (GOOD | {"prefix": ""}, "/prefix"),
    (GOOD | {"prefix": "01a"}, "/prefix"),
    (GOOD | {"prefix": "0*1"}, "/prefix"),
    (GOOD | {"prefix": "0101,5"}, "/prefix"),
    (GOOD | {"prefix": "０１０１x"}, "/prefix"),
    (GOOD | {"prefix": "+"}, "/prefix"),
    (GOOD | {"prefix": "+81"}, "/prefix"),
    (GOOD | {"prefix": "0" * 19}, "/prefix"),
    (GOOD | {"prefix": "+" + "1" * 16}, "/prefix"),
    (GOOD | {"prefix": "0" * 161}, "/prefix"),
    (GOOD | {"prefix": "country:US"}, "/prefix"),
    (GOOD | {"target": "0102"}, "/prefix"),
    ({"target": "country:QQ", "action": "deny"}, "/target"),
    ({"target": "country:usa", "action": "deny"}, "/target"),
    ({"target": "group:nowhere", "action": "deny"}, "/target"),
    ({"target": "planet:mars", "action": "deny"}, "/target"),
    ({"action": "deny"}, "/prefix"),
    ({"prefix": "0101"}, "/action"),
    (GOOD | {"action": "ALLOW"}, "/action"),
    (GOOD | {"action": None}, "/action"),
    (GOOD | {"action": True}, "/action"),
    (GOOD | {"match": "regex"}, "/match"),
    (GOOD | {"match": 1}, "/match"),
    ({"target": "country:US", "action": "allow", "match": "exact"}, "/match"),
    (GOOD | {"action": "divert"}, "/divert_to"),
    (GOOD | {"divert_to": "voicemail"}, "/divert_to"),
    (GOOD | {"action": "divert", "divert_to": "a&b"}, "/divert_to"),
    (GOOD | {"action": "divert", "divert_to": "x" * 64}, "/divert_to"),
    (GOOD | {"account": "no one"}, "/account"),
    (GOOD | {"account": "nobody"}, "/account"),
    (GOOD | {"account": 1001}, "/account"),
    (GOOD | {"note": 7}, "/note"),
    (GOOD | {"note": "x" * 501}, "/note"),
    (GOOD | {"note": "あ" * 167}, "/note"),
    (GOOD | {"note": "bell\u0007"}, "/note"),
    (GOOD | {"note": "two\nlines"}, "/note"),
    (GOOD | {"note": "del\u007f"}, "/note"),
    (GOOD | {"note": "c1\u0085"}, "/note"),
    (GOOD | {"note": "line\u2028separator"}, "/note"),
    (GOOD | {"prefix": "0101\t"}, "/prefix"),
    (GOOD | {"source": "two words"}, "/source"),
    (GOOD | {"starts_at": 1796083200}, "/starts_at"),
    (GOOD | {"starts_at": "2026-12-01"}, "/starts_at"),
    (GOOD | {"starts_at": "2026-12-01T00:00:00"}, "/starts_at"),
    (GOOD | {"starts_at": "2026-02-30T00:00:00Z"}, "/starts_at"),
    (GOOD | {"starts_at": "1969-12-31T00:00:00Z"}, "/starts_at"),
    (GOOD | {"expires_at": "2026-12-01T24:00:00Z"}, "/expires_at"),
    (GOOD | {"starts_at": "2030-12-01T00:00:00Z", "expires_at": "2030-11-30T00:00:00Z"}, "/expires_at"),
    (GOOD | {"starts_at": "2030-12-01T00:00:00Z", "expires_at": "2030-12-01T09:00:00+09:00"}, "/expires_at"),
]


@pytest.mark.parametrize("rule, pointer", RULES)
def test_a_rule(daemon, tenant, unchanged, rule, pointer):
    answer = daemon.rest("POST", f"/v1/tenants/{tenant}/rules", rule)
    problem(answer, 400, "invalid", pointer)
    assert answer.json["errors"][0]["detail"]


TEXTS = [
    ("", ""),
    ("null", ""),
    ("[]", ""),
    ('"text"', ""),
    ("{", ""),
    ('{"prefix":"0101","action":"allow"}}', ""),
    ('{"prefix":"0101","action":"allow"}{}', ""),
    ('{"prefix":"0101","action":"allow",}', None),
    ("{'prefix':'0101'}", ""),
    ('{"prefix":"0101","prefix":"0102","action":"allow"}', "/prefix"),
    ('{"prefix":"0101","action":"deny","action":"allow"}', "/action"),
    ('{"prefix":"0101","action":"allow","note":"\x01"}', "/note"),
    ('{"prefix":"0101","action":"allow","note":"\\u0000"}', "/note"),
    ('{"prefix":"0101","action":"allow","note":"\\ud800"}', "/note"),
    ('{"prefix":"0101","action":"allow","note":NaN}', "/note"),
    ('{"prefix":"0101","action":"allow","note":1e999}', "/note"),
    ('{"prefix":"0101","action":"allow","no\\u0007te":1}', None),
    ('{"prefix":"0101","action":"allow","' + "x" * 300 + '":1}', None),
    ('\ufeff{"prefix":"0101","action":"allow"}', ""),
    ('{"a":' + "[" * 31 + "]" * 31 + "}", "/a"),
    ('{"a":' + "[" * 32 + "]" * 32 + "}", None),
    ('{"a":' + "[" * 100000, None),
    (b'{"prefix":"0101","action":"allow","note":"\xff"}', "/note"),
    (b'{"prefix":"0101","action":"allow","note":"\xed\xa0\x80"}', "/note"),
    (b'{"prefix":"0101","action":"allow","note":"\xc0\xae"}', "/note"),
    (b'{"prefix":"0101",\x00"action":"allow"}', None),
]


@pytest.mark.parametrize("text, pointer", TEXTS)
def test_json_text(daemon, tenant, unchanged, text, pointer):
    answer = raw(daemon, "POST", f"/v1/tenants/{tenant}/rules", text)
    told = problem(answer, 400, "invalid")
    if pointer is not None:
        assert [e["pointer"] for e in told.get("errors", [])] == ([pointer] if pointer else []), told


TENANTS = [
    ({"name": ""}, "/name"), ({"name": None}, "/name"), ({"name": 7}, "/name"), ({"name": "x" * 201}, "/name"),
    ({"name": "a\u0000b"}, "/name"), ({"name": "a\u001b[31m"}, "/name"),
    ({"status": "closed"}, "/status"), ({"status": None}, "/status"), ({"status": 0}, "/status"),
    ({"outside_line": "1"}, "/outside_line"), ({"outside_line": "00000"}, "/outside_line"),
    ({"outside_line": "a"}, "/outside_line"), ({"outside_line": 0}, "/outside_line"),
    ({"locale": "japanese"}, "/locale"), ({"locale": ""}, "/locale"), ({"locale": "ja_JP"}, "/locale"),
    ({"time_zone": "Tokyo"}, "/time_zone"), ({"time_zone": "Asia/Edo"}, "/time_zone"),
    ({"time_zone": "../../etc/passwd"}, "/time_zone"), ({"time_zone": "Asia/../Asia/Tokyo"}, "/time_zone"),
    ({"time_zone": "/Asia/Tokyo"}, "/time_zone"), ({"time_zone": "Asia"}, "/time_zone"),
    ({"contacts": {}}, "/contacts"), ({"contacts": [{}]}, "/contacts/0"), ({"contacts": [7]}, "/contacts/0"),
    ({"contacts": [{"email": "nobody"}]}, "/contacts/0/email"),
    ({"contacts": [{"name": "x"}, {"phone": "call me"}]}, "/contacts/1/phone"),
    ({"contacts": [{"webhook": "ftp://example.com/"}]}, "/contacts/0/webhook"),
    ({"contacts": [{"webhook": "https://example.com/\r\nX: y"}]}, "/contacts/0/webhook"),
    ({"contacts": [{"fax": "1"}]}, "/contacts/0/fax"), ({"contacts": [{"name": "\u0001"}]}, "/contacts/0/name"),
    ({"id": "other"}, "/id"), ({"tenant_id": "x"}, "/tenant_id"), ({"role": "operator"}, "/role"),
]


@pytest.mark.parametrize("body, pointer", TENANTS)
def test_a_tenant(daemon, tenant, unchanged, body, pointer):
    problem(daemon.rest("PUT", f"/v1/tenants/{tenant}", body), 400, "invalid", pointer)
    problem(daemon.rest("PATCH", f"/v1/tenants/{tenant}", body, headers=ANY), 400, "invalid", pointer)
    if "id" not in body:
        problem(daemon.rest("PUT", "/v1/tenants/never-made", body), 400, "invalid", pointer)
        assert daemon.rest("GET", "/v1/tenants/never-made").status == 404


@pytest.mark.parametrize("member", ["id", "created_at", "updated_at", "version", "revision"])
def test_what_is_ours_to_say_cannot_be_patched(daemon, tenant, unchanged, member):
    value = daemon.rest("GET", f"/v1/tenants/{tenant}").json[member]
    problem(daemon.rest("PATCH", f"/v1/tenants/{tenant}", {member: value}, headers=ANY), 400, "invalid", f"/{member}")


def test_too_many_contacts(daemon, tenant, unchanged):
    contacts = [{"name": str(n)} for n in range(21)]
    problem(daemon.rest("PUT", f"/v1/tenants/{tenant}", {"contacts": contacts}), 422, "limit", "/contacts")


@pytest.mark.parametrize("path", ["Upper", "-x", "_x", "a.b", "x" * 64, "%E3%81%82", "a%20b", "a%0Ab", "..", "%2e%2e"])
def test_ids_of_tenants(daemon, path):
    answer = daemon.rest("PUT", f"/v1/tenants/{path}", {})
    assert answer.status in (400, 404), answer
    assert daemon.rest("GET", f"/v1/tenants/{path}").status in (400, 404)


@pytest.mark.parametrize("path", ["-x", ".x", "x" * 64, "%E3%81%82", "a%20b", "a%0Ab", "a%2Fb"])
def test_ids_of_accounts(daemon, tenant, unchanged, path):
    assert daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/{path}", {}).status in (400, 404)


@pytest.mark.parametrize("body, pointer", [
    ({"display_name": "x" * 201}, "/display_name"), ({"display_name": 7}, "/display_name"),
    ({"display_name": "a\rb"}, "/display_name"), ({"profile": "none"}, "/profile"), ({"tenant": "x"}, "/tenant"),
    ({"id": "1002"}, "/id")])
def test_an_account(daemon, tenant, unchanged, body, pointer):
    problem(daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/1009", body), 400, "invalid", pointer)


def test_media_types(daemon, tenant, unchanged):
    path, body = f"/v1/tenants/{tenant}/rules", json.dumps(GOOD)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data"):
        problem(raw(daemon, "POST", path, body, **{"Content-Type": kind}), 415, "unsupported_media_type")
    answer = daemon.http("admin", "POST", path, body.encode(), daemon.token(), {})
    problem(answer, 415, "unsupported_media_type")


def test_a_body_over_the_limit(daemon, tenant, unchanged):
    path = f"/v1/tenants/{tenant}/rules"
    body = json.dumps(GOOD | {"note": ""}).encode()
    answer = raw(daemon, "POST", path, body + b" " * (256 * 1024 + 1 - len(body)))
    problem(answer, 413, "body_too_large")
    # up to the limit it is looked at
    problem(raw(daemon, "POST", path, b'{"prefix":1}' + b" " * (256 * 1024 - 12)), 400, "invalid", "/prefix")


def test_more_rules_than_a_tenant_may_have(daemon):
    tenant = new_tenant(daemon, ["a", "b"])
    path = f"/v1/tenants/{tenant}/rules"

    def rules(first, count):
        return {"rules": [{"prefix": f"{n:05}", "action": "deny"} for n in range(first, first + count)]}

    for account, first in (("a", 0), ("b", 5000)):
        answer = daemon.rest("PUT", f"{path}?account={account}", rules(first, 5000), headers=ANY)
        assert answer.status == 200, answer
    before = revision(daemon, tenant)
    for ask in (("POST", path, GOOD), ("PUT", path, rules(0, 1)), ("PUT", f"{path}?account=b", rules(0, 5001))):
        problem(daemon.rest(*ask, headers=ANY), 422, "limit")
    assert revision(daemon, tenant) == before
    assert len(all_pages(daemon, path, "rules")) == 10000
    assert daemon.authorize(tenant, "a", "04999").json["verdict"] == "deny"
    assert daemon.rest("PUT", f"{path}?account=b", rules(0, 1), headers=ANY).status == 200
    assert daemon.rest("POST", path, GOOD).status == 201


def test_unknown_query_parameters(daemon, tenant, unchanged):
    for method, path, body in (("GET", "rules?acount=1001", None), ("PUT", "rules?acount=1001", {"rules": []}),
                               ("POST", "rules?dry_run=true", GOOD), ("GET", "accounts?page=2", None),
                               ("PUT", "rules?account=1001&account=1002", {"rules": []})):
        answer = daemon.rest(method, f"/v1/tenants/{tenant}/{path}", body, headers=ANY)
        assert answer.status == 400, answer
