"""A PostgreSQL server for one test: in a folder of its own, on a unix socket there and on no port; killed as by
a power cut and started again; and pgbouncer before it."""
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path


def find_programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
    return found[-1].parent if found else None


class Postgres:
    """`folder`/data and its socket; databases belong to user sekisho, the superuser is admin."""

    def __init__(self, port=5432, folder=None):
        self.bin = find_programs()
        # not pytest's folders: the server runs as a user of its own, and must get there
        self.folder = Path(folder or tempfile.mkdtemp(prefix="sekisho-pg-"))
        self.user = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        if self.user:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
            self.folder.chmod(0o755)
        self.port, self.pooler, self.process = port, None, None
        self.data = self.folder / f"data{port}"

    def run(self, program, *arguments, **more):
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return subprocess.run([self.bin / program, *map(str, arguments)], check=True, capture_output=True, text=True,
                              cwd=self.folder, **(who | more))

    def make(self):
        self.run("initdb", "-D", self.data, "-U", "admin", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()
        self.sql("CREATE USER sekisho")
        self.sql("CREATE DATABASE sekisho OWNER sekisho")
        return self

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-l", self.folder / f"log{self.port}", "-w", "start", "-o",
                 f"-c listen_addresses= -c unix_socket_directories={self.folder} -c port={self.port} -c autovacuum=off")

    def stop(self, mode="immediate"):
        """"immediate" leaves the data as a power cut does."""
        self.run("pg_ctl", "-D", self.data, "-m", mode, "-w", "stop")

    def standby(self, port):
        """A replica of it, running."""
        replica = Postgres(port, self.folder)
        self.run("pg_basebackup", "-h", self.folder, "-p", self.port, "-U", "admin", "-D", replica.data, "-R",
                 "--no-sync", "-c", "fast")
        replica.start()
        return replica

    def promote(self):
        self.run("pg_ctl", "-D", self.data, "-w", "promote")

    def sql(self, text, database="postgres"):
        return self.run("psql", "-qXAt", "-h", self.folder, "-p", self.port, "-U", "admin", "-d", database,
                        "-c", text).stdout.strip()

    def processes(self):
        """The server's own and all its children's."""
        main = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return [main, *map(int, children)]

    def freeze(self):
        """Every process stands still: connections stay, nothing is answered. Returns them, for thaw()."""
        frozen = self.processes()
        for process in frozen:
            os.kill(process, signal.SIGSTOP)
        return frozen

    @staticmethod
    def thaw(frozen):
        for process in frozen:
            os.kill(process, signal.SIGCONT)

    def psql(self, database="sekisho"):
        """A session that stays open: write SQL to its stdin."""
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        return subprocess.Popen([self.bin / "psql", "-qXAt", "-h", self.folder, "-p", str(self.port), "-U", "admin",
                                 "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                cwd=self.folder, **who)

    def url(self, port=None):
        return f"postgres://sekisho@/sekisho?host={self.folder}&port={port or self.port}"

    def start_pooler(self, port=6432):
        (self.folder / "users").write_text('"sekisho" ""\n')
        settings = self.folder / "pooler.ini"
        settings.write_text(
            f"[databases]\nsekisho = host={self.folder} port={self.port}\n[pgbouncer]\npool_mode = transaction\n"
            f"unix_socket_dir = {self.folder}\nlisten_port = {port}\nauth_type = trust\n"
            f"auth_file = {self.folder}/users\nlogfile = {self.folder}/pooler.log\n")
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []} if self.user else {}
        self.pooler = subprocess.Popen([shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"), "-q", settings],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, **who)
        deadline = time.monotonic() + 10
        while not (self.folder / f".s.PGSQL.{port}").exists():
            assert time.monotonic() < deadline and self.pooler.poll() is None
            time.sleep(0.02)
        return self.url(port)

    def remove(self):
        if self.pooler:
            self.pooler.terminate()
            self.pooler.wait(10)
        for data in self.folder.glob("data*"):
            if (data / "postmaster.pid").exists():
                self.run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(self.folder)
