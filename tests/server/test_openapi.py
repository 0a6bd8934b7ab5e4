"""api/openapi.yaml: it is a valid document, it is what a node serves, and its examples are real.

An example is run in the small world that all of them share (World), and the answer compared with the
one written down. What differs from run to run (ids, times, revisions) must only be of the same kind.
"""
import json
import re
import time

import pytest
import yaml
from contract import DOCUMENT, ROOT, operations, resolve, validate
from rest import ANY

VOLATILE = {"id", "created_at", "updated_at", "version", "revision", "platform_revision", "decision_id", "numbering", "numbering_data",
            "at", "seq", "revoked_at", "rule_id", "subject", "request_id", "object",
            "since", "until", "from", "to", "known_since", "gaps", "gaps_count", "days_covered", "made_at", "made_by",
            "started_at", "heartbeat_at", "keys", "feed_position", "address", "type",
            "stated_at", "stated_by", "planned_at", "notified_at", "apply_at", "created_by"}
LONGER = {"attempts", "records", "sources"}  # lists that may have more than the example shows


def test_it_is_served(daemon):
    answer = daemon.rest("GET", "/openapi.yaml", role=None)
    assert answer.status == 200 and answer.text == (ROOT / "api/openapi.yaml").read_text()


def walk(node, path=""):
    yield path, node
    if isinstance(node, dict):
        for name, value in node.items():
            yield from walk(value, f"{path}/{name}")
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from walk(value, f"{path}/{i}")


def test_every_reference_leads_somewhere():
    for path, node in walk(DOCUMENT):
        if isinstance(node, dict) and "$ref" in node:
            resolve(node)
    used = {node["$ref"] for _, node in walk(DOCUMENT) if isinstance(node, dict) and "$ref" in node}
    for kind in ("schemas", "parameters", "responses", "headers"):
        unused = {f"#/components/{kind}/{name}" for name in DOCUMENT["components"][kind]} - used
        assert not unused, unused


def test_it_needs_nothing_but_yaml_1_2():
    text = (ROOT / "api/openapi.yaml").read_text()
    assert "<<:" not in text, "merge keys are not part of YAML 1.2"
    assert yaml.safe_load(text)["openapi"] == "3.1.0"


def test_every_operation_is_described():
    for method, path, operation, _ in operations():
        name = f"{method} {path}"
        assert operation["summary"] and operation["tags"] and operation["operationId"], name
        assert any(status.startswith("2") for status in operation["responses"]), name
        if operation["x-roles"]:
            assert not {"401", "403"} - operation["responses"].keys() or path == "/v1/authorize", name


def examples_of(media):
    """name: value, for `example` and `examples` of a media type object."""
    if "example" in media:
        return {"": media["example"]}
    return {name: example["value"] for name, example in media.get("examples", {}).items()}


def all_examples():
    for method, path, operation, item in operations():
        for status, response in operation["responses"].items():
            for media, value in resolve(response).get("content", {}).items():
                for name, expected in examples_of(value).items():
                    bodies = {}
                    if "requestBody" in operation:
                        bodies = {name: (kind, body) for kind, sent in operation["requestBody"]["content"].items()
                                  for name, body in examples_of(sent).items()}
                    yield (f"{operation['operationId']}{'-' + name if name else ''}", method, path, operation, item,
                           int(status), media, bodies.get(name, (None, None)), expected)


EXAMPLES = list(all_examples())


def lines_of(media, example):
    """Of NDJSON the schema is that of each line."""
    return [json.loads(line) for line in example.splitlines()] if media == "application/x-ndjson" else [example]


def test_every_example_fits_its_schema():
    for method, path, operation, _ in operations():
        medias = [operation.get("requestBody", {}).get("content", {})]
        medias += [resolve(response).get("content", {}) for response in operation["responses"].values()]
        for media in medias:
            for media_type, value in media.items():
                for name, example in examples_of(value).items():
                    for one in lines_of(media_type, example):
                        assert not validate(value["schema"], one), (method, path, name)


def test_every_body_has_an_example():
    for method, path, operation, _ in operations():
        if "requestBody" in operation:
            for kind, media in operation["requestBody"]["content"].items():
                assert examples_of(media), f"{method} {path} {kind}"


class World:
    """What the examples take for granted: the tenant acme, its account 1001, three rules."""

    def __init__(self, daemon):
        self.daemon, ask = daemon, daemon.rest
        ask("DELETE", "/v1/tenants/acme", headers=ANY)
        ask("PUT", "/v1/platform/rules", {"rules": [{"prefix": "0101876", "action": "deny"}]}, headers=ANY)
        self.must(ask("PUT", "/v1/profiles/standard",
                      {"name": "International calls barred", "rules": [{"prefix": "010", "action": "deny"}]}))
        contacts = [{"name": "山田花子", "email": "hanako@acme.example"}]
        self.must(ask("PUT", "/v1/tenants/acme", {"name": "Acme K.K.", "outside_line": "0", "contacts": contacts}))
        self.must(ask("PUT", "/v1/tenants/acme/accounts/1001", {"display_name": "受付"}))
        self.must(ask("POST", "/v1/tenants/acme/rules", {
            "account": "1001", "prefix": "+1 212", "action": "divert", "divert_to": "voicemail",
            "expires_at": "2030-12-01T00:00:00Z"}))
        self.must(ask("PUT", "/v1/tokens/revoked/01KAR1W3B8C5D2F7G4H9J6K1MN",
                      {"note": "PBX node 3 was lost", "expires_at": "2030-12-01T00:00:00Z"}))
        self.must(ask("PUT", "/v1/cdrs/terms", {"purpose": "Finding lines that never call abroad",
                                                "retention_days": 3660}))
        self.rule = ask("GET", "/v1/tenants/acme/rules").json["rules"][0]["id"]
        self.platform_rule = ask("GET", "/v1/platform/rules").json["rules"][0]["id"]

    @staticmethod
    def must(answer):
        assert answer.status in (200, 201), answer

    def campaign(self):
        """One whose plan is made."""
        made = self.daemon.rest("POST", "/v1/campaigns", {
            "name": "010, never called abroad",
            "selection": {"since": "2024-01-01T00:00:00Z", "tenants": ["acme"], "exclude": ["acme/1001"]}})
        assert made.status == 201, made
        deadline = time.monotonic() + 30
        while self.daemon.rest("GET", made.headers["Location"]).json["state"] != "planned":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return made.json["id"]

    def path(self, template, item, operation):
        rule = self.platform_rule if "/platform/" in template else self.rule
        path = template.replace("{id}", rule)
        if "{c}" in path:
            path = path.replace("{c}", self.campaign())
        query = []
        for parameter in map(resolve, item.get("parameters", []) + operation.get("parameters", [])):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
            elif parameter["in"] == "query" and "example" in parameter:
                query.append(f"{parameter['name']}={parameter['example']}")
        return path + ("?" + "&".join(query) if query else "")


def compare(expected, actual, where=""):
    name = re.sub(r"/\d+$", "", where).rsplit("/", 1)[-1]
    if name in VOLATILE:
        assert (expected in (None, "")) == (actual in (None, "")) and type(expected) is type(actual), where
    elif isinstance(expected, dict):
        assert expected.keys() == actual.keys(), where
        for member, value in expected.items():
            if member == "next" and LONGER & expected.keys():
                continue
            compare(value, actual[member], f"{where}/{member}")
    elif isinstance(expected, list):
        for key, list_name in (("id", "profiles"), ("jti", "revoked")):
            if name == list_name:  # the daemon is shared: others may stand between
                actual = [one for one in actual if one[key] in {wanted[key] for wanted in expected}]
        assert len(expected) == len(actual) or name in LONGER and len(actual) > len(expected), where
        for i, (one, other) in enumerate(zip(expected, actual)):
            compare(one, other, f"{where}/{i}")
    else:
        assert expected == actual, where


@pytest.fixture(scope="module", autouse=True)
def tidy(daemon):
    yield
    assert daemon.rest("PUT", "/v1/platform/rules", {"rules": []}, headers=ANY).status == 200


@pytest.mark.parametrize("method, path, operation, item, status, media, body, expected",
                         [example[1:] for example in EXAMPLES], ids=[example[0] for example in EXAMPLES])
def test_the_example(daemon, method, path, operation, item, status, media, body, expected):
    world = World(daemon)
    path = world.path(path, item, operation)
    if "attempts" in path:
        daemon.authorize("acme", "1001", "0-010-252-61-555-0101")
        wait_for_attempts(daemon)
    door = item.get("servers", DOCUMENT["servers"])[0]["description"].split()[0]
    headers = ANY if any(resolve(p)["name"] == "If-Match" and resolve(p).get("required")
                         for p in operation.get("parameters", [])) else {}
    token = daemon.token("provisioning", "acme") if path == "/v1/tenants" else daemon.token()
    kind, body = body
    if isinstance(body, str):
        body, headers = body.encode(), headers | {"Content-Type": kind}
    answer = daemon.http(door, method, path, body, token, headers)
    assert answer.status == status, answer
    if media == "application/x-ndjson":
        compare(lines_of(media, expected), lines_of(media, answer.text))
    elif media.endswith("json"):
        compare(expected, answer.json)
    else:
        assert answer.text == expected


def wait_for_attempts(daemon):
    deadline = time.monotonic() + 10
    while not daemon.rest("GET", "/v1/tenants/acme/attempts").json["attempts"] and time.monotonic() < deadline:
        time.sleep(0.05)
