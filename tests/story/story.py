"""The whole story of a campaign on generated data, from the command line, as an operator lives it:

    import of customers and of their calls ─► who never called abroad ─► plan ─► simulate ─► notify, by mail
    ─► some say "leave it open" ─► apply, the daemon killed three times on the way ─► the dial door says so
    ─► undo ─► the dial door says so, too

What has to come out is known from the generator (overseas.csv), not from the service. Each step prints its command
and what it printed; `tests/story/story` runs it at any size.
"""
import csv
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/server"))
from daemon import BUILD, Daemon  # noqa: E402
from smtp_sink import SmtpSink  # noqa: E402

ABROAD = "010 44 20 7946 0000"
SINCE = time.strftime("%Y-%m-%d", time.localtime(time.time() - 200 * 86400))
KILLS = 3


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Story:
    def __init__(self, folder, tenants, accounts, calls, store=None, say=print):
        self.folder, self.say = Path(folder), say
        self.sizes = {"tenants": tenants, "accounts": accounts, "calls": calls}
        self.data = self.folder / "data"
        self.days_min = 60
        self.rate = accounts // 3 if accounts < 10000 else 0  # a few seconds at least, to be killed in
        self.relay = SmtpSink()
        self.port = free_port()  # the same after each kill: the command line goes on asking there
        options = [f"--admin-listen=127.0.0.1:{self.port}", "--node=story", "--mail-from=Sekisho <noc@pbx.example>",
                   f"--public-url=http://127.0.0.1:{self.port}"]
        self.options = options + ([f"--store={store}"] if store else [])
        self.daemon, self.campaign, self.opened = None, None, set()

    # --- words ----------------------------------------------------------------------------------------

    def run(self, *words, status=(0,)):
        """One command, shown with what it printed; its standard output."""
        env = os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{self.port}", "SEKISHO_TOKEN": self.daemon.token(),
                            "TZ": "Asia/Tokyo"}
        shown = " ".join(f"'{word}'" if re.search(r"[^\w./:=@+-]", str(word)) else str(word) for word in words)
        began = time.monotonic()
        done = subprocess.run([BUILD / "sekisho", *map(str, words)], env=env, capture_output=True, text=True, timeout=3000,
                              cwd=self.data)
        lines = done.stdout.splitlines()
        shown_lines = lines if len(lines) < 25 else lines[:12] + ["…"] + lines[-6:]
        self.say("\n".join([f"$ sekisho {shown}", *shown_lines, *done.stderr.splitlines()[-3:],
                            f"  ({time.monotonic() - began:.1f} s)"]))
        assert done.returncode in status, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def json(self, *words):
        env = os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{self.port}", "SEKISHO_TOKEN": self.daemon.token()}
        done = subprocess.run([BUILD / "sekisho", *map(str, words), "--json"], env=env, capture_output=True, text=True,
                              timeout=3000)
        assert done.returncode == 0, (words, done.stderr)
        return json.loads(done.stdout)

    def state(self):
        """The campaign as the API shows it; None while the daemon is down."""
        try:
            return self.daemon.rest("GET", f"/v1/campaigns/{self.campaign}").json
        except (OSError, http.client.HTTPException):
            return None

    def wait_for(self, *states, seconds=3000):
        deadline = time.monotonic() + seconds
        while (at := self.state()) is None or at["state"] not in states:
            assert time.monotonic() < deadline, at
            time.sleep(0.05)
        return at

    # --- the truth ----------------------------------------------------------------------------------------

    def generate(self):
        sizes = [word for name, size in self.sizes.items() for word in (f"--{name}", str(size))]
        subprocess.run([BUILD / "tests/story/generate", "--out", self.data, *sizes], check=True, capture_output=True)
        self.read_truth()

    def read_truth(self):
        with open(self.data / "overseas.csv", newline="") as file:
            self.abroad = {(row[0], row[1]) for row in csv.reader(file) if row[0].startswith("t0")}
        self.accounts, self.outside = [], {}
        with open(self.data / "tenants.ndjson") as file:
            for line in map(json.loads, file):
                if "account" in line:
                    self.accounts.append((line["tenant"], line["account"]))
                else:
                    self.outside[line["tenant"]] = line["outside_line"]
        assert len(self.accounts) == self.sizes["accounts"] and self.abroad

    # --- the steps ----------------------------------------------------------------------------------------

    def customers_and_calls(self):
        self.run("tenant", "import", "tenants.ndjson")
        self.run("cdr", "terms", "--purpose", "to find accounts that never call abroad", "--retention-days", "400")
        self.run("cdr", "import", "Master.csv", "--source", "pbx1", "--dry-run")
        self.run("cdr", "import", "Master.csv", "--source", "pbx1")
        again = self.run("cdr", "import", "Master.csv", "--source", "pbx1")
        assert not re.search(r"\b[1-9][\d,]* added", again), again

    def who_never_called_abroad(self):
        self.run("account", "list", "--overseas", "never", "--days-min", self.days_min, "--since", SINCE, "--limit", 5)
        rows = self.run_csv("account", "list", "--days-min", self.days_min, "--since", SINCE, "--csv", "--overseas", "called")
        assert {(row["tenant"], row["account"]) for row in rows} == self.abroad

    def run_csv(self, *words):
        env = os.environ | {"SEKISHO_URL": f"http://127.0.0.1:{self.port}", "SEKISHO_TOKEN": self.daemon.token()}
        done = subprocess.run([BUILD / "sekisho", *map(str, words)], env=env, capture_output=True, text=True, timeout=3000)
        assert done.returncode == 0, done.stderr
        return list(csv.DictReader(done.stdout.lstrip("\ufeff").splitlines()))

    def plan(self):
        self.run("campaign", "plan", "010 for who never calls abroad", "--since", SINCE, "--days-min", self.days_min,
                 "--rate", self.rate, "--exclude", self.accounts[-1][0])
        [campaign] = self.json("campaign", "list")["campaigns"]
        self.campaign = campaign["id"]
        rows = self.members()
        self.planned = {place for place, row in rows.items() if row["state"] == "planned"}
        self.never = set(self.planned)
        assert self.planned and not self.planned & self.abroad
        assert {place for place, row in rows.items() if row["reason"] == "called"} == \
            {place for place in self.abroad if place[0] != self.accounts[-1][0]}
        assert not {place for place in self.planned if place[0] == self.accounts[-1][0]}

    def members(self):
        rows = self.json("campaign", "accounts", self.campaign, "--limit", 0)["accounts"]
        return {(row["tenant"], row["account"]): row for row in rows}

    def simulate(self):
        self.run("campaign", "simulate", self.campaign, "--days", 200)
        refused = self.json("campaign", "simulate", self.campaign, "--days", 200)["refused"]
        assert refused == 0, refused  # of those who never called abroad it would have stopped no call

    def notify(self):
        self.run("campaign", "notify", self.campaign)
        self.wait_for("notified")
        told = {tenant for tenant, _ in self.planned}
        deadline = time.monotonic() + 1800
        while len(self.relay.mails) < len(told):
            assert time.monotonic() < deadline, (len(self.relay.mails), len(told))
            time.sleep(0.1)
        self.say(f"  {len(self.relay.mails)} mails, such as:\n{self.relay.mails[0].text}")
        assert {mail.recipients[0] for mail in self.relay.mails} == {f"soumu@{tenant}.example" for tenant in told}

    def answer(self):
        """A few follow the link of their mail and press the button."""
        for mail in random.Random(1).sample(self.relay.mails, max(1, len(self.relay.mails) // 50)):
            link = re.search(r"http://\S+/a/\S+", mail.text).group()
            path = urllib.parse.urlsplit(link).path
            page = self.daemon.http("admin", "GET", path)
            assert page.status == 200, page
            form = dict(re.findall(r'name="(\w+)" value="(\w+)"', page.text))
            assert "leave_open" in page.text, page
            done = self.daemon.http("admin", "POST", path, urllib.parse.urlencode(form | {"answer": "leave_open"}).encode(),
                                    None, {"Content-Type": "application/x-www-form-urlencoded"})
            assert done.status in (200, 303), done
            tenant = mail.recipients[0].split("@")[1].split(".")[0]
            self.opened.add(tenant)
        self.say(f"  {len(self.opened)} tenants answered: leave it open")
        self.planned = {place for place in self.planned if place[0] not in self.opened}

    def kill_on_the_way(self):
        """Each time when some more of the accounts are through."""
        wanted, kills = len(self.planned), 0
        for kill in range(1, KILLS + 1):
            while True:
                at = self.state()
                applied = (at or {}).get("counts", {}).get("applied", 0)
                if at and (at["state"] == "applied" or applied >= wanted * kill / (KILLS + 2)):
                    break
                time.sleep(0.002)
            if at["state"] == "applied":
                break
            self.daemon.kill()
            kills += 1
            self.say(f"  kill -9 after {applied} of {wanted}")
            self.daemon.start()
        return kills

    def apply(self):
        self.run("campaign", "apply", self.campaign, status=(2,))  # before its date
        self.run("campaign", "apply", self.campaign, "--force", "--no-wait")
        assert self.kill_on_the_way() == KILLS
        self.wait_for("applied")
        self.run("campaign", "show", self.campaign)
        rows = self.members()
        assert {place for place, row in rows.items() if row["state"] == "applied"} == self.planned
        self.rules_are_once()

    def rules_are_once(self):
        """Exactly one rule for each, whatever was killed when; and none elsewhere."""
        places = random.Random(2).sample(sorted({tenant for tenant, _ in self.accounts}), min(200, self.sizes["tenants"]))
        for tenant in places:
            path, rules = f"/v1/tenants/{tenant}/rules?limit=100", []
            while path:
                page = self.daemon.rest("GET", path).json
                rules += page["rules"]
                path = page["next"] and f"/v1/tenants/{tenant}/rules?limit=100&cursor={page['next']}"
            assert sorted(rule["account"] for rule in rules) == sorted(a for t, a in self.planned if t == tenant), tenant
            assert all(rule["source"] == f"campaign:{self.campaign}" and rule["prefix"] == "010" for rule in rules)

    def dial(self, denied, sample=20000):
        """Everybody dials abroad, and 110."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.ports["dial"], timeout=30)
        headers = {"Authorization": f"Bearer {self.daemon.token('pbx')}"}
        places = self.accounts if len(self.accounts) <= sample else random.Random(3).sample(self.accounts, sample)
        count = {"allow": 0, "deny": 0}
        for tenant, account in places:
            number = self.outside[tenant] + ABROAD
            query = urllib.parse.urlencode({"tenant": tenant, "account": account, "number": number})
            connection.request("GET", f"/v1/authorize?{query}", headers=headers)
            said = json.loads(connection.getresponse().read())
            assert said["verdict"] == ("deny" if (tenant, account) in denied else "allow"), (tenant, account, said)
            assert said["number"] == "010442079460000", said
            count[said["verdict"]] += 1
        connection.request("GET", f"/v1/authorize?tenant={places[0][0]}&number=110", headers=headers)
        assert json.loads(connection.getresponse().read())["reason"] == "emergency"
        self.say(f"  at the dial door: {count['deny']} of {len(places)} accounts are denied {ABROAD}, "
                 f"{count['allow']} are not")

    def report(self):
        self.run("campaign", "report", self.campaign, "--output", self.folder / "report.csv")
        assert (self.folder / "report.csv").stat().st_size > 0

    def undo(self):
        """One customer has changed its rule meanwhile: that one stays."""
        self.kept = min(self.planned)
        [rule] = [rule for rule in self.daemon.rest("GET", f"/v1/tenants/{self.kept[0]}/rules?account={self.kept[1]}").json["rules"]
                  if rule["source"].startswith("campaign:")]
        changed = self.daemon.rest("PATCH", f"/v1/tenants/{self.kept[0]}/rules/{rule['id']}", {"note": "we want it so"},
                                   headers={"If-Match": "*"})
        assert changed.status == 200, changed
        self.run("campaign", "undo", self.campaign)
        self.wait_for("undone")
        self.run("campaign", "show", self.campaign)

    def tell(self):
        self.generate()
        with self.relay:
            self.daemon = Daemon(self.folder, f"--smtp={self.relay.url}", *self.options).start()
            try:
                for step in (self.customers_and_calls, self.who_never_called_abroad, self.plan, self.simulate, self.notify,
                             self.answer, self.apply):
                    step()
                self.dial(self.planned)
                self.report()
                self.undo()
                self.dial({self.kept})
            finally:
                self.daemon.stop()
