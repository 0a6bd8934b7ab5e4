"""The whole of docker/compose.scale.yaml on this machine, without Docker: the same programs from Debian's
packages, the same configuration files, each program on a loopback address of its own.

    127.A.B.5 proxy · .11 .12 postgres · .21 .22 redis · .31 .32 .33 sentinel · .41 .42 … nodes

A and B are picked at random, so that several clusters can run side by side; the ports are everywhere the
usual ones. In the files only addresses and paths are changed.
"""
import os
import random
import re
import shutil
import socket
import subprocess
from pathlib import Path

from node import BUILD, Client, Node, Tokens
from process import Process, unprivileged

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
SUBNET = "10.99.0."  # of compose.scale.yaml
NODES_MAX = 9        # that the certificate is for


def find_programs():
    """The newest PostgreSQL; Debian keeps its server programs out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
    if not found:
        raise RuntimeError("no PostgreSQL server here: service/install-packages postgresql")
    return found[-1].parent


def missing_packages():
    """Debian's, of what a cluster is made of."""
    programs = {"redis-server": "redis-server", "redis-sentinel": "redis-sentinel", "haproxy": "haproxy",
                "openssl": "openssl"}
    missing = [package for program, package in programs.items() if not shutil.which(program)]
    try:
        find_programs()
    except RuntimeError:
        missing.append("postgresql")
    return missing


def pick_prefix():
    for _ in range(100):
        prefix = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}."
        with socket.socket() as taken:
            try:
                taken.bind((f"{prefix}5", 8080))
                return prefix
            except OSError:
                continue
    raise RuntimeError("no loopback address is free at port 8080")


def can_connect(address, port):
    with socket.socket() as client:
        return client.connect_ex((address, port)) == 0


class Cluster:
    def __init__(self, folder, nodes=2, redis=True, node_options=()):
        self.folder, self.prefix, self.has_redis = Path(folder), pick_prefix(), redis
        self.bin, self.user = find_programs(), unprivileged()
        self.keys = self.folder / "keys"
        self.tokens = Tokens(self.keys)
        self.programs = {}  # by name, in the order of starting
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.configure()
        self.certificate = self.folder / "proxy/admin.pem"
        self.nodes = [Node(i, self.at(40 + i), self.folder, self.folder / "node/node.conf", self.certificate,
                           self.tokens, node_options) for i in range(1, nodes + 1)]
        self.proxy = Client(self.at(5), self.certificate, self.tokens)

    def at(self, host):
        return f"{self.prefix}{host}"

    # --- the files of docker/ -------------------------------------------------------------------

    def configure(self):
        addresses = [self.at(5), *(self.at(40 + i) for i in range(1, NODES_MAX + 1))]
        subprocess.run(["sh", DOCKER / "setup", self.folder, *addresses], check=True, timeout=60)
        (self.folder / "keys").mkdir(mode=0o700, exist_ok=True)
        for path in self.folder.glob("*/*"):
            if path.is_file():
                path.write_text(self.translate(path.name, path.read_text()))
        if self.user:
            for path in [self.folder / "postgres", *self.folder.glob("postgres/*")]:
                os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def translate(self, name, text):
        for before, after in (
                (f"{SUBNET}0/24", "127.0.0.0/8"), (SUBNET, self.prefix),
                ("/etc/sekisho/", f"{self.folder}/node/"), ("/var/lib/sekisho/keys", str(self.keys)),
                ("/etc/redis/", f"{self.folder}/redis/")):
            text = text.replace(before, after)
        if name == "haproxy.cfg":
            text = text.replace("bind :", f"bind {self.at(5)}:")
        if name == "pg_hba.conf" and not self.user:
            text = text.replace("peer", "trust")  # the socket is in a folder of our own
        if name == "node.conf" and not self.has_redis:
            text = "".join(line for line in text.splitlines(True) if not line.startswith("redis ="))
        return text

    def configure_proxy(self):
        """The file has two nodes; more are more lines of the same kind."""
        lines = []
        path = self.folder / "proxy/haproxy.cfg"
        for line in path.read_text().splitlines(True):
            if "server node2 " in line:
                lines += [line.replace("node2", f"node{node.number}").replace(self.at(42), node.address)
                          for node in self.nodes[1:]]
            else:
                lines.append(line)
        path.write_text("".join(lines))

    # --- starting ---------------------------------------------------------------------------------

    def run(self, name, *command, env=None, user=None):
        self.programs[name] = Process(name, command, self.folder, env, user)
        return self.programs[name].start()

    def once(self, *command, env=None, cwd=None, as_postgres=False):
        who = {"user": self.user.pw_uid, "group": self.user.pw_gid} if as_postgres and self.user else {}
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60,
                              cwd=cwd or self.folder, env=os.environ | (env or {}), **who)
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    def postgres_command(self, data, host):
        return [self.bin / "postgres", "-D", data, "-c", f"config_file={self.folder}/postgres/postgresql.conf",
                "-c", f"hba_file={self.folder}/postgres/pg_hba.conf", "-c", f"listen_addresses={self.at(host)}",
                "-c", f"unix_socket_directories={data}.socket", "-c", "shared_buffers=32MB"]

    def wait_postgres(self, name, host):
        self.programs[name].wait_for(lambda: subprocess.run(
            [self.bin / "pg_isready", "-q", "-h", self.at(host)], timeout=10).returncode == 0, "ready")

    def start_postgres(self):
        files, data = self.folder / "postgres", self.folder / "postgres/data"
        for name in ("data", "data.socket", "replica", "replica.socket"):
            (files / name).mkdir(mode=0o700)
            if self.user:
                os.chown(files / name, self.user.pw_uid, self.user.pw_gid)
        self.once(self.bin / "initdb", "-D", data, "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8",
                  "--data-checksums", as_postgres=True)
        self.run("postgres1", *self.postgres_command(data, 11), user=self.user).end = 2  # fast shutdown
        self.wait_postgres("postgres1", 11)
        self.once(self.bin / "psql", "-q", "-h", f"{data}.socket", "-U", "postgres", "-d", "postgres",
                  "-f", DOCKER / "postgres/roles.sql", cwd=files, as_postgres=True)
        replica = files / "replica"
        env = {"PGDATA": str(replica), "PATH": f"{self.bin}:{os.environ['PATH']}",
               "PRIMARY": f"host={self.at(11)} port=5432 user=replica passfile={files}/replica.pgpass"}
        self.run("postgres2", "sh", DOCKER / "postgres/replica", *self.postgres_command(replica, 12),
                 env=env, user=self.user).end = 2
        self.wait_postgres("postgres2", 12)

    def start_redis(self):
        for number, host in ((1, 21), (2, 22)):
            folder = self.folder / f"redis{number}"
            folder.mkdir()
            text = (self.folder / "redis/redis.conf").read_text().replace("dir /data", f"dir {folder}")
            # on loopback all come from 127.0.0.1, so each has to say who it is
            text += f"bind {self.at(host)}\nreplica-announce-ip {self.at(host)}\n"
            if number == 2:
                text += f"replicaof {self.at(21)} 6379\n"
            (folder / "redis.conf").write_text(text)
            self.run(f"redis{number}", "redis-server", folder / "redis.conf")
        for number in (1, 2, 3):
            folder = self.folder / f"sentinel{number}"
            folder.mkdir()
            text = (self.folder / "redis/sentinel.conf").read_text().replace("dir /data", f"dir {folder}")
            text += f"bind {self.at(30 + number)}\nsentinel announce-ip {self.at(30 + number)}\n"
            (folder / "sentinel.conf").write_text(text)
            self.run(f"sentinel{number}", "redis-sentinel", folder / "sentinel.conf")

    def migrate(self):
        self.once(BUILD / "sekisho", "store", "migrate", "--grant", "sekisho",
                  env={"SEKISHO_STORE": (self.folder / "node/owner.url").read_text().strip()})

    def start_nodes(self):
        self.migrate()
        for node in self.nodes:
            self.programs[node.name] = node
            node.start()

    def setting(self, name):
        return re.search(rf"^{name} = (\S+)", (self.folder / "node/node.conf").read_text(), re.M)[1]

    def start_pooler(self):
        """pgbouncer in transaction mode before PostgreSQL; the store's URL by this way. None: there is none here."""
        program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
        if not program:
            return None
        folder, here = self.folder / "pooler", self.at(64)
        password = re.match(r"postgres://sekisho:([^@]+)@", self.setting("store"))[1]
        folder.mkdir()
        (folder / "users").write_text(f'"sekisho" "{password}"\n')
        (folder / "pooler.ini").write_text(
            f"[databases]\nsekisho = host={self.at(11)} port=5432\n[pgbouncer]\npool_mode = transaction\n"
            f"listen_addr = {here}\nlisten_port = 6432\nunix_socket_dir =\nauth_type = scram-sha-256\n"
            f"auth_file = {folder}/users\n")
        if self.user:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, self.user.pw_uid)
        pooler = self.run("pooler", program, folder / "pooler.ini", user=self.user)
        pooler.wait_for(lambda: can_connect(here, 6432), "there")
        return f"postgres://sekisho:{password}@{here}:6432/sekisho"

    def start_proxy(self):
        self.configure_proxy()
        proxy = self.run("proxy", "haproxy", "-db", "-f", self.folder / "proxy/haproxy.cfg")
        proxy.wait_for(lambda: (self.proxy.ready() or Client).__dict__.get("status") == 200, "ready")

    def start(self):
        try:
            self.start_postgres()
            if self.has_redis:
                self.start_redis()
            self.start_nodes()
            self.start_proxy()
        except BaseException:
            self.stop()
            raise
        return self

    def redis_master(self):
        """The name of the program that Sentinels say is the master now."""
        for sentinel in (31, 32, 33):
            said = subprocess.run(["redis-cli", "-h", self.at(sentinel), "-p", "26379", "sentinel",
                                   "get-master-addr-by-name", "sekisho"], capture_output=True, text=True, timeout=10)
            if said.stdout.startswith(self.prefix):
                return {self.at(21): "redis1", self.at(22): "redis2"}[said.stdout.split()[0]]
        raise RuntimeError("no Sentinel knows the master")

    def restart(self, name):
        """From the thread that started the cluster."""
        program = self.programs[name]
        program.start()
        if name.startswith("postgres"):
            self.wait_postgres(name, 11 if name == "postgres1" else 12)
        if name.startswith("redis"):
            host = self.at(21 if name == "redis1" else 22)
            program.wait_for(lambda: subprocess.run(["redis-cli", "-h", host, "ping"], capture_output=True,
                                                    timeout=10).returncode == 0, "there again")
        return program

    def stop(self):
        """Backwards; returns the nodes that did not end as they should, with their status."""
        bad = {}
        for name, program in reversed(self.programs.items()):
            status = program.stop()
            if isinstance(program, Node) and status != 0:
                bad[name] = status
        self.programs.clear()
        return bad

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
