#!/usr/bin/python3
"""Verdicts while long work goes on beside them: how long a call waits for its answer when nothing else is done,
while two hundred thousand call records are imported, and while a campaign is applied to forty thousand accounts,
as fast as it goes and at its usual rate. One caller, a kept connection, a hundred calls a second. Prints JSON."""
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE + "/../server")
from daemon import BUILD, Daemon

SMALL = bool(os.environ.get("BENCH_SMALL"))
TENANTS, ACCOUNTS, CALLS = (200, 4000, 20000) if SMALL else (2000, 40000, 200000)
IDLE_SECONDS, CALLS_A_SECOND, USUAL_RATE = (3, 100, 400) if SMALL else (10, 100, 4000)


class Caller(threading.Thread):
    """Asks all the time; what it saw belongs to the phase that is on."""

    def __init__(self, daemon, tenants):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.ports["dial"], timeout=30)
        self.headers = {"Authorization": f"Bearer {daemon.token('pbx')}"}
        self.tenants, self.phase, self.seen, self.is_ending = tenants, None, {}, False

    def run(self):
        chance = random.Random(1)
        while not self.is_ending:
            path = f"/v1/authorize?tenant=t{chance.randrange(self.tenants):05}&account=1001&number=0101212555{chance.randrange(10000):04}"
            phase, began = self.phase, time.perf_counter()
            self.connection.request("GET", path, headers=self.headers)
            answer = self.connection.getresponse()
            said = json.loads(answer.read())
            took = time.perf_counter() - began
            if phase and phase == self.phase:
                self.seen.setdefault(phase, []).append((took * 1e3, bool(said.get("degraded"))))
            time.sleep(1 / CALLS_A_SECOND)

    def told(self, phase):
        times = sorted(took for took, _ in self.seen[phase])
        return {"calls": len(times), "p50_ms": times[len(times) // 2], "p99_ms": times[int(len(times) * .99)],
                "stale": sum(stale for _, stale in self.seen[phase])}


def command(daemon, data, *words):
    env = os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{daemon.ports['admin']}", "SEKISHO_TOKEN": daemon.token()}
    subprocess.run([BUILD / "sekisho", *map(str, words)], env=env, cwd=data, check=True, capture_output=True, timeout=1800)


def campaign(daemon, rate, since):
    answer = daemon.rest("POST", "/v1/campaigns", {"name": "bench", "rate": rate, "selection": {"since": since, "unknown": True}})
    path = answer.headers["Location"]
    wait(daemon, path, "planned")
    return path


def wait(daemon, path, state):
    while daemon.rest("GET", path).json["state"] != state:
        time.sleep(0.05)


def applied(daemon, caller, name, rate, since):
    path = campaign(daemon, rate, since)
    caller.phase = name
    assert daemon.rest("POST", f"{path}/apply", {"force": True}).status == 202
    wait(daemon, path, "applied")
    caller.phase = None
    assert daemon.rest("POST", f"{path}/undo").status == 202
    wait(daemon, path, "undone")


def measure():
    with tempfile.TemporaryDirectory(prefix="sekisho-bench-") as folder:
        data = f"{folder}/data"
        subprocess.run([BUILD / "tests/story/generate", "--out", data, "--tenants", str(TENANTS), "--accounts", str(ACCOUNTS),
                        "--calls", str(CALLS)], check=True, capture_output=True)
        daemon = Daemon(folder, "--node=bench").start()
        try:
            command(daemon, data, "tenant", "import", "tenants.ndjson")
            command(daemon, data, "cdr", "terms", "--purpose", "bench", "--retention-days", 400)
            caller = Caller(daemon, TENANTS)
            caller.start()
            caller.phase = "at rest"
            time.sleep(IDLE_SECONDS)
            caller.phase = "import"
            command(daemon, data, "cdr", "import", "Master.csv", "--source", "pbx1")
            caller.phase = None
            since = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 200 * 86400))
            applied(daemon, caller, "apply", 0, since)
            applied(daemon, caller, "apply at its rate", USUAL_RATE, since)
            caller.is_ending = True
            caller.join(30)
            return {"accounts": ACCOUNTS, "calls": CALLS, "rate": USUAL_RATE, "phases": {name: caller.told(name) for name in caller.seen}}
        finally:
            daemon.stop()


if __name__ == "__main__":
    print(json.dumps(measure()))
