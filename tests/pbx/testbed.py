"""A running Asterisk with one of our includes loaded, for the tests and the benchmark."""

import contextlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
ROOT = os.environ.get("ASTERISK_ROOT", "/opt/asterisk-root")
sys.path.insert(0, HERE)
from ami import Ami


def missing():
    """Why no Asterisk can run here, or None."""
    if os.geteuid() != 0:
        return "Asterisk runs in a chroot: be root"
    if not os.path.exists(ROOT + "/usr/sbin/asterisk"):
        return f"no Asterisk in {ROOT}: tests/pbx/install makes one (minutes; apt and debootstrap)"
    return None


class Pbx:
    """`pbx start` with a run directory of its own, so that several run side by side."""

    def __init__(self, name, *dialplans, **variables):
        self.run = f"/run/sekisho-pbx-{name}-{os.getpid()}"
        files = [word for path in dialplans for word in ("--dialplan", str(path))]
        self.pbx("start", *files, *(f"{k}={v}" for k, v in variables.items()))

    def pbx(self, *words):
        done = subprocess.run([HERE + "/pbx", *words], env={**os.environ, "PBX_RUN": self.run},
                              capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def ami(self):
        return Ami(run=self.run)

    def call(self, exten, context="include", given=None, **fields):
        """Places one call and waits for its end; returns it, its variables in `set`."""
        return self.calls([exten], context, given, **fields)[0]

    def calls(self, extens, context="include", given=None, **fields):
        """Places calls, all at once, and waits for the last; they come back in the same order."""
        ami = self.ami()
        placed = [ami.place(context, exten, {k: str(v) for k, v in (given or {}).items()}, **fields)
                  for exten in extens]
        while ami.calls:
            ami.ended()
        ami.socket.close()
        return placed

    def log(self):
        with open(self.run + "/log/messages.log") as file:
            return file.read()

    def stop(self):
        self.pbx("stop")
        with contextlib.suppress(OSError):
            subprocess.run(["rm", "-rf", self.run], check=True)
