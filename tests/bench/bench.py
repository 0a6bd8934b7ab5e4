#!/usr/bin/python3
"""Measures sekisho against its rivals and prints one table; all figures go to build/bench.json.

    tests/bench/bench.py [decide] [authorize] [agi] [pbx]        all of them when none is named

`make bench` builds what this needs. The goals are ratios of what was
measured in this run on this machine. Nothing fails when one is missed; the table says so.
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

PARTS = ("decide", "authorize", "agi", "pbx")
HEAD = ("what", "measured", "against", "ratio", "goal", "met")
KAMAILIO_NS, KAMAILIO_BYTES = 200, 850  # userblocklist's trie in core; quoted, not measured here


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, timeout=300)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}")
    return json.loads(done.stdout)


def row(what, measured, against, ratio, goal=None, at_most=None, at_least=None):
    """`ratio` is what the goal is about; None for a bound on the measured value itself."""
    met = "" if at_most is None and at_least is None else (
        ratio <= at_most if at_most is not None else ratio >= at_least)
    return {"what": what, "measured": measured, "against": against, "ratio": ratio,
            "goal": goal or (f"<= {at_most}" if at_most is not None else
                             f">= {at_least}" if at_least is not None else ""), "met": met}


def bound(what, value, unit, against, at_most):
    """A goal that is an absolute bound: no ratio."""
    return row(what, f"{value:g} {unit}", against, None, f"<= {at_most} {unit}") | {"met": value <= at_most}


def over(what, ns, many, few, at_most=None):
    return row(what, f"{ns[many]:.0f} ns", f"{ns[few]:.0f} ns", round(ns[many] / ns[few], 2), at_most=at_most)


# --- what is measured ---------------------------------------------------------------------------------


def decide():
    """Decisions in memory."""
    result = run(BUILD / "tests/bench/decide")
    ns, bytes_, threads = result["decision_ns"], result["bytes"], result["threads"]
    parts = ", ".join(f"{part} {of:.0f}" for part, of in result["parts_ns"].items())
    result["note"] = (f"A decision's parts in ns, measured one by one: {parts}; the rest is clock, decision "
                      f"id and glue.\n10 rules in the quietest round: {result['quietest_round_ns']:.0f} ns. "
                      f"The processor ran at {result['ghz']} GHz.")
    ns = ns | {"alone": threads["alone_ns"], "together": threads["together_ns"]}
    hot = row("decision in memory, 10 rules", f"{ns['rules_10']:.0f} ns",
              f"Kamailio about {KAMAILIO_NS} ns (quoted)", round(ns["rules_10"] / KAMAILIO_NS, 2), "<= 100 ns")
    return result, [
        hot | {"met": ns["rules_10"] <= 100},
        bound("bytes a rule", bytes_["a_rule"], "B", f"Kamailio about {KAMAILIO_BYTES} B (quoted)", 16),
        bound("bytes a tenant beside its rules", bytes_["a_tenant"], "B", "", 64),
        row("bytes a rule in side tables", f"{bytes_['cold_a_rule']:g} B", "", None),
        over("decision, 10,000 rules over 10", ns, "rules_10000", "rules_10", 1.5),
        over("decision, 1,000,000 tenants over 1,000", ns, "tenants_1000000", "tenants_1000", 4),
        over(f"decision, {threads['count']} threads at once over one", ns, "together", "alone"),
    ]


def authorize():
    """GET /v1/authorize."""
    result = run(HERE + "/authorize.py")
    medians = result["medians"]
    rate = {name: f"{of['per_s']:,.0f} /s" for name, of in medians.items()}
    cpu = {name: f"{of['server_cpu_us']:.1f} us" for name, of in medians.items()}
    return result, [
        row("GET /v1/authorize, 10,000 tenants", rate["10000"], f"libmicrohttpd, constant body {rate['constant']}",
            result["of_constant"], at_least=0.85),
        row("- processor time of the server", cpu["10000"], f"the same {cpu['constant']}",
            result["cpu_of_constant"]),
        row("- 1,000 tenants over 100,000", rate["1000"], rate["100000"], result["few_over_many"], at_most=1.3),
    ]


def agi():
    """FastAGI, one connection a call."""
    result = run(HERE + "/agi.py")
    ours, theirs = result["sekisho"], result["constant"]
    return result, [
        row("FastAGI verdicts", f"{ours['calls_per_s']:,.0f} /s",
            f"epoll server, constant answer {theirs['calls_per_s']:,.0f} /s", result["ratio"], at_least=0.9)]


def pbx():
    """Inside a real Asterisk."""
    if missing():
        return {"missing": missing()}, [row("verdict inside Asterisk", "-", missing(), None, ">= 8")]
    result = run(HERE + "/pbx.py")
    ways, faster = result["ways"], result["perl_over"]
    perl = f"Perl AGI script {ways['perl']['p50_ms']:.2f} ms"
    return result, [
        row(f"verdict inside Asterisk, {way}", f"{ways[way]['p50_ms']:.2f} ms", perl, faster[way],
            at_least=8 if is_goal else None)
        for way, is_goal in (("fastagi", True), ("curl", True), ("include_fastagi", False),
                             ("include_curl", False))]


# --- the table ----------------------------------------------------------------------------------------


def cell(value):
    return {True: "yes", False: "NO", None: ""}.get(value, str(value)) if not isinstance(value, float) else f"{value:.2f}"


def table(rows):
    lines = [HEAD] + [[cell(one[column]) for column in HEAD] for one in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join("  ".join(word.rjust(width) if HEAD[i] in ("measured", "ratio") else word.ljust(width)
                               for i, (word, width) in enumerate(zip(line, widths))).rstrip()
                     for line in ruled)


def main():
    wanted = sys.argv[1:] or PARTS
    if set(wanted) - set(PARTS):
        sys.exit(__doc__)
    details, rows, failed = {}, [], False
    began = time.time()
    for name in wanted:
        part = globals()[name]
        print(f"measuring: {part.__doc__}", file=sys.stderr)
        try:
            details[name], added = part()
            rows += added
        except (RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            failed = True
            rows.append(row(name, "-", str(error), None))
    out = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)), "seconds": round(time.time() - began),
           "machine": f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}",
           "rows": rows, "details": details}
    (BUILD / "bench.json").write_text(json.dumps(out, indent=1) + "\n")
    print(table(rows))
    for of in details.values():
        if "note" in of:
            print("\n" + of["note"])
    print(f"{out['machine']}; {out['seconds']} s. All figures: {os.path.relpath(BUILD)}/bench.json")
    sys.exit(failed)


if __name__ == "__main__":
    main()
