"""The Master.csv that a real Asterisk writes: its layout and times are found, and it is followed over a rotation."""

import json
import os
import subprocess
import time

import pytest
from conftest import INCLUDES
from daemon import BUILD, Daemon
from testbed import HERE, Pbx, missing

WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def asterisk():
    assert not missing(), missing()
    running = Pbx("cdrs", INCLUDES["agi"], HERE + "/calls.conf", TENANT="acme", ACCOUNT="6001", SEKISHO_TOKEN="a.b.c")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    running = Daemon(tmp_path_factory.mktemp("cdrs")).start()
    assert running.rest("PUT", "/v1/tenants/acme", {"name": "Acme", "outside_line": "0"}).status == 201
    answer = running.rest("PUT", "/v1/cdrs/terms", {"purpose": "tests", "retention_days": 30})
    assert answer.status == 200, answer
    yield running
    running.stop()


def environment(daemon):
    return os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{daemon.ports['admin']}", "SEKISHO_TOKEN": daemon.token("pbx")}


def sekisho(daemon, *words):
    done = subprocess.run([BUILD / "sekisho", *map(str, words), "--json"], env=environment(daemon), timeout=60,
                          capture_output=True, text=True)
    assert done.returncode in (0, 1), done
    return json.loads(done.stdout)


def wait(what, why):
    deadline = time.monotonic() + WAIT_SECONDS
    while not what():
        assert time.monotonic() < deadline, why
        time.sleep(0.1)


def test_records_of_a_real_asterisk(asterisk, daemon, tmp_path):
    numbers = ["00312345678", "0010442079460000", "001012125550100", "0110", "099", "+12125550100"]
    given = {"SEKISHO_AGI_PORT": 1, "TENANT": "acme", "ACCOUNT": "6001"}     # nobody listens there
    file = f"{asterisk.run}/log/cdr-csv/Master.csv"
    follower = subprocess.Popen([BUILD / "sekisho", "cdr", "follow", file, "--source", "testbed", "--interval", "50ms"],
                                env=environment(daemon), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def place():
        asterisk.calls(numbers, "fastagi", given, Account="acme", CallerID='"Doe, ""J"" \u5c71" <6001>')

    def is_written(path, count):
        return lambda: os.path.exists(path) and open(path).read().count("DOCUMENTATION") == count

    try:
        place()
        wait(is_written(file, len(numbers)), "records not written")
        said = sekisho(daemon, "cdr", "import", file, "--source", "testbed", "--dry-run")
        assert said["layout"] == "master+uniqueid+userfield" and said["time_zone"] == "UTC"
        assert said["records"] == len(numbers) and said["refused"] == 0, said
        assert said["overseas"] == 3 and said["without_account"] == 0
        os.rename(file, file + ".1")                       # while it is followed
        place()
        wait(is_written(file, len(numbers)), "records not written")

        def place_of():
            rows = daemon.rest("GET", "/v1/cdrs/follows").json["follows"]
            return rows and (int(rows[0]["mark"].split(":")[1], 16), rows[0]["position"])
        wait(lambda: place_of() == (os.stat(file).st_ino, os.path.getsize(file)), "not followed to the end")
    finally:
        follower.terminate()
        assert follower.wait(WAIT_SECONDS) == 0
    for name in (file, file + ".1"):
        said = sekisho(daemon, "cdr", "import", name, "--source", "testbed")
        assert (said["already"], said["added"], said["refused"]) == (len(numbers), 0, 0), (name, said)
