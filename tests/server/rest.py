"""Small words for tests of the REST API."""
import itertools

_names = itertools.count(1)
ANY = {"If-Match": "*"}


def new_tenant(daemon, accounts=(), **body):
    """A tenant of the test's own; returns its id."""
    tenant = f"t{next(_names)}"
    answer = daemon.rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant, "profile": "open"} | body)
    assert answer.status == 201, answer
    for account in accounts:
        assert daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/{account}", {}).status == 201
    return tenant


def as_role(daemon, role, tenant=None):
    """A function like daemon.rest() for one role (of one tenant)."""
    token = daemon.token(role, *([tenant] if tenant else []))

    def ask(method, path, body=None, headers=None):
        return daemon.http("admin", method, path, body, token, headers)
    return ask


def revision(daemon, tenant):
    return daemon.rest("GET", f"/v1/tenants/{tenant}").json["revision"]


def all_pages(daemon, path, member, limit=100):
    """The elements of a list, page by page."""
    elements, cursor, mark = [], "", "&" if "?" in path else "?"
    while True:
        answer = daemon.rest("GET", f"{path}{mark}limit={limit}{cursor}")
        assert answer.status == 200, answer
        assert len(answer.json[member]) <= limit
        elements += answer.json[member]
        if answer.json["next"] is None:
            return elements
        assert len(answer.json[member]) == limit
        cursor = f"&cursor={answer.json['next']}"


def verdict(daemon, tenant, account, number):
    answer = daemon.authorize(tenant, account, number)
    assert answer.status == 200, answer
    return answer.json["verdict"]


def problem(answer, status, code, pointer=None):
    """The answer is this problem; with `pointer`, about this member."""
    assert answer.status == status, answer
    assert answer.json["code"] == code, answer
    if pointer is not None:
        assert [error["pointer"] for error in answer.json.get("errors", [])] == [pointer], answer
    return answer.json
