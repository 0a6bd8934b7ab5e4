"""Who called abroad, over HTTP and on the command line: on what it rests, and what marks do to it."""
import csv
import io
import json
import sqlite3
import time

import pytest
from daemon import Daemon
from rest import all_pages, as_role, problem
from test_cli import Cli

DAY = 86400_000
NOW = int(time.time() * 1000)
TODAY = (NOW + 9 * 3600_000) // DAY  # of Japan
MANY = 2500


def day(before):
    return time.strftime("%Y-%m-%d", time.gmtime((TODAY - before) * 86400))


def calls(tenant, account, country, *days_before, mark="", answered=True):
    for n, before in enumerate(days_before):
        yield (tenant, NOW - before * DAY, f"{account}-{country}-{n}", account, "01025261555010" + str(n), "international",
               country, 1, 60, "answered" if answered else "busy", "pbx1", "from-internal", f"{account}.{n}", mark)


def fill(path):
    """acme: 1001 called twice, 1002 never, 1003 is new; beta: one that only fraudsters called from; big: many."""
    db = sqlite3.connect(path)
    old = NOW - 300 * DAY
    accounts = [("acme", "1001", old), ("acme", "1002", old), ("acme", "1003", NOW), ("beta", "2001", old)]
    accounts += [("big", f"{n:05d}", old) for n in range(MANY)]
    for tenant, profile in (("acme", "standard"), ("beta", "open"), ("big", "standard")):
        db.execute("INSERT INTO policies VALUES (?, 1, 1, 1)", (tenant,))
        db.execute("INSERT INTO tenants VALUES (?, 'T', ?, '', 'ja', 'Asia/Tokyo', 'active', ?, ?, 1)", (tenant, profile, old, old))
    db.executemany("INSERT INTO accounts VALUES (?, ?, '', '', ?, 1, 1, 1)", accounts)
    rows = [*calls("acme", "1001", "SO", 10, 20), *calls("acme", "1001", "US", 30, answered=False),
            *calls("beta", "2001", "SO", 5, 6), *calls("beta", "2001", "", 7)]
    db.executemany(f"INSERT INTO calls VALUES ({','.join('?' * 14)})", rows)
    gap = range(40, 43)
    db.executemany("INSERT INTO call_source_days VALUES ('pbx1', ?, 1)", [(TODAY - n,) for n in range(200) if n not in gap])
    db.execute("INSERT INTO call_totals VALUES ('acme', '1001', 'SO', 1, '', 5, 4, 100, ?, ?)", (NOW - 250 * DAY, NOW - 220 * DAY))
    db.commit()
    db.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("history")
    first = Daemon(folder)
    first.start()
    first.stop()
    fill(folder / "store.db")
    daemon = Daemon(folder)
    daemon.start()
    yield daemon
    daemon.stop()


SINCE = f"since={day(99)}"


def lines(daemon, query, member="accounts"):
    answer = daemon.rest("GET", f"/v1/accounts?{SINCE}&{query}")
    assert answer.status == 200, answer
    return answer.json[member]


def test_each_account_with_what_it_rests_on(world):
    called, never, young = lines(world, "tenant=acme")
    assert (called["account"], called["overseas"], called["overseas_calls"], called["overseas_answered"]) == ("1001", "called", 3, 2)
    assert called["first_overseas_at"] < called["last_overseas_at"] and called["reason"] is None
    assert (never["account"], never["overseas"], never["days_covered"], never["days_wanted"]) == ("1002", "never", 97, 100)
    assert never["gaps"] == [{"from": day(42), "to": day(40)}] and never["gaps_count"] == 1 and never["days_min"] == 90
    assert (young["account"], young["overseas"], young["reason"], young["days_covered"]) == ("1003", "unknown", "too_young", 1)
    assert [line["account"] for line in lines(world, "tenant=acme&overseas=never")] == ["1002"]
    assert lines(world, "tenant=acme&overseas=never&days_min=98") == []
    (line,) = lines(world, "tenant=acme&overseas=unknown&days_min=98")[:1]
    assert line["reason"] == "little_history"


def test_tenants_are_as_their_worst_account(world):
    acme, beta, big = lines(world, "by=tenant", "tenants")
    assert (acme["tenant"], acme["overseas"], acme["accounts"]) == ("acme", "called", {"called": 1, "never": 1, "unknown": 1})
    assert (big["overseas"], big["accounts"]["never"]) == ("never", MANY)
    assert [line["tenant"] for line in lines(world, "by=tenant&profile=open", "tenants")] == ["beta"]


def test_pages_and_exports_say_the_same(world):
    paged = all_pages(world, f"/v1/accounts?{SINCE}&tenant=acme", "accounts", limit=1)
    ndjson = world.rest("GET", f"/v1/accounts?{SINCE}&tenant=acme", headers={"Accept": "application/x-ndjson"})
    assert ndjson.status == 200 and [json.loads(line) for line in ndjson.text.splitlines()] == paged
    answer = world.rest("GET", f"/v1/accounts?{SINCE}&overseas=never", headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["account"] for row in rows] == ["1002"] + [f"{n:05d}" for n in range(MANY)]  # in more than one piece
    assert (rows[0]["tenant"], rows[0]["overseas"], rows[0]["gaps"]) == ("acme", "never", f"{day(42)}/{day(40)}")
    tenants = world.rest("GET", f"/v1/accounts?{SINCE}&by=tenant", headers={"Accept": "text/csv"}).text
    assert [row["accounts_never"] for row in csv.DictReader(io.StringIO(tenants))] == ["1", "0", str(MANY)]
    first = world.rest("GET", f"/v1/accounts?{SINCE}&limit=2").json
    problem(world.rest("GET", f"/v1/accounts?{SINCE}&limit=2&overseas=never&cursor={first['next']}"), 400, "invalid")


def test_a_question_that_makes_no_sense_is_refused(world):
    for query in ("since=yesterday", f"since={day(10)}", "overseas=maybe", "by=country", "days_min=0", "days_min=1e3",
                  "days_min=99999999999", f"since={day(1)}&until={day(5)}", "since=1999-01-01", "tenant=A!", "limit=101"):
        problem(world.rest("GET", f"/v1/accounts?{query}"), 400, "invalid")
        if not query.startswith("limit"):
            problem(world.rest("GET", f"/v1/accounts?{query}", headers={"Accept": "text/csv"}), 400, "invalid")
    assert "days_min" in world.rest("GET", f"/v1/accounts?since={day(10)}").json["detail"]


def test_sums(world):
    sums = world.rest("GET", f"/v1/history?{SINCE}").json
    assert sums["accounts"] == {"called": 2, "never": MANY + 1, "unknown": 1}
    assert sums["tenants"] == {"called": 2, "never": 1, "unknown": 0} and sums["days_min"] == 90
    (source,) = sums["sources"]
    assert (source["source"], source["days_covered"], source["days_wanted"]) == ("pbx1", 97, 100)
    assert source["gaps"] == [{"from": day(42), "to": day(40)}]


def test_one_tenant_with_the_countries_called(world):
    answer = world.rest("GET", f"/v1/tenants/acme/history?{SINCE}")
    assert answer.status == 200, answer
    countries = answer.json["tenant"]["countries"]
    assert [(one["country"], one["calls"], one["answered"]) for one in countries] == [("SO", 7, 6), ("US", 1, 0)]
    assert [line["account"] for line in answer.json["accounts"]] == ["1001", "1002", "1003"]
    assert answer.json["accounts"][0]["countries"] == countries and answer.json["accounts"][1]["countries"] == []
    unassigned = world.rest("GET", "/v1/tenants/beta/history").json["tenant"]["countries"]
    assert [one["country"] for one in unassigned] == ["SO", None]
    problem(world.rest("GET", "/v1/tenants/nobody/history"), 404, "not_found")


def test_roles_see_their_own(world):
    viewer = as_role(world, "tenant_viewer", "acme")
    assert viewer("GET", "/v1/tenants/acme/history").status == 200
    problem(viewer("GET", "/v1/tenants/beta/history"), 404, "not_found")
    problem(viewer("GET", "/v1/accounts"), 403, "forbidden")
    problem(viewer("GET", "/v1/history"), 403, "forbidden")
    problem(viewer("GET", "/v1/tenants/acme/calls/marks"), 403, "forbidden")
    assert as_role(world, "provisioning")("GET", "/v1/accounts?overseas=never").status == 200


def test_calls_marked_as_fraud_are_no_history(world):
    path = "/v1/tenants/beta/calls/marks"
    problem(world.rest("POST", path, {}), 400, "invalid")
    problem(world.rest("POST", path, {"country": "Somalia"}), 400, "invalid", "/country")
    problem(world.rest("POST", path, {"account": "a b"}), 400, "invalid", "/account")
    problem(world.rest("POST", path, {"account": "1", "calls": 5}), 400, "invalid", "/calls")
    problem(world.rest("POST", "/v1/tenants/nobody/calls/marks", {"country": "SO"}), 404, "not_found")
    made = world.rest("POST", path, {"country": "SO", "note": "hijacked"})
    assert made.status == 201 and made.json["calls"] == 2 and made.json["made_by"].startswith("token:"), made
    assert world.rest("GET", made.headers["Location"]).json == made.json
    assert lines(world, "tenant=beta")[0]["overseas_calls"] == 1
    other = world.rest("POST", path, {"account": "2001", "from": f"{day(8)}T00:00:00+09:00"})
    assert other.json["calls"] == 1
    (line,) = lines(world, "tenant=beta")
    assert (line["overseas"], line["marked_calls"], line["last_overseas_at"]) == ("never", 3, None)
    assert [mark["id"] for mark in all_pages(world, path, "marks", 1)] == [made.json["id"], other.json["id"]]
    actions = [record["action"] for record in world.rest("GET", "/v1/tenants/beta/audit").json["records"]]
    assert actions[:2] == ["call_mark.create", "call_mark.create"]
    for mark in (other, made):  # what the second covers too is not history yet
        assert world.rest("DELETE", mark.headers["Location"]).status == 204
    problem(world.rest("DELETE", made.headers["Location"]), 404, "not_found")
    assert lines(world, "tenant=beta")[0]["overseas_calls"] == 3


def test_on_the_command_line(world):
    cli = Cli(world)
    text = cli("account", "list", "acme", "--since", day(99))
    assert [line.split()[1:4] for line in text.splitlines()[1:4]] == [["1001", "called", "3"], ["1002", "never", "0"], ["1003", "unknown", "too_young"]]
    assert "1 accounts called abroad since" in text.splitlines()[-1] and text.endswith("1 never did, 1 is unknown\n")
    assert "are needed: who was seen in it is unknown\n" in cli("account", "list", "acme", "--since", day(99), "--days-min", "99")
    text = cli("account", "list", "--overseas", "never", "--since", day(99), "--by-tenant")
    assert text.splitlines()[1].startswith("big") and text.endswith("1 never did, 0 are unknown\n")
    rows = list(csv.DictReader(io.StringIO(cli("account", "list", "--overseas", "never", "--since", day(99), "--csv"))))
    assert len(rows) == MANY + 1
    assert [one["account"] for one in cli.json("account", "list", "acme", "--overseas", "unknown")["accounts"]] == ["1003"]
    assert "name a tenant" in cli("account", "list", status=2)
    assert "called, never or unknown" in cli("account", "list", "--overseas", "often", status=2)


def test_marks_on_the_command_line(world):
    cli = Cli(world)
    assert cli("cdr", "marks", "beta") == "no marks\n"
    said = cli("cdr", "mark", "beta", "--account", "2001", "--country", "SO", "--from", day(100), "--note", "guessed")
    mark = said.split()[1]
    assert said.startswith(f"mark {mark} of tenant beta on 2 calls"), said
    assert mark in cli("cdr", "marks", "beta") and cli.json("cdr", "marks", "beta")["marks"][0]["note"] == "guessed"
    assert f"mark {mark} of tenant beta taken back" in cli("cdr", "unmark", "beta", mark)
    assert "say which calls" in cli("cdr", "mark", "beta", status=2)


def test_one_tenant_on_the_command_line(world):
    cli = Cli(world)
    text = cli("tenant", "history", "acme", "--since", day(99))
    lines_of = [line.split() for line in text.splitlines()]
    assert ["calls", "abroad", "3"] in lines_of and ["SO", "7", "6"] in [line[:3] for line in lines_of], text
    assert ["acme", "1002", "never"] in [line[:3] for line in lines_of], text
    assert [line["account"] for line in cli.json("tenant", "history", "acme")["accounts"]] == ["1001", "1002", "1003"]
    assert cli("tenant", "history", "nobody", status=2).startswith("sekisho tenant history: ")
