"""File descriptors: one door full of connections must not leave the others without."""
import os
import resource
import socket

import pytest

FEW, MANY = 64, 150


@pytest.fixture
def few_files():
    """What is started now begins with a soft limit of FEW open files, as under an old ulimit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, hard))
    yield lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_connections_leave_room_for_the_other_doors(start_daemon, few_files):
    daemon = start_daemon()
    few_files()
    daemon.token()
    peers = [socket.create_connection(("127.0.0.1", daemon.ports["dial"]), timeout=10) for _ in range(MANY)]
    try:
        assert daemon.rest("PUT", "/v1/tenants/acme", {"name": "a"}).status == 201
        assert daemon.authorize("acme", "1001", "110").json["verdict"] == "allow"
        assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) > MANY
    finally:
        for peer in peers:
            peer.close()
