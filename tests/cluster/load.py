"""A steady stream of calls and edits against a cluster, and the judge of every answer.

One editor changes rules to and fro, one after another; callers ask all the while. When an edit was sent and when
it was acknowledged tells which verdicts a call may get: any that was in force, on some node, at some moment from
`bound` before it was asked until it was answered. Anything else is wrong, unless it says that it is degraded.
"""
import http.client
import threading
import time

FAILURES = (OSError, http.client.HTTPException)
ABROAD = "010 1 212 555 0100"
ALWAYS = float("inf")


class Truth:
    """What one tenant's rule has been, with the times between which each value may have been in force."""

    def __init__(self, action):
        self.lock = threading.Lock()
        self.values = [[action, 0.0, ALWAYS]]

    def sent(self, action):
        with self.lock:
            self.values.append([action, time.monotonic(), ALWAYS])

    def acknowledged(self):
        """The latest is in force; those before it are no more."""
        now = time.monotonic()
        with self.lock:
            for value in self.values[:-1]:
                value[2] = min(value[2], now)

    def possible(self, since, until):
        with self.lock:
            return {action for action, first, last in self.values if first <= until and last >= since}

    def age(self, action, at):
        """For how long `action` had been wrong then."""
        with self.lock:
            return at - max(last for value, first, last in self.values if value == action and first <= at)


class Editor(threading.Thread):
    """Changes its own tenants in turn through clients in turn, and adds rules that must all be there in the end."""

    def __init__(self, clients, tenants, pause=0.03):
        super().__init__(daemon=True)
        self.clients, self.tenants, self.pause = clients, tenants, pause
        self.truths, self.ids = {}, {}
        self.added, self.refused, self.unknown = {}, {}, {}
        self.count, self.sent_at = 0, 0.0  # acknowledged edits; when the latest of them was sent
        self.is_ending = threading.Event()

    def prepare(self):
        for tenant in self.tenants:
            client = self.clients[0]
            assert client.rest("PUT", f"/v1/tenants/{tenant}", {"name": tenant}).status == 201
            rule = client.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "0101", "action": "allow"})
            assert rule.status == 201, rule
            self.ids[tenant], self.truths[tenant] = rule.json["id"], Truth("allow")
        return self

    def run(self):
        turn = 0
        while not self.is_ending.is_set():
            count, sent_at = self.count, time.monotonic()
            client, tenant = self.clients[turn % len(self.clients)], self.tenants[turn % len(self.tenants)]
            if turn % 5 == 4:
                self.add(client, tenant, f"0104{turn:06}")
            else:
                self.turn_over(client, tenant)
            turn += 1
            if self.count > count:
                self.sent_at = sent_at
            self.is_ending.wait(self.pause)

    def turn_over(self, client, tenant):
        truth = self.truths[tenant]
        action = "deny" if truth.values[-1][0] == "allow" else "allow"
        truth.sent(action)
        try:
            answer = client.rest("PATCH", f"/v1/tenants/{tenant}/rules/{self.ids[tenant]}", {"action": action},
                                 {"If-Match": "*"})
        except FAILURES:
            return  # it may have happened
        if answer.status == 200:
            truth.acknowledged()
            self.count += 1

    def add(self, client, tenant, prefix):
        try:
            answer = client.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": prefix, "action": "deny"})
        except FAILURES:
            self.unknown[prefix] = tenant
            return
        if answer.status == 201:
            self.added[prefix] = tenant
            self.count += 1
        elif answer.status == 503 and "unknown" not in answer.text:
            self.refused[prefix] = tenant
        else:
            self.unknown[prefix] = tenant

    def end(self):
        self.is_ending.set()
        self.join(60)
        assert not self.is_alive(), "an edit has had no answer for a minute"

    def lost(self, client):
        """Acknowledged and not there, or refused and there nevertheless."""
        there = set()
        for tenant in self.tenants:
            path = f"/v1/tenants/{tenant}/rules?limit=100"
            while path:
                page = client.rest("GET", path).json
                there |= {rule["prefix"] for rule in page["rules"]}
                path = page["next"] and f"/v1/tenants/{tenant}/rules?limit=100&cursor={page['next']}"
        return sorted(set(self.added) - there), sorted(set(self.refused) & there)


class Stalls(threading.Thread):
    """When this machine itself stood still: a call that was slow just then says nothing about the node."""

    def __init__(self, step=0.005):
        super().__init__(daemon=True)
        self.step, self.seen, self.is_ending = step, [], False

    def run(self):
        while not self.is_ending:
            before = time.monotonic()
            time.sleep(self.step)
            late = time.monotonic() - before - self.step
            if late > 0.02:
                self.seen.append((before, late))

    def during(self, since, until):
        return sum(late for at, late in list(self.seen) if since - 0.1 <= at <= until)


class Caller(threading.Thread):
    """Asks one client; keeps what went wrong: (when, what)."""

    def __init__(self, name, client, truths, stalls, bound, slow, pause=0.01):
        super().__init__(daemon=True)
        self.name, self.client, self.truths, self.stalls = name, client, truths, stalls
        self.bound, self.slow, self.pause = bound, slow, pause
        self.count, self.degraded, self.took_max = 0, 0, 0.0
        self.wrong, self.unanswered, self.late, self.ages = [], [], [], []
        self.is_ending = False

    def run(self):
        tenants = list(self.truths)
        turn = 0
        while not self.is_ending:
            self.ask(tenants[turn % len(tenants)])
            turn += 1
            time.sleep(self.pause)

    def ask(self, tenant):
        asked = time.monotonic()
        try:
            answer = self.client.authorize(tenant, "1001", ABROAD)
            said = answer.json if answer.status == 200 else None
        except FAILURES as failure:
            answer, said = failure, None
        done = time.monotonic()
        self.count += 1
        if said is None:
            self.unanswered.append((asked, repr(answer)))
            return
        took = done - asked - self.stalls.during(asked, done)
        self.took_max = max(self.took_max, took)
        if took > self.slow:
            self.late.append((asked, took))
        self.judge(tenant, said, asked, done)

    def judge(self, tenant, said, asked, done):
        truth = self.truths[tenant]
        verdict = said["verdict"]
        if said.get("degraded"):
            self.degraded += 1
        elif verdict not in truth.possible(asked - self.bound - self.stalls.during(asked - self.bound, done), done):
            self.wrong.append((asked, verdict, said["reason"], round(truth.age(verdict, asked), 3)))
        elif verdict not in truth.possible(asked, done):
            self.ages.append(truth.age(verdict, asked))

    def end(self):
        self.is_ending = True
        self.join(30)


def outside(events, window):
    """Of events that begin with their time, those not within (since, until)."""
    return [event for event in events if not window[0] <= event[0] <= window[1]]
