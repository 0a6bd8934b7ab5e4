#!/usr/bin/python3
"""2,000,000 call records (BENCH_SMALL=1: 200,000) of generated tenants by sekisho cdr import into a real daemon, against
COPY and .import of the rows that came of them, in the file's order, into the same table with the same indexes in a
new database with the same settings. Both databases; prints JSON."""
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE, HERE + "/../server"]
from campaign import Postgresql, Sqlite
from daemon import BUILD, Daemon

SMALL = bool(os.environ.get("BENCH_SMALL"))
CALLS, TENANTS, ACCOUNTS = (200000, 1000, 20000) if SMALL else (2000000, 10000, 200000)


def timed(*command, **more):
    began = time.monotonic()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                   text=True, **more)
    return time.monotonic() - began


def cli(daemon, *words):
    environment = os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{daemon.ports['admin']}",
                                "SEKISHO_TOKEN": daemon.token()}
    return timed(BUILD / "sekisho", *words, "--json", env=environment)


def bare_sqlite(store, folder):
    """What sqlite3 by itself takes for the same rows."""
    rows, copy = folder / "calls.csv", folder / "bare.db"
    with sqlite3.connect(store.file) as connection:
        schema = ";\n".join(text for text, in connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name = 'calls' AND sql IS NOT NULL ORDER BY type DESC"))
    with open(rows, "w") as out:
        subprocess.run(["sqlite3", "-csv", store.file, "SELECT * FROM calls ORDER BY at_ms"], check=True, stdout=out)
    settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    return timed("sqlite3", copy, f"{settings} {schema};", f".import --csv {rows} calls")


def bare_postgres(store, folder):
    """What COPY takes."""
    server, rows = store.server, store.server.folder / "calls.csv"

    def psql(text):
        return timed(server.bin / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-h", server.folder, "-U", "admin", "-d",
                     "sekisho", "-c", text)
    with open(rows, "w") as out:
        subprocess.run([server.bin / "psql", "-qX", "-h", server.folder, "-U", "admin", "-d", "sekisho", "-c",
                        "COPY (SELECT * FROM calls ORDER BY at_ms) TO STDOUT"], check=True, stdout=out)
    psql("CREATE TABLE bare (LIKE calls INCLUDING ALL)")
    took = psql(f"\\copy bare FROM {rows}")
    rows.unlink()
    return took


def measure_on(store_type, bare, data):
    folder = Path(tempfile.mkdtemp(prefix="sekisho-bench-"))
    store = store_type(folder)
    daemon = Daemon(folder, *store.option, "--node=bench", "--dial-listen=off", "--agi-listen=off")
    try:
        daemon.start()
        cli(daemon, "tenant", "import", data / "tenants.ndjson")
        cli(daemon, "cdr", "terms", "--purpose", "bench", "--retention-days", "3660")
        took = cli(daemon, "cdr", "import", data / "Master.csv", "--source", "bench")
        daemon.stop()
        plain = bare(store, folder)
    finally:
        if daemon.process:
            daemon.kill()
        store.remove()
        shutil.rmtree(folder)
    return {"seconds": took, "rows_s": CALLS / took, "bare_seconds": plain, "bare_rows_s": CALLS / plain,
            "ratio": plain / took}


def measure():
    data = Path(tempfile.mkdtemp(prefix="sekisho-bench-"))
    try:
        timed(BUILD / "tests/story/generate", "--out", data, "--tenants", TENANTS, "--accounts", ACCOUNTS, "--calls", CALLS)
        return {"calls": CALLS, "databases": {"SQLite": measure_on(Sqlite, bare_sqlite, data),
                                              "PostgreSQL": measure_on(Postgresql, bare_postgres, data)}}
    finally:
        shutil.rmtree(data)


if __name__ == "__main__":
    import json
    print(json.dumps(measure(), indent=1))
