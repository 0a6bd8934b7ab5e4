"""Daemons on a real PostgreSQL: edits travel between them, the server goes and comes back under them."""
import concurrent.futures
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
    """To be named before start_daemon: daemons that end while it is away wait for it in vain."""
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


def test_edits_travel_between_nodes(postgres, start_daemon, tmp_path):
    writer = on(start_daemon, tmp_path, postgres.url(), "a")
    reader = on(start_daemon, tmp_path, postgres.url(), "b")
    found = time_edits(writer, reader, 60)
    show("direct", found)
    assert found[-1] < 1100


@pytest.mark.skipif(not shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"), reason="pgbouncer is not installed")
def test_edits_travel_through_pgbouncer(postgres, start_daemon, tmp_path):
    url = postgres.start_pooler()
    writer, reader = on(start_daemon, tmp_path, url, "a"), on(start_daemon, tmp_path, url, "b")
    found = time_edits(writer, reader, 20)
    show("through pgbouncer", found)
    assert found[-1] < 1100
    assert postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'") == "0"


def test_the_server_goes_and_comes_back(postgres, start_daemon, tmp_path):
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


def test_a_daemon_may_start_before_its_server(postgres, start_daemon, tmp_path):
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


def test_a_replica_that_takes_over(postgres, start_daemon, tmp_path):
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


# --- servers that hang, and rows that are locked ------------------------------------------------------------------


def test_a_server_that_hangs_holds_nobody_up(postgres, start_daemon, tmp_path):
    daemon = on(start_daemon, tmp_path, postgres.url())
    path = f"/v1/tenants/acme/rules/{make_tenant(daemon)}"
    frozen = postgres.freeze()
    try:
        with concurrent.futures.ThreadPoolExecutor(24) as threads:
            writes = [threads.submit(daemon.rest, "PATCH", path, {"note": "x"}, headers=ANY) for _ in range(12)]
            probes = [threads.submit(daemon.http, "admin", "GET", "/readyz?verbose") for _ in range(6)]
            ready = [probe.result() for probe in probes]
            assert not any(write.done() and write.result().status == 200 for write in writes)
            assert daemon.http("admin", "GET", "/livez").status == 200
            assert verdict(daemon) == "deny"
            answers = [write.result() for write in writes]
        assert all(answer.status == 503 and "[-] store failed" in answer.text for answer in ready), ready
        assert {answer.status for answer in answers} == {503}
        # a COMMIT may have been on its way
        assert {answer.json["code"] for answer in answers} <= {"unavailable", "crowded", "outcome_unknown"}
    finally:
        postgres.thaw(frozen)
    until(lambda: daemon.http("admin", "GET", "/readyz").status == 200)
    assert daemon.rest("PATCH", path, {"note": "y"}, headers=ANY).status == 200


def test_a_locked_tenant_is_in_nobody_elses_way(postgres, start_daemon, tmp_path):
    url = postgres.url()
    folder = tmp_path / "a"
    folder.mkdir()
    daemon = start_daemon(f"--store={url}", "--store-connections=4", folder=folder)
    path = f"/v1/tenants/acme/rules/{make_tenant(daemon)}"
    other = f"/v1/tenants/beta/rules/{make_tenant(daemon, 'beta')}"
    stranger = postgres.psql()
    stranger.stdin.write("BEGIN; SELECT 'held' FROM policies WHERE tenant = 'acme' FOR UPDATE;\n")
    stranger.stdin.flush()
    assert stranger.stdout.readline() == "held\n"
    with concurrent.futures.ThreadPoolExecutor(40) as threads:
        stuck = [threads.submit(daemon.rest, "PATCH", path, {"note": "x"}, headers=ANY) for _ in range(30)]
        for turn in range(5):
            assert daemon.rest("PATCH", other, {"note": f"{turn}"}, headers=ANY).status == 200
            assert daemon.http("admin", "GET", "/readyz").status == 200
            assert daemon.rest("GET", path).status == 200
        answers = [one.result() for one in stuck]
    assert {(answer.status, answer.json["code"]) for answer in answers} == {(503, "crowded")}, answers
    assert all(answer.headers["Retry-After"] for answer in answers)
    stranger.communicate("COMMIT;\n", timeout=20)
    until(lambda: daemon.rest("PATCH", path, {"note": "free"}, headers=ANY).status == 200)


# --- what cannot be used --------------------------------------------------------------------------------------------


def start_fails(tmp_path, url):
    done = subprocess.run([BUILD / "sekishod", f"--state={tmp_path / 'state'}", "--dial-listen=127.0.0.1:0",
                           "--admin-listen=127.0.0.1:0", "--agi-listen=127.0.0.1:0"], env={"SEKISHO_STORE": url},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode in (1, 2) and "hunter2" not in done.stderr, done
    return done.stderr


def test_a_store_that_is_wrong_is_told_at_the_start(tmp_path, postgres):
    with_password = postgres.url().replace("sekisho@", "sekisho:hunter2@")
    for url, what in ((with_password.replace("postgres:", "postgre:"), "expected sqlite:FILE or postgres://"),
                      ("postgres://sekisho:hunter2@localhost:54x32/sekisho", "a port is a number"),
                      (with_password + "&sslmod=require", "there is no parameter sslmod")):
        assert what in (said := start_fails(tmp_path, url)) and "SEKISHO_STORE" in said, said
    said = start_fails(tmp_path, with_password.replace("sekisho:hunter2", "admin:hunter2"))
    assert "--store: postgres://admin@" in said and "row-level security does not bind user admin" in said, said
    assert "sekisho store migrate --grant" in said
    subprocess.run([BUILD / "sekisho", "store", "migrate", "--store", postgres.url(), "--grant", "sekisho"], check=True,
                   capture_output=True)
    postgres.sql("CREATE USER runner")
    runner = postgres.url().replace("sekisho@", "runner@")
    subprocess.run([BUILD / "sekisho", "store", "migrate", "--store", postgres.url(), "--grant", "runner"], check=True,
                   capture_output=True)
    postgres.sql("DELETE FROM sekisho_migrations WHERE version > 5", "sekisho")
    said = start_fails(tmp_path, runner)
    assert "--store: postgres://runner@" in said and "version 5" in said and "sekisho store migrate" in said, said
    postgres.sql("INSERT INTO sekisho_migrations SELECT 6, 'feed_numbers', 0", "sekisho")
    postgres.sql("ALTER TABLE outbox RENAME TO elsewhere", "sekisho")
    said = start_fails(tmp_path, runner)
    assert "--store: postgres://runner@" in said and "table outbox is missing" in said, said
    postgres.sql("ALTER TABLE elsewhere RENAME TO outbox", "sekisho")
    postgres.sql("INSERT INTO sekisho_migrations VALUES (9999, 'of_the_future', 0)", "sekisho")
    said = start_fails(tmp_path, runner)
    assert "version 9999, written by a newer program" in said, said


def test_a_store_that_can_become_right_is_waited_for(postgres, start_daemon, tmp_path):
    """No rights, then read-only, and neither needs a restart."""
    subprocess.run([BUILD / "sekisho", "store", "migrate", "--store", postgres.url()], check=True, capture_output=True)
    postgres.sql("CREATE USER runner")
    daemon = on(start_daemon, tmp_path, postgres.url().replace("sekisho@", "runner@"))
    assert re.search(r" error store_away reason=.*--store: postgres://runner@.*migrate --grant.*permission denied",
                     daemon.log()), daemon.log()
    assert daemon.http("admin", "GET", "/readyz").status == 503
    assert daemon.authorize("acme", "1001", NUMBER).json["degraded"] == "floor"
    assert daemon.rest("PUT", "/v1/tenants/acme", {"name": "n"}).status == 503
    subprocess.run([BUILD / "sekisho", "store", "migrate", "--store", postgres.url(), "--grant", "runner"], check=True,
                   capture_output=True)
    until(lambda: daemon.http("admin", "GET", "/readyz").status == 200)
    path = f"/v1/tenants/acme/rules/{make_tenant(daemon)}"
    postgres.sql("ALTER DATABASE sekisho SET default_transaction_read_only = on")
    postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'runner'")
    ready = daemon.http("admin", "GET", "/readyz?verbose")
    assert ready.status == 503 and "[-] store failed" in ready.text, ready
    assert daemon.rest("PATCH", path, {"note": "x"}, headers=ANY).status == 503
    assert verdict(daemon) == "deny"
    postgres.sql("ALTER DATABASE sekisho RESET default_transaction_read_only")
    until(lambda: daemon.rest("PATCH", path, {"note": "x"}, headers=ANY).status == 200)
    until(lambda: daemon.http("admin", "GET", "/readyz").status == 200)


def copy(source, target):
    return subprocess.run([BUILD / "sekisho", "store", "copy", "--from", source, "--to", target],
                          capture_output=True, text=True, timeout=60)


def test_from_a_file_to_a_server_and_back(postgres, start_daemon, tmp_path):
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
    assert "is missing" not in done.stderr
    typo = copy(f"sqlite:{tmp_path}/frist.db", postgres.url())
    assert typo.returncode == 2 and "--from: " in typo.stderr and "frist.db" in typo.stderr
    assert not (tmp_path / "frist.db").exists()
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
