#!/usr/bin/python3
"""From a cold start to ready, with a million tenants of five rules each, against the database's own client
reading the same rows; prints JSON.

    tests/bench/cold.py [--tenants 1000000] [--rounds 3]

Both stores are filled by SQL (through the service it would take an hour). Each round starts the daemon on each, and
has `sqlite3` and `psql` run the statement that the daemon runs, their output thrown away; a ratio is the
median over the rounds. Needs `make all`, sqlite3 and PostgreSQL.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE + "/../server")
import daemon as daemons
from daemon import BUILD, Daemon
from postgres_server import Postgres

RULES = (("010", "deny"), ("0101", "allow"), ("01044", "allow"), ("0101876", "deny"), ("0990", "deny"))
# service/store/policy.c
SELECT = """SELECT p.tenant, p.revision, t.outside_line, t.status, r.id, r.account, r.target, r.is_exact, r.is_locked,
r.action, r.divert_to, r.source, r.starts_at_ms, r.expires_at_ms, r.version
FROM policies p LEFT JOIN tenants t ON t.id = p.tenant LEFT JOIN rules r ON r.tenant = p.tenant
WHERE (t.id IS NOT NULL OR p.tenant = '') ORDER BY p.tenant, r.id"""


def fill(numbers, padded, tenants):
    """The same rows for both: `numbers` is a table of i, `padded` makes 22 digits of a number."""
    rules = ", ".join(f"({k}, '{target}', '{action}')" for k, (target, action) in enumerate(RULES))
    return f"""
INSERT INTO policies (tenant, revision, rules_version, own_rules_version) SELECT 't' || i, 1, 1, 1 FROM {numbers(tenants)};
INSERT INTO tenants (id, name, profile, outside_line, locale, time_zone, status, created_at_ms, updated_at_ms, version)
SELECT 't' || i, 'Tenant ' || i, 'standard', '', 'ja', 'Asia/Tokyo', 'active', 1, 1, 1 FROM {numbers(tenants)};
INSERT INTO rules (tenant, id, account, target, is_exact, is_locked, action, divert_to, note, source, starts_at_ms,
expires_at_ms, created_at_ms, updated_at_ms, version)
SELECT 't' || n.i, '01JD' || {padded("n.i * 5 + k.column1")}, '', k.column2, 0, 0, k.column3, '', '', 'operator', 0, 0, 1, 1, 1
FROM {numbers(tenants)} CROSS JOIN (VALUES {rules}) k;
"""


def migrate(url):
    subprocess.run([BUILD / "sekisho", "store", "migrate", "--store", url], check=True, capture_output=True)


class OnSqlite:
    name = "sqlite"

    def __init__(self, folder, tenants):
        self.path = f"{folder}/store.db"
        self.url = f"sqlite:{self.path}"
        migrate(self.url)
        text = fill(lambda count: f"(SELECT value AS i FROM generate_series(0, {count - 1})) AS n",
                    lambda number: f"printf('%022d', {number})", tenants)
        self.run("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;" + text + "ANALYZE;")

    def run(self, text):
        subprocess.run(["sqlite3", self.path, text], check=True, stdout=subprocess.DEVNULL)

    def select(self):
        self.run(SELECT)

    def close(self):
        pass


class OnPostgres:
    name = "postgresql"

    def __init__(self, folder, tenants):
        self.server = Postgres()
        self.server.make()
        self.url = self.server.url()
        migrate(self.url)
        self.server.sql(fill(lambda count: f"(SELECT generate_series(0, {count - 1}) AS i) AS n",
                             lambda number: f"lpad(({number})::text, 22, '0')", tenants), "sekisho")
        self.server.sql("VACUUM ANALYZE", "sekisho")
        self.server.sql("CHECKPOINT")

    def select(self):
        """In portions: else psql would hold all of it in memory."""
        self.server.run("psql", "-qXAt", "-h", self.server.folder, "-U", "admin", "-d", "sekisho", "-v",
                        "FETCH_COUNT=10000", "-c", SELECT, "-o", "/dev/null")

    def close(self):
        self.server.remove()


def timed(work):
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


def start(store, folder, tenants):
    node = Daemon(folder, f"--store={store.url}", f"--state={folder}/state-{store.name}")
    took, _ = timed(node.start)
    told = node.log()
    node.kill()
    if f" tenants={tenants} rules={tenants * len(RULES)}" not in told:
        raise RuntimeError(told)
    return took


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--tenants", type=int, default=100000 if os.environ.get("BENCH_SMALL") else 1000000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    daemons.START_SECONDS = 600
    out, stores = {"tenants": args.tenants, "rules": args.tenants * len(RULES), "rounds": args.rounds}, []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for kind in (OnSqlite, OnPostgres):
                took, store = timed(lambda: kind(folder, args.tenants))
                stores.append(store)
                out[store.name] = {"fill_s": round(took, 1), "ready_s": [], "select_s": []}
            for _ in range(args.rounds):
                for store in stores:
                    out[store.name]["select_s"].append(timed(store.select)[0])
                    out[store.name]["ready_s"].append(start(store, folder, args.tenants))
        finally:
            for store in stores:
                store.close()
    for store in stores:
        of = out[store.name]
        of["ratio"] = round(statistics.median(a / b for a, b in zip(of["ready_s"], of["select_s"])), 2)
        for key in ("ready_s", "select_s"):
            of[key] = round(statistics.median(of[key]), 2)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
