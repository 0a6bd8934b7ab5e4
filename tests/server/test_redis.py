"""A daemon with --redis: what it puts there and hears from there, and that it needs none of it."""
import os
import time

import pytest
from redis_server import RedisServer, free_port
from rest import new_tenant, verdict

from daemon import Daemon


@pytest.fixture
def redis(tmp_path):
    server = RedisServer(tmp_path / "redis").start()
    yield server
    server.stop()


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.02)
    return True


def counters(daemon):
    text = daemon.http("admin", "GET", "/metrics").text
    return {name: int(float(value)) for name, value in
            (line.split() for line in text.splitlines() if line.startswith("sekisho_redis_"))}


def listens(daemon):
    return counters(daemon)["sekisho_redis_listening"] == 1


def is_full(daemon):
    return counters(daemon)["sekisho_redis_full"] == 1


def platform_key(daemon, redis):
    """The only ruleset there is before the first tenant."""
    wait_for(lambda: listens(daemon) and is_full(daemon))
    (key,) = redis.rulesets()
    return key


def add_deny(daemon, tenant, prefix):
    answer = daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": prefix, "action": "deny"})
    assert answer.status == 201, answer


def test_an_edit_is_put_there_and_heard(start_daemon, redis):
    daemon = start_daemon("--redis", redis.url, "--redis-max-age", "90s")
    platform = platform_key(daemon, redis)
    tenant = new_tenant(daemon, profile="standard")
    wait_for(lambda: len(redis.rulesets()) == 2)
    (key,) = redis.rulesets() - {platform}
    assert tenant not in key and tenant not in (redis.ask("GET", key) or "")[:52]
    assert 0 < redis.ask("PTTL", key) <= 90_000
    assert counters(daemon)["sekisho_redis_puts_total"] >= 1
    wait_for(lambda: counters(daemon)["sekisho_redis_invalidations_total"] >= 1)
    daemon.rest("DELETE", f"/v1/tenants/{tenant}", headers={"If-Match": "*"})
    wait_for(lambda: redis.rulesets() == {platform})
    assert "secret-sekisho" not in daemon.log()


def test_without_redis_nothing_is_counted(daemon):
    assert counters(daemon) == {}


def test_a_redis_that_is_away_is_no_error(start_daemon):
    daemon = start_daemon("--redis", f"redis://:secret@127.0.0.1:{free_port()}")
    tenant = new_tenant(daemon, profile="standard")
    add_deny(daemon, tenant, "0104")
    assert verdict(daemon, tenant, "1001", "010 44 20 7946 0000") == "deny"
    wait_for(lambda: "redis_lost" in daemon.log())
    assert 'reason="--redis: 127.0.0.1:' in daemon.log() and "refused" in daemon.log()
    assert not listens(daemon)


def test_a_redis_that_goes_and_comes(start_daemon, redis):
    daemon = start_daemon("--redis", redis.url)
    wait_for(lambda: listens(daemon))
    tenant = new_tenant(daemon, profile="open")
    redis.stop()
    wait_for(lambda: not listens(daemon))
    add_deny(daemon, tenant, "0104")
    assert verdict(daemon, tenant, "1001", "010 44 20 7946 0000") == "deny"
    redis.start()
    wait_for(lambda: listens(daemon))
    assert counters(daemon)["sekisho_redis_reconnects_total"] == 1
    add_deny(daemon, tenant, "0105")
    wait_for(lambda: len(redis.rulesets()) == 2)


def test_another_node_hears_of_it_and_answers_when_its_store_is_away(start_daemon, redis, tmp_path):
    """Two stores, because one file of SQLite takes one node; what counts here is what goes through Redis."""
    writer = start_daemon("--redis", redis.url)
    (tmp_path / "other").mkdir()
    other = start_daemon("--redis", redis.url, f"--keys={writer.keys}", folder=tmp_path / "other")
    wait_for(lambda: listens(writer) and listens(other))
    os.rename(other.folder / "store.db", other.folder / "moved")
    wait_for(lambda: "feed_failed" in other.log())
    heard = counters(other)["sekisho_redis_invalidations_total"]
    ask = {"number": "010 44 20 7946 0000", "token": writer.token("pbx")}
    tenant = new_tenant(writer, profile="standard")
    wait_for(lambda: counters(other)["sekisho_redis_invalidations_total"] > heard)
    wait_for(lambda: other.authorize(tenant, **ask).json["reason"] == "rule")
    answer = other.authorize(tenant, **ask).json
    assert answer["verdict"] == "deny" and answer["rule"]["prefix"] == "010", answer
    assert counters(other)["sekisho_redis_hits_total"] >= 1
    other.kill()  # it would try for long to write down what was asked


@pytest.mark.parametrize("url", ["http://h", "redis://hunter2@h", "redis+sentinel://u:hunter2@h"])
def test_a_url_that_is_none_ends_the_start(tmp_path, url):
    with pytest.raises(RuntimeError, match="--redis: ") as raised:
        Daemon(tmp_path, "--redis", url).start()
    assert "hunter2" not in str(raised.value)


# --- filled with everything ---------------------------------------------------------------------------


def test_it_is_filled_and_filled_again(start_daemon, redis):
    daemon = start_daemon("--redis", redis.url)
    platform_key(daemon, redis)
    redis.stop()
    wait_for(lambda: not listens(daemon))
    tenants = [new_tenant(daemon, profile="standard") for _ in range(150)]  # more than one round trip
    redis.start()
    wait_for(lambda: len(redis.rulesets()) == len(tenants) + 1)
    wait_for(lambda: is_full(daemon))
    assert counters(daemon)["sekisho_redis_filled_tenants"] == len(tenants)
    assert counters(daemon)["sekisho_redis_filler"] == 1
    assert f" info redis_filled tenants={len(tenants)} " in daemon.log()
    told = counters(daemon)["sekisho_redis_invalidations_total"]
    redis.ask("FLUSHALL")
    wait_for(lambda: len(redis.rulesets()) == len(tenants) + 1)
    wait_for(lambda: is_full(daemon))
    assert counters(daemon)["sekisho_redis_invalidations_total"] == told, "filling sends nobody for what he has"


def test_it_is_renewed_before_it_gets_too_old(start_daemon, redis):
    daemon = start_daemon("--redis", redis.url, "--redis-max-age", "2s")
    platform_key(daemon, redis)
    new_tenant(daemon, profile="standard")
    wait_for(lambda: counters(daemon)["sekisho_redis_fills_total"] >= 3)
    assert len(redis.rulesets()) == 2
    assert all(redis.ask("PTTL", key) > 0 for key in redis.rulesets())


def test_one_of_two_fills_it_and_the_other_takes_over(start_daemon, redis, tmp_path):
    one = start_daemon("--redis", redis.url)
    wait_for(lambda: counters(one)["sekisho_redis_filler"] == 1)
    (tmp_path / "other").mkdir()
    other = start_daemon("--redis", redis.url, f"--keys={one.keys}", folder=tmp_path / "other")
    wait_for(lambda: listens(other) and is_full(other))
    time.sleep(2)
    assert counters(other)["sekisho_redis_filler"] == 0
    one.kill()
    wait_for(lambda: counters(other)["sekisho_redis_filler"] == 1)


# --- a node that has only Redis -----------------------------------------------------------------------


def cold_node(start_daemon, redis, writer, folder):
    """Its store is a PostgreSQL that is not there, and it has never seen a snapshot."""
    folder.mkdir()
    return start_daemon("--redis", redis.url, f"--keys={writer.keys}",
                        f"--store=postgres://sekisho@127.0.0.1:{free_port()}/sekisho", folder=folder)


def test_a_cold_node_answers_from_redis(start_daemon, redis, tmp_path):
    writer = start_daemon("--redis", redis.url)
    platform = platform_key(writer, redis)
    locked = writer.rest("POST", "/v1/platform/rules", {"prefix": "01044", "action": "deny", "locked": True})
    assert locked.status == 201, locked
    tenant, rule = new_tenant(writer, profile="open"), None
    rule = writer.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "0101", "action": "deny"})
    assert rule.status == 201
    wait_for(lambda: len(redis.rulesets()) == 2 and is_full(writer))

    cold = cold_node(start_daemon, redis, writer, tmp_path / "cold")
    wait_for(lambda: listens(cold))

    def ask(number, whom=tenant):
        said = cold.authorize(whom, number=number, token=writer.token("pbx")).json
        return said["verdict"], said["reason"], said.get("degraded")
    assert ask("0101 212 555 0100") == ("deny", "rule", "stale")
    assert ask("01033 1 42 68 53 00") == ("allow", "default", "stale")
    assert ask("01044 20 7946 0000") == ("deny", "lock", "stale"), "the platform's lock is known, too"
    assert ask("01033 1 42 68 53 00", "nobody") == ("deny", "floor", "floor")
    assert ask("119") == ("allow", "emergency", None)

    # what Redis lent is asked for again when Redis tells of a change
    changed = writer.rest("PATCH", rule.headers["Location"], {"action": "allow"}, headers={"If-Match": "*"})
    assert changed.status == 200, changed
    wait_for(lambda: ask("0101 212 555 0100") == ("allow", "rule", "stale"))
    removed = writer.rest("DELETE", locked.headers["Location"], headers={"If-Match": "*"})
    assert removed.status == 204
    wait_for(lambda: ask("01044 20 7946 0000") == ("allow", "default", "stale"))

    # without the platform's rules a lock could be missing: only the floor
    writer.stop()
    redis.ask("DEL", platform)
    colder = cold_node(start_daemon, redis, writer, tmp_path / "colder")
    wait_for(lambda: listens(colder))
    said = colder.authorize(tenant, number="01033 1 42 68 53 00", token=writer.token("pbx")).json
    assert (said["verdict"], said["reason"], said["degraded"]) == ("deny", "floor", "floor")
    cold.kill()  # they would try for long to write down what was asked
    colder.kill()
