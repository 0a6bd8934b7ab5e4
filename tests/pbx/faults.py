"""Servers that answer as sekisho would, and servers that fail in each way we know.

A `Fault` listens on a free port of 127.0.0.1 for FastAGI or for HTTP, whichever `speaks` says, and
treats every connection as `behaves` says:

    up          answers with what `answer` holds
    late        the same, after LATE_SECONDS, which is within the include's limit
    refused     nobody listens on the port
    swallow     packets to the port are dropped, as by a firewall: its queue is full
    hang        accepts and never says a word
    close       accepts and closes at once
    half        half a line of an answer, then closes
    drip        a line at a time, LATE_SECONDS apart, the verdict too late
    unfinished  all of the answer, but the connection stays open
    html        an HTML page with status 500
    page        an HTML page with status 200
    error       (HTTP) status 401 with the word an error has in `form`: deny

`asked` counts the requests that were read whole, in `last` is the latest.
"""

import contextlib
import socket
import threading
import time
import urllib.parse

LATE_SECONDS = 0.4
PAGE = b'<html><head><title>500</title></head><body class="a">verdict=allow&amp;dial=1</body></html>\n'
NAMES = ("decision_id", "reason", "rule", "number", "divert", "degraded", "dial", "verdict")
ALLOW = {"decision_id": "01JD00000000000000000000AA", "reason": "rule", "rule": "tenant 0101",
         "number": "01012025550123", "divert": "", "dial": "01012025550123", "verdict": "allow"}


def in_agi(answer):
    """The answer as FastAGI has it."""
    def quoted(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "".join(f"SET VARIABLE SEKISHO_{name.upper()} {quoted(answer[name])}\n"
                   for name in NAMES if name in answer).encode()


def in_http(answer, status="200 OK"):
    """The answer as format=form has it, the verdict first."""
    ordered = sorted(answer.items(), key=lambda pair: pair[0] != "verdict")
    body = urllib.parse.urlencode(ordered, quote_via=urllib.parse.quote).encode()
    return page_in_http(body, status, "application/x-www-form-urlencoded")


def page_in_http(body, status, kind="text/html"):
    return (f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n").encode() + body


class Fault:
    def __init__(self, speaks, behaves, answer=ALLOW):
        self.speaks, self.behaves, self.answer = speaks, behaves, dict(answer)
        self.asked, self.last = 0, ""
        self.stopping, self.port, self.queue = threading.Event(), 0, []
        self.listening()
        if behaves == "refused":
            self.__exit__()

    def listening(self):
        """Listens, on the port it had before if any; one that refused then answers."""
        refused = self.behaves == "refused" and self.port
        self.behaves = "up" if refused else self.behaves
        self.listener = socket.create_server(("127.0.0.1", self.port),
                                             backlog=0 if self.behaves == "swallow" else 256)
        self.port = self.listener.getsockname()[1]
        if self.behaves == "swallow":
            self.queue = [socket.socket() for _ in range(4)]
            for waiting in self.queue:
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", self.port))
            return self
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for waiting in self.queue:
            waiting.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            if self.behaves == "close":
                return
            self.read(connection)
            self.reply(connection)

    def read(self, connection):
        end, request = (b"\n\n" if self.speaks == "agi" else b"\r\n\r\n"), b""
        while end not in request:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError
            request += data
        self.last = request.decode(errors="replace")
        self.asked += 1

    def reply(self, connection):
        whole = in_agi(self.answer) if self.speaks == "agi" else in_http(self.answer)
        if self.behaves == "late":
            time.sleep(LATE_SECONDS)
        if self.behaves in ("up", "late"):
            connection.sendall(whole)
        elif self.behaves == "half":
            # in the middle of the value of the number to dial, or of the header
            connection.sendall(whole[:whole.index(b"_DIAL") + 9] if self.speaks == "agi"
                               else whole[:20])
        elif self.behaves == "html":
            connection.sendall(page_in_http(PAGE, "500 Internal Server Error"))
        elif self.behaves == "page":
            connection.sendall(PAGE if self.speaks == "agi" else page_in_http(PAGE, "200 OK"))
        elif self.behaves == "error":
            connection.sendall(in_http({"verdict": "deny", "reason": "invalid_token"},
                                       "401 Unauthorized"))
        elif self.behaves == "drip":
            for line in whole.splitlines(keepends=True):
                connection.sendall(line)
                if self.stopping.wait(LATE_SECONDS):
                    return
        else:       # hang, unfinished
            if self.behaves == "unfinished":
                connection.sendall(whole)
            self.stopping.wait(30)
