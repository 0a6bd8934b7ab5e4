"""A second, slow evaluator, written from api/reading.md alone.

It shares nothing with the daemon but the numbering data, and is as plain as can be: strings, linear scans.
Where the two disagree one is wrong, or that page says too little; what it left open is as the
daemon does it: a prefix is taken off only before something, a bare +81 is a lone 0, and the target of a
service code may be a short code or an emergency number (an allow like its target's).
"""
import csv
import dataclasses
import unicodedata
from pathlib import Path

DATA = Path(__file__).resolve().parents[2] / "schema" / "numbering"
SEPARATORS = set(" -./()‐‑‒–—―−ー　")
STRICTNESS = {"allow": 0, "divert": 1, "deny": 2}
EMERGENCY = ("110", "118", "119")
STRIP_MAX = 8


def rows(name):
    lines = (DATA / f"{name}.csv").read_text().splitlines()
    while lines[0].startswith("# "):
        lines.pop(0)
    return list(csv.DictReader(lines))


COUNTRIES = {row["code"]: row for row in rows("countries")}
NANP = {row["area"]: row["country"] for row in rows("nanp")}
KINDS = {row["prefix"]: row for row in rows("kinds")}
PREFIXES = {row["prefix"]: row for row in rows("prefixes")}
SERVICES = sorted((row["code"] for row in rows("services")), key=len, reverse=True)
GROUPS = {}
for row in rows("groups"):
    GROUPS.setdefault(row["group"], []).append(row["prefix"])


def longest(table, text):
    return next((table[text[:n]] for n in range(len(text), 0, -1) if text[:n] in table), None)


@dataclasses.dataclass
class Reading:
    number: str
    kind: str
    country: str = ""
    country_len: int = 0
    complete: bool = False
    service: str = ""


@dataclasses.dataclass
class Rule:
    scope: str  # lock, platform, tenant, account
    target: str
    action: str
    exact: bool = False
    divert: str = ""
    starts: int = 0
    expires: int = 0
    account: str = ""

    def in_force(self, now):
        return self.starts <= now and (not self.expires or now < self.expires)

    def matches(self, reading):
        """(length, how specific), or None"""
        if self.target.startswith("country:"):
            country = self.target[8:]
            return (reading.country_len, 1) if country == reading.country and country else None
        if self.target.startswith("group:"):
            fits = [len(prefix) for prefix in GROUPS[self.target[6:]] if reading.number.startswith(prefix)]
            return (max(fits), 0) if fits else None
        if self.exact:
            return (len(self.target), 3) if reading.number == self.target else None
        return (len(self.target), 2) if reading.number.startswith(self.target) else None


# --- reading -------------------------------------------------------------------------------------

def fold(dialed):
    """2 a: (characters, was cut), or None"""
    if not dialed or len(dialed) > 64:
        return None
    try:
        text = dialed.decode()
    except UnicodeDecodeError:
        return None
    out = ""
    for char in text:
        if 0xFF01 <= ord(char) <= 0xFF5E:
            char = unicodedata.normalize("NFKC", char)
        if char in ",;pw":
            return (out, True) if out else None
        if char in "0123456789*#+":
            out += char
        elif char not in SEPARATORS:
            return None
    return (out, False) if out else None


def read_emergency(text, outside):
    """1: (110, 118 or 119; the 184 or 186 dialed first), or None"""
    caller_id = ""
    while text not in EMERGENCY:
        take = next((take for take in ("184", "186", outside) if take and text.startswith(take)), None)
        if take is None:
            return None
        caller_id = caller_id or (take if take != outside else "")
        text = text[len(take):]
    return text, caller_id


def kind_of(text):
    row = longest(KINDS, text)
    if row and int(row["min_digits"]) <= len(text) <= int(row["max_digits"]):
        return row["kind"]
    return None


def is_national(text):
    return text.isdigit() and text[:1] == "0" and text[1:2] != "0" and kind_of(text) is not None


def may_go(prefix, rest):
    if not rest:
        return False
    before = PREFIXES[prefix]["before"]
    abroad = rest.startswith(("010", "+"))
    return {"any": True, "zero": rest.startswith("0"), "international": abroad,
            "number": abroad or is_national(rest)}[before]


def international(number):
    digits = number[3:]
    row = longest(COUNTRIES, digits)
    reading = Reading(number, "international")
    if row:
        reading.country, reading.country_len = row["country"], 3 + len(row["code"])
        reading.complete = int(row["min_digits"]) <= len(digits) <= int(row["max_digits"])
        if row["code"] == "1":
            reading.country = NANP.get(digits[1:4], "")
            reading.country_len += 3 if reading.country or digits[1:4] in NANP else 0
    return reading


def has_country(digits):
    return longest(COUNTRIES, digits) is not None


def take_off(text, budget):
    """2 c: (rest, 184 or 186, what is left of the budget)"""
    caller_id = ""
    while budget:
        fitting = [prefix for prefix in sorted(PREFIXES, key=len, reverse=True)
                   if text.startswith(prefix) and may_go(prefix, text[len(prefix):])]
        if not fitting:
            break
        if PREFIXES[fitting[0]]["keep"] == "yes":
            caller_id = caller_id or fitting[0]
        text, budget = text[len(fitting[0]):], budget - 1
    return text, caller_id, budget


def read(text, in_service=False):
    """2 c to g: (readings, caller id); no readings: invalid"""
    text, caller_id, budget = take_off(text, STRIP_MAX)
    if text.startswith("+81") and "+" not in text[1:]:
        text, again, budget = take_off("0" + text[3:].removeprefix("0"), budget)
        caller_id = caller_id or again
    if text.startswith("+"):
        text = "010" + text[1:] if text[1:].isdigit() else ""
    if not text or "+" in text and not text.startswith("*"):
        return [], caller_id
    if "*" in text or "#" in text:
        return read_symbols(text, caller_id, in_service)
    if text.startswith("010"):
        return [international(text)], caller_id
    if text.startswith("00"):
        return read_00(text), caller_id
    kind = kind_of(text)
    return [Reading(text, kind or "unknown", complete=kind is not None)], caller_id


def read_symbols(text, caller_id, in_service):
    if text in KINDS:
        return [Reading(text, KINDS[text]["kind"], complete=True)], caller_id
    code = next((code for code in SERVICES if text.startswith(code)), None)
    if code is None or in_service or not text.endswith("#"):
        return [], caller_id
    target = text[len(code):-1]
    if not target:
        return [], caller_id
    if target in EMERGENCY:
        return [Reading(target, "emergency", complete=True, service=code)], caller_id
    readings, inner = read(target, in_service=True)
    for reading in readings:
        reading.service = code
    return readings, caller_id or inner


def read_00(text):
    if kind_of(text) == "freephone":
        return [Reading(text, "freephone", complete=True)]
    readings = [international("010" + text[2:])] if has_country(text[2:]) else []
    for prefix in sorted(PREFIXES, key=len, reverse=True):
        rest = text[len(prefix):]
        if PREFIXES[prefix]["bare"] == "yes" and text.startswith(prefix) and has_country(rest):
            readings.append(international("010" + rest))
            break
    if readings:
        return readings
    return [Reading(text, "unknown00")]


# --- judging -------------------------------------------------------------------------------------

def settle(rules, reading):
    """The rule that settles one scope: (length, rule), or None"""
    best = None
    for rule in rules:
        match = rule.matches(reading)
        if match and (best is None or (*match, STRICTNESS[rule.action]) > best[0]):
            best = ((*match, STRICTNESS[rule.action]), rule)
    return best and (best[0][0], best[1])


def current(rules, now):
    """Rules in force; a dated one replaces the undated one of its place."""
    rules = [rule for rule in rules if rule.in_force(now)]
    dated = {(rule.target, rule.exact) for rule in rules if rule.starts or rule.expires}
    return [rule for rule in rules
            if rule.starts or rule.expires or (rule.target, rule.exact) not in dated]


def look_up(scopes, reading):
    """3 and 4: (reason, rule), or None where nothing matches"""
    locked = settle(scopes["lock"], reading)
    if locked:
        return "lock", locked[1]
    decided, restriction = None, 0
    for scope in ("platform", "tenant", "account"):
        match = settle(scopes[scope], reading)
        if match is None:
            continue
        length, rule = match
        if rule.action != "allow":
            decided, restriction = rule, max(restriction, length)
        elif length >= restriction:
            decided, restriction = rule, 0
    return ("rule", decided) if decided else None


def judge_reading(scopes, reading):
    if reading.kind == "emergency":
        return "allow", "emergency", None
    found = look_up(scopes, reading)
    if found is None and reading.kind == "unknown":
        found = look_up(scopes, Reading("010", "international"))
    if reading.kind == "unknown00" and not (
            found and (found[1].action == "deny" or found[1].target.startswith("00"))):
        return "deny", "unknown00", None
    return (found[1].action, *found) if found else ("allow", "default", None)


def judge(dialed, rules, account="", outside="", now=0):
    """The verdict as a dict with the words of the API's answer."""
    invalid = {"verdict": "deny", "reason": "invalid_number", "kind": "invalid", "number": None,
               "dial": None, "rule": None, "country": None, "readings": 0}
    folded = fold(dialed)
    if folded is None:
        return invalid
    text, was_cut = folded
    emergency = read_emergency(text, outside)
    if emergency:
        number, caller_id = emergency
        return invalid | {"verdict": "allow", "reason": "emergency", "kind": "emergency", "number": number,
                          "dial": caller_id + number, "readings": 1}
    if outside and text.startswith(outside):
        text = text[len(outside):]
    readings, caller_id = read(text)
    if not readings or was_cut and not all(reading.complete for reading in readings):
        return invalid
    rules = {scope: current([rule for rule in rules if rule.scope == scope and
                             (scope != "account" or rule.account == account)], now)
             for scope in ("lock", "platform", "tenant", "account")}
    said = [judge_reading(rules, reading) for reading in readings]
    action, reason, rule = max(said, key=lambda one: STRICTNESS[one[0]])
    first = readings[0]
    dial = f"{first.service}{first.number}#" if first.service else first.number
    return {"verdict": action, "reason": reason, "kind": first.kind, "number": first.number,
            "dial": caller_id + dial, "rule": rule and rule.target, "country": first.country or None,
            "readings": len(readings)}
