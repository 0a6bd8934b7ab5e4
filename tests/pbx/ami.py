"""A client of the Asterisk Manager Interface, for pbx and load."""

import itertools
import os
import re
import socket
import time

RUN = os.path.abspath(os.environ.get("PBX_RUN", "/run/sekisho-pbx"))
CALL_SECONDS = 10
END = b"\r\n\r\n"
SERIAL = itertools.count(1)     # over all connections: it is part of a call's unique id


def settings(run=RUN):
    """What `pbx start` wrote down: PID, AMI_PORT, AMI_SECRET and SIP_PORT."""
    try:
        with open(run + "/pbx.env") as file:
            return assignments(file.read().splitlines())
    except FileNotFoundError:
        raise SystemExit("Asterisk is not running: pbx start") from None


def lookups(calls):
    """The LOOKUP_MS of the calls that have one and ended by themselves, in order of size."""
    return sorted(float(call.set["LOOKUP_MS"]) for call in calls
                  if call.cause is not None and call.set.get("LOOKUP_MS"))


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def assignments(words):
    """The NAME=VALUE words of a command line, as a dict."""
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise SystemExit(f"not NAME=VALUE: {word}")
        pairs[name] = value
    return pairs


class Call:
    """One call, and what the dialplan did with it."""

    def __init__(self, given):
        self.given = given      # the variables it started with
        self.set = {}           # those that the dialplan set, in order
        self.cause = None       # why it ended; None if it had to be ended
        self.ran = True         # false if there is no such extension
        self.started = time.monotonic()
        self.seconds = None     # how long it took; None if it had to be ended

    def var_set(self, name, value):
        name = name.lstrip("_")
        if name.isidentifier() and self.given.get(name) != value:
            self.set.pop(name, None)
            self.set[name] = value


class Ami:
    def __init__(self, user="sekisho", secret=None, address="127.0.0.1", run=RUN):
        at = settings(run)
        self.socket = socket.create_connection(("127.0.0.1", int(at["AMI_PORT"])), 5,
                                               (address, 0))
        self.buffer = b""
        self.calls = {}         # the unique id of a call's dialplan leg -> Call
        reply = self.ask("Login", Username=user, Secret=secret or at["AMI_SECRET"])
        if reply["Response"] != "Success":
            raise ConnectionError(reply["Message"])

    def send(self, action, lines=(), **fields):
        text = [f"Action: {action}", *(f"{k}: {v}" for k, v in fields.items()), *lines]
        if any("\r" in line or "\n" in line for line in text):
            raise ValueError("a line break in a manager field")
        self.socket.sendall("\r\n".join(text).encode() + END)

    def read(self, seconds):
        """The next message, as a dict whose Output is a list, or None."""
        until = time.monotonic() + seconds
        while END not in self.buffer:
            left = until - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                return None
            if not data:
                raise ConnectionError("Asterisk closed the connection")
            self.buffer += data
        text, self.buffer = self.buffer.split(END, 1)
        message = {"Output": []}
        for line in text.decode(errors="replace").split("\r\n"):
            key, _, value = line.partition(": ")
            if key == "Output":
                message["Output"].append(value)
            else:
                message[key] = value
        return message

    def ask(self, action, **fields):
        """The reply to an action; events that come before it are dropped."""
        self.send(action, **fields)
        until = time.monotonic() + CALL_SECONDS
        while time.monotonic() < until:
            message = self.read(CALL_SECONDS)
            if message and "Event" not in message:
                return message
        raise ConnectionError(f"no reply to {action}")

    def booted(self, seconds):
        """Waits until Asterisk says that all of it has started."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            message = self.read(until - time.monotonic())
            if message and message.get("Event") == "FullyBooted":
                return
        raise TimeoutError("Asterisk has not started in time")

    def place(self, context, exten, given, **fields):
        """Starts a call whose far end is the dialplan at EXTEN in CONTEXT."""
        name = f"{int(time.time())}.{os.getpid()}{next(SERIAL):06}"
        call = self.calls[name + "2"] = Call(given)
        variables = [f"Variable: {k}=" + re.sub(r'([\\",()\[\]])', r"\\\1", v)
                     for k, v in given.items()]
        # the near end is only there to place the call, and gets no record
        self.send("Originate", ["Variable: CDR_PROP(disable)=1", *variables],
                  Channel=f"Local/{exten}@{context}/n", Application="Wait",
                  Data=CALL_SECONDS, Timeout=CALL_SECONDS * 1000, Async="true",
                  ActionID=name + "2", ChannelId=name + "1",
                  OtherChannelId=name + "2", **fields)
        return call

    def many(self, context, exten, given, calls, concurrent):
        """Places calls, so many at a time; returns them when the last has ended."""
        ended = []
        for _ in range(min(concurrent, calls)):
            self.place(context, exten, given)
        while self.calls:
            ended.append(self.ended())
            if len(ended) + len(self.calls) < calls:
                self.place(context, exten, given)
        return ended

    def ended(self):
        """The next call to end, by itself or because its time was up."""
        while self.calls:
            name, oldest = next(iter(self.calls.items()))
            left = oldest.started + CALL_SECONDS - time.monotonic()
            message = self.read(left)
            if message is None:
                self.send("Hangup", Channel=name)
                return self.calls.pop(name)
            if message.get("Response") == "Error" and message.get("ActionID") in self.calls:
                raise RuntimeError(message["Message"])
            call = self.calls.get(message.get("Uniqueid"))
            if call and message["Event"] == "VarSet":
                call.var_set(message["Variable"], message["Value"])
            elif call and message["Event"] == "Hangup":
                call.cause = int(message["Cause"])
                call.ran = call.cause != 0 or message["Priority"] != "1"
                call.seconds = time.monotonic() - call.started
                return self.calls.pop(message["Uniqueid"])
