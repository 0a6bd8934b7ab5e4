#!/usr/bin/env python3
"""The route tables of both HTTP doors and api/openapi.yaml say the same, in both directions: paths,
methods, roles, whether there is a body, whether If-Match is required, and the query parameters."""

import pathlib
import re
import sys

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
DOORS = TOP / "service/doors"
ROLES = {"ROLE_OPERATOR": "operator", "ROLE_TENANT_ADMIN": "tenant_admin", "ROLE_PBX": "pbx",
         "ROLE_TENANT_VIEWER": "tenant_viewer", "ROLE_PROVISIONING": "provisioning"}
METHODS = ("get", "put", "post", "patch", "delete")


def words(expression, names):
    """"A | B" as a set, each word looked up in `names` (which may name sets) until nothing changes."""
    found = set(re.findall(r"\w+", expression))
    while found & names.keys():
        found = {word for name in found for word in names.get(name, {name})}
    return found - {"0"}


def enums(source):
    """name: set of words, for every `NAME = A | B` of the file's enums."""
    bodies = re.findall(r"enum \{(.*?)\};", source, re.S)
    return {name: set(re.findall(r"\w+", value)) for body in bodies
            for name, value in re.findall(r"(\w+)\s*=\s*([^,}]+)", body)}


def admin_routes():
    source = (DOORS / "routes.c").read_text()
    names = enums(source)
    queries = {name: set(re.findall(r'"(\w+)"', body)) for name, body in
               re.findall(r"static const char \*const (\w+)\[\] = \{(.*?)\};", source, re.S)}
    table = source[source.index("admin_routes[] = {"):]
    rows = re.findall(r'\{"(\w+)",\s*"([^"]+)",\s*([^,]+),\s*\w+,\s*([^,]+),\s*\w+,\s*(\w+)\}', table)
    assert len(rows) == table.count('{"'), "a row that is not understood"
    for method, path, roles, flags, query in rows:
        flags = words(flags, names)
        yield (method, path), {
            "roles": {ROLES[role] for role in words(roles, names)},
            "body": bool(flags & {"ROUTE_BODY", "ROUTE_NDJSON", "ROUTE_CSV", "ROUTE_FORM"}), "match": "ROUTE_NEEDS_MATCH" in flags,
            "query": queries.get(query, set())}


def dial_routes():
    source = (DOORS / "listener.c").read_text()
    table = re.search(r"dial_routes\[\] = \{(.*?)\n\};", source, re.S)[1]
    for method, path in re.findall(r'\.method = "(\w+)", \.pattern = "([^"]+)"', table):
        yield (method, path), {"roles": set(), "body": False, "match": False, "query": None}
    # the dial route goes through no table, for speed (http.h)
    roles = re.search(r"credential\.role & \(([^)]+)\)", (DOORS / "authorize.c").read_text())[1]
    roles = {ROLES[role] for role in re.findall(r"\w+", roles)}
    question = (TOP / "service/wire/question.c").read_text()
    query = set(re.findall(r'is\(name, SLICE_LIT\("(\w+)"\)\)', question))
    yield ("GET", "/v1/authorize"), {"roles": roles, "body": False, "match": False, "query": query}
    yield ("POST", "/v1/authorize"), {"roles": roles, "body": True, "match": False, "query": set()}


def document_routes(document, door):
    def resolve(node):
        while "$ref" in node:
            target = document
            for part in node["$ref"][2:].split("/"):
                target = target[part]
            node = target
        return node

    for path, item in document["paths"].items():
        servers = item.get("servers", document["servers"])
        if not any(door in server["description"] for server in servers):
            continue
        for method in METHODS:
            if method not in item:
                continue
            operation = item[method]
            parameters = [resolve(p) for p in item.get("parameters", []) + operation.get("parameters", [])]
            declared = {p["name"] for p in parameters if p["in"] == "path"}
            assert declared == set(re.findall(r"\{(\w+)\}", path)), f"{method} {path}: path parameters"
            yield (method.upper(), path), {
                "roles": set(operation["x-roles"]), "body": "requestBody" in operation,
                "match": any(p["name"] == "If-Match" and p.get("required") for p in parameters),
                "query": {p["name"] for p in parameters if p["in"] == "query"}}


def compare(door, table, document):
    problems = [f"{door}: {' '.join(route)} is not in openapi.yaml" for route in table.keys() - document.keys()]
    problems += [f"{door}: {' '.join(route)} is not in the route table" for route in document.keys() - table.keys()]
    for route in table.keys() & document.keys():
        for what, said in table[route].items():
            if said is not None and said != document[route][what]:
                problems.append(f"{door}: {' '.join(route)}: {what}: {said or 'none'} in the table, "
                                f"{document[route][what] or 'none'} in openapi.yaml")
    return problems


contract = yaml.safe_load((TOP / "api/openapi.yaml").read_text())
tables = {"admin": dict(admin_routes()), "dial": dict(dial_routes())}
faults = [fault for door, table in tables.items()
          for fault in compare(door, table, dict(document_routes(contract, door)))]
operations = [operation["operationId"] for item in contract["paths"].values()
              for method, operation in item.items() if method in METHODS]
faults += [f"operationId {name} twice" for name in set(operations) if operations.count(name) > 1]
print(f"routes: {sum(map(len, tables.values()))} routes, {len(faults)} problems")
sys.exit("\n".join(sorted(faults)) if faults else 0)
