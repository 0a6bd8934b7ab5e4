"""Every option of sekishod is in the manual and in the sample file, with the same environment variable and
default, and nothing else is. The truth is the table in service/config.c."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MANUAL, SAMPLE, TABLE = ROOT / "api/sekishod.md", ROOT / "docker/sekishod.conf", ROOT / "service/config.c"

ROW = re.compile(
    r'\{"(?P<name>[a-z-]+)", OPTION_(?P<kind>\w+), (?P<flags>[\w| ]+),\s*'
    r'(?:NULL|"(?P<value>[^"]*)"),\s*(?:NULL|"(?P<fallback>[^"]*)"),\s*(?:NULL|"(?P<env>[^"]*)"),')
MANUAL_ROW = re.compile(
    r"^\| `--(?P<name>[a-z-]+)(?: (?P<value>[^`]+))?` \| (?:`(?P<env>\w+)`)? *\| (?P<fallback>.*?) *\| ", re.M)
SAMPLE_KEY = re.compile(r"^#?(?P<name>[a-z-]+) = (?P<value>.+)$", re.M)


def table():
    text = TABLE.read_text()
    text = text[text.index("table[] = {"):text.index("{0}};")]
    rows = {row["name"]: row.groupdict() for row in ROW.finditer(text)}
    if len(rows) != len(re.findall(r'^ +\{"', text, re.M)):
        sys.exit(f"{TABLE.name}: a row of the table is not understood")
    return rows


def check_manual(options):
    manual = {row["name"]: row.groupdict() for row in MANUAL_ROW.finditer(MANUAL.read_text())}
    for name in sorted(options.keys() ^ manual.keys()):
        yield f"{MANUAL.name}: --{name} is only in {'the table' if name in options else 'the manual'}"
    for name in sorted(options.keys() & manual.keys()):
        option, told = options[name], manual[name]
        if option["env"] != told["env"]:
            yield f"{MANUAL.name}: --{name}: variable {told['env']}, in the table {option['env']}"
        if option["value"] != (told["value"] or "").replace("\\|", "|") and option["value"] is not None:
            yield f"{MANUAL.name}: --{name}: value {told['value']}, in the table {option['value']}"
        if option["fallback"] is not None and told["fallback"] != f"`{option['fallback']}`":
            yield f"{MANUAL.name}: --{name}: default {told['fallback']}, in the table {option['fallback']}"


def check_sample(options):
    in_file = {name for name, option in options.items() if "ARGV_ONLY" not in option["flags"]}
    sample = {row["name"]: row["value"] for row in SAMPLE_KEY.finditer(SAMPLE.read_text())}
    for name in sorted(in_file ^ sample.keys()):
        yield f"{SAMPLE.name}: {name} is only in {'the table' if name in in_file else 'the file'}"
    for name in sorted(in_file & sample.keys()):
        default = (options[name]["fallback"] or "").replace("STATE", options["state"]["fallback"])
        if default and default != sample[name]:
            yield f"{SAMPLE.name}: {name} = {sample[name]}, the default is {default}"


def main():
    options = table()
    faults = [*check_manual(options), *check_sample(options)]
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"options: {len(options)} compared with manual and sample file, {len(faults)} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
