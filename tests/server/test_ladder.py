"""Each rung of the ladder (design section 7), seen where people look: in the answer, in the log, in /metrics and in
/readyz. What only a Redis can lend is in test_redis.py, what does not compile in test_nodes.py."""
import os
import re
import signal
import time

from redis_server import RedisServer, free_port
from rest import new_tenant

CURRENT_SECONDS = 1.05  # how old what answers unannounced may be


def eventually(holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def metric(daemon, name):
    found = re.search(rf"^{re.escape(name)} (\S+)$", daemon.http("admin", "GET", "/metrics").text, re.M)
    return float(found.group(1))


def ask(daemon, tenant, number="010 44 20 7946 0000"):
    said = daemon.authorize(tenant, number=number).json
    return said["verdict"], said["reason"], said.get("degraded")


def take_away(daemon):
    os.rename(daemon.folder / "store.db", daemon.folder / "moved")


def give_back(daemon):
    os.rename(daemon.folder / "moved", daemon.folder / "store.db")


def without_a_store(daemon):
    """The same node once more: its keys, its state, and a server that is not there."""
    daemon.options.append(f"--store=postgres://sekisho@127.0.0.1:{free_port()}/sekisho")
    return daemon.start()


def test_the_store_goes_and_comes(start_daemon):
    daemon = start_daemon()
    tenant = new_tenant(daemon, profile="standard")
    assert ask(daemon, tenant) == ("deny", "rule", None)
    assert metric(daemon, "sekisho_rung") == 0
    take_away(daemon)
    gone_at = time.monotonic()
    while True:  # what is not announced is not older than that
        asked_at = time.monotonic()
        said = ask(daemon, tenant)
        assert said[:2] == ("deny", "rule")
        if said[2]:
            break
        assert asked_at - gone_at < CURRENT_SECONDS + 0.1, "an old verdict that does not say so"
        time.sleep(0.01)
    assert said[2] == "stale"
    assert ask(daemon, tenant, "119") == ("allow", "emergency", None)
    assert ask(daemon, "nobody")[1:] == ("floor", "floor")
    eventually(lambda: " warn rung from=current to=stale" in daemon.log())
    assert metric(daemon, "sekisho_rung") == 1
    assert metric(daemon, 'sekisho_degraded_verdicts_total{degraded="stale"}') >= 1
    assert metric(daemon, 'sekisho_degraded_verdicts_total{degraded="floor"}') == 1
    assert daemon.http("dial", "GET", "/readyz").status == 200
    assert daemon.http("admin", "GET", "/readyz").status == 503
    give_back(daemon)
    eventually(lambda: ask(daemon, tenant) == ("deny", "rule", None))
    eventually(lambda: " warn rung from=stale to=current" in daemon.log())
    assert metric(daemon, "sekisho_rung") == 0


def test_a_node_that_was_stopped_says_that_its_rules_are_old(start_daemon):
    daemon = start_daemon()
    tenant = new_tenant(daemon, profile="standard")
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        take_away(daemon)  # so that it cannot catch up before it answers
        time.sleep(CURRENT_SECONDS + 0.2)
    finally:
        daemon.process.send_signal(signal.SIGCONT)
    assert ask(daemon, tenant) == ("deny", "rule", "stale")
    give_back(daemon)


def test_a_busy_node_is_not_flagged(start_daemon):
    """It looks often enough; but for a moment when this machine stood still, no answer is degraded."""
    daemon = start_daemon()
    tenant = new_tenant(daemon, profile="standard")
    until = time.monotonic() + 3 * CURRENT_SECONDS
    said = []
    while time.monotonic() < until:
        said.append(ask(daemon, tenant)[2])
    assert said.count(None) > 0.8 * len(said), f"{said.count('stale')} of {len(said)}"


def test_the_snapshot_then_the_floor(start_daemon):
    daemon = start_daemon("--stale-max=6s")
    tenant = new_tenant(daemon, profile="standard")
    daemon.stop()
    without_a_store(daemon)
    assert re.search(r" warn snapshot_loaded tenants=1 age_ms=\d+", daemon.log())
    assert ask(daemon, tenant) == ("deny", "rule", "stale")
    assert daemon.http("dial", "GET", "/readyz").status == 200
    eventually(lambda: ask(daemon, tenant) == ("deny", "floor", "floor"))
    eventually(lambda: " warn rung from=stale to=floor" in daemon.log())
    assert metric(daemon, "sekisho_rung") == 2
    assert ask(daemon, tenant, "0312345678") == ("allow", "floor", "floor")
    assert ask(daemon, tenant, "110") == ("allow", "emergency", None)
    daemon.kill()


def test_nothing_but_the_floor(start_daemon):
    daemon = start_daemon()
    tenant = new_tenant(daemon, profile="standard")
    daemon.stop()
    snapshot, = daemon.folder.glob("**/rulesets.snapshot")
    snapshot.write_bytes(snapshot.read_bytes()[:-1])
    without_a_store(daemon)
    assert " error snapshot_refused reason=" in daemon.log()
    assert ask(daemon, tenant) == ("deny", "floor", "floor")
    ready = daemon.http("dial", "GET", "/readyz?verbose")
    assert ready.status == 503 and "[-] rulesets failed\n" in ready.text, "others may know more"
    daemon.kill()


def test_redis_is_shown_and_does_not_count(start_daemon, tmp_path):
    redis = RedisServer(tmp_path / "redis").start()
    try:
        daemon = start_daemon("--redis", redis.url.replace("secret", "wrong"))
        eventually(lambda: re.search(r" warn redis_lost reason=.*--redis: .*does not accept this user and password",
                                     daemon.log()))
        ready = daemon.http("dial", "GET", "/readyz?verbose")
        assert ready.status == 200 and "[-] redis failed, does not count\n" in ready.text
        tenant = new_tenant(daemon, profile="standard")
        assert ask(daemon, tenant) == ("deny", "rule", None)
    finally:
        redis.stop()


def test_a_redis_that_is_full(start_daemon, tmp_path):
    redis = RedisServer(tmp_path / "redis").start()
    try:
        daemon = start_daemon("--redis", redis.url)
        eventually(lambda: metric(daemon, "sekisho_redis_full") == 1)
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        tenant = new_tenant(daemon, profile="standard")
        assert ask(daemon, tenant) == ("deny", "rule", None)
        eventually(lambda: re.search(r" warn redis_\w+ reason=.*--redis: .*is full: raise its maxmemory", daemon.log()))
        eventually(lambda: "[-] redis failed, does not count" in daemon.http("dial", "GET", "/readyz?verbose").text)
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        eventually(lambda: metric(daemon, "sekisho_redis_full") == 1 and len(redis.rulesets()) == 2)
        eventually(lambda: "[+] redis\n" in daemon.http("dial", "GET", "/readyz?verbose").text)
    finally:
        redis.stop()
