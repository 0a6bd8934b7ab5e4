#!/usr/bin/python3
"""Measures sekisho against its rivals and prints one table; all figures go to build/bench.json.

    tests/bench/bench.py [PART…]      decide authorize lua agi pbx spread cold cdr_import campaign beside; all of them when none is named

`make bench PARTS="…"` builds what this needs; BENCH_SMALL=1 measures less of lua, spread, cold, cdr_import. What
other parts measured before stays in the file. The goals are ratios of what was measured in this run on this
machine. Nothing fails when one is missed; the table says so.
"""
import json
import os
import platform
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [HERE + "/../pbx", HERE + "/../server"]
from daemon import BUILD
from testbed import missing

HEAD = ("what", "measured", "against", "ratio", "goal", "met")
ON_THE_RIGHT = ("measured", "ratio")
TIMEOUT_SECONDS = 3600
KAMAILIO_NS, KAMAILIO_BYTES = 200, 850  # userblocklist's trie in core: quoted, not measured here


def run(*command):
    """What a program that measures has to say."""
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_SECONDS)
    if done.returncode:
        raise RuntimeError(f"{words[0]} ended with status {done.returncode}")
    return json.loads(done.stdout)


def row(what, measured, against="", ratio=None, goal="", met=None):
    return dict(zip(HEAD, (what, measured, against, ratio, goal, met)))


def at_most(bound, ratio):
    return {"ratio": ratio, "goal": f"<= {bound}", "met": ratio <= bound}


def at_least(bound, ratio):
    return {"ratio": ratio, "goal": f">= {bound}", "met": ratio >= bound}


# --- what is measured ---------------------------------------------------------------------------


def decide():
    """Decisions in memory."""
    result = run(BUILD / "tests/bench/decide")
    ns, size, ratios = result["decision_ns"], result["bytes"], result["ratios"]
    hot, told = ns["rules_10"], {name: f"{of:.0f} ns" for name, of in ns.items()}
    parts = ", ".join(f"{part} {of:.0f}" for part, of in result["parts_ns"].items())
    result["note"] = (f"A decision's parts in ns, one by one: {parts}; the rest is clock, decision id "
                      f"and glue.\n10 rules in the quietest round: {result['quietest_round_ns']:.0f} ns. "
                      f"The processor ran at {result['ghz']} GHz.")
    return result, [
        row("decision in memory, 10 rules", told["rules_10"], f"Kamailio about {KAMAILIO_NS} ns (quoted)",
            round(hot / KAMAILIO_NS, 2), "<= 100 ns", hot <= 100),
        row("bytes a rule", f"{size['a_rule']:g} B", f"Kamailio about {KAMAILIO_BYTES} B (quoted)",
            round(size["a_rule"] / KAMAILIO_BYTES, 2), "<= 16 B", size["a_rule"] <= 16),
        row("bytes a tenant beside its rules", f"{size['a_tenant']:g} B", goal="<= 64 B",
            met=size["a_tenant"] <= 64),
        row("bytes a rule in side tables", f"{size['cold_a_rule']:g} B"),
        row("decision, 10,000 rules over 10", told["rules_10000"], told["rules_10"])
        | at_most(1.5, round(ratios["rules"], 2)),
        row("decision, 1,000,000 tenants over 1,000", told["tenants_1000000"], told["tenants_1000"])
        | at_most(4, round(ratios["tenants"], 2)),
        row(f"decision, {result['threads']} threads at once over one", told["together"], told["alone"],
            round(ratios["threads"], 2)),
    ]


def authorize():
    """GET /v1/authorize."""
    result = run(HERE + "/authorize.py")
    rate = {name: f"{of['per_s']:,.0f} /s" for name, of in result["medians"].items()}
    cpu = {name: f"{of['server_cpu_us']:.1f} us" for name, of in result["medians"].items()}
    return result, [
        row("GET /v1/authorize, 10,000 tenants", rate["10000"],
            f"libmicrohttpd, constant body {rate['constant']}") | at_least(0.85, result["of_constant"]),
        row("- processor time of the server", cpu["10000"], f"the same {cpu['constant']}",
            result["cpu_of_constant"]),
        row("- 1,000 tenants over 100,000", rate["1000"], rate["100000"])
        | at_most(1.3, result["few_over_many"]),
    ]


def lua():
    """GET /v1/authorize against nginx with Lua asking Redis."""
    result = run(HERE + "/peers.py")
    rate = {name: f"{of:,} /s" for name, of in result["per_s"].items()}
    return result, [row("GET /v1/authorize, the same rules in Redis", rate["sekisho"],
                        f"nginx, Lua, MGET of all prefixes {rate['nginx']}") | at_least(4, round(result["faster"], 2))]


def agi():
    """FastAGI, one connection a call."""
    result = run(HERE + "/agi.py")
    ours, theirs = (f"{result[of]['calls_per_s']:,.0f} /s" for of in ("sekisho", "constant"))
    return result, [row("FastAGI verdicts", ours, f"epoll server, constant answer {theirs}")
                    | at_least(0.9, result["ratio"])]


def pbx():
    """Inside a real Asterisk."""
    why_not = missing()
    if why_not:
        return {"missing": why_not}, [row("verdict inside Asterisk", "-", why_not, goal=">= 8")]
    result = run(HERE + "/pbx.py")
    ways, faster = result["ways"], result["perl_over"]
    perl = f"Perl AGI program {ways['perl']['p50_ms']:.2f} ms"
    rows = []
    for way in ("fastagi", "curl", "include_fastagi", "include_curl"):
        took = row(f"verdict inside Asterisk, {way}", f"{ways[way]['p50_ms']:.2f} ms", perl, faster[way])
        rows.append(took if way.startswith("include") else took | at_least(8, faster[way]))
    return result, rows


def spread():
    """An edit on one node, in force on another."""
    result = run(HERE + "/spread.py")
    trip = result["round_trip"]
    rows = []
    for way, name, bound_ms in (("redis", "with Redis", 10), ("without", "without, by LISTEN", 1100),
                                ("pooler", "without, by the poll alone", 1100)):
        of = result[way]
        rows += [row(f"edit in force on another node {name}, p50", f"{of['p50_ms']:.1f} ms",
                     f"one Redis round trip {trip['p50_ms']:.2f} ms", round(of["p50_ms"] / trip["p50_ms"], 1)),
                 row("- p99", f"{of['p99_ms']:.1f} ms", f"p99 of the same {trip['p99_ms']:.2f} ms",
                     round(of["p99_ms"] / trip["p99_ms"], 1), f"<= {bound_ms} ms", of["p99_ms"] <= bound_ms)]
    return result, rows


def cold():
    """A cold start of a million tenants."""
    result = run(HERE + "/cold.py")
    return result, [row(f"cold start, {result['tenants']:,} tenants, {result['rules']:,} rules, {name}",
                        f"{result[name]['ready_s']:.1f} s", f"{client} reading the same rows "
                        f"{result[name]['select_s']:.1f} s") | at_most(2, result[name]["ratio"])
                    for name, client in (("sqlite", "sqlite3"), ("postgresql", "psql"))]


def cdr_import():
    """Call records into the history."""
    result = run(HERE + "/cdr_import.py")
    return result, [
        row(f"{result['calls']:,} call records, {name}", f"{of['rows_s']:,.0f} /s", f"{bare} {of['bare_rows_s']:,.0f} /s")
        | at_least(0.5, round(of["ratio"], 2))
        for (name, of), bare in zip(result["databases"].items(), (".import", "COPY"))]


def campaign():
    """Campaigns over 100,000 accounts."""
    result = run(HERE + "/campaign.py")
    rows = []
    for name, jobs in result["databases"].items():
        for job, of in jobs.items():
            told = row(f"campaign {job}, {result['accounts']:,} accounts, {name}", f"{of['seconds']:.1f} s",
                       f"bare SQL writing the same rows {of['bare_seconds']:.1f} s", of["ratio"])
            rows.append(told | (at_least(0.5, of["ratio"]) if job == "apply" else {}))
    return result, rows


def beside():
    """Verdicts while long work goes on."""
    result = run(HERE + "/beside.py")
    rest = result["phases"]["at rest"]
    return result, [
        row(f"verdict during {name}, p99 (p50)", f"{of['p99_ms']:.2f} ms ({of['p50_ms']:.2f})",
            f"at rest {rest['p99_ms']:.2f} ms ({rest['p50_ms']:.2f})", round(of["p99_ms"] / rest["p99_ms"], 2))
        for name, of in result["phases"].items() if of is not rest]


PARTS = {part.__name__: part for part in (decide, authorize, lua, agi, pbx, spread, cold, cdr_import, campaign, beside)}

# --- the table ------------------------------------------------------------------------------------


def cell(value):
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.2f}" if isinstance(value, float) else "" if value is None else str(value)


def table(rows):
    lines = [list(HEAD)] + [[cell(one[column]) for column in HEAD] for one in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    lines.insert(1, ["-" * width for width in widths])
    sides = [str.rjust if column in ON_THE_RIGHT else str.ljust for column in HEAD]
    return "\n".join("  ".join(side(word, width) for side, word, width in zip(sides, line, widths)).rstrip()
                     for line in lines)


def earlier():
    """What is in the file already, of parts that there still are."""
    try:
        found = json.loads((BUILD / "bench.json").read_text())
        return {"details": {name: of for name, of in found["details"].items() if name in PARTS},
                "rows": [one for one in found["rows"] if one.get("part") in PARTS]}
    except (OSError, ValueError, KeyError, TypeError):
        return {"details": {}, "rows": []}


def main():
    wanted = sys.argv[1:] or list(PARTS)
    if set(wanted) - set(PARTS):
        sys.exit(__doc__)
    before = earlier()
    details, rows, failed, began = before["details"], before["rows"], False, time.time()
    for name in wanted:
        print(f"measuring: {PARTS[name].__doc__}", file=sys.stderr)
        try:
            details[name], added = PARTS[name]()
        except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            failed, added = True, [row(name, "-", str(error))]
        rows = [one for one in rows if one.get("part") != name] + [{"part": name} | one for one in added]
    rows.sort(key=lambda one: list(PARTS).index(one["part"]))  # stable: a part's own order stays
    out = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
           "seconds": round(time.time() - began), "rows": rows, "details": details,
           "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"}
    (BUILD / "bench.json").write_text(json.dumps(out, indent=1) + "\n")
    print(table([one for one in rows if one["part"] in wanted]))
    for name, of in details.items():
        if "note" in of and name in wanted:
            print("\n" + of["note"])
    print(f"{out['machine']}; {out['seconds']} s. All figures: {os.path.relpath(BUILD)}/bench.json")
    sys.exit(failed)


if __name__ == "__main__":
    main()
