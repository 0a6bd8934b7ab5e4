"""The story of a campaign (tests/story) on call records that a real Asterisk wrote."""

import json
import shutil
import sys
import time

import pytest
from conftest import INCLUDES
from testbed import HERE, TOP, Pbx, missing

sys.path.append(TOP + "/tests/story")
from story import Story  # noqa: E402

TENANTS, ACCOUNTS_EACH, WAIT_SECONDS = 10, 12, 60
HOME, ABROAD = ("0312345678", "09012345678"), ("010442079460000", "01012125550100")


class OnAsterisk(Story):
    """Its calls are placed, not made up: every third account calls at home, every seventh abroad."""

    def __init__(self, folder, asterisk):
        super().__init__(folder, TENANTS, TENANTS * ACCOUNTS_EACH, 0)
        self.asterisk, self.days_min = asterisk, 1  # all within a day

    def place(self, tenant, account, numbers):
        given = {"SEKISHO_AGI_PORT": 1, "TENANT": tenant, "ACCOUNT": account}  # nobody listens there
        self.asterisk.calls(numbers, "fastagi", given, Account=tenant, CallerID=f'"Desk" <{account}>')
        return len(numbers)

    def generate(self):
        self.data.mkdir()
        written = 0
        with open(self.data / "tenants.ndjson", "w") as tenants, open(self.data / "overseas.csv", "w") as overseas:
            for t in range(TENANTS):
                tenant, line = f"t{t:05}", "0" if t % 2 else ""
                print(json.dumps({"tenant": tenant, "name": f"Kaisha {t}", "profile": "open", "outside_line": line,
                                  "contacts": [{"name": "Soumu", "email": f"soumu@{tenant}.example"}]}), file=tenants)
                for a in range(ACCOUNTS_EACH):
                    account, number = str(1001 + a), t * ACCOUNTS_EACH + a
                    print(json.dumps({"tenant": tenant, "account": account}), file=tenants)
                    if number % 7 == 0:
                        written += self.place(tenant, account, [line + one for one in ABROAD])
                        print(f"{tenant},{account},2,0", file=overseas)
                    elif number % 3 == 0:
                        written += self.place(tenant, account, [line + one for one in HOME])
        file = f"{self.asterisk.run}/log/cdr-csv/Master.csv"
        deadline = time.monotonic() + WAIT_SECONDS
        while open(file).read().count("DOCUMENTATION") < written:
            assert time.monotonic() < deadline, "records not written"
            time.sleep(0.1)
        shutil.copy(file, self.data / "Master.csv")
        self.read_truth()


@pytest.fixture
def asterisk():
    assert not missing(), missing()
    running = Pbx("story", INCLUDES["agi"], HERE + "/calls.conf", TENANT="acme", ACCOUNT="6001", SEKISHO_TOKEN="a.b.c")
    yield running
    running.stop()


def test_the_story_on_a_real_asterisk(asterisk, tmp_path):
    OnAsterisk(tmp_path, asterisk).tell()
