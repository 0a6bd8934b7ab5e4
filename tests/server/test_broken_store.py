"""The file of the store is taken away, put back from a backup or emptied under a running daemon: what it
cannot keep it must not acknowledge, and calls go on with the rules in memory."""
import os
import shutil
import subprocess

import pytest
from daemon import BUILD
from rest import new_tenant, problem, verdict


def store_of(daemon, suffix=""):
    return daemon.folder / f"store.db{suffix}"


def add_deny(daemon, tenant, prefix):
    return daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": prefix, "action": "deny"})


def is_not_kept(daemon, tenant):
    """Nothing is acknowledged, operations are told, and calls get what they got before."""
    problem(add_deny(daemon, tenant, "0104"), 503, "unavailable")
    assert daemon.rest("GET", "/readyz", role=None).status == 503
    assert daemon.rest("GET", f"/v1/tenants/{tenant}/rules").status == 503
    assert verdict(daemon, tenant, "1001", "+1 212 555 0100") == "deny"
    assert verdict(daemon, tenant, "1001", "110") == "allow"
    return True


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_file_that_was_deleted(start_daemon, suffix):
    daemon = start_daemon()
    tenant = new_tenant(daemon, profile="standard")
    moved = store_of(daemon, ".moved")
    os.rename(store_of(daemon, suffix), moved)
    assert is_not_kept(daemon, tenant)
    os.rename(moved, store_of(daemon, suffix))
    assert add_deny(daemon, tenant, "0104").status == 201


def test_a_backup_put_in_its_place(start_daemon):
    daemon = start_daemon()
    tenant = new_tenant(daemon, profile="standard")
    copy = store_of(daemon, ".copy")
    shutil.copy(store_of(daemon), copy)
    os.rename(copy, store_of(daemon))
    assert is_not_kept(daemon, tenant)


@pytest.mark.parametrize("damage", [lambda path: os.truncate(path, 0), os.unlink])
def test_a_log_without_its_database(start_daemon, damage):
    """SQLite would throw the log away, and with it all that was acknowledged."""
    daemon = start_daemon()
    new_tenant(daemon)
    daemon.kill()
    damage(store_of(daemon))
    with pytest.raises(RuntimeError, match="its -wal still has changes"):
        daemon.start()
    assert store_of(daemon, "-wal").stat().st_size > 0


# --- what cannot be used ----------------------------------------------------------------------------------------------


def sql(path, text):
    subprocess.run(["sqlite3", path, text], check=True, capture_output=True)


def garbage(path):
    path.write_bytes(b"this is no database, whatever it is called" * 100)


def of_the_future(path):
    sql(path, "INSERT INTO sekisho_migrations VALUES (9999, 'of_the_future', 0)")


def half_migrated(path):
    sql(path, "DROP TABLE outbox")


def of_another_program(path):
    path.unlink()
    sql(path, "CREATE TABLE recipes (name TEXT)")


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage, what", [
    (garbage, "not a database"), (of_the_future, "version 9999, written by a newer program"),
    (half_migrated, "table outbox is missing"), (of_another_program, "another program"), (a_folder, "store.db"),
    (lambda path: shutil.rmtree(path.parent), "No such file")])
def test_a_file_that_is_wrong_is_told_at_the_start(tmp_path, damage, what):
    folder = tmp_path / "store"
    folder.mkdir()
    url = f"sqlite:{folder}/store.db"
    subprocess.run([BUILD / "sekisho", "store", "migrate", "--store", url], check=True, capture_output=True)
    damage(folder / "store.db")
    done = subprocess.run([BUILD / "sekishod", f"--state={tmp_path / 'state'}", f"--store={url}", "--dial-listen=127.0.0.1:0",
                           "--admin-listen=127.0.0.1:0", "--agi-listen=127.0.0.1:0"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done
    assert "--store" in done.stderr and what in done.stderr, done.stderr
