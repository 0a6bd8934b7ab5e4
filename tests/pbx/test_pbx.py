"""The dialplan includes of api/asterisk, run by a real Asterisk against good and failing servers.

What is to hold: an outage never becomes "allow all", never blocks 110, 118 and 119, and leaves
domestic calls going; every call gets on within its time; nothing that a caller can write changes
what is asked, or what is dialed.
"""

import random
import re
import time

import pytest
from conftest import ANSWER, INCLUDES, PORTS, source
from faults import ALLOW, LATE_SECONDS, Fault
from floor import floor_of, kinds, patterns

EMERGENCY = ["110", "118", "119", "184110", "186119", "184186118", "186184186110"]
DOMESTIC = ["0312345678", "09012345678", "05012345678", "0120123456", "08001234567",
            "1840312345678", "18618409012345678", "+81312345678", "+810312345678"]
# nobody vouches for these: abroad, premium, data, service codes, and what only looks domestic
OTHERS = ["01012025550123", "+12025550123", "0081010377935550100", "1840102525550123", "0570123456",
          "0990123456", "0180991234", "02001234567890", "117", "1190", "1101", "1840", "031234567",
          "03123456789", "312345678", "0081", "00447700900123", "*2101012025550123#", "+",
          "0376801025550123", "00376801025550123"]
LIMIT_SECONDS = 2.5     # the include's limit is 1 s, and this machine may be busy


@pytest.fixture
def ask(testbed):
    """Calls one number, or several at once, with a server of the given behaviour."""
    faults = []

    def calls(extens, behaves="up", answer=ALLOW, **more):
        fault = Fault(testbed.speaks, behaves, answer)
        faults.append(fault)
        given = {PORTS[testbed.speaks]: fault.port, **more.pop("given", {})}
        ended = testbed.calls([extens] if isinstance(extens, str) else extens, given=given, **more)
        for call in ended:
            call.fault = fault
            call.says = {name: call.set.get("SEKISHO_" + name, "") for name in ANSWER}
        return ended[0] if isinstance(extens, str) else ended

    yield calls
    for fault in faults:
        fault.__exit__()


def judged(call):
    return call.says["VERDICT"], call.says["REASON"], call.says["DIAL"]


def national(number):
    """What the floor dials for a number: +81 is 0."""
    return re.sub(r"^\+810?", "0", number)


# --- a server that answers -------------------------------------------------------------------

@pytest.mark.parametrize("behaves", ["up", "late"])
def test_an_answer_is_passed_on_whole(ask, behaves):
    call = ask("0012025550123", behaves)
    assert call.says == {name: ALLOW.get(name.lower(), "") for name in ANSWER}
    assert call.cause is not None and call.fault.asked == 1
    if behaves == "late":
        assert float(call.set["LOOKUP_MS"]) >= LATE_SECONDS * 1000


def test_what_is_asked(ask, testbed):
    call = ask("*21+81#", account="code")
    if testbed.speaks == "agi":
        lines = call.fault.last.splitlines()
        assert "agi_network_script: authorize?tenant=acme" in lines
        assert "agi_arg_1: *21+81#" in lines and "agi_arg_2: 6001" in lines
        assert "agi_accountcode: code" in lines
    else:
        assert call.fault.last.startswith("GET /v1/authorize?format=form&tenant=acme&account=6001"
                                          "&number=*21%2B81%23 HTTP/1.1\r\n")
        assert "\r\nAuthorization: Basic c2VraXNobzphLmIuYw==\r\n" in call.fault.last    # sekisho:a.b.c


def test_a_degraded_answer_says_so(ask):
    call = ask("0312345678", answer={**ALLOW, "degraded": "stale"})
    assert call.says["VERDICT"] == "allow" and call.says["DEGRADED"] == "stale"


def test_deny_leaves_nothing_to_dial(ask):
    call = ask("0312345678", answer={**ALLOW, "verdict": "deny", "reason": "lock", "divert": "x"})
    assert judged(call) == ("deny", "lock", "") and call.says["DIVERT"] == ""


def test_divert_is_honoured(ask):
    answer = {**ALLOW, "verdict": "divert", "divert": "voicemail"}
    call = ask("01012025550123", answer=answer)
    assert judged(call) == ("divert", "rule", "") and call.says["DIVERT"] == "voicemail"


@pytest.mark.parametrize("target", ["a&PJSIP/b", "a,1", "a b", "", "a):0:1", 'a"', "${EPOCH}", "a/b"])
def test_a_divert_to_anything_but_a_word_is_denied(ask, target):
    call = ask("01012025550123", answer={**ALLOW, "verdict": "divert", "divert": target})
    assert judged(call) == ("deny", "rule", "") and call.says["DIVERT"] == ""


@pytest.mark.parametrize("dial", ["", "010&PJSIP/x", "0312345678@evil", "03):0:1", "03 12", "x"])
def test_an_allow_without_a_number_is_no_answer(ask, dial):
    calls = ask(["0312345678", "01012025550123"], answer={**ALLOW, "dial": dial})
    assert [judged(call) for call in calls] == [("allow", "floor", "0312345678"),
                                                ("deny", "floor", "")]


@pytest.mark.parametrize("word", ["", "ALLOW", "allowed", "yes", "1", '" = "" | "1', "allow deny"])
def test_any_other_word_is_no_answer(ask, word):
    calls = ask(["0312345678", "01012025550123"], answer={**ALLOW, "verdict": word})
    assert [judged(call) for call in calls] == [("allow", "floor", "0312345678"),
                                                ("deny", "floor", "")]


# --- a server that does not ------------------------------------------------------------------

FAILURES = ["refused", "swallow", "hang", "close", "half", "drip", "html", "page",
            # HTTP gives the length: the end of the connection says nothing more
            pytest.param("unfinished", marks=pytest.mark.only("agi")),
            # FastAGI has no errors: it sets nothing, as in close
            pytest.param("error", marks=pytest.mark.only("curl"))]


@pytest.mark.parametrize("behaves", FAILURES)
def test_an_outage_is_the_floor(ask, behaves):
    calls = ask(DOMESTIC + OTHERS + EMERGENCY, behaves)
    for number, call in zip(DOMESTIC + OTHERS + EMERGENCY, calls):
        expected = (("allow", "floor", national(number)) if number in DOMESTIC else
                    ("deny", "floor", "") if number in OTHERS else ("allow", "emergency", number))
        assert (number, *judged(call)) == (number, *expected)
        assert call.cause is not None and call.seconds < LIMIT_SECONDS
        assert call.says["DECISION_ID"] == call.says["RULE"] == call.says["DIVERT"] == ""
        assert call.says["DEGRADED"] == ("floor" if number not in EMERGENCY else "")


@pytest.mark.parametrize("behaves", ["up", *FAILURES])
def test_an_emergency_call_asks_nobody(ask, behaves):
    for number, call in zip(EMERGENCY, ask(EMERGENCY, behaves)):
        assert judged(call) == ("allow", "emergency", number)
        assert call.says["NUMBER"] == number[-3:] and call.fault.asked == 0


@pytest.mark.only("curl")
def test_the_wait_for_a_connection_is_shorter_than_for_an_answer(ask):
    assert 250 < float(ask("0312345678", "swallow").set["LOOKUP_MS"]) < 900


def test_an_emergency_call_does_not_wait_behind_others(testbed):
    with Fault(testbed.speaks, "hang") as fault:
        ami, given = testbed.ami(), {PORTS[testbed.speaks]: str(fault.port)}
        for _ in range(40):
            ami.place("include", "01012025550123", given)
        until = time.monotonic() + 5
        while fault.asked < 40 and time.monotonic() < until:
            time.sleep(0.01)
        urgent = testbed.call("184119", given=given)
        assert urgent.set["SEKISHO_VERDICT"] == "allow" and urgent.seconds < 0.9
        while ami.calls:
            assert ami.ended().cause is not None


def test_an_emergency_call_goes_without_tenant_or_account(ask):
    for given in ({"TENANT": ""}, {"TENANT": "no such tenant"}, {"ACCOUNT": "x),y("}):
        assert judged(ask("110", "refused", given=given)) == ("allow", "emergency", "110")


def test_an_emergency_number_behind_an_unknown_outside_line(ask):
    calls = ask(["0110", "9118", "1840119", "0184119", "01840119"], "refused")
    assert [judged(call) for call in calls] == [
        ("allow", "floor", "110"), ("allow", "floor", "118"), ("allow", "floor", "119"),
        ("allow", "floor", "119"), ("deny", "floor", "")]


def test_a_known_outside_line_is_taken_off(ask):
    def floor(outside, *numbers):
        return [judged(call) for call in ask(numbers, "refused", given={"SEKISHO_OUTSIDE": outside})]

    assert floor("0", "0110", "0184118", "00312345678", "001012025550123", "110") == [
        ("allow", "emergency", "110"), ("allow", "emergency", "184118"),
        ("allow", "floor", "0312345678"), ("deny", "floor", ""), ("allow", "emergency", "110")]
    assert floor("*9", "*9119", "*90312345678", "*9*9119") == [
        ("allow", "emergency", "119"), ("allow", "floor", "0312345678"), ("deny", "floor", "")]


# --- what a caller can write -----------------------------------------------------------------

@pytest.mark.parametrize("exten", [
    "0312345678,1(evil,boss)", "0101):0:4", "0101):0:", "0):1", "03(", "03)", '03"0', "03'0", "03\\,0",
    "03${EPOCH}", "03${SHELL(id)}", "03$[1+1]", "03}", "03{", "03]", "03&PJSIP", "03|0", "03 12",
    "03;0", "03-12", "03%0a", "0３1", '0" | "1" = "1', "0" * 65])
def test_an_extension_that_is_no_number_is_denied_unasked(ask, exten):
    call = ask(exten)
    assert judged(call) == ("deny", "invalid_number", "")
    assert call.ran and call.fault.asked == 0 and call.set.get("LOOKUP_MS")


@pytest.mark.parametrize("caller", ['"a,b" <6001,evil>', "6001)&x", "${EPOCH}", "x\\ny",
                                    '"agi_arg_1: 110" <1>'])
def test_a_caller_id_changes_nothing(ask, testbed, caller):
    call = ask("0312345678", CallerID=caller)
    assert call.says["VERDICT"] == "allow"
    if testbed.speaks == "agi":
        assert re.findall(r"(?m)^agi_(?:arg_1|arg_2|network_script): (.*)$", call.fault.last) == [
            "authorize?tenant=acme", "0312345678", "6001"]
    else:
        assert "tenant=acme&account=6001&number=0312345678 HTTP" in call.fault.last


@pytest.mark.parametrize("account, asked", [
    ("6001", "6001"), ("A.b_c-9", "A.b_c-9"), ("6001):0:4", "-"), ("6001):0:2", "-"), ("60&tenant=evil", "-"),
    ("60 01", "-"), ('60"', "-"), ("60)(", "-"), ("${EPOCH}", "-"), ("60%2C", "-"),
    ("60,01", "60"),            # the dialplan itself parts arguments there
    ("", "code")])              # none: the account code of the channel
def test_an_account_is_one_word(ask, testbed, account, asked):
    call = ask("0312345678", given={"ACCOUNT": account}, account="code")
    assert call.says["VERDICT"] == "allow"
    if testbed.speaks == "agi":
        assert f"agi_arg_2: {'' if asked == 'code' else asked}\n" in call.fault.last
        assert "agi_arg_3" not in call.fault.last
    else:
        assert f"tenant=acme&account={asked}&number=0312345678 HTTP" in call.fault.last


@pytest.mark.parametrize("tenant", ["", "Acme", "a b", "acme&x=1", "acme):0:4", "acme):0:2", 'a"', "a/b", "ac${EPOCH}"])
def test_a_tenant_that_is_none_is_denied_unasked(ask, tenant):
    call = ask("0312345678", given={"TENANT": tenant})
    assert judged(call) == ("deny", "unknown_tenant", "") and call.fault.asked == 0


def test_an_earlier_answer_does_not_stay(ask):
    given = {f"SEKISHO_{name}": "allow" for name in ANSWER}
    assert judged(ask("01012025550123", "refused", given=given)) == ("deny", "floor", "")
    assert judged(ask("x1", given=given, context="any")) == ("deny", "invalid_number", "")


def test_an_earlier_answer_is_not_taken_for_this_one(ask, testbed):
    """Two questions on one channel, the second without an answer."""
    for behaves in ("refused", "close", "half", "html"):
        with Fault(testbed.speaks, behaves) as second:
            call = ask("01012025550123", context="twice", given={"SECOND_PORT": str(second.port)})
            assert call.set["FIRST"] == "allow"
            assert judged(call) == ("deny", "floor", "") and call.says["DECISION_ID"] == ""


# --- what it leaves behind -------------------------------------------------------------------

@pytest.mark.parametrize("behaves", ["up", "hang"])
def test_time_limits_and_options_are_put_back(ask, testbed, behaves):
    call = ask("0312345678", behaves, context="leftovers")
    assert 17 < float(call.set["LIMIT"]) <= 20
    assert call.set["EXITS"] == "" and call.set["DEPTH"] == "leftovers"
    if testbed.speaks == "curl":
        assert call.set["OPTIONS"] == "7 9 legacy"


def test_no_time_limit_stays_where_none_was(ask):
    for behaves in ("up", "hang"):
        assert float(ask("0312345678", behaves, context="unlimited").set["LIMIT"]) == 0


@pytest.mark.only("curl")
def test_the_token_is_not_sent_to_others(ask, testbed):
    with Fault("http", "up") as other:
        ask("0312345678", context="leftovers", given={"OTHER_PORT": str(other.port)})
        assert other.asked == 1 and "c2VraXNobzphLmIuYw" not in other.last
    ask("01012025550123", "refused")
    assert "a.b.c" not in testbed.log()


def test_the_example_of_the_manual(ask, testbed):
    """The dialplan in api/asterisk/README.md, its carrier aside, with either include."""
    for verdict, divert, ended in (("allow", "", "CARRIED"), ("divert", "voicemail", "DECOYED"),
                                   ("deny", "", None)):
        call = ask("0312345678", context="outbound",
                   answer={**ALLOW, "verdict": verdict, "divert": divert})
        assert [name for name in ("CARRIED", "DECOYED") if name in call.set] == ([ended] if ended else [])
        assert call.set.get("CARRIED", ALLOW["dial"]) == ALLOW["dial"]
        assert call.cause == (21 if verdict == "deny" else 16)


# --- the files themselves --------------------------------------------------------------------

def test_both_includes_are_the_same_but_for_the_question():
    parts = {kind: re.split(r"(?m)^; \d\. ", source(path).split("[sekisho]\n")[1])
             for kind, path in INCLUDES.items()}
    agi, curl = parts["agi"], parts["curl"]
    limit = agi[-1].index("\n; the time limit of 4 ran out")
    assert curl == agi[:4] + [curl[4]] + agi[5:-1] + [agi[-1][:limit]]


def test_the_floor_is_that_of_the_numbering_data():
    rows, (first, second) = kinds(), patterns(INCLUDES["agi"])
    first, second = re.compile(first), re.compile(second)
    draw = random.Random(1)
    heads = [f"{i:04}" for i in range(10000)] + [f"00{i:04}" for i in range(10000)]
    for head in heads:
        for length in range(len(head), 19) if head[:3] not in ("184", "186") else ():
            number = head + "".join(draw.choices("0123456789", k=length - len(head)))
            assert bool(first.match(number) or second.match(number)) == floor_of(number, rows), number


def test_asterisk_reads_the_floor_as_we_do(ask):
    rows = kinds()
    numbers = [(prefix + "23456789012345678")[:int(row["min_digits"])]
               for prefix, row in rows.items() if not prefix.startswith("#")]
    for number, call in zip(numbers, ask(numbers, "refused")):
        assert (number, call.says["VERDICT"]) == (
            number, "allow" if floor_of(number, rows) else "deny")
