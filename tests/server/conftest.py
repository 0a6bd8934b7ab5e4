import pytest

import contract
from daemon import Daemon

Daemon.watchers.append(contract.watch)


@pytest.fixture(scope="session")
def daemon(tmp_path_factory):
    """One daemon for all tests that do not mind each other; use tenants of your own."""
    running = Daemon(tmp_path_factory.mktemp("daemon"), "--node=tokyo-1").start()
    yield running
    running.stop()


@pytest.fixture
def start_daemon(tmp_path):
    """start_daemon(*options, folder=None, env=None) starts one for this test alone."""
    started = []

    def start(*options, folder=None, env=None):
        running = Daemon(folder or tmp_path, *options, env=env)
        started.append(running)
        return running.start()

    yield start
    for running in started:
        running.stop()
