"""The engine against a second evaluator that was written from the specification alone (twin.py): random
dialed strings under a few settings, and random rule sets with all scopes, dates, countries and groups.

SEKISHO_SEED repeats a run, SEKISHO_CASES makes it longer.
"""
import http.client
import json
import os
import random
import socket
import time
import urllib.parse

import pytest
import twin
from rest import ANY

SEED = int(os.environ.get("SEKISHO_SEED", random.randrange(10**9)))
CASES = int(os.environ.get("SEKISHO_CASES", 6000))  # of each of the two tests
DEPTH = 50  # requests under way on the connection
NOW = int(time.time()) * 1000
DAY = 86_400_000
ACCOUNTS = ["1001", "1002"]

PREFIXES = ["184", "186", "122", "0000", "001", "0033", "0053", "005345", "0077", "0080", "0081", "0088",
            "003768", "009120", "00912020", "009130", "+81", "+810", "0", "9", "*9#", ""]
ABROAD = ["010", "+", "00", "+81010", "+8110", "0081010", "0081", ""]
PIECES = [*PREFIXES, *ABROAD, *twin.SERVICES, *twin.EMERGENCY, "1", "44", "377", "881", "979", "800", "212",
          "5550100", "0312345678", "09012345678", "0120123456", "0570012345", "0037", "007770", "0051",
          "#7119", "104", "*", "#", ",", ";", "p", "w", "000", "99"]
SEPARATORS = " -./()‐–—−ー　－（）．／"
SETTINGS = [(outside, rules) for outside in ("", "0", "9", "*9#", "00")
            for rules in ([("deny", "010"), ("allow", "0101")], [])]
TARGETS = ["0", "01", "010", "0101", "01012", "0101212", "010121255", "0101876", "01044", "0107", "01077",
           "01081", "0100", "00", "000", "00053", "03", "0312345678", "090", "1", "104", "2", "8", "0120",
           "010252", "7", "01012125550100", "010442079460000123"]
COUNTRIES = ["US", "JM", "GB", "SO", "RU", "KZ", "CA", "JP", "001", "FR", "DO", "VA", "IT", "XK"]
NUMBERS = ["0101212555?", "+1876?", "010442079460000123", "+44?", "0107?", "+77?", "010 81?", "0100?",
           "00053?", "000?", "031234567?", "0901234?", "104", "2?", "8?", "0120123456", "+252612?", "7?",
           "184+44?", "001?", "0033?", "01012125550100", "#7119", "*21*+44?#", "+39?", "+383?", "+881?",
           "+1?", "010", "01044", "+370?", "00912020?", "110"]


@pytest.fixture(autouse=True)
def say_the_seed():
    print(f"SEKISHO_SEED={SEED}")


def put(daemon, path, body):
    answer = daemon.rest("PUT", path, body, headers=ANY if "/rules" in path else None)
    assert answer.status in (200, 201), (path, body, answer)


def ask_all(daemon, questions):
    """The verdicts, in order: many requests at a time on one connection."""
    token = daemon.token("pbx")
    with socket.create_connection(("127.0.0.1", daemon.ports["dial"]), timeout=30) as peer:
        answers = peer.makefile("rb")
        for at in range(0, len(questions), DEPTH):
            part = questions[at:at + DEPTH]
            for tenant, account, number in part:
                query = urllib.parse.urlencode({"tenant": tenant, "account": account, "number": number},
                                               quote_via=urllib.parse.quote)
                peer.sendall(f"GET /v1/authorize?{query} HTTP/1.1\r\nHost: sekisho\r\n"
                             f"Authorization: Bearer {token}\r\n\r\n".encode())
            for _ in part:
                status = answers.readline()
                headers = http.client.parse_headers(answers)
                body = answers.read(int(headers["Content-Length"]))
                assert b" 200 " in status, body
                yield json.loads(body)


def differences(said, wanted):
    rule = said["rule"] or {}
    said = said | {"rule": rule.get("target"), "readings": len(said.get("readings", [None]))}
    names = ("verdict", "reason") if wanted["reason"] == "invalid_number" else wanted
    return {name: (said[name], wanted[name]) for name in names if said[name] != wanted[name]}


# --- dialed strings ------------------------------------------------------------------------------------

def digits(dice, most):
    return "".join(dice.choice("0123456789") for _ in range(dice.randint(0, most)))


def random_dialed(dice):
    shape = dice.random()
    if shape < 0.4:
        text = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 6)))
    elif shape < 0.75:
        text = "".join(dice.choice(PREFIXES) for _ in range(dice.randint(0, 5)))
        text += dice.choice(ABROAD) + dice.choice([*twin.COUNTRIES, *["1"] * 30]) + digits(dice, 12)
    elif shape < 0.9:
        text = dice.choice(["", "184", "0033", "+81", "0", "9"])
        text += dice.choice([*twin.KINDS, *twin.PREFIXES]) + digits(dice, 9)
        text = dice.choice([text, f"{dice.choice(twin.SERVICES)}{text}#"])
    else:
        text = "".join(dice.choice("0123456789*#+0011844") for _ in range(dice.randint(1, 20)))
    return dressed(dice, text) if dice.random() < 0.3 else text


def dressed(dice, text):
    wide = "".join(chr(ord(char) + 0xFEE0) if dice.random() < 0.2 else char for char in text)
    text = "".join(dice.choice(SEPARATORS) + char if dice.random() < 0.2 else char for char in wide)
    at = dice.randint(0, len(text))
    return text[:at] + (dice.choice("xP%&=~'\"é٣") if dice.random() < 0.1 else "") + text[at:]


def test_dialed_strings(daemon):
    dice = random.Random(SEED)
    for number, (outside, rules) in enumerate(SETTINGS):
        put(daemon, f"/v1/tenants/twin-{number}", {"name": "t", "profile": "open", "outside_line": outside})
        put(daemon, f"/v1/tenants/twin-{number}/rules",
            {"rules": [{"target": target, "action": action} for action, target in rules]})
    asked = [(dice.randrange(len(SETTINGS)), random_dialed(dice)) for _ in range(CASES)]
    answers = ask_all(daemon, [(f"twin-{number}", "1001", dialed) for number, dialed in asked])
    for (number, dialed), said in zip(asked, answers, strict=True):
        outside, rules = SETTINGS[number]
        rules = [twin.Rule("tenant", target, action) for action, target in rules]
        wrong = differences(said, twin.judge(dialed.encode(), rules, "1001", outside))
        assert not wrong, (dialed, SETTINGS[number], wrong)


# --- rules ----------------------------------------------------------------------------------------------

def random_rule(dice, scope):
    kind = dice.random()
    target = (dice.choice(TARGETS) if kind < 0.7 else f"country:{dice.choice(COUNTRIES)}" if kind < 0.87
              else f"group:{dice.choice(sorted(twin.GROUPS))}")
    starts, expires = dice.choice([(0, 0)] * 12 + [(0, NOW + DAY), (NOW - DAY, NOW - 60_000),
                                                   (NOW - DAY, 0), (NOW + DAY, 0)])
    action = dice.choice(["allow", "allow", "deny", "divert"])
    return twin.Rule(scope, target, action, exact=kind < 0.15, divert="vm" if action == "divert" else "",
                     starts=starts, expires=expires,
                     account=dice.choice(ACCOUNTS) if scope == "account" else "")


def random_rules(dice, *scopes):
    """No two in one place, but a dated one beside the undated; no two groups in one scope, which may
    match with the same length."""
    rules = {}
    for _ in range(dice.choice([0, 1, 2, 4, 8, 14])):
        rule = random_rule(dice, dice.choice(scopes))
        target = "group" if rule.target.startswith("group:") else rule.target
        is_dated = target != "group" and bool(rule.starts or rule.expires)
        rules[rule.scope, rule.account, target, rule.exact, is_dated] = rule
    return list(rules.values())


def moment(ms):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000)) if ms else None


def as_json(rule):
    body = {"target": rule.target, "action": rule.action, "match": "exact" if rule.exact else "prefix",
            "divert_to": rule.divert or None, "starts_at": moment(rule.starts),
            "expires_at": moment(rule.expires)}
    return body | ({"locked": rule.scope == "lock"} if rule.scope in ("lock", "platform") else {})


def provision(daemon, tenant, rules):
    for account in ["", *ACCOUNTS]:
        put(daemon, f"/v1/tenants/{tenant}/rules" + (f"?account={account}" if account else ""),
            {"rules": [as_json(rule) for rule in rules if rule.account == account]})


def test_rules(daemon):
    dice = random.Random(SEED)
    tenants = [f"twin-rules-{number}" for number in range(15)]
    for tenant in tenants:
        put(daemon, f"/v1/tenants/{tenant}", {"name": "t", "profile": "open"})
        for account in ACCOUNTS:
            put(daemon, f"/v1/tenants/{tenant}/accounts/{account}", {})
    try:
        for _ in range(6):
            compare_rules(daemon, dice, tenants)
    finally:
        put(daemon, "/v1/platform/rules", {"rules": []})


def compare_rules(daemon, dice, tenants):
    platform = random_rules(dice, "platform", "platform", "lock")
    put(daemon, "/v1/platform/rules", {"rules": [as_json(rule) for rule in platform]})
    rules = {tenant: random_rules(dice, "tenant", "account") for tenant in tenants}
    for tenant in tenants:
        provision(daemon, tenant, rules[tenant])
    asked = [(dice.choice(tenants), dice.choice([*ACCOUNTS, "1003", ""]),
              dice.choice(NUMBERS).replace("?", digits(dice, 9))) for _ in range(CASES // 6)]
    for (tenant, account, dialed), said in zip(asked, ask_all(daemon, asked), strict=True):
        wrong = differences(said, twin.judge(dialed.encode(), platform + rules[tenant], account, now=NOW))
        assert not wrong, (dialed, account, wrong, platform, rules[tenant])
