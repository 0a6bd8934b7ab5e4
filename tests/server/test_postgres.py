"""Daemons on a real PostgreSQL: edits travel between them, the server goes and comes back under them."""
import re
import shutil
import subprocess
import time

import pytest

from daemon import BUILD
from postgres_server import Postgres, find_programs
from rest import ANY

pytestmark = pytest.mark.skipif(find_programs() is None, reason="PostgreSQL is not installed")
NUMBER = "010 1 212 555 0100"


@pytest.fixture
def postgres():
    server = Postgres()
    try:
        yield server.make()
    finally:
        server.remove()


def on(start_daemon, tmp_path, url, name="a", **more):
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    daemon = start_daemon(f"--store={url}", f"--keys={tmp_path / 'keys'}", f"--node={name}", folder=folder, **more)
    daemon.keys = tmp_path / "keys"
    return daemon


def verdict(daemon, tenant="acme"):
    return daemon.authorize(tenant, "1001", NUMBER).json["verdict"]


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.05)


def make_tenant(daemon, tenant="acme"):
    assert daemon.rest("PUT", f"/v1/tenants/{tenant}", {"name": "n", "profile": "open"}).status == 201
    answer = daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "0101", "action": "deny"})
    assert answer.status == 201
    return answer.json["id"]


def time_edits(writer, reader, count):
    """Milliseconds from an acknowledged edit on one node to its verdict on the other, sorted."""
    path, found = f"/v1/tenants/acme/rules/{make_tenant(writer)}", []
    until(lambda: verdict(reader) == "deny")
    for turn in range(count):
        action = "deny" if turn % 2 else "allow"
        assert writer.rest("PATCH", path, {"action": action}, headers=ANY).status == 200
        began = time.monotonic()
        while verdict(reader) != action:
            assert time.monotonic() - began < 5
            time.sleep(0.001)
        found.append(1000 * (time.monotonic() - began))
        time.sleep(0.037 * (turn % 7))  # at different times of the reader's second
    revisions = [node.rest("GET", "/v1/tenants/acme").json["revision"] for node in (writer, reader)]
    assert revisions[0] == revisions[1] == count + 2
    found.sort()
    return found


def show(how, found):
    print(f"\n{how}: an edit on one node is enforced on the other after p50 {found[len(found) // 2]:.1f} ms, "
          f"p99 {found[int(len(found) * 0.99)]:.1f} ms, at most {found[-1]:.1f} ms ({len(found)} edits)")


def test_edits_travel_between_nodes(start_daemon, tmp_path, postgres):
    writer = on(start_daemon, tmp_path, postgres.url(), "a")
    reader = on(start_daemon, tmp_path, postgres.url(), "b")
    found = time_edits(writer, reader, 60)
    show("direct", found)
    assert found[-1] < 1100


@pytest.mark.skipif(not shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"), reason="pgbouncer is not installed")
def test_edits_travel_through_pgbouncer(start_daemon, tmp_path, postgres):
    url = postgres.start_pooler()
    writer, reader = on(start_daemon, tmp_path, url, "a"), on(start_daemon, tmp_path, url, "b")
    found = time_edits(writer, reader, 20)
    show("through pgbouncer", found)
    assert found[-1] < 1100
    assert postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'") == "0"


def test_the_server_goes_and_comes_back(start_daemon, tmp_path, postgres):
    daemon = on(start_daemon, tmp_path, postgres.url())
    path = f"/v1/tenants/acme/rules/{make_tenant(daemon)}"
    assert daemon.http("admin", "GET", "/readyz").status == 200
    for _ in range(2):
        postgres.stop()
        began = time.monotonic()
        refused = daemon.rest("PATCH", path, {"note": "while it is away"}, headers=ANY)
        assert refused.status == 503 and refused.json["code"] == "unavailable", refused
        assert time.monotonic() - began < 10
        assert daemon.rest("GET", "/v1/tenants/acme").status == 503
        assert verdict(daemon) == "deny"
        assert daemon.http("admin", "GET", "/readyz").status == 503
        postgres.start()
        until(lambda: daemon.http("admin", "GET", "/readyz").status == 200)
        assert not daemon.rest("GET", path).json["note"]
        assert daemon.rest("PATCH", path, {"note": ""}, headers=ANY).status == 200
    until(lambda: " error feed_failed " in daemon.log() and " info feed_recovered " in daemon.log())


def test_a_daemon_may_start_before_its_server(start_daemon, tmp_path, postgres):
    postgres.stop()
    daemon = on(start_daemon, tmp_path, postgres.url())
    assert re.search(r" error store_away reason=.*--store: postgres://sekisho@", daemon.log())
    assert daemon.http("admin", "GET", "/readyz").status == 503
    assert daemon.rest("PUT", "/v1/tenants/acme", {"name": "n"}).status == 503
    assert daemon.authorize("acme", "1001", "110").json["reason"] == "emergency"
    postgres.start()
    until(lambda: daemon.http("admin", "GET", "/readyz").status == 200)
    make_tenant(daemon)
    assert verdict(daemon) == "deny"


def test_a_replica_that_takes_over(start_daemon, tmp_path, postgres):
    """It has not got the last edit, so revisions and numbers are used again with other content."""
    replica = postgres.standby(5433)
    url = f"postgres://sekisho@/sekisho?host={postgres.folder},{postgres.folder}&port=5433,5432"  # the replica first
    daemon, other = on(start_daemon, tmp_path, url, "a"), on(start_daemon, tmp_path, url, "b")
    path = f"/v1/tenants/acme/rules/{make_tenant(daemon)}"
    caught_up = f"pg_last_wal_replay_lsn() >= '{postgres.sql('SELECT pg_current_wal_lsn()')}'"
    until(lambda: replica.sql(f"SELECT {caught_up}") == "t")
    replica.stop("fast")
    assert daemon.rest("PATCH", path, {"action": "allow"}, headers=ANY).status == 200  # lost with the server
    assert daemon.rest("PUT", "/v1/tenants/late", {"name": "n"}).status == 201
    until(lambda: verdict(other) == "allow" and verdict(other, "late") == "deny")
    postgres.stop()
    replica.start()
    replica.promote()
    until(lambda: verdict(daemon) == verdict(other) == "deny")
    late = other.authorize("late", "1001", NUMBER).json
    assert late["reason"] == "unknown_tenant", late
    assert daemon.rest("PATCH", path, {"note": "x"}, headers=ANY).status == 200
    assert " warn feed_history " in daemon.log()


def copy(source, target):
    return subprocess.run([BUILD / "sekisho", "store", "copy", "--from", source, "--to", target],
                          capture_output=True, text=True, timeout=60)


def test_from_a_file_to_a_server_and_back(start_daemon, tmp_path, postgres):
    first = f"sqlite:{tmp_path}/first.db"
    daemon = on(start_daemon, tmp_path, first)
    make_tenant(daemon)
    busy = copy(first, postgres.url())
    assert busy.returncode == 2 and "in use" in busy.stderr
    before = daemon.rest("GET", "/v1/tenants/acme/rules").json
    daemon.stop()
    done = copy(first, postgres.url())
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\d+ rows copied, and the same in both\n", done.stdout)
    assert "copied rules: 1 rows\n" in done.stderr
    again = copy(first, postgres.url())
    assert again.returncode == 2 and "is not empty" in again.stderr
    daemon = on(start_daemon, tmp_path, postgres.url(), "b")
    assert daemon.rest("GET", "/v1/tenants/acme/rules").json == before
    assert daemon.rest("PUT", "/v1/tenants/more", {"name": "n"}).status == 201
    daemon.stop()
    back = copy(postgres.url(), f"sqlite:{tmp_path}/second.db")
    assert back.returncode == 0, back.stderr
    daemon = on(start_daemon, tmp_path, f"sqlite:{tmp_path}/second.db", "c")
    assert daemon.rest("GET", "/v1/tenants/acme/rules").json == before
    assert verdict(daemon) == "deny" and verdict(daemon, "more") == "deny"
