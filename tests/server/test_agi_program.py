"""sekisho agi: the AGI program, with a real daemon behind it, and with what may be there instead."""
import http.server
import signal
import threading
import time

import pytest

from asterisk import Channel, Program, environment
from daemon import BUILD


@pytest.fixture(scope="module")
def pbx(daemon):
    assert daemon.rest("PUT", "/v1/tenants/program", {"name": "x", "profile": "standard"}).status == 201
    rule = {"prefix": "0101", "action": "allow", "account": "1001"}
    assert daemon.rest("PUT", "/v1/tenants/program/accounts/1001", {}).status == 201
    assert daemon.rest("POST", "/v1/tenants/program/rules", rule).status == 201
    rule = {"prefix": "01044", "action": "divert", "divert_to": "voicemail"}
    assert daemon.rest("POST", "/v1/tenants/program/rules", rule).status == 201
    return {"SEKISHO_DIAL_URL": f"http://127.0.0.1:{daemon.ports['dial']}",
            "SEKISHO_TOKEN": daemon.token("pbx")}


def run(env, *options, channel=None, lines=None, **environment_options):
    lines = lines or environment(None, request="sekisho", arguments=["agi", *options],
                                 **environment_options)
    program = Program([BUILD / "sekisho", "agi", *options], lines, env, channel)
    return program, program.finish()


@pytest.mark.parametrize("options, given, expected", [
    ([], {"extension": "01012125550100"}, {"VERDICT": "deny", "RULE": "010", "DIVERT": ""}),
    ([], {"extension": "01012125550100", "accountcode": "1001"}, {"VERDICT": "allow", "RULE": "0101"}),
    (["--account", "1001"], {"extension": "01012125550100"}, {"VERDICT": "allow"}),
    ([], {"extension": "184-0312345678"}, {"VERDICT": "allow", "DIAL": "1840312345678", "RULE": ""}),
    ([], {"extension": "01044207946000"}, {"VERDICT": "divert", "DIVERT": "voicemail"}),
    ([], {"extension": "unknown"}, {"VERDICT": "deny", "REASON": "invalid_number"}),
    (["--origin", "forward"], {"extension": "110"}, {"VERDICT": "allow", "REASON": "emergency"}),
])
def test_answers(pbx, options, given, expected):
    program, said = run(pbx, "--tenant", "program", *options, **given)
    assert program.status == 0, program.error
    assert {name: said.get(name) for name in expected} == expected
    assert len(said["DECISION_ID"]) == 26
    assert program.channel.commands[-1].startswith("SET VARIABLE SEKISHO_VERDICT ")


def test_number_of_a_channel_variable(pbx):
    options = ["--tenant", "program", "--number-from", "number"]
    for value, expected in (("0101212(5)", "deny"), ("0312345678", "allow"), (None, "deny")):
        channel = Channel(number=value) if value else Channel()
        program, said = run(pbx, *options, channel=channel, extension="010")
        assert (program.status, said["VERDICT"]) == (0, expected), program.error


class Hanging(Channel):
    """HANGUP comes between, as it may at any time."""

    def run(self, line):
        return "HANGUP\n" + super().run(line)


class Dead(Channel):
    """The channel is gone after a few commands."""

    def run(self, line):
        return super().run(line) if len(self.commands) < 3 else "511 Command Not Permitted\n"


def test_hangup_between_replies(pbx):
    program, said = run(pbx, "--tenant", "program", channel=Hanging(), extension="0312345678")
    assert (program.status, said["VERDICT"]) == (0, "allow"), program.error


def test_a_dead_channel_gets_no_verdict(pbx):
    program, said = run(pbx, "--tenant", "program", channel=Dead(), extension="0312345678")
    assert program.status == 2 and "VERDICT" not in said


def test_an_option_given_twice_is_refused(pbx):
    """An argument with a comma in it splits: --account 1,--tenant,boss."""
    for more in (["--tenant", "boss"], ["--account=1", "--account=2"], ["stray"]):
        program, said = run(pbx, "--tenant", "program", *more, extension="0312345678")
        assert program.status == 2 and said == {}, program.error


def test_a_forged_environment_is_refused(pbx):
    program, said = run(pbx, "--tenant", "program", extension="1", name="x\nagi_accountcode: boss")
    assert program.status == 2 and said == {} and "repeated key" in program.error
    program, said = run(pbx, "--tenant", "program", lines=[b"agi_request: x"])
    assert program.status == 2 and said == {} and "no number" in program.error


def test_a_wrong_token_sets_nothing(pbx):
    program, said = run(pbx | {"SEKISHO_TOKEN": "wrong"}, "--tenant", "program", extension="0312345678")
    assert program.status == 2 and said == {}


# --- what may be at the other end ------------------------------------------------------------------

VERDICT = ('{"verdict":"allow","reason":"default","dial":"03","number":"03","rule":null,'
           '"decision_id":"01JABCDEFGHJKMNPQRSTVWXYZ0"}')


@pytest.fixture
def upstream():
    """upstream(status, body, seconds=0): a server that answers so; its address for the program."""
    servers = []

    def start(status, body, seconds=0):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                time.sleep(seconds)
                try:
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(body.encode())
                except BrokenPipeError:
                    pass

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return {"SEKISHO_DIAL_URL": f"http://127.0.0.1:{server.server_port}"}

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_upstream_itself_is_understood(upstream):
    program, said = run(upstream(200, VERDICT), "--tenant", "t", extension="03")
    assert (program.status, said["VERDICT"]) == (0, "allow"), program.error


@pytest.mark.parametrize("status, body", [
    (500, VERDICT), (403, '{"verdict":"allow"}'), (302, VERDICT), (200, ""), (200, "allow"), (200, "[]"),
    (200, '{"verdict":"allow"'), (200, "{}"), (200, VERDICT.replace("allow", "maybe")),
    (200, VERDICT.replace('"dial":"03"', '"dial":"03&SIP/evil"')),
    (200, VERDICT.replace("default", "default\\nSET VARIABLE X 1")),
    (200, VERDICT.replace('"number":"03"', '"number":"03\\u0000"')),
])
def test_bad_answers_set_nothing(upstream, status, body):
    program, said = run(upstream(status, body), "--tenant", "t", extension="03")
    assert program.status == 2 and said == {}, program.error


def test_nobody_there():
    program, said = run({"SEKISHO_DIAL_URL": "http://127.0.0.1:1"}, "--tenant", "t", extension="03")
    assert program.status == 2 and said == {}


def test_time_is_limited(upstream):
    env, begun = upstream(200, VERDICT, seconds=3), time.monotonic()
    program, said = run(env, "--tenant", "t", "--timeout", "300ms", extension="03")
    assert program.status == 2 and said == {} and "time" in program.error
    assert time.monotonic() - begun < 1.5


class Silent(Channel):
    """An Asterisk that never replies."""

    def run(self, line):
        super().run(line)
        return ""


def test_time_is_limited_towards_asterisk_too(upstream):
    program, said = run(upstream(200, VERDICT), "--tenant", "t", channel=Silent(), extension="03")
    assert program.status == 2 and "VERDICT" not in said and "time" in program.error
    program = Program([BUILD / "sekisho", "agi", "--tenant", "t"], [], {})  # an empty environment
    assert program.finish() == {} and program.status == 2


def test_hangup_signal_ends_it(upstream):
    lines = environment(None, request="sekisho", extension="03")
    program = Program([BUILD / "sekisho", "agi", "--tenant", "t", "--timeout", "5s"], lines,
                      upstream(200, VERDICT, seconds=2))
    time.sleep(0.3)
    program.process.send_signal(signal.SIGHUP)
    assert program.finish() == {} and program.status == -signal.SIGHUP
