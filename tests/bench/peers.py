#!/usr/bin/python3
"""GET /v1/authorize against nginx with Lua that asks Redis (MGET of all prefixes of the number); prints JSON.

    tests/bench/peers.py [--seconds 2] [--rounds 5] [--connections 64]

Ten thousand tenants of five rules, the same in the daemon's store and in Redis, which the daemon uses as well; wrk
asks both with the same requests, in turns; a ratio is the median over the rounds. Needs wrk, nginx with its Lua module
and lua-nginx-redis, redis-server, and `make all bench-programs`.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, HERE + "/../server"]
import authorize
from daemon import Daemon
from redis_server import RedisServer, free_port

TENANTS = 10000
MODULES = "/usr/lib/nginx/modules"


def fill(redis, rules):
    """Every tenant of the seed has the same rules."""
    lines = []
    for tenant in range(TENANTS):
        for rule in rules:
            words = ("SET", f"rule:t{tenant}:{rule['prefix']}", rule["action"])
            lines.append("*3\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words))
    done = subprocess.run(["redis-cli", "-p", str(redis.port), "--user", "tester", "--pass", "secret-tester", "--pipe"],
                          input="".join(lines).encode(), capture_output=True, check=True)
    if f"replies: {len(lines)}".encode() not in done.stdout or b"errors: 0" not in done.stdout:
        raise RuntimeError(done.stdout)


class Nginx:
    def __init__(self, folder, redis, token):
        self.port, words = free_port(), {
            "MODULES": MODULES, "FOLDER": folder, "WORKERS": len(os.sched_getaffinity(0)), "HERE": HERE + "/peers",
            "TOKEN": token, "REDIS_PORT": redis.port, "REDIS_USER": "tester", "REDIS_PASSWORD": "secret-tester"}
        text = Path(HERE, "peers/nginx.conf").read_text()
        for word, value in (words | {"PORT": self.port}).items():
            text = text.replace(f"@{word}@", str(value))
        folder.mkdir()
        (folder / "nginx.conf").write_text(text)
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(["nginx", "-p", folder, "-c", folder / "nginx.conf"], stdout=log, stderr=log,
                                            env=os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin"})
        self.log = folder / "error.log"

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def pids(self):
        """Its workers do the work."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]


def ask(port, number, token):
    """Both must answer alike before they are compared."""
    done = subprocess.run(["curl", "-s", "-S", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "-H",
                           f"Authorization: Bearer {token}",
                           f"http://127.0.0.1:{port}/v1/authorize?tenant=t77&account=1001&number={number}"],
                          capture_output=True, check=True, text=True)
    return json.loads(done.stdout)["verdict"]


def measure(args, node, nginx, token):
    for number in ("0312345678", "01012125550100", "%2B14155550100", "0106345678"):
        if ask(node.ports["dial"], number, token) != ask(nginx.port, number, token):
            raise RuntimeError(f"{number}: two verdicts")
    rounds = {"sekisho": [], "nginx": []}
    for seed in range(args.rounds):
        rounds["nginx"].append(authorize.load(args, nginx.port, nginx.pids()[0], token, TENANTS, seed))
        rounds["sekisho"].append(authorize.load(args, node.ports["dial"], node.process.pid, token, TENANTS, seed))
    return rounds


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=int, default=1 if os.environ.get("BENCH_SMALL") else 2)
    parser.add_argument("--rounds", type=int, default=3 if os.environ.get("BENCH_SMALL") else 5)
    parser.add_argument("--connections", type=int, default=64)
    args = parser.parse_args()
    node, nginx = None, None
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        redis = RedisServer(folder / "redis").start()
        try:
            node = authorize.start(f"{folder}/node", TENANTS, f"--redis={redis.url}")
            rules = node.rest("GET", "/v1/tenants/t0/rules").json["rules"]
            fill(redis, rules)
            token = node.token("pbx")
            nginx = Nginx(folder / "nginx", redis, token)
            rounds = measure(args, node, nginx, token)
            told = nginx.log.read_text() if nginx.log.exists() else ""
            if "[error]" in told:
                raise RuntimeError(told[:1000])
        finally:
            if nginx:
                nginx.stop()
            if node:
                node.stop()
            redis.stop()
    print(json.dumps({
        "rounds": args.rounds, "seconds": args.seconds, "connections": args.connections,
        "faster": authorize.ratio(rounds, "sekisho", "nginx"),
        "per_s": {name: round(sorted(of["per_s"] for of in each)[len(each) // 2]) for name, each in rounds.items()},
        "p99_us": {name: sorted(of["p99_us"] for of in each)[len(each) // 2] for name, each in rounds.items()}}))


if __name__ == "__main__":
    main()
