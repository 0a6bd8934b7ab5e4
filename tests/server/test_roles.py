"""Every operation of api/openapi.yaml × every role × own, foreign and missing tenant.

The matrix is made from `x-roles`, so an operation that is added is tested without a line here. Requests
are such that those who may make them change nothing: their If-Match names no version, their bodies are
empty.
"""
import pytest
from cdr import state_terms
from contract import door_of, operations
from rest import ANY, new_tenant

ROLES = ("operator", "tenant_admin", "tenant_viewer", "provisioning", "pbx")
OPERATIONS = [(method, path, operation, door) for method, path, operation, item in operations()
              for door in door_of(item)]
NAMES = [f"{door}-{operation['operationId']}" for _, _, operation, door in OPERATIONS]
# what this world has none of: who may ask is told that it is not there
UNMADE = ("/outbox/{id}", "/marks/{id}", "/campaigns/{c}", "/a/{token}")
NO_VERSION = {"If-Match": '"999999999"'}


class World:
    """Two tenants alike, and what the paths name."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.own, self.foreign = (new_tenant(daemon, ["1001"], profile="standard") for _ in range(2))
        self.missing = "nobody-has-this-id"
        self.rule = {tenant: daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"][0]["id"]
                     for tenant in (self.own, self.foreign)}
        self.rule[self.missing] = self.rule[self.own]
        made = daemon.rest("POST", "/v1/platform/rules", {"prefix": "0099", "action": "deny"})
        self.platform_rule = made.json["id"]
        state_terms(daemon)

    def path(self, template, tenant):
        rule = self.platform_rule if "/platform/" in template else self.rule[tenant]
        return (template.replace("{t}", tenant).replace("{a}", "1001").replace("{p}", "standard")
                .replace("{id}", rule).replace("{jti}", "never.issued").replace("{code}", "stale"))

    def state(self):
        ask = self.daemon.rest
        return [ask("GET", f"/v1/tenants/{tenant}{what}").json for tenant in (self.own, self.foreign)
                for what in ("", "/rules", "/accounts")] + [ask("GET", "/v1/platform/rules").json,
                                                            ask("GET", "/v1/profiles").json]


@pytest.fixture(scope="module")
def world(daemon):
    world = World(daemon)
    before = world.state()
    yield world
    assert world.state() == before, "nothing that was asked here may have changed anything"
    daemon.rest("DELETE", f"/v1/platform/rules/{world.platform_rule}", headers=ANY)


def ask(world, entry, token, tenant):
    method, template, operation, door = entry
    body = {} if "requestBody" in operation and "{jti}" not in template else None
    path = world.path(template, tenant)
    if "{jti}" in template:
        body = {"note": 7}  # for who may: not understood, so nothing is revoked
    if method == "PUT" and "{p}" in template or method == "POST" and "/rules" in template:
        body = {"rules": 7} if method == "PUT" else {}
    if template == "/v1/authorize" and method == "GET":
        path += f"?tenant={tenant}&account=1001&number=0312345678"
    elif template == "/v1/authorize":
        body = {"tenant": tenant, "account": "1001", "number": "0312345678"}
    headers = {} if method in ("GET", "POST") or template.endswith(("{p}", "{jti}")) else NO_VERSION
    return world.daemon.http(door, method, path, body, token, headers)


def without_request_id(answer):
    told = answer.json
    told.pop("request_id", None)
    told.pop("decision_id", None)
    return answer.status, told, sorted(name for name in answer.headers if name != "Date")


@pytest.mark.parametrize("entry", OPERATIONS, ids=NAMES)
def test_without_a_token(world, entry):
    is_open = entry[2]["x-roles"] == []
    if "{token}" in entry[1]:  # the link is the credential
        assert ask(world, entry, None, world.own).status in (404, 415)
        return
    status = ask(world, entry, None, world.own).status
    assert (status == 200) if is_open else (status == 401)
    assert ask(world, entry, "no.token.atall", world.own).status == (200 if is_open else 401)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("entry", OPERATIONS, ids=NAMES)
def test_own_tenant(world, entry, role):
    allowed = entry[2]["x-roles"]
    limited = [world.own] if role.startswith("tenant_") else []
    answer = ask(world, entry, world.daemon.token(role, *limited), world.own)
    if allowed and role not in allowed:
        assert answer.status == 403 and answer.json["code"] == "forbidden", answer
    elif any(name in entry[1] for name in UNMADE):  # 415, 400: a body that is looked at first
        assert answer.status in (400, 404, 415), answer
    else:
        assert answer.status not in (401, 403, 404, 405, 500, 503), answer


@pytest.mark.parametrize("role", ("tenant_admin", "tenant_viewer", "provisioning", "pbx"))
@pytest.mark.parametrize("entry", [e for e in OPERATIONS if "{t}" in e[1] or e[1] == "/v1/authorize"],
                         ids=[n for n, e in zip(NAMES, OPERATIONS) if "{t}" in e[1] or e[1] == "/v1/authorize"])
def test_foreign_tenant_is_as_if_it_were_not_there(world, entry, role):
    token = world.daemon.token(role, world.own)
    foreign, missing = ask(world, entry, token, world.foreign), ask(world, entry, token, world.missing)
    assert without_request_id(foreign) == without_request_id(missing)
    if role not in entry[2]["x-roles"]:
        assert foreign.status == 403, foreign
    elif entry[1] == "/v1/authorize":
        assert (foreign.json["verdict"], foreign.json["reason"]) == ("deny", "unknown_tenant")
    else:
        assert foreign.status == 404 and foreign.json["code"] == "not_found", foreign


@pytest.mark.parametrize("member, value", [("status", "suspended"), ("outside_line", "9"), ("profile", "open")])
def test_what_a_customer_may_not_change_of_itself(daemon, world, member, value):
    token = daemon.token("tenant_admin", world.own)
    path = f"/v1/tenants/{world.own}"
    for body in ({member: value}, {"name": "x", member: value}, {member: None}):
        answer = daemon.http("admin", "PATCH", path, body, token, ANY)
        assert answer.status == 403 and answer.json["errors"][0]["pointer"] == f"/{member}", answer


def test_a_rule_of_another_tenant_by_its_id(daemon, world):
    """The id is right, the tenant in the path is one's own: it is not there."""
    token = daemon.token("tenant_admin", world.own)
    path = f"/v1/tenants/{world.own}/rules/{world.rule[world.foreign]}"
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        assert daemon.http("admin", method, path, body, token, ANY).status == 404
    path = f"/v1/tenants/{world.own}/rules/{world.platform_rule}"
    for method, body in (("GET", None), ("PATCH", {}), ("DELETE", None)):
        assert daemon.http("admin", method, path, body, token, ANY).status == 404
