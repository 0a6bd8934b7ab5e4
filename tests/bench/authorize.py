#!/usr/bin/python3
"""GET /v1/authorize over keep-alive connections, against libmicrohttpd with a constant body; prints JSON.

    tests/bench/authorize.py [--seconds 2] [--rounds 7] [--connections 64]

The daemons run on SQLite as they are shipped, with a thousand, ten thousand and a hundred thousand
tenants of five rules; the rival has the same flags and threads and a body of the same size. wrk asks all
with the same requests: a token, random tenants, random numbers. They take turns in rounds, so that
whatever else the machine does meets all of them; a ratio is the median over the rounds. Needs wrk and
`make all bench-programs`.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE + "/../server")
from daemon import BUILD, Daemon

PROGRAMS = BUILD / "tests/bench"
TENANTS = (1000, 10000, 100000)
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """Processor time of a process so far: fields 14 and 15 of proc(5)'s stat."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


class Rival:
    """libmicrohttpd, a constant body, nothing else."""

    def __init__(self, body_bytes):
        threads = str(len(os.sched_getaffinity(0)))
        self.process = subprocess.Popen([PROGRAMS / "mhd_constant", "0", threads, str(body_bytes)],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])


def start(folder, tenants, *options):
    os.mkdir(folder)
    subprocess.run([PROGRAMS / "seed", f"sqlite:{folder}/store.db", str(tenants)], check=True)
    return Daemon(folder, *options).start()


def load(args, port, pid, token, tenants, seed):
    """One round against one server."""
    before = cpu_seconds(pid)
    command = ["wrk", "-t", 1, "-c", args.connections, "-d", f"{args.seconds}s", "-s",
               HERE + "/authorize.lua", f"http://127.0.0.1:{port}", "--", token, tenants, seed]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    if result["failed"] or not result["requests"]:
        sys.exit(f"authorize.py: {done.stdout}")
    result["server_cpu_us"] = (cpu_seconds(pid) - before) * 1e6 / result["requests"]
    return result


def measure(args, daemons, rival, token):
    rounds = {"constant": []} | {tenants: [] for tenants in daemons}
    for seed in range(args.rounds):
        rounds["constant"].append(
            load(args, rival.port, rival.process.pid, token, TENANTS[1], seed))
        for tenants, daemon in daemons.items():
            rounds[tenants].append(load(args, daemon.ports["dial"], daemon.process.pid,
                                        daemon.token("pbx"), tenants, seed))
    return rounds


def ratio(rounds, ours, theirs, key="per_s"):
    return round(statistics.median(a[key] / b[key] for a, b in zip(rounds[ours], rounds[theirs])), 3)


def summary(args, rounds, body_bytes):
    few, usual, many = TENANTS
    return {"rounds": args.rounds, "seconds": args.seconds, "connections": args.connections,
            "body_bytes": body_bytes,
            "of_constant": ratio(rounds, usual, "constant"),
            "cpu_of_constant": ratio(rounds, usual, "constant", "server_cpu_us"),
            "few_over_many": ratio(rounds, few, many),
            "medians": {name: {key: round(statistics.median(of[key] for of in each), 1)
                               for key in ("per_s", "p50_us", "p99_us", "server_cpu_us")}
                        for name, each in rounds.items()}}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--connections", type=int, default=64)
    args = parser.parse_args()
    daemons, rival = {}, None
    with tempfile.TemporaryDirectory() as folder:
        try:
            for tenants in TENANTS:
                daemons[tenants] = start(f"{folder}/{tenants}", tenants)
            usual = daemons[TENANTS[1]]
            body = usual.authorize("t1", "1001", "0312345678").body
            rival = Rival(len(body))
            rounds = measure(args, daemons, rival, usual.token("pbx"))
        finally:
            if rival:
                rival.process.terminate()
            for daemon in daemons.values():
                daemon.stop()
    print(json.dumps(summary(args, rounds, len(body))))


if __name__ == "__main__":
    main()
