"""What the floor lets through, from the numbering data: what the includes must agree with."""

import csv
import re

from testbed import TOP


def patterns(path):
    """The regular expressions of the floor in a dialplan."""
    with open(path) as file:
        text = file.read()
    return re.findall(r'REGEX\("(\^\(184\|186\)\*0.*?\$)" ', text[text.index("exten => floor"):])


def kinds():
    """kinds.csv, by prefix."""
    with open(TOP + "/schema/numbering/kinds.csv", encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("# "))
        return {row["prefix"]: row for row in rows}


def floor_of(number, rows):
    """What kinds.csv says: the longest prefix wins, then the length must fit."""
    if re.match("184|186|0037680", number) or not re.fullmatch("[0-9]+", number):
        return False    # something before or in a number: tried elsewhere, and not taken off here
    for cut in range(len(number), 0, -1):
        if row := rows.get(number[:cut]):
            return (row["floor"] == "allow"
                    and int(row["min_digits"]) <= len(number) <= int(row["max_digits"]))
    return False
