#!/usr/bin/python3
"""How long from an edit acknowledged on one node until another one enforces it, with and without Redis, beside
one round trip to that Redis; prints JSON.

    tests/bench/spread.py [--edits 300]

Two daemons on one PostgreSQL; in the first run they share a Redis, too, in the second not, in the third they reach
PostgreSQL through pgbouncer only, where nothing can be heard and the poll alone finds an edit. The clock starts when
the writer's answer is there, and stops when the reader's verdict has changed; the reader is asked over a connection
that is kept, with a pause between two questions, because who asks without one takes the processor away from who is to
enforce the edit. A round trip is a PING on a kept connection, taken between the edits. Needs `make all`,
PostgreSQL, redis-server, pgbouncer.
"""
import argparse
import http.client
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE + "/../server")
from daemon import Daemon
from postgres_server import Postgres
from redis_server import RedisServer

PAUSE_SECONDS = 0.0002
GIVE_UP_SECONDS = 10
QUESTION = "/v1/authorize?tenant=acme&account=1001&number=01012125550100"


class Kept:
    """One connection to a door, and a token."""

    def __init__(self, daemon, door, role):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.ports[door], timeout=30)
        self.connection.connect()
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.headers = {"Authorization": f"Bearer {daemon.token(role)}", "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        headers = self.headers | ({"If-Match": "*"} if method == "PATCH" else {})
        self.connection.request(method, path, body and json.dumps(body), headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:200]}")
        return json.loads(answer)


class Ping:
    """One round trip to Redis, in milliseconds."""

    def __init__(self, redis):
        self.socket = socket.create_connection(("127.0.0.1", redis.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send(b"AUTH tester secret-tester\r\n")

    def send(self, command):
        self.socket.sendall(command)
        if not self.socket.recv(100).startswith(b"+"):
            raise RuntimeError("redis-server refused")

    def take(self):
        began = time.perf_counter()
        self.send(b"PING\r\n")
        return 1000 * (time.perf_counter() - began)


def percentiles(values):
    values = sorted(values)
    return {"p50_ms": round(values[len(values) // 2], 3), "p99_ms": round(values[int(len(values) * 0.99)], 3),
            "max_ms": round(values[-1], 3)}


def one_edit(writer, reader, path, action):
    writer.ask("PATCH", path, {"action": action})
    began = time.perf_counter()
    while reader.ask("GET", QUESTION)["verdict"] != action:
        if time.perf_counter() - began > GIVE_UP_SECONDS:
            raise RuntimeError("an edit is not enforced")
        time.sleep(PAUSE_SECONDS)
    return 1000 * (time.perf_counter() - began)


def edits(folder, url, redis, count):
    """Edits on each node in turn, looked for on the other one."""
    nodes, pings, found = [], [], []
    ping = Ping(redis) if redis else None
    try:
        for name in "ab":
            (folder / name).mkdir(parents=True)
            more = [f"--redis={redis.url}"] if redis else []
            nodes.append(Daemon(folder / name, f"--store={url}", f"--keys={folder}/keys", f"--node={name}", *more))
            nodes[-1].keys = folder / "keys"
            nodes[-1].start()
        admins, dials = [Kept(n, "admin", "operator") for n in nodes], [Kept(n, "dial", "pbx") for n in nodes]
        admins[0].ask("PUT", "/v1/tenants/acme", {"name": "Acme", "profile": "open"})
        rule = admins[0].ask("POST", "/v1/tenants/acme/rules", {"prefix": "0101", "action": "deny"})
        while any(dial.ask("GET", QUESTION)["verdict"] != "deny" for dial in dials):
            time.sleep(0.01)
        for turn in range(count):
            found.append(one_edit(admins[turn % 2], dials[1 - turn % 2], f"/v1/tenants/acme/rules/{rule['id']}",
                                  "deny" if turn % 2 else "allow"))
            if ping:
                pings.append(ping.take())
            time.sleep(0.003 * (turn % 11))  # at different times of whatever has a rhythm
    finally:
        for node in nodes:
            node.stop()
    return percentiles(found), percentiles(pings) if pings else None


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--edits", type=int, default=60 if os.environ.get("BENCH_SMALL") else 400)
    args = parser.parse_args()
    out = {"edits": args.edits}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        redis = RedisServer(folder / "redis").start()
        try:
            for way in ("redis", "without", "pooler"):
                server = Postgres().make()
                try:
                    url = server.start_pooler() if way == "pooler" else server.url()
                    found, pings = edits(folder / way, url, redis if way == "redis" else None,
                                         args.edits if way != "pooler" else args.edits // 4)
                    out[way] = found
                    if pings:
                        out["round_trip"] = pings
                finally:
                    server.remove()
        finally:
            redis.stop()
    print(json.dumps(out))


if __name__ == "__main__":
    main()
