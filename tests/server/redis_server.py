"""A real redis-server on a free port of loopback, with the users of docker/redis-users.acl."""
import re
import socket
import subprocess
import time

from daemon import ROOT

START_SECONDS = 20


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class RedisServer:
    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.url = f"redis://sekisho:secret-sekisho@127.0.0.1:{self.port}"
        users = (ROOT / "docker/redis-users.acl").read_text()
        # what that file asks an operator to do: a password after each "on"
        users = re.sub(r"^user (\S+) on", r"user \1 on >secret-\1", users, flags=re.M)
        folder.mkdir(exist_ok=True)
        (folder / "redis.conf").write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {folder}\nsave \"\"\n{users}\n"
            "user tester on >secret-tester allcommands allkeys allchannels\n")

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["redis-server", str(self.folder / "redis.conf")],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                assert self.ask("PING") == "PONG"
                return self
            except OSError:
                assert self.process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.02)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def ask(self, *words):
        """One command as a user who may do anything; the reply as str, int, None or list."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            stream = connection.makefile("rwb")
            for command in (("AUTH", "tester", "secret-tester"), words):
                stream.write(b"*%d\r\n" % len(command))
                for word in command:
                    word = word if isinstance(word, bytes) else str(word).encode()
                    stream.write(b"$%d\r\n%s\r\n" % (len(word), word))
                stream.flush()
                reply = self.read(stream)
            return reply

    def read(self, stream):
        line = stream.readline()
        if not line:
            raise ConnectionError("closed")
        kind, rest = chr(line[0]), line[1:-2]
        if kind == "-":
            raise AssertionError(rest.decode())
        if kind == "+":
            return rest.decode()
        if kind == ":":
            return int(rest)
        if int(rest) < 0:
            return None
        if kind == "$":
            return stream.read(int(rest) + 2)[:-2].decode(errors="replace")
        return [self.read(stream) for _ in range(int(rest))]

    def rulesets(self):
        """Names of the rulesets in it."""
        return set(self.ask("KEYS", "sk:rules:*"))
