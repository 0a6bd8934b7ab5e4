"""A running Asterisk for each include of api/asterisk; and the daemon, when it is asked for."""

import re
import sys

import pytest
from testbed import HERE, TOP, Pbx, missing

sys.path.append(TOP + "/tests/server")

API = TOP + "/api/asterisk"
INCLUDES = {"agi": API + "/sekisho.conf", "curl": API + "/sekisho-curl.conf"}
PORTS = {"agi": "SEKISHO_AGI_PORT", "curl": "SEKISHO_HTTP_PORT"}
ANSWER = ("VERDICT", "REASON", "NUMBER", "DIAL", "RULE", "DIVERT", "DECISION_ID", "DEGRADED")


def pytest_configure(config):
    config.addinivalue_line("markers", "only(kind): makes no sense with the other include")


def pytest_collection_modifyitems(config, items):
    """Leaves out what is for one include only: there is nothing to be tried with the other."""
    def fits(item):
        kinds = [mark.args[0] for mark in item.iter_markers("only")]
        return not kinds or item.callspec.params["testbed"] in kinds

    left_out = [item for item in items if not fits(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if fits(item)]


def source(path):
    with open(path) as file:
        return file.read()


def example(tmp_path_factory):
    """The example of the manual, its trunk replaced by the context that stands for one."""
    code = re.search(r"(?s)```asterisk\n(.*?)```", source(API + "/README.md"))[1]
    assert "Dial(PJSIP/${SEKISHO_DIAL}@trunk)" in code and " same => n,Answer()" not in code
    code = code.replace("Dial(PJSIP/${SEKISHO_DIAL}@trunk)", "Gosub(trunk,${SEKISHO_DIAL},1)")
    code = code.replace("voicemail,1,Answer()", "voicemail,1,Set(DECOYED=${EXTEN})")
    path = tmp_path_factory.mktemp("example") / "example.conf"
    path.write_text(code.replace("   ", " "))
    return path


@pytest.fixture(scope="session", params=INCLUDES)
def testbed(request, tmp_path_factory):
    assert not missing(), missing()
    running = Pbx(request.param, INCLUDES[request.param], HERE + "/calls.conf",
                  HERE + "/test.conf", example(tmp_path_factory), TENANT="acme", ACCOUNT="6001", SEKISHO_TOKEN="a.b.c")
    running.speaks = request.param
    yield running
    running.stop()
