"""Whoever can write to Redis still cannot open a country: what was not sealed by a node, for this tenant, is found
out and not believed; what is old does not replace what is newer."""
import time

import measure
from redis_thief import Thief
from test_faults import metric, settled_master

SEEN_SECONDS = 20


def poisoned(cluster):
    return [metric(node, "sekisho_redis_poisoned_total") for node in cluster.nodes]


def edit(cluster, tenant, rule_id, action):
    def send():
        answer = cluster.nodes[0].rest("PATCH", f"/v1/tenants/{tenant}/rules/{rule_id}", {"action": action},
                                       {"If-Match": "*"})
        assert answer.status == 200, answer
    return send


def verdicts(cluster, tenant):
    said = [node.authorize(tenant, "1001", "010 1 212 555 0100").json for node in cluster.nodes]
    return [(one["verdict"], one.get("degraded")) for one in said]


def test_a_poisoned_redis_is_found_out(cluster):
    rules = {tenant: measure.make_tenant(cluster.nodes[0], tenant) for tenant in ("closed", "opened")}
    cluster.nodes[0].rest("GET", "/v1/tenants/opened/propagation?wait=5000")
    thief = Thief(cluster.folder / "node/node.conf", settled_master(cluster))
    try:
        opened = thief.name_of(edit(cluster, "opened", rules["opened"], "allow"))
        closed = thief.name_of(edit(cluster, "closed", rules["closed"], "allow"))
        once_open = thief.get(closed)
        edit(cluster, "closed", rules["closed"], "deny")()
        assert cluster.nodes[1].rest("GET", "/v1/tenants/closed/propagation?wait=5000").json["in_force"]
        good, before = thief.get(closed), poisoned(cluster)
        for value in (thief.get(opened), good[:-1] + bytes([good[-1] ^ 1]), good[:60], b"", b"allow everything"):
            thief.plant(closed, value)
            until = time.monotonic() + SEEN_SECONDS
            while not all(now > then for now, then in zip(poisoned(cluster), before)):
                assert verdicts(cluster, "closed") == [("deny", None)] * 3
                assert time.monotonic() < until, f"not every node has found out {value[:20]}"
            before = poisoned(cluster)
        # sealed by a node for this tenant, and old: nothing to be alarmed about, and nothing to believe
        thief.plant(closed, once_open)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            assert verdicts(cluster, "closed") == [("deny", None)] * 3
        assert poisoned(cluster) == before
    finally:
        thief.close()
