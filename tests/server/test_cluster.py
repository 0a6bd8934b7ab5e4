"""Two nodes on one PostgreSQL: a change made on one is in force on the other, and whoever made it is told."""
import re
import signal
import subprocess
import threading
import time

import pytest
from daemon import BUILD, ROOT, Daemon
from rest import new_tenant, problem, verdict

LOST_SECONDS = 10


@pytest.fixture(scope="module")
def postgres():
    """{name: value} of what tests/store/with-postgres tells."""
    server = subprocess.Popen([ROOT / "tests/store/with-postgres", "sh", "-c", "env; echo; exec cat"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    told = {}
    for line in iter(server.stdout.readline, "\n"):
        if not line:
            pytest.fail(f"PostgreSQL did not start: status {server.wait()}")
        name, _, value = line.rstrip("\n").partition("=")
        told[name] = value
    yield told
    server.stdin.close()
    assert server.wait(60) == 0


@pytest.fixture(scope="module")
def start_node(postgres, tmp_path_factory):
    """start_node(name, keys=folder) starts a node; all have the same keys unless told otherwise."""
    shared, running = tmp_path_factory.mktemp("keys") / "keys", []

    def start(name, keys=shared):
        node = Daemon(tmp_path_factory.mktemp(name), f"--node={name}", f"--store={postgres['SEKISHO_TEST_STORE']}",
                      f"--keys={keys}")
        node.keys, node.name = keys, name
        running.append(node)
        return node.start()
    yield start
    for node in running:
        node.stop()


@pytest.fixture(scope="module")
def cluster(start_node):
    return start_node("tokyo-1"), start_node("osaka-1")


def propagation(node, tenant, **query):
    query = "&".join(f"{name}={value}" for name, value in query.items())
    answer = node.rest("GET", f"/v1/tenants/{tenant}/propagation?{query}")
    assert answer.status == 200, answer
    return answer.json


def add_rule(node, tenant, prefix):
    answer = node.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": prefix, "action": "deny"})
    assert answer.status == 201, answer
    return int(answer.headers["Sekisho-Revision"])


def listed(node):
    return {one["name"]: one for one in node.rest("GET", "/v1/nodes").json["nodes"]}


def is_ready(node):
    return node.http("dial", "GET", "/readyz").status == 200


def eventually(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def test_both_are_listed_by_both(cluster):
    for node in cluster:
        nodes = listed(node)
        assert [name for name in nodes if nodes[name]["status"] == "live"] == ["osaka-1", "tokyo-1"]
        assert [name for name in nodes if nodes[name]["self"]] == [node.name]
        assert nodes["osaka-1"]["keys"] == nodes["tokyo-1"]["keys"]
        assert is_ready(node)


def test_a_receipt_means_that_the_other_enforces_it(cluster):
    here, there = cluster
    tenant = new_tenant(here)
    for prefix in ("0101", "0102", "0103", "0104", "0105"):
        wanted = add_rule(here, tenant, prefix)
        told = propagation(here, tenant, revision=wanted, wait=5000)
        assert verdict(there, tenant, "1001", f"{prefix}2125550100") == "deny"
        assert told["in_force"] is True and told["lost"] == []
        assert [(one["name"], one["in_force"], one["revision"]) for one in told["nodes"]] == [
            ("osaka-1", True, wanted), ("tokyo-1", True, wanted)]
        assert all(one["since"] for one in told["nodes"])


def test_the_command_line_counts_both(cluster):
    here = cluster[0]
    tenant = new_tenant(here)
    told = subprocess.run([str(BUILD / "sekisho"), "rule", "add", tenant, "deny", "010", "--wait"], timeout=60,
                          capture_output=True, text=True,
                          env={"SEKISHO_URL": f"http://127.0.0.1:{here.ports['admin']}", "SEKISHO_TOKEN": here.token()})
    assert told.returncode == 0 and told.stdout.endswith("\nin force on 2 of 2 nodes\n"), told


def test_a_check_elsewhere_is_never_older_than_asked_for(cluster):
    here, there = cluster
    tenant = new_tenant(here)
    for i in range(20):
        wanted = add_rule(here, tenant, f"010{i + 20}")
        answer = there.rest("POST", f"/v1/tenants/{tenant}/check", {"number": f"010{i + 20}5550100", "min_revision": wanted})
        assert answer.status == 200, answer
        assert answer.json["verdict"] == "deny" and answer.json["revision"] >= wanted


def test_a_tenant_that_is_edited_all_the_time_is_caught_up_with(cluster):
    here, there = cluster
    tenant, stop = new_tenant(here), threading.Event()

    def edit():
        i = 0
        while not stop.is_set():
            here.rest("PATCH", f"/v1/tenants/{tenant}", {"name": f"n{i}"}, headers={"If-Match": "*"})
            i += 1
            time.sleep(0.01)
    editor = threading.Thread(target=edit)
    editor.start()
    try:
        for i in range(3):
            wanted = add_rule(here, tenant, f"010{i + 20}")
            assert propagation(there, tenant, revision=wanted, wait=5000)["in_force"] is True
            assert verdict(there, tenant, "1001", f"010{i + 20}5550100") == "deny"
    finally:
        stop.set()
        editor.join()


def test_a_node_that_hangs_is_waited_for_then_lost_then_back(cluster):
    here, there = cluster
    tenant = new_tenant(here)
    there.process.send_signal(signal.SIGSTOP)
    try:
        begun = time.monotonic()
        wanted = add_rule(here, tenant, "0101")
        told = propagation(here, tenant, revision=wanted, wait=500)
        assert told["in_force"] is False
        assert {one["name"]: one["in_force"] for one in told["nodes"]} == {"osaka-1": False, "tokyo-1": True}
        eventually(lambda: propagation(here, tenant, revision=wanted, wait=1000)["in_force"], LOST_SECONDS + 5)
        assert time.monotonic() - begun > LOST_SECONDS - 2
        assert [lost["name"] for lost in propagation(here, tenant, revision=wanted)["lost"]] == ["osaka-1"]
        assert listed(here)["osaka-1"]["status"] == "lost"
    finally:
        there.process.send_signal(signal.SIGCONT)
    eventually(lambda: listed(here)["osaka-1"]["status"] == "live", 5)
    told = propagation(there, tenant, revision=wanted, wait=5000)
    assert told["in_force"] is True and len(told["nodes"]) == 2
    assert verdict(there, tenant, "1001", "01012125550100") == "deny"


def test_an_older_writer_that_stays_open_holds_no_receipt_back(cluster, postgres):
    """Somebody's transaction on the same server may be open for hours."""
    here, there = cluster
    tenant = new_tenant(here)
    psql = subprocess.Popen([f"{postgres['SEKISHO_TEST_PG_BIN']}/psql", "-qXAt", "-h", postgres["SEKISHO_TEST_PG"], "-U",
                             "admin", "-d", "sekisho"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        psql.stdin.write("BEGIN; SELECT pg_current_xact_id() > '0';\n")
        assert psql.stdout.readline() == "t\n"
        wanted = add_rule(here, tenant, "0101")
        assert propagation(here, tenant, revision=wanted, wait=5000)["in_force"] is True
        assert verdict(there, tenant, "1001", "01012125550100") == "deny"
    finally:
        psql.stdin.close()
        psql.stdout.close()
        psql.wait()


def test_a_node_with_other_keys_stays_out_and_in_nobodys_way(cluster, start_node, tmp_path):
    stranger = start_node("kobe-1", keys=tmp_path / "keys")
    newcomer = start_node("nara-1")
    try:
        answer = stranger.rest("GET", "/readyz?verbose", role=None)
        assert answer.status == 503 and "[-] keys failed" in answer.text
        assert re.search(r" error keys_differ node=kobe-1 .* other=(osaka|tokyo|nara)-1 .*--keys folder and restart this one",
                         stranger.log())
        assert is_ready(newcomer) and all(map(is_ready, cluster))
        problem(stranger.http("admin", "GET", "/v1/nodes", token=cluster[0].token()), 401, "invalid_token")
    finally:
        stranger.stop()
        newcomer.stop()
    assert set(listed(cluster[0])) == {"osaka-1", "tokyo-1"}


def test_a_name_comes_back_from_a_run_that_is_over(cluster, postgres):
    """As after the database was restored from a backup."""
    here = cluster[0]
    subprocess.run([f"{postgres['SEKISHO_TEST_PG_BIN']}/psql", "-qX", "-h", postgres["SEKISHO_TEST_PG"], "-U", "admin", "-d",
                    "sekisho", "-c", "UPDATE nodes SET run = 'OVER' WHERE name = 'tokyo-1'"], check=True)
    eventually(lambda: not is_ready(here), 5)
    eventually(lambda: is_ready(here), LOST_SECONDS + 5)
    assert listed(here)["tokyo-1"]["self"] is True
    tenant = new_tenant(here)
    assert propagation(here, tenant, wait=3000)["in_force"] is True


def test_one_name_is_one_process(cluster, start_node):
    old, = [start_node("himeji-1")]
    new = start_node("himeji-1")
    try:
        eventually(lambda: not is_ready(old), 5)
        assert "[-] name failed" in old.http("dial", "GET", "/readyz?verbose").text
        assert re.search(r" error node_name_taken node=himeji-1 .*--node", old.log())
        assert is_ready(new)
        new.stop()
        eventually(lambda: is_ready(old), 5)
        assert listed(old)["himeji-1"]["self"] is True
    finally:
        new.stop()
        old.stop()


def test_a_clock_that_is_off_is_told(cluster, postgres):
    """Somebody beats under a name of its own, a day ahead, then as it should."""
    psql = [f"{postgres['SEKISHO_TEST_PG_BIN']}/psql", "-qX", "-h", postgres["SEKISHO_TEST_PG"], "-U", "admin", "-d",
            "sekisho", "-c"]
    subprocess.run(psql + ["CREATE TEMPORARY TABLE it AS SELECT * FROM nodes WHERE name = 'tokyo-1'; "
                           "UPDATE it SET name = 'kyoto-1', run = 'KYOTO'; INSERT INTO nodes SELECT * FROM it"], check=True)

    def beat_until(ahead_ms, event):
        def holds():
            subprocess.run(psql + [f"UPDATE nodes SET heartbeat_at_ms = {int(time.time() * 1000) + ahead_ms} "
                                   "WHERE name = 'kyoto-1'"], check=True)
            return all(re.search(event, node.log()) for node in cluster)
        eventually(holds, 20)

    try:
        beat_until(86400000, r" warn clock_differs node=\S+ other=kyoto-1 other_ahead_ms=86\d+ .*NTP")
        beat_until(0, r" info clock_agrees ")
    finally:
        subprocess.run(psql + ["DELETE FROM nodes WHERE name = 'kyoto-1'"], check=True)
