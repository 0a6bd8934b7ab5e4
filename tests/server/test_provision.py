"""Tenants and accounts, many at once: a result for each line, dry runs, doing it again, bad lines."""
import http.client
import itertools
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from rest import as_role, new_tenant, problem, verdict

numbers = itertools.count(1)


def fresh():
    return f"many-{next(numbers)}"


def provision(daemon, lines, query="", key=None, ask=None, kind="application/x-ndjson"):
    """Sends objects, a text or bytes; the answer's lines as objects."""
    if isinstance(lines, list):
        lines = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    body = lines if isinstance(lines, bytes) else lines.encode()
    headers = {"Content-Type": kind} | ({"Idempotency-Key": key} if key else {})
    answer = (ask or daemon.rest)("POST", "/v1/provision" + query, body, headers=headers)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def csv(daemon, text, query="", **more):
    return provision(daemon, text, query, kind="text/csv", **more)


def statuses(results):
    return [result["status"] for result in results]


def exists(daemon, tenant, account=None):
    path = f"/v1/tenants/{tenant}" + (f"/accounts/{account}" if account else "")
    return daemon.rest("GET", path).status == 200


def test_created_then_unchanged_then_updated(daemon):
    a, b = fresh(), fresh()
    lines = [{"tenant": a, "name": "株式会社", "outside_line": "0"}, {"tenant": b, "name": b, "profile": "open"},
             {"tenant": a, "account": "1001", "display_name": "受付", "profile": "standard"},
             {"tenant": a, "account": "1002"}]
    results = provision(daemon, lines)
    assert results == [{"line": 1, "status": "created", "tenant": a}, {"line": 2, "status": "created", "tenant": b},
                       {"line": 3, "status": "created", "tenant": a, "account": "1001"},
                       {"line": 4, "status": "created", "tenant": a, "account": "1002"}]
    # in force here: the default profile, and the account's own
    assert verdict(daemon, a, "1002", "0-010-1-212-555-0100") == "deny"
    assert verdict(daemon, b, None, "010-1-212-555-0100") == "allow"
    before = daemon.rest("GET", f"/v1/tenants/{a}").json
    assert statuses(provision(daemon, lines)) == ["unchanged"] * 4
    assert daemon.rest("GET", f"/v1/tenants/{a}").json == before
    lines[0]["outside_line"], lines[2]["display_name"] = None, "Front desk"
    assert statuses(provision(daemon, lines)) == ["updated", "unchanged", "updated", "unchanged"]
    # the same tenant twice in one request: the second line sees what the first did
    twice = [{"tenant": a, "name": "one"}, {"tenant": a, "name": "two"}, {"tenant": a, "name": "two"}]
    assert statuses(provision(daemon, twice)) == ["updated", "updated", "unchanged"]


def test_a_bad_line_undoes_only_itself(daemon):
    a = fresh()
    lines = "\n".join([
        json.dumps({"tenant": a, "name": a, "profile": "open"}), '{"tenant": "' + a + '", "acco', "", '["a"]',
        json.dumps({"tenant": a, "account": "1", "display_name": "x" * 201}),
        json.dumps({"tenant": a, "account": "2", "profile": "no-such"}),
        json.dumps({"tenant": a, "account": "3", "nmae": "x"}), json.dumps({"name": "whose"}),
        json.dumps({"tenant": "not-" + a, "account": "4"}), json.dumps({"tenant": a.upper()}),
        json.dumps({"tenant": a, "name": "n\u0000l"}), json.dumps({"tenant": a, "account": "5"})])
    results = provision(daemon, lines)
    refused = {r["line"]: (r["problem"]["code"], [e["pointer"] for e in r["problem"].get("errors", [])])
               for r in results if r["status"] == "refused"}
    assert [r["line"] for r in results] == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]
    assert refused.pop(2)[0] == refused.pop(4)[0] == "invalid"
    assert refused == {5: ("invalid", ["/display_name"]), 6: ("invalid", ["/profile"]), 7: ("invalid", ["/nmae"]),
                       8: ("invalid", ["/tenant"]), 9: ("not_found", ["/tenant"]), 10: ("invalid", ["/tenant"]),
                       11: ("invalid", ["/name"])}
    accounts = daemon.rest("GET", f"/v1/tenants/{a}/accounts").json["accounts"]
    assert [account["id"] for account in accounts] == ["5"]


def test_a_dry_run_changes_nothing_and_says_the_same(daemon):
    a = fresh()
    lines = [{"tenant": a, "name": a}, {"tenant": a, "account": "1"}, {"tenant": a, "account": "?"}]
    dry = provision(daemon, lines, "?dry_run=true", key="a key is not used up")
    assert statuses(dry) == ["created", "created", "refused"] and not exists(daemon, a)
    assert provision(daemon, lines, "?dry_run=false", key="a key is not used up") == dry
    assert exists(daemon, a, "1")
    problem(daemon.rest("POST", "/v1/provision?dry_run=yes", b"", headers={"Content-Type": "text/csv"}), 400, "invalid")


def test_the_same_key_gets_the_same_answer_and_goes_on(daemon):
    a, key = fresh(), f"key-{next(numbers)}"
    lines = [{"tenant": a, "name": a, "profile": "open"}] + [{"tenant": a, "account": str(n)} for n in range(450)]
    first = provision(daemon, lines, key=key)
    assert statuses(first) == ["created"] * 451
    assert provision(daemon, lines, key=key) == first  # not "unchanged": it is the first answer
    other = [{"tenant": a, "name": "other"}] + lines[1:]
    body = "".join(json.dumps(line) + "\n" for line in other).encode()
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": key}
    problem(daemon.rest("POST", "/v1/provision", body, headers=headers), 422, "idempotency_mismatch")
    assert daemon.rest("GET", f"/v1/tenants/{a}").json["name"] == a


def test_csv(daemon):
    a = fresh()
    text = ("\ufeff# made by hand\r\nTenant,account,name,outside_line,contact_email\r\n"
            f"{a},,\"株式会社 \"\"甲\"\",\n本社\",0,a@example.com\r\n\r\n{a},1001,受付,,\r\n")
    results = csv(daemon, text)
    assert [(r["line"], r["status"]) for r in results] == [(3, "refused"), (6, "refused")]
    assert results[0]["problem"]["errors"][0]["pointer"] == "/name"  # a line break is no name
    assert results[1]["problem"]["code"] == "not_found"
    text = text.replace("\n本社", "")
    results = csv(daemon, text)
    assert [(r["line"], r["status"]) for r in results] == [(3, "created"), (5, "created")]
    made = daemon.rest("GET", f"/v1/tenants/{a}").json
    assert made["name"] == '株式会社 "甲",' and made["outside_line"] == "0"
    assert made["contacts"] == [{"name": None, "email": "a@example.com", "phone": None, "webhook": None}]
    assert daemon.rest("GET", f"/v1/tenants/{a}/accounts/1001").json["display_name"] == "受付"
    assert statuses(csv(daemon, text)) == ["unchanged", "unchanged"]


def test_shift_jis(daemon):
    a = fresh()
    text = f"tenant,name,profile\r\n{a},株式会社ソ十表,open\r\n".encode("cp932")
    assert statuses(csv(daemon, text)) == ["created"]
    assert daemon.rest("GET", f"/v1/tenants/{a}").json["name"] == "株式会社ソ十表"
    # said to be something else: refused by line, and nothing done to it
    assert statuses(csv(daemon, text, "?charset=utf-8")) == ["refused"]
    b = fresh()
    broken = text.replace(a.encode(), b.encode()) + f"{b}-2,".encode() + b"\x93,open\r\n" + f"{b}-3,x,open\n".encode()
    assert statuses(csv(daemon, broken, "?charset=shift_jis")) == ["created", "refused", "created"]


def test_torn_csv(daemon):
    a = fresh()
    text = (f"tenant,name,profile\n{a},A,open\n{a}x,\"B,open\n{a}y,C\n{a}z,D,open,\n{a}w,E,open,more\n"
            f"{a}v,\"F\"G,open\n{a}u,{'n' * 17000},open\n{a}\0t,T,open\n{a}s,S,open")
    assert [(r["line"], r["status"]) for r in csv(daemon, text)] == [
        (2, "created"), (3, "refused"), (4, "refused"), (5, "created"), (6, "refused"), (7, "refused"),
        (8, "refused"), (9, "refused"), (10, "created")]


@pytest.mark.parametrize("text, status, code", [
    ("", 400, "invalid"), ("tenant,nmae\na,b\n", 400, "invalid"), ("tenant,tenant\n", 400, "invalid"),
    ("\ufefftenant\n".encode("utf-16"), 400, "invalid"), ("tenant\n" + "a\n" * 10001, 422, "limit")],
    ids=["empty", "column", "twice", "utf16", "lines"])
def test_requests_that_are_refused_as_a_whole(daemon, text, status, code):
    body = text if isinstance(text, bytes) else text.encode()
    problem(daemon.rest("POST", "/v1/provision", body, headers={"Content-Type": "text/csv"}), status, code)


def test_bodies_that_are_too_large(daemon):
    connection = http.client.HTTPConnection("127.0.0.1", daemon.ports["admin"], timeout=30)
    connection.putrequest("POST", "/v1/provision")
    for name, value in (("Authorization", f"Bearer {daemon.token()}"), ("Content-Type", "text/csv"),
                        ("Content-Length", (8 << 20) + 1)):
        connection.putheader(name, value)
    connection.endheaders()  # refused before any of it was sent
    answer = connection.getresponse()
    assert answer.status == 413 and json.loads(answer.read())["code"] == "body_too_large"
    connection.close()


def test_media_types(daemon):
    problem(daemon.rest("POST", "/v1/provision", {}), 415, "unsupported_media_type")


def test_accounts_of_one_tenant(daemon):
    a = new_tenant(daemon)
    results = provision(daemon, [{"account": "1"}, {"tenant": a, "account": "2"}, {"tenant": "b", "account": "3"}],
                        f"?tenant={a}")
    assert statuses(results) == ["created", "created", "refused"]
    assert results[2]["problem"]["errors"][0]["pointer"] == "/tenant"


def test_a_token_for_some_tenants_reaches_no_other(daemon):
    mine, other = new_tenant(daemon), new_tenant(daemon)
    ask = as_role(daemon, "provisioning", mine)
    results = provision(daemon, [{"tenant": mine, "account": "1"}, {"tenant": other, "account": "1"},
                                 {"tenant": other, "name": "x"}, {"tenant": "nobody", "account": "1"}], ask=ask)
    assert statuses(results) == ["created", "refused", "refused", "refused"]
    assert results[1]["problem"] == results[2]["problem"] == results[3]["problem"]
    assert not exists(daemon, other, "1")
    problem(as_role(daemon, "tenant_admin", mine)("POST", "/v1/provision", b"", {"Content-Type": "text/csv"}),
            403, "forbidden")


def test_many_lines(daemon):
    """More than one transaction; refused lines among them; each line has its result."""
    a = fresh()
    lines = [{"tenant": a, "name": a, "profile": "open"}]
    lines += [{"tenant": a, "account": f"{'!' if n % 100 == 7 else ''}{n}"} for n in range(1, 1200)]
    results = provision(daemon, lines)
    assert [r["line"] for r in results] == list(range(1, 1201))
    assert [r["line"] - 1 for r in results if r["status"] == "refused"] == [n for n in range(1200) if n % 100 == 7]
    assert statuses(results).count("created") == 1188


def test_the_store_goes_away_in_the_middle(start_daemon):
    """What was committed is told as done, all behind it is refused; the same key then does the rest."""
    daemon = start_daemon()
    lines = [{"tenant": "big", "name": "big", "profile": "open"}] + [
        {"tenant": "big", "account": f"{n}"} for n in range(9000)]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(provision, daemon, lines, key="once")
        deadline = time.monotonic() + 60
        while not exists(daemon, "big") and time.monotonic() < deadline:
            time.sleep(0.001)
        os.rename(daemon.folder / "store.db", daemon.folder / "moved")
        results = asked.result()
    done = statuses(results).index("refused")
    assert [r["line"] for r in results] == list(range(1, 9002))
    assert done % 200 == 0 and statuses(results) == ["created"] * done + ["refused"] * (9001 - done)
    assert {r["problem"]["code"] for r in results[done:]} == {"unavailable"}
    problem(daemon.rest("POST", "/v1/provision", b"tenant\nx\n", headers={"Content-Type": "text/csv"}),
            503, "unavailable")
    os.rename(daemon.folder / "moved", daemon.folder / "store.db")
    again = provision(daemon, lines, key="once")
    assert again[:done] == results[:done] and statuses(again) == ["created"] * 9001
