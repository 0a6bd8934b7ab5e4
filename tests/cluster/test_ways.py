"""What lies between the parts: a network that swallows what one node sends, pgbouncer before PostgreSQL, and the
proxy before FastAGI."""
import contextlib
import re
import sys
import time
from pathlib import Path

import pytest

from asterisk import FastAgi, environment
from cluster import can_connect
from node import AGI_PORT
from test_faults import AFTER_SECONDS, BEFORE_SECONDS, Traffic, metric, settled_master, wait_until_all_listen

WAY = Path(__file__).with_name("way.py")


@contextlib.contextmanager
def node3_by(cluster, **env):
    """The third node goes other ways for a while."""
    node = cluster.nodes[2]
    before = dict(node.env)
    try:
        assert node.stop() == 0
        node.env.update(env)
        node.start()
        yield node
    finally:
        node.stop()
        node.env = before
        node.start()
        wait_until_all_listen(cluster)


def build_way(cluster, name, *pairs):
    way = cluster.run(name, sys.executable, WAY, *pairs)
    for listen in pairs[::2]:
        host, port = listen.split(":")
        way.wait_for(lambda: can_connect(host, int(port)), "there")
    return way


@pytest.fixture(scope="module")
def ways(cluster):
    """To PostgreSQL, and to whichever Redis is the master now: a way each."""
    here = cluster.at(63)
    master = settled_master(cluster)
    ways = {"store": build_way(cluster, "way-store", f"{here}:5432", f"{cluster.at(11)}:5432"),
            "redis": build_way(cluster, "way-redis", f"{here}:6379", f"{master}:6379")}
    store = cluster.setting("store")
    password = re.match(r"\S+?://sekisho:([^@]+)@", cluster.setting("redis"))[1]
    with node3_by(cluster, SEKISHO_STORE=re.sub(r"@[^/]+/", f"@{here}:5432/", store),
                  SEKISHO_REDIS=f"redis://sekisho:{password}@{here}:6379"):
        wait_until_all_listen(cluster)
        yield ways
    for name, way in ways.items():
        way.stop()
        del cluster.programs[f"way-{name}"]


@pytest.mark.parametrize("cut", [["store"], ["store", "redis"]], ids="-".join)
def test_a_node_that_is_cut_off(cluster, ways, cut):
    traffic = Traffic(cluster, [f"cut-{'-'.join(cut)}-{i}" for i in range(4)])
    try:
        time.sleep(BEFORE_SECONDS)
        since = time.monotonic() - 0.05
        for name in cut:
            ways[name].pause()
        time.sleep(3.5)
        for name in cut:
            ways[name].resume()
        window = since, time.monotonic() + 0.5
        time.sleep(AFTER_SECONDS)
        traffic.wait_for_edits(window)
    finally:
        for name in cut:
            ways[name].resume()
        traffic.end()
    traffic.tell(f"node3 cut off from {' and '.join(cut)} for 3.5 s")
    faults = list(traffic.faults(window, []))
    assert not faults, "\n".join(faults)
    degraded = {caller.name: caller.degraded for caller in traffic.callers}
    assert degraded["node3"] > 0 and degraded["node1"] == degraded["node2"] == 0, degraded
    traffic.check_edits(cluster)
    wait_until_all_listen(cluster)


def test_a_node_behind_pgbouncer(cluster):
    pooled = cluster.start_pooler()
    if not pooled:
        pytest.skip("no pgbouncer here")
    pooler = cluster.programs["pooler"]
    try:
        with node3_by(cluster, SEKISHO_STORE=pooled):
            wait_until_all_listen(cluster)
            traffic = Traffic(cluster, [f"pooled-{i}" for i in range(4)])
            try:
                time.sleep(BEFORE_SECONDS)
                since = time.monotonic() - 0.05
                pooler.kill()
                time.sleep(0.5)
                pooler.start()
                window = since, time.monotonic() + 0.5
                time.sleep(AFTER_SECONDS)
                traffic.wait_for_edits(window)
            finally:
                traffic.end()
            traffic.tell("node3 behind pgbouncer, which is killed and started again")
            faults = list(traffic.faults(window, []))
            assert not faults, "\n".join(faults)
            traffic.check_edits(cluster)
    finally:
        pooler.stop()
        del cluster.programs["pooler"]


def ask_by_agi(address, tenant):
    call = FastAgi(AGI_PORT, address)
    return call.send(environment(f"authorize?tenant={tenant}", arguments=["010 1 212 555 0100"])).finish()


def test_fastagi_through_the_proxy(cluster):
    """Each call is a connection of its own, so each may meet another node, and none the one that is gone."""
    tenant, proxy = "agi-proxy", cluster.at(5)
    assert cluster.nodes[0].rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant}).status == 201
    assert cluster.nodes[0].rest("GET", f"/v1/tenants/{tenant}/propagation?wait=5000").json["in_force"]
    name = 'sekisho_door_verdicts_total{door="agi"}'
    before = [metric(node, name) for node in cluster.nodes]
    for _ in range(30):
        assert ask_by_agi(proxy, tenant)["VERDICT"] == "deny"
    assert all(metric(node, name) > then for node, then in zip(cluster.nodes, before)), "not all took calls"
    cluster.programs["node2"].kill()
    try:
        for _ in range(30):
            assert ask_by_agi(proxy, tenant)["VERDICT"] == "deny"
    finally:
        cluster.restart("node2")
        wait_until_all_listen(cluster)
