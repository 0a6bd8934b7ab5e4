"""The files of api/kamailio, run by a real Kamailio between sipp as the caller and sipp as the carrier."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from conftest import INCLUDES
from daemon import Daemon
from faults import ALLOW, Fault
from floor import patterns
from test_pbx import DOMESTIC, EMERGENCY, OTHERS, national
from testbed import HERE, TOP

KAMAILIO = TOP + "/api/kamailio"
OUTAGES = ["refused", "swallow", "hang", "close", "half", "html", "page", "error"]


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Carrier:
    """sipp answering every call; `dialed` tells what it was called."""

    def __init__(self, folder, name):
        self.port, self.trace = free_port(), f"{folder}/{name}.trace"
        self.process = subprocess.Popen(
            ["sipp", "-sf", HERE + "/carrier.xml", "-i", "127.0.0.1", "-p", str(self.port), "-nostdin",
             "-trace_msg", "-message_file", self.trace, "-timeout", "120s"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def dialed(self):
        with open(self.trace) as file:
            return re.findall(r"(?m)^INVITE sip:([^@]*)@", file.read())

    def stop(self):
        self.process.kill()
        self.process.wait()


class Sbc:
    """A running Kamailio that asks the given port."""

    def __init__(self, folder, port, carrier, decoy, outside="", token="a.b.c"):
        self.folder, self.port = folder, free_port()
        defines = {"LISTEN": f"udp:127.0.0.1:{self.port}", "TRUNK": f'"127.0.0.1:{carrier.port}"',
                   "DECOY": f'"127.0.0.1:{decoy.port}"', "SEKISHO_URL": f'"http://127.0.0.1:{port}"',
                   "SEKISHO_TOKEN": f'"{token}"', "SEKISHO_OUTSIDE": f'"{outside}"'}
        words = [word for name, value in defines.items() for word in ("-A", f"{name}={value}")]
        with open(f"{folder}/kamailio.log", "a") as log:
            self.process = subprocess.Popen(
                ["kamailio", "-f", KAMAILIO + "/kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4",
                 "-w", str(folder), "-Y", str(folder), *words],
                stdout=log, stderr=log, start_new_session=True)
        self.wait()

    def wait(self):
        """Until it answers an OPTIONS, with 405."""
        options = (f"OPTIONS sip:127.0.0.1:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;"
                   "branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\n"
                   "CSeq: 1 OPTIONS\r\nMax-Forwards: 9\r\nContent-Length: 0\r\n\r\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(0.1)
            for _ in range(100):
                try:
                    sock.sendto((options % sock.getsockname()[1]).encode(),
                                ("127.0.0.1", self.port))
                    assert sock.recv(4096).startswith(b"SIP/2.0 405")
                    return
                except (TimeoutError, ConnectionRefusedError):
                    pass
        raise TimeoutError("Kamailio did not start")

    def call(self, number):
        """What became of a call: "answered", or "refused REASON"; and the seconds it took."""
        log, started = f"{self.folder}/caller.log", time.monotonic()
        done = subprocess.run(
            ["sipp", "-sf", HERE + "/caller.xml", "-s", number, f"127.0.0.1:{self.port}", "-m", "1",
             "-i", "127.0.0.1", "-p", str(free_port()), "-nostdin", "-timeout", "8s",
             "-trace_logs", "-log_file", log],
            cwd=self.folder, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, done.stdout + done.stderr
        with open(log) as file:
            return file.read().strip(), time.monotonic() - started

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="module", autouse=True)
def programs():
    for program in ("kamailio", "sipp"):
        assert shutil.which(program), f"no {program}: make test-pbx installs it"


@pytest.fixture
def lines(tmp_path):
    """Starts carrier, decoy, a server of the given behaviour, and Kamailio in the middle."""
    running = []

    def start(behaves="up", answer=ALLOW, **more):
        fault = Fault("http", behaves, answer)
        port = more.pop("port", fault.port)
        carrier, decoy = Carrier(tmp_path, "carrier"), Carrier(tmp_path, "decoy")
        sbc = Sbc(tmp_path, port, carrier, decoy, **more)
        running.extend([sbc, carrier, decoy])
        sbc.fault, sbc.carrier, sbc.decoy = fault, carrier, decoy
        return sbc

    yield start
    for process in running:
        process.stop()


def test_allow_is_relayed_as_judged(lines):
    sbc = lines()
    assert sbc.call("+12025550123")[0] == "answered"
    assert sbc.carrier.dialed() == ["01012025550123"] and sbc.fault.asked == 1
    assert sbc.fault.last.startswith("GET /v1/authorize?format=form&tenant=acme&account=6001"
                                     "&number=%2B12025550123 HTTP/1.1\r\n")
    assert "\r\nAuthorization: Bearer a.b.c\r\n" in sbc.fault.last


def test_deny_is_403_with_the_reason(lines):
    sbc = lines(answer={**ALLOW, "verdict": "deny", "reason": "lock"})
    assert sbc.call("0312345678")[0] == "refused lock"
    assert sbc.carrier.dialed() == []


def test_divert_goes_to_the_decoy(lines):
    sbc = lines(answer={**ALLOW, "verdict": "divert", "divert": "voicemail"})
    assert sbc.call("01012025550123")[0] == "answered"
    assert sbc.carrier.dialed() == [] and sbc.decoy.dialed() == ["voicemail"]


def test_a_divert_to_anything_but_a_word_is_denied(lines):
    sbc = lines(answer={**ALLOW, "verdict": "divert", "divert": "a@evil"})
    assert sbc.call("01012025550123")[0] == "refused rule"
    assert sbc.decoy.dialed() == []


@pytest.mark.parametrize("changed", [{"verdict": "allowed"}, {"verdict": ""}, {"dial": ""},
                                     {"dial": "010@evil"}])
def test_a_broken_answer_is_none(lines, changed):
    sbc = lines(answer={**ALLOW, **changed})
    assert sbc.call("01012025550123")[0] == "refused floor"
    assert sbc.call("0312345678")[0] == "answered"
    assert sbc.carrier.dialed() == ["0312345678"]


@pytest.mark.parametrize("behaves", OUTAGES)
def test_an_outage_is_the_floor_and_emergency_goes(lines, behaves):
    sbc = lines(behaves)
    first, seconds = sbc.call("01012025550123")
    assert first == "refused floor" and seconds < 2.5
    assert sbc.call("0312345678")[0] == "answered"
    asked = sbc.fault.asked
    for number in ("110", "184119"):
        outcome, seconds = sbc.call(number)
        assert outcome == "answered" and seconds < 1
    assert sbc.carrier.dialed() == ["0312345678", "110", "184119"]
    assert sbc.fault.asked == asked <= (1 if behaves in ("hang", "swallow") else 2)


def test_a_silent_server_does_not_hold_emergency_calls(lines):
    """More calls at once than Kamailio has workers: the first ones wait a second, then nobody does."""
    sbc = lines("hang")
    flood = subprocess.Popen(
        ["sipp", "-sf", HERE + "/caller.xml", "-s", "01012025550123", f"127.0.0.1:{sbc.port}", "-m", "40",
         "-r", "40", "-i", "127.0.0.1", "-p", str(free_port()), "-nostdin", "-timeout", "15s"],
        cwd=sbc.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    outcome, seconds = sbc.call("119")
    assert outcome == "answered" and seconds < 2.5
    assert flood.wait(15) == 0 and sbc.fault.asked <= 16


def test_the_question_is_asked_again_after_a_while(lines):
    sbc = lines("refused")
    assert sbc.call("01012025550123")[0] == "refused floor"
    with sbc.fault.listening():
        until = time.monotonic() + 8
        while sbc.call("01012025550123")[0] != "answered":
            assert time.monotonic() < until
            time.sleep(0.5)


def test_the_floor(lines):
    sbc = lines("refused")
    for number in DOMESTIC + OTHERS + EMERGENCY + ["0110", "1840119"]:
        expected = "refused floor" if number in OTHERS else "answered"
        assert (number, sbc.call(number.replace("#", "%23"))[0]) == (number, expected)
    assert sbc.carrier.dialed() == [national(n) for n in DOMESTIC] + EMERGENCY + ["110", "119"]


def test_a_known_outside_line_is_taken_off(lines):
    sbc = lines("refused", outside="0")
    for number in ("0110", "00312345678", "001012025550123", "110"):
        sbc.call(number)
    assert sbc.carrier.dialed() == ["110", "0312345678", "110"]


@pytest.mark.parametrize("number", ["03%26x", "03;x=y", "abc", "0312345678%0aX", "0312345678%0d%0aX:y",
                                    "03%20", "03&tenant=evil", "0" * 65])
def test_what_is_no_number_is_denied_unasked(lines, number):
    sbc = lines()
    assert sbc.call(number)[0] == "refused invalid_number"
    assert sbc.fault.asked == 0


def test_the_real_daemon(lines, tmp_path):
    daemon = Daemon(tmp_path).start()
    try:
        for method, path, body in (
                ("PUT", "/v1/tenants/acme", {"name": "Acme", "profile": "standard"}),
                ("PUT", "/v1/tenants/acme/accounts/6001", {}),
                ("POST", "/v1/tenants/acme/rules", {"prefix": "0101", "action": "allow"}),
                ("POST", "/v1/tenants/acme/rules",
                 {"account": "6001", "prefix": "01082", "action": "divert", "divert_to": "voicemail"})):
            assert daemon.rest(method, path, body).status == 201
        sbc = lines(port=daemon.ports["dial"], token=daemon.token("pbx"))
        assert [sbc.call(number)[0] for number in (
            "+12125550100", "186122003301017675550100", "0081010377935550100", "0312345678",
            "+82255501000", "1840110")] == ["answered", "answered", "refused rule", "answered",
                                            "answered", "refused rule"]
        assert sbc.carrier.dialed() == ["01012125550100", "18601017675550100", "0312345678"]
        assert sbc.decoy.dialed() == ["voicemail"]
    finally:
        daemon.stop()
    assert sbc.call("+12125550100")[0] == "refused floor"
    assert sbc.call("0312345678")[0] == "answered"


def test_the_patterns_are_those_of_the_dialplan():
    with open(KAMAILIO + "/sekisho.cfg") as file:
        assert re.findall(r'"(\^\(184\|186\)\*0.*?\$)"', file.read()) == patterns(INCLUDES["agi"])
