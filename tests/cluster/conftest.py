import tempfile
from pathlib import Path

import pytest

from cluster import Cluster


def run(**how):
    # not pytest's folders: PostgreSQL runs as a user of its own, and must get there
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="sekisho-cluster-")), nodes=3, **how)
    try:
        yield cluster.start()
        logs = {node.name: node.log()[-2000:] for node in cluster.nodes}
        bad = cluster.stop()
        assert not bad, "\n".join(f"{name} ended with {status}:\n{logs[name]}" for name, status in bad.items())
    finally:
        cluster.stop()
        cluster.remove()


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: one of each kind, for a first look (make test-cluster QUICK=1)")


@pytest.fixture(scope="session")
def cluster():
    """Everything: PostgreSQL and its replica, Redis and its replica, three Sentinels, three nodes, the proxy."""
    yield from run()


@pytest.fixture(scope="module")
def without_redis():
    yield from run(redis=False)
