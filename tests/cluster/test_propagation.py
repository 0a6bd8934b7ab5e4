"""An edit on any node is in force on all, soon, and receipts say so."""
import os
import signal
import subprocess
import time

import pytest

import measure

STALE_SECONDS_MAX = 1.1  # what is promised where nothing tells a node of an edit, and it looks now and then


@pytest.mark.quick
def test_edits_are_enforced_everywhere(cluster):
    found = measure.edits(cluster.nodes, "measured", 150)
    measure.tell("with Redis", found)
    assert max(took for took, _ in found) <= STALE_SECONDS_MAX


def test_edits_are_enforced_everywhere_without_redis(without_redis):
    found = measure.edits(without_redis.nodes, "measured", 150)
    measure.tell("without Redis", found)
    assert max(took for took, _ in found) <= STALE_SECONDS_MAX


@pytest.mark.quick
def test_receipts_tell_of_each_node(cluster):
    rule_id = measure.make_tenant(cluster.nodes[0], "receipts")
    for turn in range(6):
        writer, reader = cluster.nodes[turn % 3], cluster.nodes[(turn + 1) % 3]
        action = "deny" if turn % 2 else "allow"
        answer = writer.rest("PATCH", f"/v1/tenants/receipts/rules/{rule_id}", {"action": action}, {"If-Match": "*"})
        revision = answer.headers["Sekisho-Revision"]
        receipt = reader.rest("GET", f"/v1/tenants/receipts/propagation?revision={revision}&wait=5000").json
        assert receipt["in_force"], receipt
        assert sorted(node["name"] for node in receipt["nodes"] if node["in_force"]) == ["node1", "node2", "node3"]
        for node in cluster.nodes:
            said = node.authorize("receipts", "1001", "010 1 212 555 0100").json
            assert said["verdict"] == action and str(said["revision"]) == revision, (node.name, said, revision)


def test_receipts_name_the_node_that_is_behind(cluster):
    rule_id = measure.make_tenant(cluster.nodes[0], "behind")
    cluster.nodes[0].rest("GET", "/v1/tenants/behind/propagation?wait=5000")
    cluster.nodes[2].pause()
    try:
        answer = cluster.nodes[0].rest("PATCH", f"/v1/tenants/behind/rules/{rule_id}", {"action": "allow"},
                                       {"If-Match": "*"})
        receipt = cluster.nodes[1].rest(
            "GET", f"/v1/tenants/behind/propagation?revision={answer.headers['Sekisho-Revision']}&wait=1000").json
    finally:
        cluster.nodes[2].resume()
    assert not receipt["in_force"]
    assert {node["name"]: node["in_force"] for node in receipt["nodes"]} == {
        "node1": True, "node2": True, "node3": False}
    assert cluster.nodes[1].rest("GET", "/v1/tenants/behind/propagation?wait=5000").json["in_force"]


# --- first the anomaly, then what removes it ----------------------------------------------------------

def listeners(cluster):
    """The server processes of PostgreSQL that are to tell nodes of commits."""
    shown = subprocess.run(
        [cluster.bin / "psql", "-qAt", "-h", cluster.folder / "postgres/data.socket", "-U", "postgres", "-d",
         "postgres", "-c", "SELECT pid FROM pg_stat_activity WHERE query ~ '^(LISTEN|NOTIFY) sekisho_feed'"],
        check=True, capture_output=True, text=True, timeout=10, cwd=cluster.folder,
        **({"user": cluster.user.pw_uid} if cluster.user else {}))
    return [int(pid) for pid in shown.stdout.split()]


class Deaf:
    """Nodes are told of nothing: whoever would tell them is there, and silent. They can only look."""

    def __init__(self, cluster):
        self.cluster, self.pids = cluster, []

    def __enter__(self):
        time.sleep(5.5)  # who hung up has called again by then
        self.pids = listeners(self.cluster)
        assert len(self.pids) == len(self.cluster.nodes), "not every node listens"
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_):
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)


def deaf_edits(cluster, tenant):
    """All on node1: its own silent listener costs it a second an edit, but no other node."""
    rule_id = measure.make_tenant(cluster.nodes[0], tenant)
    time.sleep(1.2)
    found = []
    with Deaf(cluster):
        for turn in range(6):
            found.append(measure.enforced_after(cluster.nodes[0], cluster.nodes[1 + turn % 2], tenant, rule_id,
                                                "deny" if turn % 2 else "allow"))
            time.sleep(0.17 * turn % 1)  # anywhere between two looks
    return found


def test_who_is_told_nothing_gives_old_verdicts_until_it_looks(without_redis):
    """Shows that this test can see a stale verdict at all, and that the poll bounds it."""
    found = deaf_edits(without_redis, "deaf")
    measure.tell("told of nothing, without Redis", found)
    assert sum(wrong for _, wrong in found) > 100 and max(took for took, _ in found) > 0.1  # it looks every 0.4 s
    assert max(took for took, _ in found) <= STALE_SECONDS_MAX


def test_redis_tells_when_the_store_does_not(cluster):
    """The same silence, and the anomaly is gone."""
    found = deaf_edits(cluster, "deaf")
    measure.tell("told by Redis alone", found)
    assert sorted(took for took, _ in found)[len(found) // 2] < 0.1
    assert max(took for took, _ in found) <= STALE_SECONDS_MAX
