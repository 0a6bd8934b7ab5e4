#!/usr/bin/python3
"""How long a call waits for its verdict inside a real Asterisk; prints JSON.

    tests/bench/pbx.py [-n CALLS] [-c CONCURRENT]

Five ways, of a tenant that denies 010: the include by FastAGI and by CURL(), the bare question by
each, and a Perl AGI program. They take turns in rounds, so that whatever else the machine does meets
them all. The clock is the dialplan's own, from the step before to the step after. Needs root, an
Asterisk (tests/pbx/install) and build/sekishod.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE + "/../pbx", HERE + "/../server"]
from ami import lookups, percentile
from daemon import Daemon
from testbed import TOP, Pbx, missing

ROUNDS = 5
NUMBER = "010252615550101"
WAYS = {     # what is printed: the include that is loaded, the context of calls.conf
    "include_fastagi": ("sekisho.conf", "include"),
    "include_curl": ("sekisho-curl.conf", "include"),
    "fastagi": ("sekisho.conf", "fastagi"),
    "curl": ("sekisho-curl.conf", "curl"),
    "perl": ("sekisho.conf", "script"),
}


def provision(daemon):
    for method, path, body in (("PUT", "/v1/tenants/acme", {"name": "Acme", "profile": "standard"}),
                               ("PUT", "/v1/tenants/acme/accounts/1001", {})):
        answer = daemon.rest(method, path, body)
        assert answer.status in (200, 201), answer


def start(include, daemon):
    pbx = Pbx("bench-" + include.split(".")[0], f"{TOP}/api/asterisk/{include}",
              f"{TOP}/tests/pbx/calls.conf", TENANT="acme", ACCOUNT="1001",
              AGI_SCRIPT="authorize.pl", SEKISHO_AGI_PORT=daemon.ports["agi"],
              SEKISHO_HTTP_PORT=daemon.ports["dial"], SEKISHO_TOKEN=daemon.token("pbx"))
    shutil.copy(HERE + "/authorize.pl", pbx.run + "/agi-bin/")
    return pbx


def measure(running, args):
    """The calls of each way, taken in turns."""
    calls = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way, (include, context) in WAYS.items():
            ami = running[include].ami()
            calls[way] += ami.many(context, NUMBER, {}, args.n // ROUNDS, args.c)
            ami.socket.close()
    return calls


def summary(calls):
    took = lookups(calls)
    denied = sum(call.set.get("SEKISHO_VERDICT") == "deny" for call in calls)
    assert took and denied == len(calls), f"{denied} of {len(calls)} calls were denied as they should"
    return {"calls": len(calls), "p50_ms": percentile(took, 0.5), "p95_ms": percentile(took, 0.95),
            "p99_ms": percentile(took, 0.99)}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("-n", type=int, default=500)
    parser.add_argument("-c", type=int, default=1)
    args = parser.parse_args()
    if missing():
        sys.exit("bench: " + missing())
    running = {}
    with tempfile.TemporaryDirectory() as folder:
        daemon = Daemon(folder)
        try:
            daemon.start()
            provision(daemon)
            for include in sorted({include for include, _ in WAYS.values()}):
                running[include] = start(include, daemon)
            ways = {way: summary(calls) for way, calls in measure(running, args).items()}
        finally:
            for pbx in running.values():
                pbx.stop()
            daemon.stop()
    perl = ways["perl"]["p50_ms"]
    print(json.dumps({"concurrent": args.c, "ways": ways,
                      "perl_over": {way: round(perl / of["p50_ms"], 2)
                                    for way, of in ways.items() if way != "perl"}}, indent=1))


if __name__ == "__main__":
    main()
