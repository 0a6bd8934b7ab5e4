#!/usr/bin/python3
"""Measures sekisho against its rivals and prints one table; all figures go to build/bench.json.

    tests/bench/bench.py [decide] [authorize] [agi] [pbx]     all of them when none is named

`make bench` builds what this needs. The goals are ratios of what was measured in this run on this
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
TIMEOUT_SECONDS = 300
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


PARTS = {part.__name__: part for part in (decide, authorize, agi, pbx)}

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


def main():
    wanted = sys.argv[1:] or list(PARTS)
    if set(wanted) - set(PARTS):
        sys.exit(__doc__)
    details, rows, failed, began = {}, [], False, time.time()
    for name in wanted:
        print(f"measuring: {PARTS[name].__doc__}", file=sys.stderr)
        try:
            details[name], added = PARTS[name]()
        except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            failed, added = True, [row(name, "-", str(error))]
        rows += added
    out = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
           "seconds": round(time.time() - began), "rows": rows, "details": details,
           "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}"}
    (BUILD / "bench.json").write_text(json.dumps(out, indent=1) + "\n")
    print(table(rows))
    for of in details.values():
        if "note" in of:
            print("\n" + of["note"])
    print(f"{out['machine']}; {out['seconds']} s. All figures: {os.path.relpath(BUILD)}/bench.json")
    sys.exit(failed)


if __name__ == "__main__":
    main()
