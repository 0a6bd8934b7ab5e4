"""The case files over the wire: HTTP, FastAGI and the CLI against one real daemon.

(tests/unit/test_cases.c replays the same files in process.)
"""
import json
import os
import re
import socket
import subprocess
import urllib.parse

import pytest

from casefile import all_blocks
from daemon import BUILD, Daemon

BLOCKS = all_blocks()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A daemon with a tenant for each block; platform rules change from block to block."""
    daemon = Daemon(tmp_path_factory.mktemp("cases")).start()
    for number, block in enumerate(BLOCKS):
        block.tenant = f"case-{number}"
        provision(daemon, block)
    yield daemon
    daemon.stop()


def put(daemon, path, body):
    answer = daemon.rest("PUT", path, body, headers={"If-Match": "*"} if "rules" in path else None)
    assert answer.status in (200, 201), (path, body, answer)


def provision(daemon, block):
    path = f"/v1/tenants/{block.tenant}"
    put(daemon, path, {"name": block.tenant, "profile": "open", "outside_line": block.outside_line})
    for account in block.accounts:
        put(daemon, f"{path}/accounts/{account}", {})
    for account in {None} | block.accounts:
        rules = [{k: v for k, v in rule.items() if k != "account"}
                 for rule in block.tenant_rules if rule["account"] == account]
        put(daemon, f"{path}/rules" + (f"?account={account}" if account else ""), {"rules": rules})
    if block.suspended:
        answer = daemon.rest("PATCH", path, {"status": "suspended"}, headers={"If-Match": "*"})
        assert answer.status == 200, answer


def replay(daemon, ask):
    """Goes through all calls with `ask(block, call)`, which returns what was answered as a dict with
    the keys of the case files, or None for a call that cannot be asked that way."""
    platform, wrong, asked = [], [], 0
    for block in BLOCKS:
        if block.platform_rules != platform:
            put(daemon, "/v1/platform/rules", {"rules": block.platform_rules})
            platform = block.platform_rules
        for call in block.calls:
            answer = ask(block, call)
            if answer is None:
                continue
            asked += 1
            for key, value in {"verdict": call.verdict, **call.expected}.items():
                if key in answer and answer[key] != value:
                    wrong.append(f"{call.where}: {call.dialed!r}: {key} is {answer[key]}, not {value}")
    put(daemon, "/v1/platform/rules", {"rules": []})
    assert not wrong, "\n".join(wrong)
    assert asked > 150


def of_json(verdict):
    rule = verdict["rule"] or {}
    return {
        "verdict": verdict["verdict"], "reason": verdict["reason"], "kind": verdict["kind"],
        "rule": rule.get("target", "-"), "scope": rule.get("scope", "-"),
        "country": verdict["country"] or "-", "number": verdict["number"] or "",
        "dial": verdict["dial"] or "", "divert": verdict.get("divert_to") or "",
        "readings": str(len(verdict.get("readings", [None]))),
    }


def test_http(world):
    token = world.token("pbx")

    def ask(block, call):
        query = urllib.parse.urlencode({"tenant": block.tenant, "account": call.account,
                                        "number": call.dialed})
        answer = world.http("dial", "GET", f"/v1/authorize?{query}", token=token)
        if answer.status == 400 and b"\0" in call.dialed:
            return None  # refused at the gate: no tool of a PBX sends a NUL
        assert answer.status == 200, (call.where, answer)
        return of_json(answer.json)

    replay(world, ask)


def test_http_form(world):
    token = world.token("pbx")

    def ask(block, call):
        query = urllib.parse.urlencode({"tenant": block.tenant, "account": call.account,
                                        "number": call.dialed, "format": "form"})
        answer = world.http("dial", "GET", f"/v1/authorize?{query}", token=token)
        if answer.status == 400 and b"\0" in call.dialed:
            return None
        form = dict(urllib.parse.parse_qsl(answer.text, keep_blank_values=True))
        form["rule"] = form.get("rule") or "-"
        form.pop("country", None)
        return form

    replay(world, ask)


def fastagi(world, tenant, account, number):
    """What Asterisk does: connect, send the environment, read commands until the server closes."""
    environment = [b"agi_network: yes",
                   f"agi_network_script: authorize?tenant={tenant}&account={account}".encode(),
                   f"agi_request: agi://127.0.0.1/authorize?tenant={tenant}&account={account}".encode(),
                   b"agi_channel: Local/x", b"agi_uniqueid: 1.1", b"agi_extension: s",
                   b"agi_accountcode: ", b"agi_arg_1: " + number, b"", b""]
    with socket.create_connection(("127.0.0.1", world.ports["agi"]), timeout=10) as peer:
        peer.sendall(b"\n".join(environment))
        received = b""
        while chunk := peer.recv(4096):
            received += chunk
    return dict(re.findall(r'SET VARIABLE SEKISHO_(\w+) "([^"]*)"\n', received.decode()))


def test_fastagi(world):
    def ask(block, call):
        if any(byte < 0x20 for byte in call.dialed):
            assert fastagi(world, block.tenant, call.account, call.dialed) == {}
            return None
        said = fastagi(world, block.tenant, call.account, call.dialed)
        assert said, call.where
        return {"verdict": said["VERDICT"], "reason": said["REASON"], "rule": said["RULE"] or "-",
                "number": said["NUMBER"], "dial": said["DIAL"], "divert": said["DIVERT"]}

    replay(world, ask)


def test_cli(world):
    environment = os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{world.ports['admin']}",
                                "SEKISHO_TOKEN": world.token("operator")}
    statuses = {"allow": 0, "deny": 1, "divert": 3}

    def ask(block, call):
        if b"\0" in call.dialed or any(byte >= 0x80 for byte in call.dialed) and not is_utf8(call.dialed):
            return None  # an argument cannot hold it, or JSON cannot
        done = subprocess.run([BUILD / "sekisho", "check", "--json", "--", block.tenant, call.account,
                               call.dialed], env=environment, capture_output=True, timeout=30)
        if call.dialed.find(b"\n") >= 0 and done.returncode == 2:
            return None
        assert done.returncode == statuses[call.verdict], (call.where, done)
        said = json.loads(done.stdout)
        return of_json(said["verdict"] if isinstance(said["verdict"], dict) else said)

    replay(world, ask)


def is_utf8(text):
    try:
        text.decode()
        return True
    except UnicodeDecodeError:
        return False
