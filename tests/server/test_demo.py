"""service/demo, what `make run` shows: three questions with the right verdicts, and a clean end."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import pytest

from daemon import BUILD, ROOT


def environment(folder, **more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEKISHO_")}
    return clean | {"BUILD": str(BUILD), "DEMO_DIR": str(folder)} | more


def once(folder, **more):
    return subprocess.run([ROOT / "service/demo"], env=environment(folder, DEMO="once", **more), text=True,
                          capture_output=True, timeout=60, cwd="/")


def test_three_questions_are_answered_right(tmp_path):
    result = once(tmp_path / "demo")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    deny, allow = re.findall(r"^(deny|allow) +rule (\d+) of tenant acme$", result.stdout, re.M)
    assert (deny, allow) == (("deny", "010"), ("allow", "0101"))
    assert re.search(r"^  international +Somalia \(SO\)$", result.stdout, re.M)
    assert '"reason":"emergency"' in result.stdout
    assert "\033" not in result.stdout


def test_state_is_kept_and_a_changed_rule_is_noticed(tmp_path):
    folder = tmp_path / "demo"
    assert once(folder).returncode == 0
    assert once(folder).returncode == 0
    with demo(folder) as running:
        subprocess.run([BUILD / "sekisho", "rule", "delete", "acme", "0101"], check=True,
                       env=environment(folder, **running.settings), timeout=30)
        subprocess.run([BUILD / "sekisho", "rule", "add", "acme", "deny", "0101"], check=True,
                       env=environment(folder, **running.settings), timeout=30)
    result = once(folder)
    assert result.returncode == 1
    assert "its rules were changed" in result.stdout


class demo:
    """The demo while it stays up."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.output = self.folder.parent / "output"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen([ROOT / "service/demo"], env=environment(self.folder),
                                            stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + 60
        while "Ctrl-C ends the daemon" not in self.text():
            assert self.process.poll() is None and time.monotonic() < deadline, self.text()
            time.sleep(0.05)
        exports = re.search(r"^ *export (SEKISHO_URL=\S+) (SEKISHO_TOKEN_FILE=\S+)$", self.text(), re.M)
        self.settings = dict(item.split("=", 1) for item in exports.groups())
        return self

    def text(self):
        return self.output.read_text()

    def listening(self, door):
        log = (self.folder / "log").read_text()
        host, port = re.search(rf" listening door={door} address=(\S+):(\d+)", log).groups()
        return host, int(port)

    def end(self, number):
        self.process.send_signal(number)
        return self.process.wait(20)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end(signal.SIGTERM)


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_it_stays_up_until_told_and_takes_the_daemon_with_it(tmp_path, number, status):
    with demo(tmp_path / "demo") as running:
        address = running.listening("admin")
        with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/livez", timeout=10) as answer:
            assert answer.status == 200
        assert running.end(number) == status
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)


def test_other_ports_are_used_when_its_own_are_taken(tmp_path):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8081))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as good
        with demo(tmp_path / "demo") as running:
            assert running.listening("admin")[1] != 8081


def test_what_it_says_to_paste_works(tmp_path):
    with demo(tmp_path / "demo") as running:
        lines = re.search(r"In another terminal:\n(.*?)\n\n", running.text(), re.S)[1]
        for line in lines.splitlines():
            denies = "check acme" in line
            pasted = subprocess.run(["bash", "-c", "\n".join(lines.splitlines()[:2] + [line])], text=True,
                                    capture_output=True, timeout=30, env=environment(tmp_path))
            assert pasted.returncode == (1 if denies else 0), line + pasted.stdout + pasted.stderr
        curl = re.search(r'^ *(curl -u .*)$', running.text(), re.M)[1]
        asked = subprocess.run(["bash", "-ec", curl], cwd=ROOT, text=True, capture_output=True, timeout=30)
        assert '"verdict":"allow"' in asked.stdout, asked.stdout + asked.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="this is a normal user")
def test_it_works_as_a_normal_user():
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*as_nobody, "test", "-x", BUILD / "sekishod"]).returncode:
        pytest.skip(f"{BUILD} is closed to other users")
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 65534, 65534)
        result = subprocess.run([*as_nobody, ROOT / "service/demo"], text=True, capture_output=True,
                                env=environment(folder, DEMO="once"), timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr
