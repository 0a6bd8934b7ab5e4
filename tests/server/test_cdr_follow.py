"""sekisho cdr follow: every record once, whatever happens to the file, the follower and the daemon."""
import json
import os
import random
import shutil
import signal
import subprocess
import time

import pytest
from cdr import line, sent, state_terms
from daemon import BUILD
from rest import new_tenant
from test_cli import CLEAN, Cli

WAIT_SECONDS = 60


class Follower:
    """A follower of one file, and what the store has of its tenant."""

    def __init__(self, daemon, folder):
        self.daemon, self.cli = daemon, Cli(daemon)
        self.tenant, self.file = new_tenant(daemon), folder / "Master.csv"
        self.source, self.process, self.text, self.serial = f"f-{self.tenant}", None, "", 0
        self.log = folder / "follower.log"

    def write(self, count=1, cut=0):
        """So many records more; returns the last `cut` bytes of them, which are not written yet."""
        text = ""
        for _ in range(count):
            self.serial += 1
            text += line(self.tenant, "1001", f"03{self.serial + 30000000}", serial=self.serial)
        self.text += text
        self.append(text[:len(text) - cut])
        return text[len(text) - cut:]

    def append(self, text):
        with open(self.file, "a") as file:
            file.write(text)

    def once(self):
        """Runs it to the end of the file; returns how many records it added."""
        environment = CLEAN | self.cli.env
        result = subprocess.run([str(BUILD / "sekisho"), "cdr", "follow", str(self.file), "--source", self.source,
                                 "--once", "--json"], capture_output=True, text=True, timeout=WAIT_SECONDS,
                                env=environment)
        self.log.write_text(result.stderr)
        assert result.returncode in (0, 1), result
        return json.loads(result.stdout)["added"]

    def start(self, *words):
        words = words or ("follow", "--interval", "20ms")
        environment = CLEAN | {"SEKISHO_URL": f"http://127.0.0.1:{self.daemon.ports['admin']}",
                               "SEKISHO_TOKEN": self.daemon.token("pbx")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BUILD / "sekisho"), "cdr", *words, str(self.file), "--source", self.source], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        status = self.process.wait(WAIT_SECONDS)
        self.process = None
        return status

    def check(self):
        """Every record that was written is in the store, once, and nothing else is of this source."""
        said = sent(self.daemon, self.text, f"source={self.source}&dry_run=true")
        assert (said["already"], said["added"]) == (self.serial, 0), self.said()

    def said(self):
        return self.log.read_text() if self.log.exists() else ""

    def place(self):
        rows = self.daemon.rest("GET", "/v1/cdrs/follows?limit=100").json["follows"]
        return next((row for row in rows if row["source"] == self.source), None)

    def wait(self, what, text):
        deadline = time.monotonic() + WAIT_SECONDS
        while not what():
            assert time.monotonic() < deadline, f"{text}\n{self.said()}"
            time.sleep(0.02)


@pytest.fixture
def follower(daemon, tmp_path):
    state_terms(daemon)
    follower = Follower(daemon, tmp_path)
    yield follower
    if follower.process:
        follower.process.kill()
        follower.process.wait()


def quiet(*files):
    """As if nobody had written to them for a while."""
    for n, file in enumerate(files):
        at = time.time() - 60 + n
        os.utime(file, (at, at))


def test_it_goes_on_where_it_ended(follower):
    follower.write(3)
    assert follower.once() == 3
    assert follower.once() == 0
    rest = follower.write(2, cut=30)      # half a line waits
    assert follower.once() == 1
    place = follower.place()
    assert follower.once() == 0 and follower.place() == place
    follower.append(rest)
    assert follower.once() == 1
    assert follower.place()["position"] == follower.file.stat().st_size
    follower.check()


def test_an_import_may_go_on_following(follower):
    follower.write(3)
    follower.start("import", "--follow")
    follower.wait(lambda: follower.place() and follower.place()["position"] == follower.file.stat().st_size, "the first three")
    follower.write(2)
    follower.wait(lambda: follower.place()["position"] == follower.file.stat().st_size, "what came later")
    assert follower.end() == 0
    follower.check()


def test_a_renamed_file_is_read_to_its_end_first(follower):
    follower.write(3)
    assert follower.once() == 3
    follower.write(2)                     # nobody saw these
    old = follower.file.rename(f"{follower.file}.1")
    follower.write(4)
    quiet(old, follower.file)
    assert follower.once() == 6
    assert "is now" in follower.said() and "goes on with" in follower.said()
    follower.check()


def test_rotated_several_times_while_nobody_looked(follower):
    follower.write(3)
    assert follower.once() == 3
    first = follower.write(2, cut=40)     # and torn at the end
    follower.text = follower.text[:len(follower.text) - len(follower.text.splitlines(True)[-1])]
    follower.serial -= 1
    assert first
    two = follower.file.rename(f"{follower.file}.2")
    follower.write(5)
    one = follower.file.rename(f"{follower.file}.1")
    follower.write(4)
    other = follower.file.parent / "Master.csv.gz"
    other.write_bytes(b"\x1f\x8b" + bytes(50))
    quiet(two, one, other, follower.file)
    assert follower.once() == 10
    assert follower.once() == 0
    follower.check()


def test_copied_and_truncated(follower):
    follower.write(3)
    assert follower.once() == 3
    follower.write(2)
    shutil.copy(follower.file, f"{follower.file}-20261130")
    os.truncate(follower.file, 0)
    follower.write(9)                     # longer than what had been read
    quiet(f"{follower.file}-20261130", follower.file)
    assert follower.once() == 11
    follower.check()


def test_truncated_without_a_copy(follower):
    follower.write(5)
    assert follower.once() == 5
    os.truncate(follower.file, 0)
    follower.write(1)
    quiet(follower.file)
    assert follower.once() == 1
    assert "is not in its folder any more" in follower.said()
    follower.check()


def test_two_followers_of_one_file(follower):
    follower.write(2)
    follower.start()
    first = follower.process
    follower.start()
    for _ in range(30):
        follower.write(3)
        time.sleep(0.01)
    follower.wait(lambda: (follower.place() or {}).get("position") == follower.file.stat().st_size, "not at the end")
    first.send_signal(signal.SIGTERM)
    assert first.wait(WAIT_SECONDS) == 0 and follower.end() == 0
    follower.check()


def test_it_waits_for_the_file_and_for_the_daemon(start_daemon, tmp_path):
    daemon = start_daemon()
    state_terms(daemon)
    follower = Follower(daemon, tmp_path)
    follower.start()
    follower.write(2)
    follower.wait(lambda: (follower.place() or {}).get("position") == follower.file.stat().st_size, "not at the end")
    daemon.options += [f"--admin-listen=127.0.0.1:{daemon.ports['admin']}"]
    daemon.kill()
    follower.write(2)
    time.sleep(0.3)
    daemon.start()
    follower.wait(lambda: follower.place()["position"] == follower.file.stat().st_size, "not at the end")
    assert follower.end() == 0
    follower.check()


def test_nothing_is_lost_over_rotation_and_kill_9(follower):
    """Records are written, the file is rotated in every way, and the follower killed at any moment."""
    chance = random.Random(20261130)
    rotations = 0
    follower.write(1)
    assert follower.once() == 1     # what was rotated before it first looked is not its business
    for _ in range(12):
        follower.start()
        for _ in range(chance.randrange(1, 5)):
            follower.write(chance.randrange(1, 40))
            time.sleep(chance.random() / 50)
            how = chance.randrange(3)
            if how == 0 and follower.file.exists():
                rotations += 1
                follower.file.rename(f"{follower.file}.{rotations:03}")
            elif how == 1 and chance.random() < 0.5:
                rotations += 1
                shutil.copy(follower.file, f"{follower.file}.{rotations:03}")
                os.truncate(follower.file, 0)
        time.sleep(chance.random() / 20)
        follower.end(signal.SIGKILL)
    follower.write(1)
    follower.start()
    follower.wait(lambda: (place := follower.place()) and place["position"] == follower.file.stat().st_size and
                  int(place["mark"].split(":")[1], 16) == follower.file.stat().st_ino, "not at the end")
    assert follower.end() in (0, 1)
    assert rotations > 5
    follower.check()
