"""The FastAGI door: verdicts as variables, and nothing at all for whatever is no question."""
import concurrent.futures
import resource
import socket
import time

import pytest

from asterisk import FastAgi, ask, environment
from daemon import Daemon

DEADLINE_SECONDS = 2
NAMES = {"VERDICT", "REASON", "NUMBER", "DIAL", "RULE", "DIVERT", "DECISION_ID"}


@pytest.fixture(scope="module")
def agi(daemon):
    for tenant, body in {"agi-closed": {"name": "x", "profile": "standard"},
                         "agi-open": {"name": "y", "profile": "open", "outside_line": "0"}}.items():
        assert daemon.rest("PUT", f"/v1/tenants/{tenant}", body).status == 201
    assert daemon.rest("PUT", "/v1/tenants/agi-closed/accounts/1001", {}).status == 201
    for rule in ({"prefix": "0101", "action": "allow", "account": "1001"},
                 {"prefix": "01044", "action": "divert", "divert_to": "voicemail"}):
        assert daemon.rest("POST", "/v1/tenants/agi-closed/rules", rule).status == 201
    return daemon


def port(agi):
    return agi.ports["agi"]


# --- questions ---------------------------------------------------------------------------------------

def test_sets_all_variables(agi):
    said = ask(port(agi), "authorize?tenant=agi-closed", arguments=["010-252-61-5550101"])
    assert set(said) == NAMES
    assert said | {"DECISION_ID": ""} == {
        "VERDICT": "deny", "REASON": "rule", "RULE": "010", "NUMBER": "010252615550101",
        "DIAL": "010252615550101", "DIVERT": "", "DECISION_ID": ""}
    assert len(said["DECISION_ID"]) == 26


@pytest.mark.parametrize("query, options, expected", [
    # the number: the first argument, else the extension
    ("", {"extension": "0312345678"}, {"VERDICT": "allow", "NUMBER": "0312345678"}),
    ("", {"extension": "0312345678", "arguments": ["0101212"]}, {"VERDICT": "deny"}),
    ("", {"extension": "01012125550100", "arguments": [""]}, {"VERDICT": "deny"}),
    # the account: the address, else the second argument, else the channel's
    ("&account=1001", {"arguments": ["01012125550100", "1002"]}, {"VERDICT": "allow", "RULE": "0101"}),
    ("&account=1002", {"arguments": ["01012125550100", "1001"]}, {"VERDICT": "deny", "RULE": "010"}),
    ("", {"arguments": ["01012125550100", "1001"], "accountcode": "1002"}, {"VERDICT": "allow"}),
    ("", {"arguments": ["01012125550100"], "accountcode": "1001"}, {"VERDICT": "allow"}),
    ("", {"arguments": ["01012125550100", "-"], "accountcode": "1001"}, {"VERDICT": "deny"}),
    # the rest of the contract
    ("", {"arguments": ["01044207946000"]}, {"VERDICT": "divert", "DIVERT": "voicemail"}),
    ("", {"arguments": ["110"]}, {"VERDICT": "allow", "REASON": "emergency"}),
    ("&origin=forward", {"arguments": ["0312345678"]}, {"VERDICT": "allow"}),
    ("", {"arguments": ["what"]}, {"VERDICT": "deny", "REASON": "invalid_number", "DIAL": ""}),
    ("", {"extension": "unknown"}, {"VERDICT": "deny", "REASON": "invalid_number"}),
])
def test_answers(agi, query, options, expected):
    said = ask(port(agi), "authorize?tenant=agi-closed" + query, **options)
    assert {name: said.get(name) for name in expected} == expected


def test_an_unknown_tenant_gets_a_verdict(agi):
    said = ask(port(agi), "authorize?tenant=nobody", arguments=["0312345678"])
    assert (said["VERDICT"], said["REASON"]) == ("deny", "unknown_tenant")
    said = ask(port(agi), "authorize?tenant=No%20Body", arguments=["119"])
    assert (said["VERDICT"], said["REASON"]) == ("allow", "emergency")


@pytest.mark.parametrize("pieces", [1, 2, 7, 100, 5000])
def test_pieces_make_no_difference(agi, pieces):
    said = ask(port(agi), "authorize?tenant=agi-closed", arguments=["0101212"], pieces=pieces)
    assert (said["VERDICT"], said["NUMBER"]) == ("deny", "0101212")


def test_the_answer_is_short_and_the_verdict_last(agi):
    call = FastAgi(port(agi)).send(environment("authorize?tenant=agi-open", arguments=["0" + "9" * 60]))
    call.finish()
    assert len(call.received) < 2000
    assert call.received.endswith(b'"\n')
    assert call.channel.commands[-1].startswith("SET VARIABLE SEKISHO_VERDICT ")


def test_hangup_after_the_question(agi):
    """It may meet the answer, or, unread at the close, take its place: nobody is left to be called."""
    lines = environment("authorize?tenant=agi-closed", arguments=["0101212"])
    for _ in range(20):
        said = FastAgi(port(agi)).send(lines).hangup().finish()
        assert said == {} or set(said) == NAMES
    assert ask(port(agi), "authorize?tenant=agi-closed", arguments=["0101212"])["VERDICT"] == "deny"


def test_hangup_within_the_question(agi):
    """A real Asterisk does not do this: such an environment is broken and gets no answer."""
    lines = environment("authorize?tenant=agi-closed", arguments=["0101212"])
    for cut in (0, 5):
        call = FastAgi(port(agi))
        call.socket.sendall(b"".join(line + b"\n" for line in lines[:cut]))
        assert call.hangup().send(lines[cut:]).finish() == {}


def test_many_at_once(agi):
    numbers = {f"0101{i:010}": "deny" for i in range(200)} | {f"033{i:07}": "allow" for i in range(200)}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        said = pool.map(lambda n: ask(port(agi), "authorize?tenant=agi-closed", arguments=[n]), numbers)
        for (number, verdict), answer in zip(numbers.items(), said):
            assert (answer["NUMBER"], answer["VERDICT"]) == (number, verdict)


# --- what is no question -----------------------------------------------------------------------------

@pytest.mark.parametrize("lines, reason", [
    (environment("authorize?tenant=agi-open", name="x\nagi_accountcode: boss"), "repeated key"),
    (environment("authorize?tenant=agi-open", name="x\nagi_extension: 110"), "repeated key"),
    (environment("authorize?tenant=agi-open", name="x\rb"), "control character"),
    (environment("authorize?tenant=agi-open", name="x\0b"), "control character"),
    (environment("authorize?tenant=agi-open", name="x\nno line"), "line without a key and a value"),
    (environment("authorize?tenant=agi-open", name="x\nHost: y"), "key that is none of AGI"),
    (environment("authorize?tenant=agi-open", name="x" * 2100), "line too long"),
    (environment("authorize?tenant=agi-open", arguments=["0"] * 50), "too many lines"),
    (environment("authorize?tenant=agi-open", arguments=["03", "boss", "1001"]), "more than two arguments"),
    (environment("authorize?tenant=agi-open&tenant=agi-closed"), "tenant twice in the query"),
    (environment("authorize?tenant=agi-open&x=1"), "unknown key in the query"),
    (environment("authorize?tenant=agi%0aopen"), "bad encoding of tenant in the query"),
    (environment("authorize"), "no tenant in the query"),
    (environment("check?tenant=agi-open"), "script is not authorize"),
    ([b"GET / HTTP/1.1\r", b"Host: x\r"], "control character"),
])
def test_sets_nothing(agi, lines, reason):
    time.sleep(0.21)  # refusals are logged five times a second
    before = agi.log().count(f'reason="{reason}"')
    assert FastAgi(port(agi)).send(lines, pieces=100000).finish() == {}
    until = time.monotonic() + 5
    while agi.log().count(f'reason="{reason}"') == before and time.monotonic() < until:
        time.sleep(0.01)
    line = [line for line in agi.log().splitlines() if f'reason="{reason}"' in line][-1]
    assert " warn agi_refused peer=127.0.0.1:" in line


def test_half_an_environment(agi):
    lines = environment("authorize?tenant=agi-open", extension="0312345678")
    for cut in (b"", b"agi_network: yes\n", b"\n".join(lines), b"\n".join(lines) + b"\n"):
        call = FastAgi(port(agi))
        call.socket.sendall(cut)
        call.socket.shutdown(socket.SHUT_WR)
        assert call.finish() == {}


@pytest.mark.parametrize("pause", [None, 0.05])
def test_slow_clients_are_cut_off(agi, pause):
    call, begun = FastAgi(port(agi)), time.monotonic()
    try:
        for _ in range(100 if pause else 0):
            call.socket.sendall(b"a")
            time.sleep(pause)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert call.finish() == {}
    assert DEADLINE_SECONDS - 0.5 < time.monotonic() - begun < DEADLINE_SECONDS + 4


def test_five_thousand_connections(agi):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sockets = []
    try:
        for _ in range(5000):
            sockets.append(socket.create_connection(("127.0.0.1", port(agi)), timeout=5))
        # calls that come meanwhile get an answer or are turned away at once, and HTTP does not notice
        begun = time.monotonic()
        assert ask(port(agi), "authorize?tenant=agi-open", arguments=["110"]).get("VERDICT") in (None, "allow")
        assert time.monotonic() - begun < DEADLINE_SECONDS
        assert agi.authorize("agi-open", None, "0312345678").json["verdict"] == "allow"
        time.sleep(DEADLINE_SECONDS + 0.5)
        said = ask(port(agi), "authorize?tenant=agi-open", arguments=["0312345678"])
        assert said["VERDICT"] == "allow"
        assert 'reason="too slow"' in agi.log() and 'reason="too many sessions"' in agi.log()
        for each in sockets:
            each.settimeout(5)
            try:
                assert each.recv(1) == b""
            except ConnectionResetError:
                pass
    finally:
        for each in sockets:
            each.close()


def counted(agi):
    text = agi.http("admin", "GET", "/metrics").text
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}


def open_becomes(agi, wanted):
    """What is counted when so many sessions are open."""
    until = time.monotonic() + 5
    while (now := counted(agi))['sekisho_connections{door="agi"}'] != wanted:
        assert time.monotonic() < until, now
        time.sleep(0.01)
    return now


def test_everything_is_counted(agi):
    before = open_becomes(agi, 0)
    for _ in range(3):
        ask(port(agi), "authorize?tenant=agi-closed", arguments=["0101212"])
    ask(port(agi), "other?tenant=agi-closed")
    call = FastAgi(port(agi))
    open_becomes(agi, 1)
    call.close()
    after = open_becomes(agi, 0)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    assert {name: n for name, n in grown.items() if "agi" in name and n} == {
        "sekisho_agi_connections_total": 5, "sekisho_agi_answered_total": 3,
        "sekisho_agi_bad_environments_total": 1, "sekisho_agi_cut_short_total": 1,
        'sekisho_door_verdicts_total{door="agi"}': 3}
    assert grown['sekisho_verdicts_total{action="deny",reason="rule"}'] == 3


# --- starting and ending -----------------------------------------------------------------------------

def test_listens_beyond_loopback_only_with_a_list(tmp_path):
    with pytest.raises(RuntimeError) as refused:
        Daemon(tmp_path, "--agi-listen=0.0.0.0:0").start()
    assert "agi-listen" in str(refused.value) and "--agi-allow" in str(refused.value)


def test_answers_only_addresses_on_the_list(start_daemon):
    daemon = start_daemon("--agi-allow=127.0.9.0/24")
    assert daemon.rest("PUT", "/v1/tenants/t", {"name": "t", "profile": "open"}).status == 201
    assert ask(daemon.ports["agi"], "authorize?tenant=t", arguments=["0312345678"]) == {}
    with socket.create_connection(("127.0.0.1", daemon.ports["agi"]), 5, ("127.0.9.1", 0)) as peer:
        peer.sendall(b"\n".join(environment("authorize?tenant=t", arguments=["0312345678"])) + b"\n\n")
        answer = b""
        while chunk := peer.recv(4096):
            answer += chunk
    assert b'SEKISHO_VERDICT "allow"' in answer


def test_what_was_accepted_is_answered_at_the_end(start_daemon):
    daemon = start_daemon()
    assert daemon.rest("PUT", "/v1/tenants/t", {"name": "t", "profile": "open"}).status == 201
    calls = [FastAgi(daemon.ports["agi"]) for _ in range(20)]
    time.sleep(0.1)
    daemon.process.terminate()
    time.sleep(0.2)
    for call in calls:
        call.send(environment("authorize?tenant=t", arguments=["0312345678"]))
    assert [call.finish()["VERDICT"] for call in calls] == ["allow"] * 20
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", daemon.ports["agi"]), 2)
