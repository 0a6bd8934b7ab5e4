"""PostgreSQL's primary is lost for good, and its replica takes over."""
import subprocess
import time

import pytest

from conftest import run
from test_faults import BEFORE_SECONDS, Traffic, metric

LOST_SECONDS = 1.5


@pytest.fixture
def doomed():
    """A cluster of its own: afterwards there is no replica any more."""
    yield from run()


def sql(cluster, name, text):
    who = {"user": cluster.user.pw_uid} if cluster.user else {}
    subprocess.run([cluster.bin / "psql", "-qX", "-h", cluster.folder / f"postgres/{name}.socket", "-U", "postgres",
                    "-d", "postgres", "-c", text], check=True, capture_output=True, timeout=30, cwd=cluster.folder, **who)


@pytest.mark.quick
def test_the_replica_takes_over(doomed):
    """What was acknowledged is on both by then (docker/postgres/postgresql.conf says what else may be lost)."""
    sql(doomed, "data", "ALTER SYSTEM SET synchronous_standby_names = '*'")
    sql(doomed, "data", "SELECT pg_reload_conf()")
    traffic = Traffic(doomed, [f"failover-{i}" for i in range(4)])
    try:
        time.sleep(BEFORE_SECONDS)
        since = time.monotonic() - 0.05
        doomed.programs["postgres1"].kill()
        time.sleep(LOST_SECONDS)
        sql(doomed, "replica", "SELECT pg_promote()")
        window = since, time.monotonic() + 0.5
        traffic.wait_for_edits(window)
        back = time.monotonic()
        time.sleep(1.5)
    finally:
        traffic.end()
    traffic.tell(f"postgres1 lost for good, edits again {back - since:.1f} s later")
    faults = list(traffic.faults(window, []))
    assert not faults, "\n".join(faults)
    traffic.check_edits(doomed)
    assert [metric(node, "sekisho_redis_listening") for node in doomed.nodes] == [1] * 3
