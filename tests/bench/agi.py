#!/usr/bin/python3
"""FastAGI verdicts a second against the smallest epoll server that answers a constant; prints JSON.

    tests/bench/agi.py [--calls 5000] [--rounds 31] [--concurrent 32] [--tenants 200] [--prefix 033]
                       [--in-pieces]

Both servers run with a thread a core, get the same calls from the same client, one connection a call, and
take turns in rounds, so that whatever else the machine does meets both. The ratio is the median over
the rounds. The tenants deny 010. --prefix 0101212 makes every call a denied one, each of which is
also written to the store meanwhile; those to Japan are only counted. Needs `make` and `make build/tests/bench/agi_constant build/tests/bench/agi_load`.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/../server")
from daemon import BUILD, Daemon

BENCH = BUILD / "tests/bench"
SHOWN = ("calls_per_s", "p50_us", "p99_us", "server_cpu_us_per_call")


def provision(daemon, tenants):
    for i in range(tenants):
        answer = daemon.rest("PUT", f"/v1/tenants/t{i}", {"name": f"t{i}", "profile": "standard"})
        assert answer.status == 201, answer


def load(args, port, pid):
    """One round against one server."""
    command = [BENCH / "agi_load", "--port", port, "--pid", pid, "--calls", args.calls,
               "--concurrent", args.concurrent, "--tenants", args.tenants,
               "--prefix", args.prefix]
    command += ["--in-pieces"] if args.in_pieces else []
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(args, daemon, constant, constant_port):
    rounds = {"constant": [], "sekisho": []}
    for _ in range(args.rounds):
        rounds["constant"].append(load(args, constant_port, constant.pid))
        rounds["sekisho"].append(load(args, daemon.ports["agi"], daemon.process.pid))
    return rounds


def summary(args, rounds):
    ratios = [ours["calls_per_s"] / theirs["calls_per_s"]
              for ours, theirs in zip(rounds["sekisho"], rounds["constant"])]
    return {"calls": args.calls, "rounds": args.rounds, "concurrent": args.concurrent,
            "tenants": args.tenants, "prefix": args.prefix, "in_pieces": args.in_pieces,
            "ratio": round(statistics.median(ratios), 3),
            "ratios": [round(ratio, 3) for ratio in ratios]} | {
                name: {key: statistics.median(of[key] for of in each) for key in SHOWN}
                for name, each in rounds.items()}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--concurrent", type=int, default=32)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--prefix", default="033")
    parser.add_argument("--in-pieces", action="store_true")
    args = parser.parse_args()
    threads = str(len(os.sched_getaffinity(0)))
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(folder).start()
        constant = subprocess.Popen([BENCH / "agi_constant", threads], stdout=subprocess.PIPE, text=True)
        try:
            provision(daemon, args.tenants)
            rounds = measure(args, daemon, constant, constant.stdout.readline().strip())
        finally:
            constant.kill()
            daemon.stop()
    print(json.dumps(summary(args, rounds)))


if __name__ == "__main__":
    main()
