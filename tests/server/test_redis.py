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


def add_deny(daemon, tenant, prefix):
    answer = daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": prefix, "action": "deny"})
    assert answer.status == 201, answer


def test_an_edit_is_put_there_and_heard(start_daemon, redis):
    daemon = start_daemon("--redis", redis.url, "--redis-max-age", "90s")
    wait_for(lambda: listens(daemon))
    tenant = new_tenant(daemon, profile="standard")
    wait_for(lambda: len(redis.rulesets()) == 1)
    (key,) = redis.rulesets()
    assert tenant not in key and tenant not in (redis.ask("GET", key) or "")[:52]
    assert 0 < redis.ask("PTTL", key) <= 90_000
    assert counters(daemon)["sekisho_redis_puts_total"] >= 1
    wait_for(lambda: counters(daemon)["sekisho_redis_invalidations_total"] >= 1)
    daemon.rest("DELETE", f"/v1/tenants/{tenant}", headers={"If-Match": "*"})
    wait_for(lambda: not redis.rulesets())
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
    wait_for(lambda: len(redis.rulesets()) == 1)


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


@pytest.mark.parametrize("url", ["http://h", "redis://hunter2@h", "redis+sentinel://u:hunter2@h"])
def test_a_url_that_is_none_ends_the_start(tmp_path, url):
    with pytest.raises(RuntimeError, match="--redis: ") as raised:
        Daemon(tmp_path, "--redis", url).start()
    assert "hunter2" not in str(raised.value)
