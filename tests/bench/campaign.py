#!/usr/bin/python3
"""A campaign over 100,000 accounts, rate limit off: planned, applied and undone by a real daemon, against bare SQL
that writes the same rows (for the plan campaign_accounts; else rules, audit, revisions, feed) in one transaction, on
a copy of the same store with the same settings. Both databases."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)) + "/../server")
from daemon import Daemon
from postgres_server import Postgres

TENANTS, ACCOUNTS_EACH = 1000 if os.environ.get("BENCH_SMALL") else 10000, 10
WAIT_SECONDS = 300
SEQUENCE = """WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})"""

# the world: tenants without rules, some of whose accounts have a rule of their own
SEED = [
    "INSERT INTO policies (tenant, revision, rules_version, own_rules_version) "
    "SELECT 't' || n.i, 1, 1, 1 FROM (SELECT i FROM n) n",
    "INSERT INTO tenants (id, name, profile, outside_line, locale, time_zone, status, created_at_ms, updated_at_ms, version) "
    "SELECT 't' || n.i, 'Tenant', 'open', '', 'ja', 'Asia/Tokyo', 'active', 1700000000000, 1700000000000, 1 FROM n",
    "INSERT INTO accounts (tenant, id, display_name, profile, created_at_ms, updated_at_ms, version, rules_version) "
    "SELECT 't' || (n.i / {each}), CAST(1000 + n.i % {each} AS TEXT), 'Desk', '', 1700000000000, 1700000000000, 1, 1 FROM n",
    "INSERT INTO feed (tenant, jti, seq, place, revision) SELECT 't' || n.i, '', 0, n.i, 1 FROM n",
]
COUNTS = [TENANTS, TENANTS, TENANTS * ACCOUNTS_EACH, TENANTS]

PLAN = ["INSERT INTO campaign_accounts SELECT tenant, 'bare', account, state, reason, made_at_ms, days_covered, days_wanted, "
        "calls, overseas_calls, last_overseas_ms, rule, replaced, 0, 0, 0, 0, 0 FROM campaign_accounts WHERE campaign = '{id}'"]
APPLY = [
    "UPDATE policies SET revision = revision + 1, rules_version = revision + 1 WHERE tenant IN "
    "(SELECT tenant FROM campaign_accounts WHERE campaign = '{id}')",
    "INSERT INTO rules (tenant, id, account, target, is_exact, is_locked, action, divert_to, note, source, starts_at_ms, "
    "expires_at_ms, created_at_ms, updated_at_ms, version) SELECT tenant, rule, account, '010', 0, 0, 'deny', '', '', "
    "'campaign:{id}', 0, 0, 1700000000001, 1700000000001, 2 FROM campaign_accounts WHERE campaign = '{id}'",
    "INSERT INTO audit (tenant, at_ms, subject, role, request_id, address, action, object, before, after) SELECT tenant, "
    "1700000000001, 'token:01KAR1X5D9F3G7H2J6K8M4N1PQ', 'operator', 'a2d9c8538e7db84ad634a9b7', '127.0.0.1', 'rule.create', rule, '', "
    "'{{\"id\":\"' || rule || '\",\"account\":\"' || account || '\",\"target\":\"010\",\"action\":\"deny\",\"source\":\"campaign:{id}\"}}' "
    "FROM campaign_accounts WHERE campaign = '{id}'",
    "UPDATE accounts SET rules_version = 2 WHERE (tenant, id) IN (SELECT tenant, account FROM campaign_accounts WHERE campaign = '{id}')",
    "INSERT INTO feed (tenant, jti, seq, place, revision) SELECT tenant, '', 1, row_number() OVER (ORDER BY tenant), 2 FROM "
    "(SELECT DISTINCT tenant FROM campaign_accounts WHERE campaign = '{id}') t WHERE true ON CONFLICT (tenant, jti) DO UPDATE SET "
    "seq = excluded.seq, place = excluded.place, revision = excluded.revision",
]
UNDO = [APPLY[0],
        APPLY[2].replace("'', \n", "").replace("'rule.create'", "'rule.delete'"),
        "DELETE FROM rules WHERE source = 'campaign:{id}'", APPLY[3], APPLY[4]]


class Sqlite:
    name = "SQLite"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.file, self.option = self.folder / "store.db", []

    def run(self, statements, file=None):
        """In one transaction, as durable as the daemon's; seconds."""
        connection = sqlite3.connect(file or self.file, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -32768")
        began = time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
        took = time.monotonic() - began
        connection.close()
        return took

    def copy(self):
        copy = self.folder / "copy.db"
        shutil.copy(self.file, copy)
        return copy

    def remove(self):
        pass


class Postgresql:
    name = "PostgreSQL"

    def __init__(self, folder):
        self.server = Postgres().make()
        self.option = [f"--store={self.server.url()}"]

    def run(self, statements, database="sekisho"):
        text = ";\n".join(["BEGIN", "SET LOCAL sekisho.tenant = '*'", *statements, "COMMIT"])
        began = time.monotonic()
        subprocess.run([self.server.bin / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", self.server.folder, "-U", "sekisho",
                        "-d", database], input=text, text=True, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began

    def copy(self):
        self.server.sql("ANALYZE", "sekisho")  # between plan and apply lie days; autovacuum, which is off here, has done it
        self.server.sql("CREATE DATABASE copy TEMPLATE sekisho OWNER sekisho")
        return "copy"

    def remove(self):
        self.server.remove()


def wait(daemon, path, state):
    deadline = time.monotonic() + WAIT_SECONDS
    while daemon.rest("GET", path).json["state"] != state:
        if time.monotonic() > deadline:
            raise RuntimeError(f"not {state}:\n{daemon.log()[-2000:]}")
        time.sleep(0.1)


def job_seconds(daemon, job):
    """From when a worker took it to when it was done, by the log."""
    deadline = time.monotonic() + 10
    while not re.search(rf"campaign_done \S+ job={job}", daemon.log()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{job}: no end in the log")
        time.sleep(0.02)
    times = [datetime.fromisoformat(stamp.replace("Z", "+00:00")) for stamp in
             re.findall(rf"^(\S+) info campaign_(?:taken|done) \S+ job={job}\b", daemon.log(), re.M)]
    return (times[-1] - times[0]).total_seconds()


def measure_on(store_type):
    """{job: (seconds of the daemon, seconds of bare SQL)}"""
    folder = tempfile.mkdtemp(prefix="sekisho-bench-")
    store = store_type(folder)
    daemon = Daemon(folder, *store.option, "--node=bench", "--log-level=info")
    try:
        daemon.start()
        daemon.stop()
        each = ACCOUNTS_EACH
        store.run([re.sub(r"SELECT", SEQUENCE.format(count=count) + " SELECT", text.format(each=each), count=1)
                   for text, count in zip(SEED, COUNTS)])
        daemon.start()
        body = {"name": "bench", "rate": 0, "selection": {"since": "2024-01-01T00:00:00Z", "unknown": True}}
        path = daemon.rest("POST", "/v1/campaigns", body).headers["Location"]
        wait(daemon, path, "planned")
        seconds = {"plan": job_seconds(daemon, "planning")}
        daemon.stop()
        copy = store.copy()
        daemon.start()
        for verb, state, job in (("apply", "applied", "applying"), ("undo", "undone", "undoing")):
            ordered = daemon.rest("POST", f"{path}/{verb}", {"force": True} if verb == "apply" else None)
            assert ordered.status == 202, ordered
            wait(daemon, path, state)
            seconds[verb] = job_seconds(daemon, job)
        daemon.stop()
        campaign = path.rsplit("/", 1)[-1]
        bare = {verb: store.run([text.format(id=campaign) for text in texts], copy)
                for verb, texts in (("plan", PLAN), ("apply", APPLY), ("undo", UNDO))}
        return {verb: (seconds[verb], bare[verb]) for verb in seconds}
    finally:
        if daemon.process:
            daemon.kill()
        store.remove()
        shutil.rmtree(folder)


def measure():
    accounts = TENANTS * ACCOUNTS_EACH
    return {"accounts": accounts, "tenants": TENANTS, "databases": {
        store.name: {verb: {"seconds": took, "bare_seconds": bare, "ratio": bare / took}
                     for verb, (took, bare) in measure_on(store).items()} for store in (Sqlite, Postgresql)}}


if __name__ == "__main__":
    print(json.dumps(measure()))
