#!/usr/bin/env python3
"""A file includes only its own layer and those to its left (what each folder may see is ALLOWED)."""

import pathlib
import re
import sys

ALLOWED = {
    "base": {"base"},
    "core": {"base", "core"},
    "auth": {"base", "core", "auth"},
    "store": {"base", "core", "store"},
    "cache": {"base", "core", "cache"},
    "wire": {"base", "core", "wire"},
    "engine": {"base", "core", "auth", "store", "cache", "engine"},
    "jobs": {"base", "core", "auth", "store", "cache", "engine", "wire", "jobs"},
    "doors": {"base", "core", "auth", "store", "cache", "engine", "wire", "jobs", "doors"},
    "cli": {"base", "core", "auth", "wire", "cli"},
}
# the AGI program speaks the same protocol as the FastAGI door; its parser and reply are pure
EXCEPTIONS = {("cli/cmd_agi.c", "doors/agi_parse.h"), ("cli/cmd_agi.c", "doors/agi_reply.h"),
              ("cli/cmd_store.c", "store/store.h"), ("cli/cmd_store.c", "store/copy.h")}
# libraries beside libc that a folder may include; core builds with libc alone
LIBRARIES = {
    "base": {"sodium.h"}, "core": set(),
    "auth": {"jwt.h", "sodium.h", "openssl/", "jansson.h", "urcu"},
    "store": {"sqlite3.h", "jansson.h", "sodium.h", "libpq-fe.h"},
    "cache": {"hiredis/", "sodium.h"}, "wire": {"jansson.h"},
    "engine": {"urcu", "sanitizer/", "sodium.h"}, "jobs": {"curl/", "jansson.h", "sodium.h"},
    "doors": {"microhttpd.h", "jansson.h", "sodium.h", "gnutls/"},
    "cli": {"curl/", "jansson.h", "sodium.h", "sqlite3.h", "libpq-fe.h"},
}
KNOWN = set().union(*LIBRARIES.values())

top = pathlib.Path(__file__).resolve().parents[2] / "service"
problems = []
files = sorted(top.rglob("*.[ch]"))
for path in files:
    name = path.relative_to(top).as_posix()
    layer = name.split("/")[0] if "/" in name else None
    if layer is None:  # main.c and config.c build the world: they see everything
        continue
    if layer not in ALLOWED:
        problems.append(f"{name}: no layer '{layer}' is known")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not match:
            continue
        kind, what = match.groups()
        if kind == '"' and (what.split("/")[0] not in ALLOWED[layer]) and (name, what) not in EXCEPTIONS:
            problems.append(f"{name}:{number}: {layer} may not include {what}")
        library = next((k for k in KNOWN if what.startswith(k)), None)
        if kind == "<" and library and library not in LIBRARIES[layer]:
            problems.append(f"{name}:{number}: {layer} may not use {what}")
print("\n".join(problems + [f"layers: {len(files)} files, {len(problems)} problems"]))
sys.exit(bool(problems))
