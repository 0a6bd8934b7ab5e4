"""Every answer of the test session against api/openapi.yaml: status, headers, media type, schema.

`watch` is called by the client (daemon.py) for each answer, so a test that never heard of the document
still proves it, and a member that is added without being written down fails the next test that sees it.
"""
import json
import re
import urllib.parse
from collections import Counter
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, FormatChecker

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = yaml.safe_load((ROOT / "api/openapi.yaml").read_text())
FORMATS = FormatChecker(formats=())
METHODS = ("get", "put", "post", "patch", "delete")
seen = Counter()  # (operationId, status): how many answers were checked


@FORMATS.checks("date-time")
def is_time(text):
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)"
    return not isinstance(text, str) or re.fullmatch(pattern, text) is not None


def resolve(node):
    while "$ref" in node:
        steps, node = node["$ref"].removeprefix("#/").split("/"), DOCUMENT
        for step in steps:
            node = node[step]
    return node


def validate(schema, value):
    """An error's text for each fault; empty when there is none."""
    # one schema with all it refers to: what Debian 12's jsonschema and 13's understand alike
    whole = schema | {"components": DOCUMENT["components"]}
    validator = Draft202012Validator(whole, format_checker=FORMATS)
    return [f"/{'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in validator.iter_errors(value)]


def operations():
    """(METHOD, path template, its operation, its path's item)"""
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method], item


def door_of(item):
    return [server["description"].split()[0] for server in item.get("servers", DOCUMENT["servers"])]


PATTERNS = [(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + "$"), operation, door_of(item))
            for method, path, operation, item in operations()]
# the more literal path first: /v1/tokens/revoked before /v1/tokens/{x}
PATTERNS.sort(key=lambda row: row[1].pattern.count("[^/]+"))


def find(door, method, path):
    path = path.split("?")[0]
    method = "GET" if method == "HEAD" else method
    for known, pattern, operation, doors in PATTERNS:
        if door in doors and known == method and pattern.match(path):
            return operation
    return None


def check_headers(response, answer):
    for name, header in response.get("headers", {}).items():
        header = resolve(header)
        value = answer.headers.get(name)
        assert value is not None or not header.get("required"), f"no {name}"
        assert value is None or not validate(header["schema"], value), f"{name}: {value}"


def check_body(response, answer):
    kind = (answer.headers.get("Content-Type") or "").split(";")[0]
    if "content" not in response:
        assert answer.body == b"" and not kind, "a body where there is to be none"
        return
    assert kind in response["content"], f"Content-Type {kind!r}"
    if kind == "application/x-ndjson":  # its schema is that of each line
        lines = answer.text.splitlines()
        for line in lines[:50] + lines[50:][-50:]:  # of thousands that look alike
            faults = validate(response["content"][kind]["schema"], json.loads(line))
            assert not faults, (line, faults)
        return
    if kind.endswith("json"):
        value = json.loads(answer.body)
    elif kind == "application/x-www-form-urlencoded":
        value = dict(urllib.parse.parse_qsl(answer.text, strict_parsing=True))
    else:
        value = answer.text
    faults = validate(response["content"][kind]["schema"], value)
    assert not faults, faults
    if kind == "application/problem+json":
        assert value["status"] == answer.status


def watch(door, method, path, answer):
    """Fails when the answer is not what the document says."""
    operation = find(door, method, path)
    problem = response = DOCUMENT["components"]["responses"]["Problem"]
    neighbour = find(door, "GET", path)
    if neighbour:  # what the path says of a method that it does not know
        response = resolve(neighbour["responses"]["default"])
    if operation:
        responses = operation["responses"]
        response = resolve(responses.get(str(answer.status)) or responses["default"])
    assert answer.status >= 400 or response is not problem, f"{method} {path}: {answer.status} is not written down"
    try:
        check_headers(response, answer)
        if method != "HEAD":
            is_html = not answer.body or (answer.headers.get("Content-Type") or "").startswith("text/html")
            if not (operation is None and is_html):  # what libmicrohttpd says by itself
                check_body(response, answer)
    except AssertionError as fault:
        raise AssertionError(f"{method} {path}: {answer!r}: {fault}") from None
    if operation:
        seen[operation["operationId"], answer.status] += 1
