"""Parts of the cluster are paused, killed and started again under a steady stream of calls and edits. Whatever
happens: no verdict is wrong that does not say that it is degraded, every call gets an answer, no acknowledged
edit is lost."""
import re
import time

import pytest

from load import Caller, Editor, Stalls, outside
from node import ADMIN_PORT

BOUND_SECONDS = 1.1      # how old a verdict may be without saying so (engine/trust.h), whatever happens
SLOW_SECONDS = 0.2       # a node answers within
PROXY_SLOW_SECONDS = 1.0 # a node that says nothing costs the proxy 0.3 s, then another one is asked
BEFORE_SECONDS, AFTER_SECONDS = 0.7, 1.5
SETTLED_SECONDS = 40     # Sentinels make a master that was paused a replica of the next one after ten
RECOVERED_SECONDS = 20   # Sentinels need 2 s to see that a master is lost, and some more to agree on another one

# how, what, for how many seconds; "redis" is whichever of the two is the master just then
FAULTS = [
    ("pause", ["postgres1"], 2.5), ("pause", ["postgres1"], 8), ("kill", ["postgres1"], 2.5),
    ("kill", ["postgres2"], 2.5),
    ("pause", ["redis"], 5), ("kill", ["redis"], 5), ("kill", ["sentinel1"], 2),
    ("pause", ["node2"], 2), ("pause", ["node2"], 4), ("kill", ["node2"], 2.5),
    ("pause", ["postgres1", "redis"], 3.5), ("kill", ["postgres1", "node2"], 2.5),
    ("kill", ["redis", "sentinel2"], 5), ("pause", ["postgres1", "node2"], 2.5),
    ("kill", ["postgres1", "redis"], 2.5), ("pause", ["redis", "node2"], 2.5),
]
QUICK = [("pause", ["postgres1"], 2.5), ("kill", ["redis"], 5), ("kill", ["node2"], 2.5)]


class Traffic:
    def __init__(self, cluster, tenants, only_proxy=False):
        self.stalls = Stalls()
        # One editor also uses the node that will be at fault, and waits for it; the other one goes on meanwhile,
        # so that there is something which that node misses.
        half = (len(tenants) + 1) // 2
        self.editors = [Editor([*cluster.nodes, cluster.proxy], tenants[:half]).prepare(),
                        Editor([cluster.nodes[0], cluster.nodes[2]], tenants[half:]).prepare()]
        time.sleep(1.2)
        truths = {tenant: truth for editor in self.editors for tenant, truth in editor.truths.items()}
        self.callers = [Caller(node.name, node, truths, self.stalls, BOUND_SECONDS, SLOW_SECONDS)
                        for node in ([] if only_proxy else cluster.nodes)]
        self.callers.append(Caller("proxy", cluster.proxy, truths, self.stalls, BOUND_SECONDS, PROXY_SLOW_SECONDS))
        for thread in (self.stalls, *self.editors, *self.callers):
            thread.start()

    def wait_for_edits(self, window):
        """Edits go on once all is mended."""
        until = time.monotonic() + RECOVERED_SECONDS
        while any(editor.sent_at < window[1] for editor in self.editors):
            assert time.monotonic() < until, "no edit has been acknowledged since all was mended"
            time.sleep(0.05)

    def end(self):
        for caller in self.callers:
            caller.end()
        for editor in self.editors:
            editor.end()
        self.stalls.is_ending = True

    def faults(self, window, parts):
        """What went wrong; a node that is itself the fault is not asked to answer meanwhile."""
        for caller in self.callers:
            unanswered, late = caller.unanswered, caller.late
            if caller.name in parts:
                unanswered, late = outside(unanswered, window), outside(late, window)
            for what, events in (("wrong", caller.wrong), ("unanswered", unanswered), ("late", late)):
                if events:
                    yield f"{caller.name}: {len(events)} {what} of {caller.count}, such as " \
                          f"{round(events[0][0] - window[0], 2)} s after the fault: {events[0][1:]}"

    def check_edits(self, cluster):
        for editor in self.editors:
            lost, undead = editor.lost(cluster.nodes[0])
            assert not lost and not undead, f"acknowledged and lost: {lost}; refused and there: {undead}"

    def tell(self, title):
        callers = self.callers
        ages = [0, *(age for caller in callers for age in caller.ages),
                *(event[-1] for caller in callers for event in caller.wrong)]
        print(f"\n{title}: {sum(caller.count for caller in callers)} calls, "
              f"{sum(editor.count for editor in self.editors)} edits acknowledged, "
              f"{sum(len(editor.refused) for editor in self.editors)} additions refused, "
              f"{sum(len(editor.unknown) for editor in self.editors)} unknown; "
              f"{sum(caller.degraded for caller in callers)} degraded verdicts, the oldest unannounced one "
              f"{max(ages) * 1000:.0f} ms old; slowest answer "
              f"{max([0, *(caller.took_max for caller in callers[:-1])]) * 1000:.0f} ms, "
              f"through the proxy {callers[-1].took_max * 1000:.0f} ms")


def break_and_mend(cluster, how, parts, seconds):
    """Returns the window in which the parts were not whole."""
    parts = [cluster.redis_master() if name == "redis" else name for name in parts]
    since = time.monotonic() - 0.05
    for name in parts:
        getattr(cluster.programs[name], how)()
    time.sleep(seconds)
    for name in parts:
        if how == "kill":
            cluster.restart(name)
        else:
            cluster.programs[name].resume()
    return since, time.monotonic() + 0.5


@pytest.mark.parametrize("how, parts, seconds", [
    pytest.param(*fault, marks=[pytest.mark.quick] * (fault in QUICK)) for fault in FAULTS], ids=lambda value: "-".join(value) if isinstance(value, list)
                         else str(value))
def test_a_fault(cluster, how, parts, seconds):
    wait_until_all_listen(cluster)
    title = f"{how} {' and '.join(parts)} for {seconds} s"
    name = title.replace(" ", "-").replace(".", "-")
    traffic = Traffic(cluster, [f"{name}-{i}" for i in range(4)])
    try:
        time.sleep(BEFORE_SECONDS)
        window = break_and_mend(cluster, how, parts, seconds)
        time.sleep(AFTER_SECONDS)
        traffic.wait_for_edits(window)
    finally:
        traffic.end()
    traffic.tell(title)
    faults = list(traffic.faults(window, parts))
    assert not faults, "\n".join(faults)
    traffic.check_edits(cluster)
    wait_until_all_listen(cluster)


def wait_until_all_listen(cluster):
    """After each fault all is as it was: nodes hear of changes through Redis, whichever is the master now."""
    until = time.monotonic() + RECOVERED_SECONDS
    while [metric(node, "sekisho_redis_listening") for node in cluster.nodes] != [1] * len(cluster.nodes):
        assert time.monotonic() < until, "not every node listens to Redis again"
        time.sleep(0.1)


def settled_master(cluster):
    """The address of the one master, once every node is with it: for a while after a fail-over there are two."""
    until = time.monotonic() + SETTLED_SECONDS
    while True:
        master = cluster.at(21 if cluster.redis_master() == "redis1" else 22)
        found = [re.findall(r" info redis_listening address=(\S+):", node.log())[-1:] for node in cluster.nodes]
        if found == [[master]] * len(found):
            return master
        assert time.monotonic() < until, f"the master is {master}, nodes listen to {found}"
        time.sleep(0.1)


def test_the_proxy_takes_out_a_node_that_drains(cluster):
    traffic = Traffic(cluster, ["drain-0", "drain-1"], only_proxy=True)
    try:
        time.sleep(BEFORE_SECONDS)
        since = time.monotonic()
        status = cluster.nodes[1].stop()
        time.sleep(1.5)
        cluster.restart("node2")
        window = since, time.monotonic() + 0.5
        time.sleep(2)
        taken = metric(cluster.nodes[1], 'sekisho_door_verdicts_total{door="dial"}')
    finally:
        traffic.end()
    traffic.tell("node2 drained and started again")
    assert status == 0
    assert not list(traffic.faults(window, []))
    assert taken > 10, "node2 got no calls after it was back"


def metric(node, name):
    text = node.http(ADMIN_PORT, "GET", "/metrics", headers={"Authorization": f"Bearer {node.tokens('operator')}"}).text
    return int(re.search(rf"^{re.escape(name)} (\d+)", text, re.M)[1])
