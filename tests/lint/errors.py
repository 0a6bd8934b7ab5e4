#!/usr/bin/env python3
"""api/errors.md explains every problem and every reason of a verdict, with the status and title of the
sources, and nothing that is not there; each says what it means. api/openapi.yaml lists the same codes."""

import pathlib
import re
import sys

import yaml

top = pathlib.Path(__file__).resolve().parents[2]
page = (top / "api/errors.md").read_text()
problems_source = (top / "service/doors/problem.c").read_text()
reasons_source = (top / "service/core/verdict.c").read_text()

in_code = {code: (int(status), title) for status, code, title in re.findall(
    r'\[PROBLEM_\w+\] = \{(\d+), "(\w+)", "([^"]+)"\}', problems_source)}
in_page = {code: (int(status), title) for code, status, title in re.findall(
    r"^### `(\w+)` · (\d+) (.+)$", page, re.M)}
sections = re.split(r"^##+ .*$", page, flags=re.M)
reasons_in_code = set(re.findall(r'\[REASON_\w+\] = "(\w+)"', reasons_source))
reasons_in_page = set(re.findall(r"^\| `(\w+)` \|", page, re.M))

faults = []
if not in_code or not reasons_in_code:
    faults.append("errors: the tables in the sources were not found")
for code in sorted(in_code.keys() - in_page.keys()):
    faults.append(f"api/errors.md: problem {code} is missing")
for code in sorted(in_page.keys() - in_code.keys()):
    faults.append(f"api/errors.md: there is no problem {code}")
for code in sorted(in_code.keys() & in_page.keys()):
    if in_code[code] != in_page[code]:
        faults.append(f"api/errors.md: {code} is {in_code[code]} in the source, {in_page[code]} here")
for word in sorted(reasons_in_code ^ reasons_in_page):
    where = "missing" if word in reasons_in_code else "not in the source"
    faults.append(f"api/errors.md: reason {word} is {where}")
if any(not section.strip() for section in sections[2:]):
    faults.append("api/errors.md: a section is empty")
document = yaml.safe_load((top / "api/openapi.yaml").read_text())
listed = set(document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
for code in sorted(listed ^ in_code.keys()):
    faults.append(f"api/openapi.yaml: code {code} is not in both")
if any("allow" in code or "allow" in title.lower() for code, (_, title) in in_code.items()):
    faults.append("problem.c: a dialplan may look for the word allow in a whole body")
declared = set(re.findall(r"^    PROBLEM_(\w+),$", (top / "service/doors/problem.h").read_text(), re.M))
for name in sorted(declared - {"COUNT"} - set(re.findall(r"\[PROBLEM_(\w+)\] = \{", problems_source))):
    faults.append(f"problem.c: PROBLEM_{name} has no row")
print("\n".join(faults + [f"errors: {len(in_code)} problems, {len(reasons_in_code)} reasons, "
                          f"{len(faults)} faults"]))
sys.exit(bool(faults))
