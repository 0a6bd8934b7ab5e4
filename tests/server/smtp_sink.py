"""A mail relay that keeps what it gets, and says no, waits or hangs up when a test wants it to."""
import base64
import email
import email.policy
import socketserver
import ssl
import subprocess
import threading
import time


def certificate(folder):
    """A key and a certificate of its own for 127.0.0.1; returns the file that has both."""
    pem = folder / "relay.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", folder / "relay.key", "-out", folder / "relay.crt", "-days", "2", "-subj", "/CN=relay",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
    pem.write_bytes((folder / "relay.key").read_bytes() + (folder / "relay.crt").read_bytes())
    return pem


def until(condition, what, seconds=60):
    """Polls; a generous limit, because the machine may be busy."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)
    return found


class Mail:
    def __init__(self, sender, recipients, data, is_tls, user):
        self.sender, self.recipients, self.data, self.is_tls, self.user = sender, recipients, data, is_tls, user
        self.parsed = email.message_from_bytes(data, policy=email.policy.default)

    @property
    def text(self):
        return self.parsed.get_content().replace("\r\n", "\n")


class Handler(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def handle(self):
        try:
            self.serve()
        except (OSError, ssl.SSLError, ValueError):
            pass  # the client went away

    def start_tls(self):
        self.request = self.server.sink.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.is_tls = True

    def serve(self):
        sink = self.server.sink
        self.is_tls, self.user, sender, recipients = False, None, None, []
        self.say(sink.answer("connect", "220 relay ready"))
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                offers = ["relay"] + ["STARTTLS"] * (bool(sink.context) and not self.is_tls)
                offers += ["AUTH PLAIN"] * bool(sink.login)
                for i, offer in enumerate(offers):
                    self.say(f"250{' ' if i + 1 == len(offers) else '-'}{offer}")
            elif verb == "STARTTLS":
                self.say("220 go on")
                self.start_tls()
            elif verb == "AUTH":
                given = rest.split()[1:] or [(self.say("334 "), self.rfile.readline().decode().strip())[1]]
                _, user, password = base64.b64decode(given[0]).decode().split("\0")
                if (user, password) == sink.login:
                    self.user = user
                self.say("235 welcome" if self.user else "535 5.7.8 wrong password")
            elif verb == "MAIL":
                sender, recipients = rest[rest.index("<") + 1:rest.index(">")], []
                self.say(sink.answer("mail", "250 ok") if self.user or not sink.login else "530 log in first")
            elif verb == "RCPT":
                said = sink.answer("rcpt", "250 ok")
                recipients += [rest[rest.index("<") + 1:rest.index(">")]] * said.startswith("2")
                self.say(said)
            elif verb == "DATA":
                self.say("354 go on")
                self.take(Mail(sender, recipients, self.data(), self.is_tls, self.user))
            else:
                self.say("221 bye" if verb == "QUIT" else "250 ok")
                if verb == "QUIT":
                    return

    def data(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            assert line.endswith(b"\r\n") and len(line) <= 1000, line
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def take(self, mail):
        sink = self.server.sink
        said = sink.answer("data", "250 taken")
        if said.startswith("250"):
            sink.mails.append(mail)
        sink.may_answer.wait(120)
        self.say(said)


class SmtpSink:
    """with SmtpSink() as sink: … `script` has lists of answers by stage: connect, mail, rcpt, data; then it is fine."""

    def __init__(self, pem=None, login=None, script=None):
        self.mails, self.login, self.script = [], login, script or {}
        self.may_answer = threading.Event()  # cleared: DATA is taken, but not answered
        self.may_answer.set()
        self.context = None
        if pem:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pem)

    def answer(self, stage, fine):
        answers = self.script.get(stage)
        return answers.pop(0) if answers else fine

    def __enter__(self):
        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.sink, self.port = self, self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}"
