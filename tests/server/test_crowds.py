"""Many connections that say nothing: one door, or one address, must not keep the others out."""
import http.client
import os
import resource
import socket
import time

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


def live(daemon, source):
    """How long /livez of the admin listener takes from this address of loopback, in seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.ports["admin"], timeout=30,
                                            source_address=(source, 0))
    begun = time.monotonic()
    connection.request("GET", "/livez")
    assert connection.getresponse().status == 200
    connection.close()
    return time.monotonic() - begun


def test_one_address_does_not_fill_the_admin_listener(start_daemon):
    daemon = start_daemon()
    peers = [socket.create_connection(("127.0.0.1", daemon.ports["admin"]), timeout=10,
                                      source_address=("127.0.0.9", 0)) for _ in range(520)]
    try:
        assert live(daemon, "127.0.0.1") < 2  # silent ones are cut after 5 s, and come again
    finally:
        for peer in peers:
            peer.close()
