"""A real sekishod in a temporary folder, and a small HTTP client for it.

The program under test comes from $SEKISHO_BUILD (default: build), so that the same tests run
against a build with sanitizers. Everything listens on ports of loopback that the system picks; they are
read from the log.
"""
import http.client
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SEKISHO_BUILD", "build")
START_SECONDS = 30
STOP_SECONDS = 15
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        charset = self.headers.get_content_charset("utf-8")  # what the web calls Shift_JIS is code page 932
        return self.body.decode("cp932" if charset == "shift_jis" else charset)

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Daemon:
    """One running daemon; `options` are added to the command line and win over the defaults."""

    watchers = []  # called with (door, method, path, answer) for every answer of the session

    def __init__(self, folder, *options, env=None):
        self.folder = Path(folder)
        self.keys = self.folder / "keys"
        self.log_path = self.folder / "log"
        self.options, self.env = [str(option) for option in options], env or {}
        self.ports, self.tokens, self.process, self.log_from = {}, {}, None, 0

    # --- life ---------------------------------------------------------------------------------

    def start(self):
        given = {option.split("=")[0] for option in self.options}
        command = [str(BUILD / "sekishod")]
        for name, value in (("--store", f"sqlite:{self.folder}/store.db"), ("--keys", self.keys),
                            ("--state", self.folder / "state"), ("--dial-listen", "127.0.0.1:0"),
                            ("--admin-listen", "127.0.0.1:0"), ("--agi-listen", "127.0.0.1:0")):
            if name not in given:
                command += [name, str(value)]
        self.log_from = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command + self.options, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=self.folder, env=os.environ | self.env)
        self.wait_ready()
        return self

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while not re.search(r"^\S+ info ready\b", self.log(), re.M):
            status = self.process.poll()
            if status is not None:
                self.process = None
                raise RuntimeError(f"ended with {status}:\n{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"not ready within {START_SECONDS} s:\n{self.log()}")
            time.sleep(0.01)
        self.ports = {door: int(port) for door, port in re.findall(
            r" listening door=(\w+) address=\S+:(\d+)", self.log())}

    def log(self):
        """What this run has written so far."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_from)
            return log.read().decode(errors="replace")

    def stop(self):
        """Ends it as an operator would; a bad end or a sanitizer's report fails the test."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = f"none within {STOP_SECONDS} s"
        self.process = None
        log = self.log()
        assert not SANITIZER.search(log), log
        assert status == 0, f"exit status {status}:\n{log}"

    def kill(self):
        """Ends it as a power cut would."""
        self.process.kill()
        self.process.wait()
        self.process = None

    # --- asking ------------------------------------------------------------------------------------

    def token(self, role="operator", *tenants, ttl="1h"):
        known = self.tokens.get((role, tenants, ttl))
        if known is None:
            command = [str(BUILD / "sekisho"), "token", "issue", "--keys", str(self.keys),
                       "--role", role, "--ttl", ttl]
            for tenant in tenants:
                command += ["--tenant", tenant]
            known = subprocess.run(command, check=True, capture_output=True, text=True,
                                   timeout=30).stdout.strip()
            self.tokens[role, tenants, ttl] = known
        return known

    def http(self, door, method, path, body=None, token=None, headers=None):
        """One request on a connection of its own. `body`: bytes as they are, anything else as JSON."""
        send = dict(headers or {})
        if token:
            send["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            send.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[door], timeout=30)
        try:
            connection.request(method, path, body, send)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for watch in self.watchers:
            watch(door, method, path, answer)
        return answer

    def rest(self, method, path, body=None, role="operator", headers=None):
        """The admin listener, as an operator unless said otherwise (role None: no token)."""
        token = self.token(role) if role else None
        return self.http("admin", method, path, body, token, headers)

    def authorize(self, tenant=None, account=None, number=None, token=None, headers=None, **more):
        """GET /v1/authorize; values that are None are not sent."""
        query = {"tenant": tenant, "account": account, "number": number} | more
        query = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})
        return self.http("dial", "GET", f"/v1/authorize?{query}", None,
                         self.token("pbx") if token is None else token, headers)
