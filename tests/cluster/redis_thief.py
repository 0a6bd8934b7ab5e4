"""Who has stolen the password that sekisho's nodes log in to Redis with, and makes of it what can be made."""
import re
import socket
import time

HEARD_SECONDS = 20


class Thief:
    """Hears which keys are written, reads and writes them."""

    def __init__(self, config, master):
        self.password = re.search(r"^redis = \S+?://sekisho:([^@]+)@", config.read_text(), re.M)[1]
        self.master = master
        self.hand, self.ears = self.connect(), self.connect()
        ear = self.ask(self.ears, "CLIENT", "ID")
        assert self.ask(self.ears, "CLIENT", "TRACKING", "ON", "REDIRECT", ear, "BCAST", "PREFIX", "sk:told:") == b"OK"
        assert self.ask(self.ears, "SUBSCRIBE", "__redis__:invalidate")[0] == b"subscribe"

    def connect(self):
        connection = socket.create_connection((self.master, 6379), timeout=20).makefile("rwb")
        assert self.ask(connection, "AUTH", "sekisho", self.password) == b"OK"
        return connection

    def ask(self, connection, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        connection.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        connection.flush()
        return self.read(connection)

    def read(self, connection):
        line = connection.readline()
        kind, rest = line[:1], line[1:-2]
        assert kind and kind != b"-", line
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if int(rest) < 0:
            return None
        if kind == b"$":
            return connection.read(int(rest) + 2)[:-2]
        return [self.read(connection) for _ in range(int(rest))]

    def name_of(self, edit):
        """The hash that stands for the tenant that `edit` changes: the first that is heard of."""
        edit()
        until = time.monotonic() + HEARD_SECONDS
        while True:
            assert time.monotonic() < until, "nobody told this Redis of the edit"
            keys = [key.decode() for key in self.read(self.ears)[2] or []]
            for key in keys:
                if re.fullmatch(r"sk:told:[0-9a-f]{32}", key):
                    return key[-32:]

    def get(self, name):
        return self.ask(self.hand, "GET", f"sk:rules:{name}")

    def plant(self, name, value):
        """And tells every node of it."""
        assert self.ask(self.hand, "SET", f"sk:rules:{name}", value, "PX", 600000) == b"OK"
        assert self.ask(self.hand, "SET", f"sk:told:{name}", "1", "PX", 600000) == b"OK"

    def close(self):
        for connection in (self.hand, self.ears):
            connection.close()
