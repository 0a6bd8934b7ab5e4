"""Asterisk's side of AGI, for what a real one cannot be made to play (tests/pbx has the real one).

As in res/res_agi.c of Asterisk 22: the environment in its order, a line a send; commands read through a
buffer of 4096 bytes, but one for each time that the socket says there is something; half a line at the
end run as if it were whole; a reply to each command; HANGUP as urgent data when the channel is gone.
"""
import os
import select
import socket
import subprocess
import time

CONNECT_SECONDS = 2
PATIENCE_SECONDS = 10


def environment(script="authorize?tenant=acme", extension="s", accountcode="", arguments=(),
                name="Alice", request=None):
    """The lines as bytes, without the empty one at the end."""
    lines = ["agi_network: yes", f"agi_network_script: {script}"] if script is not None else []
    lines += [f"agi_request: {request or f'agi://127.0.0.1/{script}'}", "agi_channel: PJSIP/6001-00000001",
              "agi_language: en", "agi_type: PJSIP", "agi_uniqueid: 1795288589.1",
              "agi_version: 22.10.0", "agi_callerid: 6001", f"agi_calleridname: {name}",
              "agi_callingpres: 0", "agi_callingani2: 0", "agi_callington: 0", "agi_callingtns: 0",
              "agi_dnid: unknown", "agi_rdnis: unknown", "agi_context: sekisho",
              f"agi_extension: {extension}", "agi_priority: 3", "agi_enhanced: 0.0",
              f"agi_accountcode: {accountcode}", "agi_threadid: 140222334455"]
    lines += [f"agi_arg_{i}: {argument}" for i, argument in enumerate(arguments, 1)]
    return [line.encode() for line in lines]


def split(line):
    """The words of a command: quotes group, a backslash takes the next character as it is."""
    words, word, quoted, escaped = [], None, False, False
    for c in line.rstrip("\n"):
        if escaped:
            word, escaped = (word or "") + c, False
        elif c == "\\":
            word, escaped = word or "", True
        elif c == '"':
            word, quoted = word or "", not quoted
        elif c in " \t" and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + c
    return words + ([word] if word is not None else [])


class Channel:
    """The variables that commands set; what `SET VARIABLE` and `GET VARIABLE` do to them."""

    def __init__(self, **variables):
        self.variables, self.commands = dict(variables), []

    def run(self, line):
        """The reply to a command line."""
        self.commands.append(line)
        words = split(line)
        if [word.upper() for word in words[:2]] == ["SET", "VARIABLE"]:
            if len(words) != 4:
                return "520-Invalid command syntax.  Proper usage follows:\n520 End of proper usage.\n"
            self.variables[words[2]] = words[3]
            return "200 result=1\n"
        if [word.upper() for word in words[:2]] == ["GET", "VARIABLE"] and len(words) == 3:
            value = self.variables.get(words[2])
            return "200 result=0\n" if value is None else f"200 result=1 ({value})\n"
        return "510 Invalid or unknown command\n"


class Session:
    """Commands come in as a real Asterisk takes them: it waits for the descriptor to be readable, then
    takes one line from its buffer. What is still in the buffer does not wake it."""

    def __init__(self, channel=None):
        self.channel = channel or Channel()
        self.buffer, self.ended, self.received = b"", False, b""

    def fgets(self):
        """One line; "" at the end."""
        while b"\n" not in self.buffer and not self.ended:
            chunk = self.read()
            self.ended = not chunk
            self.received += chunk
            self.buffer += chunk
        line, newline, self.buffer = self.buffer.partition(b"\n")
        return (line + newline).decode()

    def finish(self):
        """Runs commands until the other side has ended; the variables, without their prefix."""
        until = time.monotonic() + PATIENCE_SECONDS
        readable = select.poll()
        readable.register(self, select.POLLIN)
        while True:
            if not readable.poll(max(0, until - time.monotonic()) * 1000):
                self.close()
                raise TimeoutError(f"the call hangs; in the buffer: {self.buffer!r}")
            line = self.fgets()
            if not line:
                break
            try:
                self.write(self.channel.run(line).encode())
            except (BrokenPipeError, ConnectionResetError):
                pass  # nobody has to listen
        self.close()
        return {name.removeprefix("SEKISHO_"): value for name, value in self.channel.variables.items()}


class FastAgi(Session):
    """AGI(agi://…): a connection to a FastAGI server."""

    def __init__(self, port, address="127.0.0.1"):
        super().__init__()
        self.socket = socket.create_connection((address, port), timeout=CONNECT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fileno, self.write, self.close = (self.socket.fileno, self.socket.sendall,
                                               self.socket.close)

    def read(self):
        try:
            return self.socket.recv(4096)
        except ConnectionResetError:
            return b""

    def send(self, lines, pieces=None):
        """The environment, `pieces` bytes at a time; None: line by line, as Asterisk does."""
        text = b"".join(line + b"\n" for line in lines) + b"\n"
        parts = ([text[i:i + pieces] for i in range(0, len(text), pieces)] if pieces
                 else text.splitlines(keepends=True))
        try:
            for part in parts:
                self.socket.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server has refused what came so far
        return self

    def hangup(self):
        self.socket.send(b"HANGUP\n", socket.MSG_OOB)
        return self


class Program(Session):
    """AGI(program,…): pipes to a program of this machine."""

    def __init__(self, command, lines, env, channel=None):
        super().__init__(channel)
        self.process = subprocess.Popen([str(word) for word in command], env=os.environ | env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.fileno = self.process.stdout.fileno
        self.write(b"".join(line + b"\n" for line in lines) + b"\n")

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def read(self):
        return os.read(self.process.stdout.fileno(), 4096)

    def close(self):
        """Leaves `status` and what it said on standard error."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.error = self.process.stderr.read().decode()
        self.status = self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()


def ask(port, *args, pieces=None, **kwargs):
    """A whole AGI(): the variables, without their prefix."""
    return FastAgi(port).send(environment(*args, **kwargs), pieces).finish()
