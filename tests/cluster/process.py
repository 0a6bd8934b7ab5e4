"""One program of the cluster, with the processes it has started: run, paused as a hung machine is, killed as
by a power cut, ended as an operator would."""
import ctypes
import os
import pwd
import signal
import subprocess
import time
from pathlib import Path

STOP_SECONDS = 15
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """Nothing outlives the test that started it, however that ends. Mind: "parent" is the thread, so programs
    are to be started from one that lives as long as the cluster."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def unprivileged():
    """PostgreSQL refuses to run as root."""
    return pwd.getpwnam("postgres") if os.getuid() == 0 else None


class Process:
    def __init__(self, name, command, folder, env=None, user=None, end=signal.SIGTERM):
        self.name, self.command, self.folder = name, [str(word) for word in command], Path(folder)
        self.env, self.user, self.end = env or {}, user, end
        self.log_path = self.folder / f"{name}.log"
        self.process, self.log_from = None, 0

    def start(self):
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        self.log_from = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env=os.environ | self.env, preexec_fn=die_with_parent, **who)
        return self

    def wait_for(self, is_there, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not is_there():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name}: not {what} within {seconds} s:\n{self.log()}")
            time.sleep(0.02)

    def log(self):
        """What this run has written so far."""
        with open(self.log_path, "rb") as log:
            log.seek(self.log_from)
            return log.read().decode(errors="replace")

    # --- what can happen to it ------------------------------------------------------------------

    def pids(self):
        """Of it and of all that come from it: a database is a family of processes."""
        children = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue  # ended meanwhile
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def send_all(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def pause(self):
        """It is there and says nothing: connections are taken by the kernel, no byte comes back."""
        self.send_all(signal.SIGSTOP)

    def resume(self):
        self.send_all(signal.SIGCONT)

    def kill(self):
        self.send_all(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.resume()
            self.process.send_signal(self.end)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
