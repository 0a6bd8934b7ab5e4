"""Idempotency-Key: sent again, a change answers again and changes nothing."""
import threading

import pytest
from rest import ANY, as_role, new_tenant, problem, revision

RULE = {"prefix": "010", "action": "deny"}


@pytest.fixture
def tenant(daemon):
    return new_tenant(daemon)


def post(daemon, tenant, key, body=None, **headers):
    return daemon.rest("POST", f"/v1/tenants/{tenant}/rules", body or RULE, headers={"Idempotency-Key": key} | headers)


def same(a, b):
    assert (a.status, a.body) == (b.status, b.body)
    for name in ("ETag", "Location", "Sekisho-Revision", "Content-Type"):
        assert a.headers.get(name) == b.headers.get(name), name


def test_the_same_answer_again(daemon, tenant):
    first = post(daemon, tenant, "k1")
    assert first.status == 201
    before = revision(daemon, tenant)
    for _ in range(3):
        same(post(daemon, tenant, "k1"), first)
    same(post(daemon, tenant, '"k1"'), first)  # as a structured field string
    assert revision(daemon, tenant) == before
    assert len(daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"]) == 1
    problem(post(daemon, tenant, "k2"), 409, "exists")


def test_another_request_under_the_key(daemon, tenant):
    post(daemon, tenant, "k")
    problem(post(daemon, tenant, "k", RULE | {"note": "other"}), 422, "idempotency_mismatch")
    answer = daemon.rest("PATCH", f"/v1/tenants/{tenant}", {"name": "x"}, headers={"Idempotency-Key": "k"} | ANY)
    problem(answer, 422, "idempotency_mismatch")
    assert daemon.rest("GET", f"/v1/tenants/{tenant}").json["name"] == tenant


def test_keys_belong_to_a_tenant_and_a_role(daemon, tenant):
    other = new_tenant(daemon)
    first = post(daemon, tenant, "shared")
    assert post(daemon, other, "shared").json["id"] != first.json["id"]
    admin = as_role(daemon, "tenant_admin", tenant)
    answer = admin("POST", f"/v1/tenants/{tenant}/rules", RULE, {"Idempotency-Key": "shared"})
    problem(answer, 422, "idempotency_mismatch")


def test_a_refusal_is_not_kept(daemon, tenant):
    problem(post(daemon, tenant, "k", {"prefix": "x", "action": "deny"}), 400, "invalid")
    post(daemon, tenant, "other")
    problem(post(daemon, tenant, "k"), 409, "exists")
    rule = daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"][0]
    daemon.rest("DELETE", f"/v1/tenants/{tenant}/rules/{rule['id']}", headers=ANY)
    assert post(daemon, tenant, "k").status == 201


def test_a_retry_is_not_stale(daemon, tenant):
    """The answer to a PATCH was lost; its retry names the version from before and is still answered."""
    made = post(daemon, tenant, "make")
    headers = {"If-Match": made.headers["ETag"], "Idempotency-Key": "edit"}
    first = daemon.rest("PATCH", made.headers["Location"], {"note": "n"}, headers=headers)
    same(daemon.rest("PATCH", made.headers["Location"], {"note": "n"}, headers=headers), first)


def test_delete_and_put(daemon, tenant):
    path = f"/v1/tenants/{tenant}/rules"
    headers = {"Idempotency-Key": "list"} | ANY
    first = daemon.rest("PUT", path, {"rules": [RULE]}, headers=headers)
    same(daemon.rest("PUT", path, {"rules": [RULE]}, headers=headers), first)
    daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/1", {})
    problem(daemon.rest("PUT", f"{path}?account=1", {"rules": [RULE]}, headers=headers), 422, "idempotency_mismatch")
    rule = f"{path}/{first.json['rules'][0]['id']}"
    headers = {"Idempotency-Key": "gone"} | ANY
    first = daemon.rest("DELETE", rule, headers=headers)
    assert first.status == 204
    same(daemon.rest("DELETE", rule, headers=headers), first)
    problem(daemon.rest("DELETE", rule, headers=ANY), 404, "not_found")


def test_platform_and_profiles(daemon):
    headers = {"Idempotency-Key": "profile-1"}
    first = daemon.rest("PUT", "/v1/profiles/retried", {"name": "r"}, headers=headers)
    assert first.status == 201
    same(daemon.rest("PUT", "/v1/profiles/retried", {"name": "r"}, headers=headers), first)
    assert daemon.rest("DELETE", "/v1/profiles/retried", headers=ANY).status == 204


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a\tb", 'a"b', "ü".encode().decode("latin-1")])
def test_keys_that_are_none(daemon, tenant, key):
    before = revision(daemon, tenant)
    answer = post(daemon, tenant, key)
    assert answer.status == 400, answer
    assert revision(daemon, tenant) == before


def test_the_longest_key(daemon, tenant):
    first = post(daemon, tenant, "x" * 255)
    assert first.status == 201
    same(post(daemon, tenant, f'"{"x" * 255}"'), first)


def test_at_the_same_time(daemon, tenant):
    answers = []

    def send():
        answers.append(post(daemon, tenant, "race"))

    senders = [threading.Thread(target=send) for _ in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert {answer.status for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status == 201]
    assert len({answer.body for answer in made}) == 1
    assert len(daemon.rest("GET", f"/v1/tenants/{tenant}/rules").json["rules"]) == 1


def test_kept_over_a_restart(start_daemon, tmp_path):
    daemon = start_daemon()
    daemon.rest("PUT", "/v1/tenants/acme", {"profile": "open"})
    first = post(daemon, "acme", "k")
    daemon.kill()
    daemon.start()
    same(post(daemon, "acme", "k"), first)
