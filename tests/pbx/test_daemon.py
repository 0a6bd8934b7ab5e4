"""The real sekishod behind a real Asterisk: every row of tests/cases that a phone can dial.

Asked in four ways: by each include, by bare FastAGI and by bare CURL(). Then with the daemon gone, and
with the daemon frozen: the floor.
"""

import re
import signal
import unicodedata

import pytest
from casefile import all_blocks
from conftest import ANSWER
from daemon import Daemon
from floor import floor_of, kinds

BLOCKS = all_blocks()


def provision(daemon, path, body):
    answer = daemon.rest("PUT", path, body, headers={"If-Match": "*"} if "/rules" in path else None)
    assert answer.status in (200, 201), (path, answer)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """Has a tenant for each block, case-0, case-1 and so on."""
    running = Daemon(tmp_path_factory.mktemp("daemon")).start()
    for number, block in enumerate(BLOCKS):
        block.tenant = f"case-{number}"
        path = f"/v1/tenants/{block.tenant}"
        provision(running, path, {"name": block.tenant, "profile": "open",
                                  "outside_line": block.outside_line})
        for account in sorted(block.accounts):
            provision(running, f"{path}/accounts/{account}", {})
        for account in [None, *sorted(block.accounts)]:
            rules = [{k: v for k, v in rule.items() if k != "account"}
                     for rule in block.tenant_rules if rule["account"] == account]
            provision(running, path + "/rules" + (f"?account={account}" if account else ""),
                      {"rules": rules})
        if block.suspended:
            answer = running.rest("PATCH", path, {"status": "suspended"}, headers={"If-Match": "*"})
            assert answer.status == 200, answer
    yield running
    running.stop()


def as_dialed(call):
    """What a phone would send for the number of a case, separators off; None if it could not."""
    try:
        text = unicodedata.normalize("NFKC", call.dialed.decode())
    except UnicodeDecodeError:
        return None
    text = re.sub(r"[ ()./\-]", "", text)
    return text if re.fullmatch(r"[0-9+*#]{1,64}", text) else None


def rows():
    for block in BLOCKS:
        for call in block.calls:
            if number := as_dialed(call):
                yield block, call, number


def given(daemon, block, call):
    return {"TENANT": block.tenant, "ACCOUNT": call.account, "SEKISHO_OUTSIDE": block.outside_line,
            "SEKISHO_AGI_PORT": daemon.ports["agi"], "SEKISHO_HTTP_PORT": daemon.ports["dial"],
            "SEKISHO_TOKEN": daemon.token("pbx")}


def place(daemon, testbed, context):
    """Places a call for each row, and gives each its row; platform rules change between blocks."""
    platform, ended = [], []
    for block in BLOCKS:
        if block.platform_rules != platform:
            provision(daemon, "/v1/platform/rules", {"rules": block.platform_rules})
            platform = block.platform_rules
        ami, asked = testbed.ami(), []
        for call in block.calls:
            if number := as_dialed(call):
                variables = {k: str(v) for k, v in given(daemon, block, call).items()}
                asked.append((block, call, number, ami.place(context, number, variables)))
        while ami.calls:
            ami.ended()
        ami.socket.close()
        ended += asked
    provision(daemon, "/v1/platform/rules", {"rules": []})
    return ended


def compared(call, said):
    """What is wrong with an answer, by the case it is for."""
    expected = {"verdict": call.verdict, **call.expected}
    return [f"{call.where}: {key} is {said[key]}, not {value}"
            for key, value in expected.items() if key in said and said[key] != value]


def test_every_case_through_the_include(daemon, testbed):
    wrong, calls = [], place(daemon, testbed, "include")
    for _, call, number, ended in calls:
        says = {name.lower(): ended.set.get("SEKISHO_" + name, "") for name in ANSWER}
        says["rule"] = says["rule"] or "-"
        if says["verdict"] != "allow":
            wrong += [f"{call.where}: something to dial"] if says.pop("dial") else []
        wrong += compared(call, says)
        wrong += [f"{call.where}: {number} degraded"] if says["degraded"] else []
    assert not wrong, "\n".join(wrong)
    assert len(calls) > 100


def test_every_case_by_the_bare_question(daemon, testbed):
    wrong, calls = [], place(daemon, testbed, {"agi": "fastagi", "curl": "curl"}[testbed.speaks])
    for _, call, _, ended in calls:
        said = {"verdict": ended.set.get("SEKISHO_VERDICT")}
        if testbed.speaks == "agi":
            said |= {name: ended.set.get(f"SEKISHO_{name.upper()}")
                     for name in ("reason", "number", "dial", "divert")}
        wrong += compared(call, said)
    assert not wrong, "\n".join(wrong)


@pytest.mark.only("curl")
def test_a_token_that_is_none_is_the_floor(daemon, testbed):
    variables = given(daemon, BLOCKS[0], BLOCKS[0].calls[0]) | {"SEKISHO_TOKEN": "x"}
    calls = testbed.calls(["0312345678", "010252615550101", "110"], given=variables)
    assert [(call.set["SEKISHO_VERDICT"], call.set["SEKISHO_REASON"]) for call in calls] == [
        ("allow", "floor"), ("deny", "floor"), ("allow", "emergency")]


def test_who_is_unknown(daemon, testbed):
    variables = given(daemon, BLOCKS[0], BLOCKS[0].calls[0])
    call = testbed.call("0312345678", given=variables | {"TENANT": "nobody"})
    assert (call.set["SEKISHO_VERDICT"], call.set["SEKISHO_REASON"]) == ("deny", "unknown_tenant")
    call = testbed.call("0312345678", given=variables | {"ACCOUNT": "no&body"})
    assert (call.set["SEKISHO_VERDICT"], call.set["SEKISHO_REASON"]) == ("allow", "default")


def floor(block, number):
    """Verdict and reason of the floor, for a PBX that knows the outside line."""
    plain = number.removeprefix(block.outside_line)
    if re.fullmatch("(184|186)*(110|118|119)", plain):
        return "allow", "emergency"
    if re.fullmatch("(184|186)*[02-9](184|186)*(110|118|119)", plain):
        return "allow", "floor"
    plain = re.sub(r"^\+810?", "0", plain)
    return ("allow" if floor_of(re.sub("^(184|186)*", "", plain), kinds()) else "deny"), "floor"


def everything_is_the_floor(daemon, testbed, seconds):
    """One call for each different number of the rows, all at once."""
    ami, placed = testbed.ami(), {}
    for block, call, number in rows():
        if (block.outside_line, number) not in placed:
            variables = {k: str(v) for k, v in given(daemon, block, call).items()}
            placed[block.outside_line, number] = block, ami.place("include", number, variables)
    while ami.calls:
        ami.ended()
    ami.socket.close()
    for (_, number), (block, ended) in placed.items():
        said = ended.set["SEKISHO_VERDICT"], ended.set["SEKISHO_REASON"]
        assert (number, *said) == (number, *floor(block, number))
        assert ended.cause is not None and ended.seconds < seconds
    assert len(placed) > 80


def test_a_frozen_daemon_is_the_floor(daemon, testbed):
    daemon.process.send_signal(signal.SIGSTOP)
    try:
        everything_is_the_floor(daemon, testbed, 5)
    finally:
        daemon.process.send_signal(signal.SIGCONT)


def test_a_daemon_that_is_gone_is_the_floor(daemon, testbed):
    daemon.kill()
    try:
        everything_is_the_floor(daemon, testbed, 5)
    finally:
        daemon.options = [f"--{door}-listen=127.0.0.1:{port}" for door, port in daemon.ports.items()]
        daemon.start()
    call = testbed.call("0312345678", given=given(daemon, BLOCKS[0], BLOCKS[0].calls[0]))
    assert call.set["SEKISHO_REASON"] == "default"
