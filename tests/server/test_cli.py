"""The command line against a real daemon: every command, exit statuses, JSON, and what is said of mistakes."""
import itertools
import json
import os
import re
import subprocess
import time

import pytest

from daemon import BUILD

CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith(("SEKISHO_", "LC_", "LANG", "NO_COLOR"))}
numbers = itertools.count()


class Cli:
    def __init__(self, daemon, role="operator", *tenants):
        self.env = {"SEKISHO_URL": f"http://127.0.0.1:{daemon.ports['admin']}", "TZ": "Asia/Tokyo",
                    "SEKISHO_TOKEN": daemon.token(role, *tenants)}

    def __call__(self, *words, status=0, stdin=None, env=None):
        """Runs it; the exit status must be `status`. Returns standard output, or standard error when it
        is trouble (2)."""
        result = subprocess.run([str(BUILD / "sekisho"), *map(str, words)], capture_output=True, text=True,
                                input=stdin, timeout=60, env=CLEAN | self.env | (env or {}))
        assert result.returncode == status, (words, result)
        if status == 2:
            assert result.stdout == "", result
            return result.stderr
        assert result.stderr == "", result
        return result.stdout

    def json(self, *words, **more):
        return json.loads(self(*words, "--json", **more))


@pytest.fixture(scope="module")
def cli(daemon):
    return Cli(daemon)


@pytest.fixture
def tenant(cli):
    """A tenant of the test's own with account 1001 and no rules."""
    name = f"cli-{next(numbers)}"
    cli("tenant", "add", name, "--name", "株式会社アクメ", "--profile", "open")
    cli("account", "add", name, "1001", "--name", "受付")
    return name


def rows(table):
    """The rows of a printed table as dicts, cut at the columns of its title."""
    titles, *lines = table.splitlines()
    return [re.split(r"  +", line.strip()) for line in lines], re.split(r"  +", titles.strip())


# --- check --------------------------------------------------------------------------------------------


def test_check_answers_with_its_exit_status(cli, tenant):
    cli("rule", "add", tenant, "deny", "010")
    cli("rule", "add", tenant, "allow", "0101")
    cli("rule", "add", tenant, "divert", "0101900", "--divert-to", "voicemail")
    cli("check", tenant, "1001", "0312345678", status=0)
    cli("check", tenant, "1001", "010 44 20 7946 0000", status=1)
    cli("check", tenant, "1001", "+1 212 555 0100", status=0)
    cli("check", tenant, "1001", "+1 900 555 0100", status=3)
    cli("check", tenant, "-", "010 44 20 7946 0000", status=1)
    cli("check", "nobody-here", "1001", "0312345678", status=2)


def test_check_tells_reading_rules_and_verdict(cli, tenant):
    cli("rule", "add", tenant, "deny", "010")
    cli("rule", "add", tenant, "allow", "0101", "--note", "出張 Boston", "--expires", "2099-12-01 09:00",
        "--account", "1001")
    rule = next(rule for rule in cli.json("rule", "list", tenant)["rules"] if rule["account"])
    assert cli("check", tenant, "1001", "+1 (212) 555-0100") == f"""\
dialed    +1 (212) 555-0100
  written plainly           +12125550100
  + stands for 010          01012125550100
  international             United States (US)
rules
  tenant    deny    010             passed over: a narrower scope says otherwise
  account   allow   0101            decides
allow     rule 0101 of account 1001 of tenant {tenant}
  id      {rule['id']}
  source  {rule['source']}
  note    出張 Boston
  expires 2099-12-01 09:00 +09:00
dial      01012125550100
"""


def test_check_of_the_real_attack(cli, tenant):
    cli("rule", "add", tenant, "deny", "010")
    text = cli("check", tenant, "1001", "186-0081-010-252-61-555-0101", status=1)
    assert "\n  186 taken off             0081" in text
    assert "\n  0081 taken off            010252615550101\n" in text
    assert "\n  international             Somalia (SO)\n" in text
    assert "\n  tenant    deny    010             decides\n" in text
    assert "dial " not in text
    text = cli("check", tenant, "1001", "10442079460000", status=1)
    assert "010             decides: a number of unknown kind is asked for as 010, too\n" in text


def test_check_names_the_country_in_the_readers_language(cli, tenant):
    assert "アメリカ合衆国 (US)" in cli("check", tenant, "1001", "+12125550100", env={"LANG": "ja_JP.UTF-8"})


def test_check_says_why_without_a_rule(cli, tenant):
    assert "\nallow     no rule matches\n" in cli("check", tenant, "1001", "0312345678")
    assert "\nallow     emergency calls always go through\n" in cli("check", tenant, "1001", "184110")
    assert "\ndeny      this is not a number that can be read\n" in cli("check", tenant, "1001", "12+34", status=1)
    cli("tenant", "suspend", tenant)
    assert "\ndeny      the tenant is suspended\n" in cli("check", tenant, "1001", "0312345678", status=1)
    cli("tenant", "resume", tenant)
    cli("check", tenant, "1001", "0312345678")


def test_check_with_a_draft_and_at_another_time(cli, tenant, tmp_path):
    cli("rule", "add", tenant, "deny", "010")
    draft = tmp_path / "draft.json"
    draft.write_text('[{"prefix": "0144", "action": "deny"}, {"target": "country:US", "action": "allow"}]')
    assert "id      (draft)" in cli("check", tenant, "1001", "+12125550100", "--draft", draft)
    cli("check", tenant, "1001", "+447911123456", "--draft", draft, status=0)
    cli("check", tenant, "1001", "+12125550100", "--draft", "-", stdin='{"rules": []}', status=0)
    cli("rule", "add", tenant, "allow", "01044", "--starts", "2099-01-01", "--expires", "2099-02-01")
    cli("check", tenant, "1001", "+447911123456", status=1)
    cli("check", tenant, "1001", "+447911123456", "--at", "2099-01-15", status=0)
    cli("check", tenant, "1001", "+447911123456", "--at", "2099-02-01 00:00", status=1)


def test_check_as_json_is_the_answer_of_the_api(cli, daemon, tenant):
    cli("rule", "add", tenant, "deny", "010")
    told = cli.json("check", tenant, "1001", "+12125550100", status=1)
    asked = daemon.rest("POST", f"/v1/tenants/{tenant}/check", {"number": "+12125550100", "account": "1001"}).json
    for answer in (told, asked):
        answer.pop("decision_id")
    assert told == asked


def test_colour_is_for_terminals(cli, tenant):
    assert "\033" not in cli("check", tenant, "1001", "0312345678")
    assert "\033[32mallow\033[0m" in cli("check", tenant, "1001", "0312345678", "--color", "always")


# --- tenants and accounts -----------------------------------------------------------------------------


def test_tenants_come_and_go(cli):
    name = f"cli-{next(numbers)}"
    assert re.fullmatch(rf"tenant {name} added with profile standard  \(revision \d+\)\n",
                        cli("tenant", "add", name, "--name", "Acme", "--outside-line", "0"))
    assert "(412)" in cli("tenant", "add", name, status=2)
    assert cli("tenant", "put", name, "--name", "Acme K.K.").startswith(f"tenant {name} changed  (revision ")
    cli("tenant", "set", name, "--time-zone", "Europe/Berlin", "--locale", "en", "--contact",
        "佐藤 花子 <sato@acme.example> 03-1234-5678", "--contact", "noc@acme.example")
    shown = cli.json("tenant", "show", name)
    assert (shown["name"], shown["outside_line"], shown["time_zone"]) == ("Acme K.K.", "0", "Europe/Berlin")
    assert [contact["email"] for contact in shown["contacts"]] == ["sato@acme.example", "noc@acme.example"]
    assert shown["contacts"][0]["name"] == "佐藤 花子" and shown["contacts"][0]["phone"] == "03-1234-5678"
    text = cli("tenant", "show", name)
    assert re.search(r"^outside line +0$", text, re.M) and "sato@acme.example" in text
    cli("tenant", "set", name, "--outside-line", "", "--contact", "")
    shown = cli.json("tenant", "show", name)
    assert not shown["outside_line"] and shown["contacts"] == []

    assert "say --yes to do it" in cli("tenant", "delete", name, status=2, stdin="")
    assert cli("tenant", "delete", name, "--yes").startswith(f"tenant {name} deleted")
    assert "(404)" in cli("tenant", "show", name, status=2)


def test_lists_go_through_all_pages(cli):
    many = [f"page-{n:03}" for n in range(105)]
    for name in many:
        cli("tenant", "put", name)
    listed = [tenant["id"] for tenant in cli.json("tenant", "list")["tenants"]]
    assert [name for name in listed if name.startswith("page-")] == many
    assert len(cli.json("tenant", "list", "--limit", 102)["tenants"]) == 102
    assert len(cli("tenant", "list", "--limit", 3).splitlines()) == 4
    for name in many:
        cli("tenant", "delete", name, "--yes")


def test_tables_align_japanese(cli, tenant):
    other = f"cli-{next(numbers)}"
    cli("tenant", "add", other, "--name", "Plain")
    lines = [line for line in cli("tenant", "list").splitlines() if line.startswith((tenant + " ", other + " "))]
    columns = {len(line[:line.index("active")].encode("utf-16-le")) // 2 +
               sum(ord(c) > 0x2fff for c in line[:line.index("active")]) for line in lines}
    assert len(lines) == 2 and len(columns) == 1, lines


def test_accounts_come_and_go(cli, tenant):
    assert cli("account", "add", tenant, "2001", "--name", "会議室", "--profile", "standard") \
        .startswith(f"account 2001 of tenant {tenant} added  (revision ")
    assert "(412)" in cli("account", "add", tenant, "2001", status=2)
    assert " changed " in cli("account", "put", tenant, "2001", "--name", "会議室1")
    assert " changed " in cli("account", "set", tenant, "2001", "--name", "会議室2")
    assert cli.json("account", "show", tenant, "2001")["display_name"] == "会議室2"
    assert re.search(r"^name +会議室2$", cli("account", "show", tenant, "2001"), re.M)
    body, titles = rows(cli("account", "list", tenant))
    assert titles[:2] == ["ACCOUNT", "NAME"] and [row[0] for row in body] == ["1001", "2001"]
    cli("check", tenant, "2001", "+12125550100", status=1)  # the profile's rules are its own
    cli("account", "delete", tenant, "2001")
    assert [account["id"] for account in cli.json("account", "list", tenant)["accounts"]] == ["1001"]
    cli("account", "delete", tenant, "1001")
    assert cli("account", "list", tenant) == "no accounts\n"


# --- rules --------------------------------------------------------------------------------------------


def test_rules_are_added_as_people_write_them(cli, tenant):
    text = cli("rule", "add", tenant, "divert", "＋１ (212)", "--divert-to", "voicemail", "--account", "1001",
               "--expires", "2099-12-01", "--note", "until we know more")
    assert re.fullmatch(rf"divert 0101212 added for account 1001 of tenant {tenant}, until 2099-12-01 00:00 \+09:00: "
                        r"rule [0-9A-Z]{26}  \(revision \d+\)\n", text), text
    rule, = cli.json("rule", "list", tenant)["rules"]
    assert rule["expires_at"] == "2099-11-30T15:00:00Z" and rule["divert_to"] == "voicemail"
    cli("rule", "add", tenant, "allow", "0312345678", "--exact")
    cli("rule", "add", tenant, "deny", "country:us")
    cli("rule", "add", tenant, "deny", "group:high-risk", "--source", "operator")
    body, titles = rows(cli("rule", "list", tenant))
    assert titles == ["ACCOUNT", "ACTION", "TARGET", "EXACT", "DIVERT TO", "EXPIRES", "SOURCE", "ID", "NOTE"]
    assert [row[:2] for row in body[:3]] == [["allow", "0312345678"], ["deny", "country:US"],
                                             ["deny", "group:high-risk"]]
    assert body[3][:3] == ["1001", "divert", "0101212"]
    assert len(cli.json("rule", "list", tenant, "--account", "1001")["rules"]) == 1
    assert len(cli.json("rule", "list", tenant, "--tenant-only")["rules"]) == 3


def test_rules_are_set_and_deleted_by_target_or_id(cli, tenant):
    cli("rule", "add", tenant, "deny", "010")
    cli("rule", "add", tenant, "deny", "010", "--account", "1001")
    assert "divert 010 changed for tenant" in cli("rule", "set", tenant, "010", "--action", "divert", "--divert-to",
                                              "announcement", "--note", "n")
    mine = cli.json("rule", "set", tenant, "010", "--account", "1001", "--target", "01044")
    assert (mine["target"], mine["account"]) == ("01044", "1001")
    cli("rule", "set", tenant, mine["id"], "--note", "", "--expires", "30d")
    assert cli.json("rule", "set", tenant, mine["id"], "--expires", "never")["expires_at"] is None
    assert cli("rule", "delete", tenant, mine["id"]) \
        .startswith(f"deny 01044 deleted from account 1001 of tenant {tenant}  (revision ")
    cli("rule", "delete", tenant, "010")
    assert cli("rule", "list", tenant) == "no rules\n"
    assert f"tenant {tenant} has no rule for 010" in cli("rule", "delete", tenant, "010", status=2)


def test_a_target_that_several_rules_have_is_refused(cli, tenant):
    cli("rule", "add", tenant, "deny", "010")
    cli("rule", "add", tenant, "allow", "010", "--expires", "2099-01-01")
    assert f"tenant {tenant} has 2 rules for 010; name one by its id" in \
        cli("rule", "delete", tenant, "010", status=2)


def test_rules_are_replaced_from_a_file(cli, tenant, tmp_path):
    cli("rule", "add", tenant, "deny", "010")
    cli("rule", "add", tenant, "deny", "0990", "--account", "1001")
    saved = tmp_path / "rules.json"
    saved.write_text(cli("rule", "list", tenant, "--tenant-only", "--json"))
    assert f"tenant {tenant} has 2 rules now" in cli("rule", "replace", tenant, "-", stdin=json.dumps(
        [{"prefix": "010", "action": "allow"}, {"prefix": "0570", "action": "deny"}]))
    assert f"tenant {tenant} has 1 rule now" in cli("rule", "replace", tenant, saved)
    listed = cli.json("rule", "list", tenant)["rules"]
    assert sorted((rule["account"] or "", rule["target"], rule["action"]) for rule in listed) == \
        [("", "010", "deny"), ("1001", "0990", "deny")]
    assert "has 0 rules now" in cli("rule", "replace", tenant, "-", "--account", "1001", stdin="[]")


def test_platform_rules_stand_in_for_a_tenants(cli, tenant):
    try:
        text = cli("rule", "add", "--platform", "deny", "+882", "--locked", "--note", "satellites")
        assert text.startswith("deny 010882 added for the platform: rule ")
        body, titles = rows(cli("rule", "list", "--platform"))
        assert titles[:3] == ["ACTION", "TARGET", "LOCKED"] and body[0][:3] == ["deny", "010882", "yes"]
        cli("rule", "add", tenant, "allow", "010882")
        text = cli("check", tenant, "1001", "+882131234567", status=1)
        assert "lock      deny    010882          decides" in text
        assert "locked rule 010882 of the platform" in text and "note    satellites" in text
        cli("rule", "set", "--platform", "010882", "--locked=no")
        cli("check", tenant, "1001", "+882131234567", status=0)
        assert "the platform has no accounts" in \
            cli("rule", "add", "--platform", "deny", "0990", "--account", "1001", status=2)
    finally:
        cli("rule", "replace", "--platform", "-", stdin="[]")


# --- profiles, audit, attempts --------------------------------------------------------------------------


def test_profiles(cli, tenant, tmp_path):
    assert cli("profile", "put", "cautious", "--name", "Cautious", "--deny", "010,0990", "--allow", "country:US") \
        .startswith("profile cautious added: 3 rules")
    shown = cli.json("profile", "show", "cautious")
    assert [(rule["action"], rule["target"]) for rule in shown["rules"]] == \
        [("deny", "010"), ("deny", "0990"), ("allow", "country:US")]
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(shown))
    assert "profile cautious changed: 4 rules" in cli("profile", "put", "cautious", "--file", file, "--deny", "0570")
    assert re.search(r"^deny +0570$", cli("profile", "show", "cautious"), re.M)
    listed = {row[0] for row in rows(cli("profile", "list"))[0]}
    assert {"standard", "open", "cautious"} <= listed
    cli("tenant", "add", f"{tenant}-x", "--profile", "cautious")
    assert len(cli.json("rule", "list", f"{tenant}-x")["rules"]) == 4
    cli("profile", "delete", "cautious")
    assert "(404)" in cli("profile", "show", "cautious", status=2)
    cli("profile", "delete", "standard", status=2)


def test_audit(cli, tenant):
    cli("rule", "add", tenant, "deny", "010")
    cli("tenant", "suspend", tenant)
    body, titles = rows(cli("audit", "list", "--tenant", tenant))
    assert titles[:4] == ["TIME", "TENANT", "ACTION", "OBJECT"]
    actions = [record["action"] for record in cli.json("audit", "list", "--tenant", tenant)["records"]]
    assert len(body) == len(actions) and actions[0].startswith("tenant.") and "rule.create" in actions
    assert len(cli.json("audit", "list", "--limit", 1)["records"]) == 1


def test_attempts(cli, daemon, tenant):
    cli("rule", "add", tenant, "deny", "010")
    assert daemon.authorize(tenant, "1001", "+252615550101").json["verdict"] == "deny"
    deadline = time.monotonic() + 10
    while not (listed := cli.json("attempt", "list", "--tenant", tenant)["attempts"]):
        assert time.monotonic() < deadline, "the attempt was not recorded"
    assert listed[0]["number"] == "010252615550101" and listed[0]["verdict"] == "deny"
    text = cli("attempt", "list", "--tenant", tenant, "--account", "1001")
    assert re.search(r"1001 +deny +010252615550101 +SO +international", text)
    assert cli("attempt", "list", "--tenant", tenant, "--account", "1002") == "no attempts\n"
    assert cli.json("attempt", "list", "--limit", 1)["attempts"]


# --- who may ask ----------------------------------------------------------------------------------------


def test_a_customers_administrator_works_in_his_tenant_alone(daemon, cli, tenant):
    admin = Cli(daemon, "tenant_admin", tenant)
    admin("rule", "add", tenant, "deny", "0990")
    assert "deny      rule 0990" in admin("check", tenant, "1001", "0990123456", status=1)
    cli("rule", "add", tenant, "deny", "0570")
    admin("attempt", "list", "--tenant", tenant)
    admin("audit", "list", "--tenant", tenant)
    assert "(404)" in admin("rule", "list", "somebody-else", status=2)
    assert "(403)" in admin("rule", "list", "--platform", status=2)


def test_platform_rules_decide_for_those_who_cannot_see_them(daemon, cli, tenant):
    try:
        cli("rule", "add", "--platform", "deny", "+882", "--note", "internal")
        text = Cli(daemon, "tenant_viewer", tenant)("check", tenant, "1001", "+882131234567", status=1)
        assert "rule 010882 of the platform" in text and "internal" not in text
    finally:
        cli("rule", "replace", "--platform", "-", stdin="[]")


def test_the_token_comes_from_a_file_or_the_environment(daemon, cli, tenant, tmp_path):
    file = tmp_path / "token"
    file.write_text(daemon.token() + "\n")
    without = {"SEKISHO_TOKEN": ""}
    cli("tenant", "show", tenant, "--token-file", file, env=without)
    cli("tenant", "show", tenant, env=without | {"SEKISHO_TOKEN_FILE": str(file)})
    text = cli("tenant", "show", tenant, env=without, status=2)
    assert "(401)" in text and "SEKISHO_TOKEN, --token-file" in text
    file.write_text("two words\n")
    assert f"{file}: holds no token" in cli("tenant", "show", tenant, "--token-file", file, status=2)
    assert "SEKISHO_TOKEN: is no token" in cli("tenant", "show", tenant, env={"SEKISHO_TOKEN": "a\nHost: b"}, status=2)
    missing = tmp_path / "missing"
    assert f"{missing}: No such file" in cli("tenant", "show", tenant, "--token-file", missing, status=2)


# --- mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, text", [
    (["chek"], 'there is no command "chek"; did you mean "check"?'),
    (["frobnicate"], 'there is no command "frobnicate"\n'),
    (["rule", "ad"], 'there is no command "rule ad"; did you mean "rule add"?'),
    (["check", "acme", "1001"], "sekisho check: NUMBER is missing\nusage: sekisho check [options] TENANT ACCOUNT NUMBER"),
    (["check", "acme", "1001", "1", "2"], 'sekisho check: "2" is one word too many'),
    (["rule", "add", "acme", "block", "010"],
     'sekisho rule add: ACTION: expected one of allow|deny|divert, got "block"'),
    (["rule", "add", "acme", "deny", "010", "--expire", "7d"],
     "unknown option --expire; did you mean --expires?"),
    (["rule", "add", "acme", "deny", "010", "--expires", "friday"], "--expires: expected a moment such as"),
    (["rule", "delete", "acme", "hello"], '"hello" is neither the id of a rule nor a target'),
    (["rule", "replace", "acme", "/nowhere"], "/nowhere: No such file or directory"),
    (["rule", "replace", "acme", "/dev/null"], "/dev/null:1:"),
    (["tenant", "set", "acme"], "say what to change"),
    (["tenant", "list", "--timeout", "soon"], "--timeout: expected a duration such as"),
    (["help", "rle"], 'did you mean "rule"?'),
])
def test_mistakes_are_named(cli, words, text):
    assert text in cli(*words, status=2)


def test_problems_are_told_with_their_members(cli, tenant):
    text = cli("rule", "add", tenant, "divert", "010", status=2)
    assert re.search(r"^sekisho rule add: .* \(4\d\d\)$", text, re.M)
    assert re.search(r"^  /divert_to$", text, re.M), text
    problem = json.loads(cli("rule", "add", tenant, "divert", "010", "--json", status=2))
    assert problem["errors"][0]["pointer"] == "/divert_to"
    assert "/target" in cli("rule", "add", tenant, "deny", "country:ZZ", status=2)
    cli("rule", "add", tenant, "deny", "010")
    assert "(409)" in cli("rule", "add", tenant, "deny", "010", status=2)


def test_texts_that_are_not_utf8_are_refused(cli, tenant):
    result = subprocess.run([str(BUILD / "sekisho"), "rule", "add", tenant, "deny", "010", "--note", b"\xff"],
                            capture_output=True, env=CLEAN | cli.env, timeout=30)
    assert result.returncode == 2 and b"note: is not UTF-8" in result.stderr


def test_a_wrong_url_is_told_with_the_option_that_changes_it(cli, daemon, tmp_path):
    text = cli("tenant", "list", "--url", "http://127.0.0.1:9", status=2)
    assert "http://127.0.0.1:9" in text and "Is sekishod there? --url or SEKISHO_URL" in text
    text = cli("tenant", "list", "--url", "nonsense://x", status=2)
    assert "nonsense" in text and "--url or SEKISHO_URL" in text
    tls = cli.env["SEKISHO_URL"].replace("http:", "https:")
    trusted = tmp_path / "trusted.pem"  # without it TLS would ask for the machine's, which may have none
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=nobody", "-keyout", tmp_path / "key.pem", "-out", trusted],
                   check=True, capture_output=True, timeout=60)
    assert "http:// or https://" in cli("tenant", "list", "--ca-file", trusted, env={"SEKISHO_URL": tls}, status=2)
    assert "--ca-file or SEKISHO_CA_FILE" in cli("tenant", "list", "--ca-file", "/nowhere",
                                                 env={"SEKISHO_URL": tls}, status=2)
    dial = f"http://127.0.0.1:{daemon.ports['dial']}"
    text = cli("tenant", "list", env={"SEKISHO_URL": dial}, status=2)
    assert f"GET {dial}/v1/tenants" in text and "--url or SEKISHO_URL" in text


def test_what_is_not_found_is_named(cli):
    assert "/v1/tenants/nobody-here/check" in cli("check", "nobody-here", "1001", "0312345678", status=2)
    assert "/v1/tenants/nobody-here" in cli("tenant", "show", "nobody-here", status=2)


def test_what_is_there_already_is_said_so(cli, tenant):
    text = cli("tenant", "add", tenant, status=2)
    assert text == 'sekisho tenant add: it is there already; "put" and "set" change it (412)\n'
    text = cli("account", "add", tenant, "1001", status=2)
    assert text == 'sekisho account add: it is there already; "put" and "set" change it (412)\n'


def test_a_fault_is_told_once(cli, tenant):
    text = cli("rule", "add", tenant, "deny", "01x1", status=2)
    assert "/target" in text and text.count("a prefix is") == 1


def test_a_token_that_does_not_serve_is_explained(cli, daemon, tmp_path):
    token = cli("token", "issue", "--keys", daemon.keys, "--role", "operator", "--ttl", "1s", "--json")
    issued = json.loads(token)
    time.sleep(max(0, 1.1 - (time.time() % 1)))
    text = cli("tenant", "list", env={"SEKISHO_TOKEN": issued["token"], "TZ": "UTC"}, status=2)
    assert "(401)" in text and f"It expired at {issued['expires_at'][:10]} " in text
    text = cli("tenant", "list", env={"SEKISHO_TOKEN": "no.such.token"}, status=2)
    assert "(401)" in text and "expired" not in text and "--token-file or SEKISHO_TOKEN_FILE" in text
    text = cli("tenant", "list", "--token-file", tmp_path / "nowhere", status=2)
    assert "--token-file" in text and "nowhere: No such file" in text
    for role in "tenant_admin", "tenant_viewer":
        assert "--tenant" in cli("token", "issue", "--keys", daemon.keys, "--role", role, status=2)
    assert "--tenant" in cli("token", "issue", "--keys", daemon.keys, "--role", "operator", "--tenant", "acme",
                             status=2)


def test_an_output_that_cannot_be_written_is_trouble(cli):
    with open("/dev/full", "w") as full:
        result = subprocess.run([str(BUILD / "sekisho"), "tenant", "list"], stdout=full, timeout=30, text=True,
                                stderr=subprocess.PIPE, env=CLEAN | cli.env)
    assert result.returncode == 2 and "cannot write to standard output" in result.stderr


def test_names_cannot_reach_into_the_path(cli):
    assert "(404)" in cli("tenant", "show", "../../livez", status=2)
    assert "(404)" in cli("tenant", "show", "..", status=2)
    assert "(404)" in cli("tenant", "show", "acme?limit=1", status=2)


# --- help -----------------------------------------------------------------------------------------------


def all_commands(cli):
    for group in re.findall(r"^  (\w+) ", cli("--help"), re.M):
        text = cli(group, "--help")
        inner = re.findall(r"^  (\w+) {2,}\S", text, re.M) if "COMMAND" in text.splitlines()[0] else []
        yield from ([group, command] for command in inner) if inner else [[group]]


def test_every_command_explains_itself(cli):
    found = list(all_commands(cli))
    assert ["check"] in found and ["rule", "add"] in found and len(found) > 25
    for words in found:
        text = cli(*words, "--help")
        assert text.startswith(f"usage: sekisho {' '.join(words)} [options]"), text
        assert cli("help", *words) == text
        for word in re.findall(r"[A-Z]{3,}", text.splitlines()[0].replace("…", "")):
            assert re.search(rf"^  \[?{word}", text, re.M), (words, word)
        assert max(len(line) for line in text.splitlines()) <= 100
        flags = re.findall(r"^  --([a-z-]+)", text, re.M)
        assert "json" in flags and "help" in flags and len(flags) == len(set(flags))


def test_help_names_every_option_that_completion_offers(cli):
    script = cli("completion", "bash")
    for words in all_commands(cli):
        offered = re.search(rf"^ +'{' '.join(words)}'\) words='.*?'; flags='(.*?)'", script, re.M)[1].split()
        told = re.findall(r"^  (--[a-z-]+)", cli(*words, "--help"), re.M)
        assert sorted(offered) == sorted(told), words


def test_completion_completes(cli, tmp_path):
    script = tmp_path / "completion"
    script.write_text(cli("completion", "bash") + """
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sekisho; echo "${COMPREPLY[*]}"; }
complete_words sekisho ru
complete_words sekisho rule s
complete_words sekisho rule add acme de
complete_words sekisho rule add --exa
complete_words sekisho check --color a
""")
    result = subprocess.run(["bash", script], capture_output=True, text=True, timeout=30)
    assert result.stdout.splitlines() == ["rule", "set", "deny", "--exact", "auto always"] and not result.stderr


def test_without_words_it_says_what_there_is(cli):
    assert "usage: sekisho COMMAND" in cli(status=2)
    assert "usage: sekisho rule COMMAND" in cli("rule", status=2)
    assert cli("help") == cli("--help") == cli("-h")
    assert re.fullmatch(r"sekisho \d+\.\d+\.\d+\n", cli("--version"))


# --- nodes and --wait -----------------------------------------------------------------------------------


def test_nodes_are_listed(cli):
    (node,), titles = rows(cli("node", "list"))
    assert node[0] == "tokyo-1" and node[1] == "live"
    assert titles == ["NODE", "STATUS", "VERSION", "NUMBERING", "FEED", "PLATFORM", "KEYS", "STARTED", "HEARTBEAT",
                      "ADDRESS"]
    listed, = cli.json("node", "list")["nodes"]
    assert listed["keys"].startswith(node[6]) and len(node[6]) == 12


def test_changes_wait_until_they_are_in_force(cli, tenant):
    ends = "\nin force on 1 of 1 node\n"
    changes = [("rule", "add", tenant, "deny", "010"), ("rule", "set", tenant, "010", "--note", "x"),
               ("rule", "delete", tenant, "010"), ("account", "put", tenant, "1002"),
               ("account", "set", tenant, "1002", "--name", "x"), ("account", "delete", tenant, "1002"),
               ("tenant", "put", tenant, "--name", "x"), ("tenant", "suspend", tenant), ("tenant", "resume", tenant),
               ("profile", "put", f"p-{tenant}", "--deny", "010"), ("profile", "delete", f"p-{tenant}"),
               ("rule", "add", "--platform", "allow", "0109999999"), ("rule", "delete", "--platform", "0109999999"),
               ("tenant", "delete", tenant, "--yes")]
    for words in changes:
        told = cli(*words, "--wait")
        assert told.endswith(ends) and told.count("\n") == 2 and "(revision " in told, (words, told)


def test_a_list_waits_too(cli, tenant):
    told = cli("rule", "replace", tenant, "-", "--account", "1001", "--wait",
               stdin='[{"account": "1001", "target": "010", "action": "deny"}]')
    assert told.endswith("\nin force on 1 of 1 node\n")


def test_waiting_in_json_is_one_document(cli, tenant):
    made = cli.json("rule", "add", tenant, "deny", "010", "--wait")
    assert made["target"] == "010" and made["propagation"]["in_force"] is True
    gone = cli.json("rule", "delete", tenant, "010", "--wait")
    assert gone.keys() == {"propagation"} and gone["propagation"]["revision"] > made["propagation"]["revision"]
    assert "propagation" not in cli.json("rule", "add", tenant, "deny", "0101")
