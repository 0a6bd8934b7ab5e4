"""How long from the acknowledgement of an edit on one node until another one enforces it.

As a program: on a cluster of its own, under a steady stream of calls from a process apart.

    /usr/bin/python3 tests/cluster/measure.py [EDITS] [CALLS A SECOND]
"""
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

ENFORCED_SECONDS_MAX = 5
ASK_APART_SECONDS = 0.0003  # who asks without a pause takes the processor away from who is to enforce it


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def enforced_after(writer, reader, tenant, rule_id, action):
    """Seconds; and how many calls in that time got the old verdict."""
    answer = writer.rest("PATCH", f"/v1/tenants/{tenant}/rules/{rule_id}", {"action": action}, {"If-Match": "*"})
    assert answer.status == 200, answer
    acknowledged, wrong = time.monotonic(), 0
    while True:
        verdict = reader.authorize(tenant, "1001", "010 1 212 555 0100").json["verdict"]
        took = time.monotonic() - acknowledged
        if verdict == action:
            return took, wrong
        wrong += 1
        time.sleep(ASK_APART_SECONDS)
        assert took < ENFORCED_SECONDS_MAX, f"{reader.name} still says {verdict} after {took:.1f} s"


def make_tenant(client, tenant):
    """With a rule to change; returns its id."""
    assert client.rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant}).status == 201
    rule = client.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "0101", "action": "deny"})
    assert rule.status == 201, rule
    return rule.json["id"]


def edits(nodes, tenant, count, pause=0.0):
    """Edits on each node in turn, looked for on each other one: [(seconds, wrong verdicts)]."""
    rule_id = make_tenant(nodes[0], tenant)
    time.sleep(1.2)  # all have heard of the tenant
    found = []
    for turn in range(count):
        writer = nodes[turn % len(nodes)]
        reader = nodes[(turn + 1 + turn // len(nodes) % (len(nodes) - 1)) % len(nodes)]
        found.append(enforced_after(writer, reader, tenant, rule_id, "deny" if turn % 2 else "allow"))
        time.sleep(pause)
    return found


def tell(title, found):
    times = [took * 1000 for took, _ in found]
    print(f"\n{title}: {len(times)} edits, enforced on another node after p50 {percentile(times, .5):.1f} ms, "
          f"p99 {percentile(times, .99):.1f} ms, at most {max(times):.1f} ms; "
          f"{sum(wrong for _, wrong in found)} calls meanwhile got the old verdict")


# --- as a program --------------------------------------------------------------------------------------

def call(address, certificate, keys, tenant, pause):
    """Asks one node all the time."""
    from node import Client, Tokens
    client = Client(address, certificate, Tokens(keys))
    while True:
        client.authorize(tenant, "1001", "010 1 212 555 0100")
        time.sleep(pause)


def measure(title, count, calls, redis, by_pooler=False):
    from cluster import Cluster
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="sekisho-cluster-")), nodes=3, redis=redis)
    load = []
    try:
        cluster.start()
        if by_pooler:  # nothing tells a node of an edit: it polls
            pooled = cluster.start_pooler()
            for node in cluster.nodes:
                node.stop()
                node.env["SEKISHO_STORE"] = pooled
                node.start()
        make_tenant(cluster.nodes[0], "crowd")
        for node in cluster.nodes:
            load.append(multiprocessing.Process(target=call, daemon=True, args=(
                node.address, cluster.certificate, cluster.keys, "crowd", len(cluster.nodes) / calls)))
            load[-1].start()
        tell(title, edits(cluster.nodes, "measured", count, pause=0.02))
    finally:
        for process in load:
            process.kill()
        cluster.stop()
        cluster.remove()


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    calls = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    for title, redis, by_pooler in (("with Redis", True, False), ("without Redis", False, False),
                                    ("poll only (pgbouncer, no Redis)", False, True),
                                    ("pgbouncer, with Redis", True, True)):
        measure(f"{title}, {calls} calls a second meanwhile", count, calls, redis, by_pooler)


if __name__ == "__main__":
    main()
