"""A sekishod of the cluster, and a client for it: of its listeners directly, or through the proxy."""
import http.client
import json
import re
import ssl
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "server"))
from daemon import BUILD, Answer  # noqa: E402
from process import Process  # noqa: E402

DIAL_PORT, ADMIN_PORT, AGI_PORT = 8080, 8081, 4573


class Client:
    """Asks at one address; a thread keeps its connection to each door."""

    def __init__(self, address, certificate, tokens):
        self.address, self.tokens, self.local = address, tokens, threading.local()
        self.context = ssl.create_default_context(cafile=certificate)

    def connect(self, port, timeout):
        if port == ADMIN_PORT:
            return http.client.HTTPSConnection(self.address, port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.address, port, timeout=timeout)

    def http(self, port, method, path, body=None, headers=None, timeout=30):
        """Any OSError or HTTPException: there was no answer. A GET on a kept connection that was closed meanwhile is
        asked again on a new one, as every client does (RFC 9112, section 9.3.1)."""
        kept = self.local.__dict__.setdefault("connections", {})
        connection = kept.pop(port, None)
        if connection and method == "GET":
            try:
                return self.exchange(connection, port, method, path, body, headers, timeout)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
                connection = None
        return self.exchange(connection or self.connect(port, timeout), port, method, path, body, headers, timeout)

    def exchange(self, connection, port, method, path, body, headers, timeout):
        try:
            connection.timeout = timeout
            if connection.sock:
                connection.sock.settimeout(timeout)
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            connection.close()
            raise
        if not response.will_close:
            self.local.connections[port] = connection
        return answer

    def rest(self, method, path, body=None, headers=None, timeout=30):
        send = {"Authorization": f"Bearer {self.tokens('operator')}"} | (headers or {})
        if body is not None:
            body = json.dumps(body).encode()
            send["Content-Type"] = "application/json"
        return self.http(ADMIN_PORT, method, path, body, send, timeout)

    def authorize(self, tenant, account, number, timeout=5, **more):
        query = urllib.parse.urlencode({"tenant": tenant, "account": account, "number": number} | more)
        return self.http(DIAL_PORT, "GET", f"/v1/authorize?{query}", None,
                         {"Authorization": f"Bearer {self.tokens('pbx')}"}, timeout)

    def ready(self, port=DIAL_PORT):
        try:
            return self.http(port, "GET", "/readyz?verbose", timeout=2)
        except (OSError, http.client.HTTPException):
            return None


class Node(Process, Client):
    def __init__(self, number, address, folder, config, certificate, tokens, options=()):
        self.number = number
        state = Path(folder) / f"node{number}"
        env = {"SEKISHO_NODE": f"node{number}", "SEKISHO_STATE": str(state),
               "SEKISHO_DIAL_LISTEN": f"{address}:{DIAL_PORT}",
               "SEKISHO_ADMIN_LISTEN": f"{address}:{ADMIN_PORT}",
               "SEKISHO_AGI_LISTEN": f"{address}:{AGI_PORT}"}
        Process.__init__(self, f"node{number}", [BUILD / "sekishod", "--config", config, *options], folder, env)
        Client.__init__(self, address, certificate, tokens)

    def start(self, wait=True):
        Process.start(self)
        if wait:
            self.wait_for(lambda: re.search(r"^\S+ info ready\b", self.log(), re.M), "ready")
        return self


class Tokens:
    """Bearer tokens of the cluster's key folder; each role's is issued once."""

    def __init__(self, keys):
        self.keys, self.known = keys, {}

    def __call__(self, role):
        if role not in self.known:
            self.known[role] = subprocess.run(
                [BUILD / "sekisho", "token", "issue", "--keys", self.keys, "--role", role, "--ttl", "1h"],
                check=True, capture_output=True, text=True, timeout=30).stdout.strip()
        return self.known[role]
