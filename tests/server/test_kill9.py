"""kill -9 while edits run, again and again: what was acknowledged is there, nothing is half there.

Each writer works on a tenant of its own, one request at a time, and notes what it was told. When the
daemon dies, at most one request of each writer is open: of that one either answer is right, of all
others only the acknowledged one.
"""
import http.client
import random
import threading
import time

from rest import ANY, all_pages

ROUNDS, WRITERS = 20, 3
PAIR = 2  # rules of one list, always replaced together


class Writer(threading.Thread):
    def __init__(self, daemon, tenant, number, state):
        super().__init__()
        self.daemon_under_test, self.tenant, self.state = daemon, tenant, state
        self.random = random.Random(number)
        self.open, self.done, self.fault = None, 0, None

    def rest(self, *request, **more):
        return self.daemon_under_test.rest(*request, **more)

    def run(self):
        try:
            while True:
                self.random.choice((self.add, self.add, self.delete, self.replace, self.rename))()
                self.open = None
                self.done += 1
        except (OSError, http.client.HTTPException):
            pass  # it was killed; self.open is what it may or may not have done
        except AssertionError as fault:
            self.fault = fault

    def add(self):
        prefix = f"01{self.random.randrange(10**9):09}"
        self.open = ("add", prefix)
        answer = self.rest("POST", f"/v1/tenants/{self.tenant}/rules", {"prefix": prefix, "action": "deny"})
        assert answer.status == 201, answer
        self.state["rules"][prefix] = answer.json["id"]
        self.state["revision"] = int(answer.headers["Sekisho-Revision"])

    def delete(self):
        if not self.state["rules"]:
            return
        prefix = self.random.choice(sorted(self.state["rules"]))
        self.open = ("delete", prefix)
        path = f"/v1/tenants/{self.tenant}/rules/{self.state['rules'][prefix]}"
        answer = self.rest("DELETE", path, headers=ANY)
        assert answer.status == 204, answer
        del self.state["rules"][prefix]
        self.state["revision"] = int(answer.headers["Sekisho-Revision"])

    def replace(self):
        digit = self.random.randrange(10**8)
        self.open = ("replace", digit)
        rules = [{"prefix": f"0{n}{digit:08}", "action": "deny"} for n in range(PAIR)]
        answer = self.rest("PUT", f"/v1/tenants/{self.tenant}/rules?account=1001", {"rules": rules}, headers=ANY)
        assert answer.status == 200, answer
        self.state["pair"] = digit
        self.state["revision"] = int(answer.headers["Sekisho-Revision"])

    def rename(self):
        name = f"name {self.random.randrange(10**6)}"
        self.open = ("rename", name)
        answer = self.rest("PATCH", f"/v1/tenants/{self.tenant}", {"name": name}, headers=ANY)
        assert answer.status == 200, answer
        self.state["name"] = name
        self.state["revision"] = int(answer.headers["Sekisho-Revision"])


def check(daemon, writer):
    """Compares the store with what the writer was told, and takes over what the open request did."""
    state, (what, value) = writer.state, writer.open or (None, None)
    path = f"/v1/tenants/{writer.tenant}"
    own = {r["prefix"]: r["id"] for r in all_pages(daemon, f"{path}/rules?scope=tenant", "rules")}
    lost = state["rules"].items() - own.items()
    extra = own.items() - state["rules"].items()
    assert {prefix for prefix, _ in lost} <= ({value} if what == "delete" else set()), "an acknowledged rule is lost"
    assert {prefix for prefix, _ in extra} <= ({value} if what == "add" else set()), "a deleted rule is back"
    state["rules"] = own

    pair = sorted(r["prefix"] for r in daemon.rest("GET", f"{path}/rules?account=1001").json["rules"])
    possible = [state["pair"]] + ([value] if what == "replace" else [])
    lists = {digit: [f"0{n}{digit:08}" for n in range(PAIR)] if digit is not None else [] for digit in possible}
    assert pair in lists.values(), "half a list"
    state["pair"] = next(digit for digit, rules in lists.items() if rules == pair)

    tenant = daemon.rest("GET", path).json
    assert tenant["name"] in (state["name"], value if what == "rename" else None)
    state["name"] = tenant["name"]
    assert state["revision"] <= tenant["revision"] <= state["revision"] + 1, "one commit, one revision"
    state["revision"] = tenant["revision"]

    for prefix in list(own)[-3:]:  # and it is in force
        answer = daemon.authorize(writer.tenant, "1002", prefix).json
        assert (answer["verdict"], answer["rule"]["id"]) == ("deny", own[prefix])
        assert answer["revision"] == tenant["revision"]


def test_kill_9(start_daemon):
    daemon = start_daemon()
    states = {}
    for n in range(WRITERS):
        tenant = f"w{n}"
        daemon.rest("PUT", f"/v1/tenants/{tenant}", {"name": "n", "profile": "open"})
        made = daemon.rest("PUT", f"/v1/tenants/{tenant}/accounts/1001", {})
        states[tenant] = {"rules": {}, "pair": None, "name": "n", "revision": int(made.headers["Sekisho-Revision"])}
    daemon.token(), daemon.token("pbx")
    done = 0
    for turn in range(ROUNDS):
        writers = [Writer(daemon, tenant, f"{turn} {tenant}", state) for tenant, state in states.items()]
        for writer in writers:
            writer.start()
        time.sleep(random.Random(turn).uniform(0.02, 0.25))
        daemon.kill()
        for writer in writers:
            writer.join()
        done += sum(writer.done for writer in writers)
        daemon.start()
        assert not [writer.fault for writer in writers if writer.fault]
        for writer in writers:
            check(daemon, writer)
    print(f"{ROUNDS} kills, {done} acknowledged edits")
    assert done > ROUNDS
