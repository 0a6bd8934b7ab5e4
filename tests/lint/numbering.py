"""Checks the numbering data under schema/numbering: form, completeness and the promises the code
relies on (longest match has one answer, no emergency number is data, group prefixes are canonical).

    /usr/bin/python3 tests/lint/numbering.py [DIR]

The lists below are written out, not derived from the data: a check that reads its expectation from
what it checks proves nothing.
"""

import csv
import re
import sys
from collections import Counter
from pathlib import Path

HEADERS = {
    "about.csv": "key,value",
    "countries.csv": "code,country,min_digits,max_digits,name_en,name_ja,source",
    "nanp.csv": "area,country,use,name_en,name_ja,source",
    "kinds.csv": "prefix,min_digits,max_digits,kind,floor,name_en,name_ja,source",
    "prefixes.csv": "prefix,before,bare,keep,name,source",
    "services.csv": "code,action,name,source",
    "groups.csv": "group,prefix,note,source",
}

# Files whose rows share a first column: the key is the first two columns there.
TWO_COLUMN_KEYS = ("about.csv", "groups.csv")

EMERGENCY = ("110", "118", "119")

# Every code that ITU-T E.164 assigns to a country, territory or global service.
ASSIGNED = """
1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65
66 81 82 84 86 90 91 92 93 94 95 98
211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239
240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265
266 267 268 269 290 291 297 298 299
350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 379 380 381 382 383 385
386 387 388 389 420 421 423
500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599
670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692
800 808 850 852 853 855 856 870 878 880 881 882 883 886 888
960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 991 992 993 994 995 996 997
998
""".split()

GLOBAL = "388 800 808 870 878 881 882 883 888 979 991".split()

# Territories that share a code with a bigger one and have to be told apart.
SHARED = {"7": "RU KZ", "39": "IT VA", "44": "GB GG JE IM", "47": "NO SJ", "61": "AU CC CX",
          "212": "MA EH", "262": "RE YT", "290": "SH TA", "358": "FI AX", "590": "GP BL MF",
          "599": "CW BQ"}

CARIBBEAN = {"242": "BS", "246": "BB", "264": "AI", "268": "AG", "284": "VG", "345": "KY",
             "441": "BM", "473": "GD", "649": "TC", "658": "JM", "664": "MS", "721": "SX",
             "758": "LC", "767": "DM", "784": "VC", "809": "DO", "829": "DO", "849": "DO",
             "868": "TT", "869": "KN", "876": "JM"}
US_TERRITORIES = {"340": "VI", "670": "MP", "671": "GU", "684": "AS", "787": "PR", "939": "PR"}

USES = {"geographic", "territory", "tollfree", "premium", "personal", "other"}
FLOOR_KINDS = {"geographic", "mobile", "ip", "freephone"}
KINDS = FLOOR_KINDS | {"navi", "premium", "mass", "message", "special", "fmc", "data", "paging",
                       "sms", "connection", "operator"}
LONGEST_DIALED = 21
LONGEST_INTERNATIONAL = 19   # E.164 says 15; libphonenumber has longer ones (+49, +62, +81)

# Numbers as dialed that have to get this kind; one line for each promise of the kinds table.
EXAMPLES = """
0312345678 geographic   0112345678 geographic   0123456789 geographic   0460812345 geographic
0220212345 geographic   0997512345 geographic   05012345678 ip          05001234567 -
07012345678 mobile      08012345678 mobile      09012345678 mobile      06012345678 mobile
09001234567 -           07001234567 -           06001234567 fmc         0600123456 fmc
0120123456 freephone    012012345 -             08001234567 freephone   0800123456 -
0570123456 navi         0990512345 premium      0180993123 mass         0170123456 message
02012345678 data        02001234567890 data     02001234567 -           02041234567 paging
0910123456 connection   003712345678 freephone  0066123456 freephone    0078123456 freephone
00777012 freephone      007775012 freephone     0077781234 freephone    0088211234 freephone
0088231234 -            00020000 sms            0009123456 sms          000212345678 -
0051 operator           00510 -                 117 special             1171 -
104 special             #7119 special           #71190 -
110 -                   118 -                   119 -                   010252612345678 -
"""


class Report:
    def __init__(self):
        self.problems = []

    def expect(self, condition, text):
        if not condition:
            self.problems.append(text)


def read(path, report):
    """Rows as dictionaries; the form of the file is checked on the way."""
    name = path.name
    raw = path.read_bytes()
    report.expect(b"\r" not in raw, f"{name}: carriage return")
    report.expect(raw.endswith(b"\n") and not raw.endswith(b"\n\n"),
                  f"{name}: must end with one newline")
    lines = raw.decode("utf-8").splitlines()
    comments = 0
    while comments < len(lines) and lines[comments].startswith("#"):
        comments += 1
    report.expect(comments > 0, f"{name}: no comment that says what it is")
    report.expect(lines[comments] == HEADERS[name], f"{name}: header is {lines[comments]!r}")
    columns = HEADERS[name].split(",")
    rows = []
    for number, line in enumerate(lines[comments + 1:], comments + 2):
        fields = parse(line)
        if fields is None or len(fields) != len(columns):
            report.expect(False, f"{name}:{number}: not {len(columns)} columns: {line}")
            continue
        report.expect(all(f == f.strip() for f in fields), f"{name}:{number}: space around a value")
        rows.append(dict(zip(columns, fields)))
    check_order(name, columns, rows, report)
    return rows


def parse(line):
    """One row; a quoted field may not run over the line, so lines are parsed one by one."""
    try:
        return next(csv.reader([line], strict=True), None)
    except csv.Error:
        return None


def check_order(name, columns, rows, report):
    width = 2 if name in TWO_COLUMN_KEYS else 1
    keys = [tuple(row[c].encode() for c in columns[:width]) for row in rows]
    report.expect(keys == sorted(keys), f"{name}: rows are not in the order of their key")
    for key, count in Counter(keys).items():
        report.expect(count == 1, f"{name}: {b','.join(key).decode()} stands {count} times")
    if "source" in columns:
        for row in rows:
            report.expect(row["source"], f"{name}: {row[columns[0]]} has no source")


def check_lengths(name, key, row, longest, report):
    low, high = row["min_digits"], row["max_digits"]
    if not (low.isdigit() and high.isdigit()):
        report.expect(False, f"{name}: {key}: lengths {low!r} and {high!r} are not numbers")
        return
    report.expect(len(key) <= int(low) <= int(high) <= longest,
                  f"{name}: {key}: lengths {low} to {high}")


def check_countries(rows, report):
    codes = {row["code"]: row for row in rows}
    for row in rows:
        code = row["code"]
        report.expect(re.fullmatch(r"[1-9]\d{0,8}", code), f"countries.csv: code {code}")
        report.expect(re.fullmatch(r"[A-Z]{2}|001", row["country"]) or code == "1",
                      f"countries.csv: {code}: country {row['country']!r}")
        report.expect(row["name_en"] and row["name_ja"], f"countries.csv: {code} has no name")
        check_lengths("countries.csv", code, row, LONGEST_INTERNATIONAL, report)
    for code in ASSIGNED:
        report.expect(code in codes, f"countries.csv: assigned code {code} is missing")
    for code in codes:
        report.expect(any(code.startswith(known) for known in ASSIGNED),
                      f"countries.csv: {code} begins with no assigned code")
        report.expect(not code.startswith("1") or code == "1",
                      f"countries.csv: {code} belongs in nanp.csv")
    for code in GLOBAL:
        report.expect(codes.get(code, {}).get("country") == "001",
                      f"countries.csv: {code} is not 001")
    for code, countries in SHARED.items():
        found = {row["country"] for row in rows if row["code"].startswith(code)}
        report.expect(found == set(countries.split()),
                      f"countries.csv: +{code} tells {sorted(found)}")
        report.expect(codes.get(code, {}).get("country") == countries.split()[0],
                      f"countries.csv: {code} itself is not {countries.split()[0]}")
    check_useless(rows, "code", lambda row: row["country"], "countries.csv", report)


def longest_match(table, number):
    for length in range(len(number), 0, -1):
        if number[:length] in table:
            return table[number[:length]]
    return None


def check_useless(rows, key, meaning, name, report):
    """A row that says what the shorter one already says is a slip of the generator."""
    table = {row[key]: row for row in rows}
    for row in rows:
        above = longest_match(table, row[key][:-1])
        report.expect(not above or meaning(above) != meaning(row),
                      f"{name}: {row[key]} says the same as {above and above[key]}")


def check_nanp(rows, report):
    for row in rows:
        area = row["area"]
        report.expect(re.fullmatch(r"[2-9]\d\d", area), f"nanp.csv: area {area}")
        report.expect(row["use"] in USES, f"nanp.csv: {area}: use {row['use']!r}")
        report.expect(re.fullmatch(r"[A-Z]{2}|", row["country"]),
                      f"nanp.csv: {area}: country {row['country']!r}")
        report.expect(row["country"] or row["use"] not in ("geographic", "territory"),
                      f"nanp.csv: {area} is {row['use']} and has no country")
    abroad = {row["area"]: row["country"] for row in rows
              if row["use"] == "geographic" and row["country"] not in ("US", "CA")}
    wrong = sorted(set(abroad.items()) ^ set(CARIBBEAN.items()))
    report.expect(not wrong, f"nanp.csv: Caribbean codes differ: {wrong}")
    count = (len(abroad), len(set(abroad.values())))
    report.expect(count == (21, 18), f"nanp.csv: {count} Caribbean codes and places, not 21 and 18")
    territories = {row["area"]: row["country"] for row in rows if row["use"] == "territory"}
    report.expect(territories == US_TERRITORIES, f"nanp.csv: US territories differ: {territories}")
    uses = Counter((row["use"], row["country"]) for row in rows)
    for country, least in (("US", 350), ("CA", 50)):
        count = uses["geographic", country]
        report.expect(count >= least, f"nanp.csv: only {count} area codes of {country}")


def kind_of(table, dialed):
    row = longest_match(table, dialed)
    if row and int(row["min_digits"]) <= len(dialed) <= int(row["max_digits"]):
        return row["kind"]
    return "-"


def check_kinds(rows, report):
    for row in rows:
        prefix, kind = row["prefix"], row["kind"]
        report.expect(re.fullmatch(r"#?\d+", prefix), f"kinds.csv: prefix {prefix}")
        report.expect(kind in KINDS, f"kinds.csv: {prefix}: kind {kind!r}")
        report.expect(row["floor"] == ("allow" if kind in FLOOR_KINDS else "deny"),
                      f"kinds.csv: {prefix}: {kind} has floor {row['floor']!r}")
        check_lengths("kinds.csv", prefix, row, LONGEST_DIALED, report)
        report.expect(not prefix.startswith("010"), f"kinds.csv: {prefix} is international")
        if kind == "special":
            report.expect(row["min_digits"] == row["max_digits"] == str(len(prefix)),
                          f"kinds.csv: {prefix} is a whole code and must match whole")
    table = {row["prefix"]: row for row in rows}
    words = EXAMPLES.split()
    for dialed, kind in zip(words[::2], words[1::2]):
        report.expect(kind_of(table, dialed) == kind,
                      f"kinds.csv: {dialed} is {kind_of(table, dialed)}, not {kind}")
    for number in EMERGENCY:
        report.expect(number not in table, f"kinds.csv: emergency number {number}")


def check_prefixes(rows, report):
    table = {row["prefix"]: row for row in rows}
    for row in rows:
        prefix, before = row["prefix"], row["before"]
        report.expect(re.fullmatch(r"[01]\d{2,7}", prefix), f"prefixes.csv: prefix {prefix}")
        report.expect(before in ("any", "zero", "number", "international"),
                      f"prefixes.csv: {prefix}: before is {before!r}")
        report.expect(row["bare"] == ("yes" if before == "number" else "no"),
                      f"prefixes.csv: {prefix}: bare is {row['bare']!r} before {before}")
        report.expect(row["keep"] == ("yes" if prefix in ("184", "186") else "no"),
                      f"prefixes.csv: {prefix}: keep is {row['keep']!r}")
        report.expect(not prefix.startswith(("010", *EMERGENCY)),
                      f"prefixes.csv: {prefix} may not be taken off")
    known = {"any": "184 186 122 0000", "zero": "003768", "international": "0081",
             "number": "001 0033 0038 0041 0046 0061 0039 005345 009130"}
    for before, prefixes in known.items():
        for prefix in prefixes.split():
            report.expect(table.get(prefix, {}).get("before") == before,
                          f"prefixes.csv: {prefix} is not {before}")


def check_services(rows, report):
    for row in rows:
        code, action = row["code"], row["action"]
        report.expect(re.fullmatch(r"\*{1,2}\d{2,3}\*", code), f"services.csv: code {code}")
        report.expect(re.fullmatch(r"[a-z-]+", action), f"services.csv: {code}: action {action!r}")
    codes = {row["code"] for row in rows}
    for code in "21 61 62 67 002 004".split():
        report.expect({f"*{code}*", f"**{code}*"} <= codes, f"services.csv: {code} is missing")


def check_groups(rows, countries, nanp, report):
    codes = {row["code"]: row for row in countries}
    areas = {row["area"] for row in nanp}
    groups = {}
    for row in rows:
        groups.setdefault(row["group"], set()).add(row["prefix"])
        group, prefix = row["group"], row["prefix"]
        report.expect(re.fullmatch(r"[a-z0-9-]{1,32}", group), f"groups.csv: group {group}")
        report.expect(re.fullmatch(r"010[1-9]\d*", prefix),
                      f"groups.csv: {prefix} is not canonical")
        if prefix.startswith("0101") and len(prefix) >= 7:
            report.expect(prefix[4:7] in areas, f"groups.csv: {prefix}: area code not known")
        report.expect(longest_match(codes, prefix[3:]), f"groups.csv: {prefix}: no country code")
    report.expect(groups.get("nanp-caribbean") == {"0101" + area for area in CARIBBEAN},
                  "groups.csv: nanp-caribbean is not the 21 codes")
    report.expect(groups.get("us-territories") == {"0101" + area for area in US_TERRITORIES},
                  "groups.csv: us-territories differ")
    for name, prefixes in {"high-risk": "010252 010232 010386 01053 010371 010377 010881 010979",
                           "satellite": "010870 010881 01088216",
                           "premium-international": "010979 0101900"}.items():
        missing = set(prefixes.split()) - groups.get(name, set())
        report.expect(not missing, f"groups.csv: {name} lacks {sorted(missing)}")


def check_about(rows, report):
    values = {row["key"]: row["value"] for row in rows}
    report.expect(set(values) == {"version", "date", "source"}, f"about.csv: keys {sorted(values)}")
    shapes = {"version": r"20\d\d\.(1[0-2]|[1-9])\.\d+", "date": r"20\d\d-[01]\d-[0-3]\d"}
    for key, shape in shapes.items():
        report.expect(re.fullmatch(shape, values.get(key, "")), f"about.csv: {key}")


def check_sources_agree(about, countries, report):
    """about.csv names the release countries.csv was written from."""
    sources = {row["source"] for row in countries}
    releases = {source for source in sources if source.startswith("libphonenumber-js ")}
    named = " ".join(row["value"] for row in about)
    report.expect(len(releases) == 1, f"countries.csv: written from {sorted(releases)}")
    for release in releases:
        report.expect(release in named, f"about.csv does not name {release}")


def main():
    root = Path(__file__).resolve().parents[2] / "schema" / "numbering"
    if len(sys.argv) > 1:
        root = Path(sys.argv[1])
    report = Report()
    data = {name: read(root / name, report) for name in HEADERS}
    check_about(data["about.csv"], report)
    check_countries(data["countries.csv"], report)
    check_nanp(data["nanp.csv"], report)
    check_kinds(data["kinds.csv"], report)
    check_prefixes(data["prefixes.csv"], report)
    check_services(data["services.csv"], report)
    check_groups(data["groups.csv"], data["countries.csv"], data["nanp.csv"], report)
    check_sources_agree(data["about.csv"], data["countries.csv"], report)
    for problem in report.problems:
        print(problem)
    rows = sum(len(found) for found in data.values())
    print(f"numbering: {len(HEADERS)} files, {rows} rows, {len(ASSIGNED)} assigned codes, "
          f"{len(report.problems)} problems")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
