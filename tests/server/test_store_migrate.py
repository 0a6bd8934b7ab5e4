"""`sekisho store migrate`: the tables, before any node starts. tests/cluster does it on PostgreSQL."""
import json
import sqlite3
import subprocess

from daemon import BUILD


def migrate(*options, env=None):
    return subprocess.run([BUILD / "sekisho", "store", "migrate", *options], capture_output=True, text=True,
                          timeout=30, env={"PATH": "/usr/bin:/bin"} | (env or {}))


def test_it_makes_the_tables_once(tmp_path):
    url = f"sqlite:{tmp_path}/store.db"
    first = migrate("--json", env={"SEKISHO_STORE": url})
    with sqlite3.connect(f"{tmp_path}/store.db") as database:
        count, = database.execute("SELECT count(*) FROM sekisho_migrations").fetchone()
    assert first.returncode == 0 and json.loads(first.stdout)["applied"] == count > 0
    again = migrate("--store", url)
    assert again.returncode == 0 and again.stdout == "0 migrations applied\n"


def test_what_is_wrong_is_said_without_the_password(tmp_path):
    assert "--store is missing" in migrate().stderr
    for url in ("postgres://owner:geheim@127.0.0.1:1/sekisho?connect_timeout=1", "mysql://owner:geheim@127.0.0.1/x"):
        refused = migrate("--store", url)
        assert refused.returncode == 2 and refused.stderr and "geheim" not in refused.stderr, refused.stderr


def test_the_option_that_was_given_is_the_one_named(tmp_path):
    url = f"sqlite:{tmp_path}/store.db"
    refused = migrate("--store", url, "--grant", "sekisho")
    assert refused.returncode == 2 and "--grant: " in refused.stderr, refused.stderr
    for source, target, option in ((url, url, "--to"), (url, f"sqlite:{tmp_path}", "--to"),
                                   (f"sqlite:{tmp_path}", url, "--from")):
        done = subprocess.run([BUILD / "sekisho", "store", "copy", "--from", source, "--to", target],
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and f"{option}: {tmp_path}" in done.stderr, done.stderr
        assert "--store" not in done.stderr, done.stderr
