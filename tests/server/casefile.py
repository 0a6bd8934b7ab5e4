"""Reads the case files of tests/cases (their README has the grammar) for replay over the wire."""
import dataclasses
import re
from pathlib import Path

CASES = Path(__file__).resolve().parents[1] / "cases"


@dataclasses.dataclass
class Block:
    """One tenant with its rules, and the calls that are asked of it."""
    tenant: str
    outside_line: str = ""
    suspended: bool = False
    tenant_rules: list = dataclasses.field(default_factory=list)
    platform_rules: list = dataclasses.field(default_factory=list)
    calls: list = dataclasses.field(default_factory=list)

    @property
    def accounts(self):
        return {rule["account"] for rule in self.tenant_rules if rule["account"]}


@dataclasses.dataclass
class Call:
    where: str
    account: str
    dialed: bytes
    verdict: str
    expected: dict


def read_rule(words):
    scope, action, target, *options = words
    rule = {"target": target, "action": action}
    is_platform = scope in ("platform", "lock")
    if is_platform:
        rule["locked"] = scope == "lock"
    else:
        rule["account"] = scope.removeprefix("account:") if scope != "tenant" else None
    for option in options:
        name, _, value = option.partition("=")
        key, given = {"exact": ("match", "exact"), "to": ("divert_to", value),
                      "from": ("starts_at", value), "until": ("expires_at", value)}[name]
        rule[key] = given
    return is_platform, rule


def read_call(where, text):
    left, _, right = text.partition(" => ")
    account, _, dialed = left.partition(" ")
    raw = re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), dialed.encode())
    verdict, *pairs = right.split()
    return Call(where, account, raw, verdict, dict(pair.split("=", 1) for pair in pairs))


def read(path):
    blocks = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        word, _, rest = line.partition(" ")
        rest = rest.strip()
        if word == "tenant":
            name, *options = rest.split()
            block = Block(name, suspended="suspended" in options)
            for option in options:
                if option.startswith("outside="):
                    block.outside_line = option[len("outside="):]
            blocks.append(block)
        elif word == "rule":
            is_platform, rule = read_rule(rest.split())
            (blocks[-1].platform_rules if is_platform else blocks[-1].tenant_rules).append(rule)
        elif word == "call":
            blocks[-1].calls.append(read_call(f"{path.name}:{number}", rest))
        else:
            raise ValueError(f"{path}:{number}: {line}")
    return blocks


def all_blocks():
    return [block for path in sorted(CASES.glob("*.case")) for block in read(path)]
