"""Restricted-number lists as files: import with a preview, as one change; export; the way there and back."""
import csv

import pytest
from rest import ANY, all_pages, as_role, new_tenant, problem, revision, verdict
from test_cli import Cli

CSV = {"Content-Type": "text/csv"}


@pytest.fixture
def tenant(daemon):
    return new_tenant(daemon, ["1001"])


def load(daemon, tenant, text, query="", match="*", status=200, ask=None):
    body = text if isinstance(text, bytes) else text.encode()
    answer = (ask or daemon.rest)("POST", f"/v1/tenants/{tenant}/rules/import{query}", body,
                                  headers=CSV | ({"If-Match": match} if match else {}))
    assert answer.status == status, answer
    return answer


def counts(answer):
    return {name: n for name, n in answer.json["counts"].items() if n}


def export(daemon, tenant, query="?format=csv", ask=None):
    answer = (ask or daemon.rest)("GET", f"/v1/tenants/{tenant}/rules{query}")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/csv"), answer
    return answer


def rules(daemon, tenant):
    return {(r["account"], r["target"], r["match"], r["starts_at"]): r
            for r in all_pages(daemon, f"/v1/tenants/{tenant}/rules", "rules")}


def actions(daemon, tenant, account=None):
    return {target: r["action"] for (whose, target, _, _), r in rules(daemon, tenant).items() if whose == account}


def test_the_list_that_operators_keep(daemon, tenant):
    text = "規制番号,可否\r\n０１０,×\r\n0101,○\r\n"
    for body in (text.encode(), text.encode("cp932"), ("\ufeff" + text).encode()):
        dry = load(daemon, tenant, body, "?dry_run=true")
        assert counts(dry) in ({"added": 2}, {"unchanged": 2})
        load(daemon, tenant, body)
        assert actions(daemon, tenant) == {"010": "deny", "0101": "allow"}
    assert dry.json["file"] == {"charset": "utf-8", "separator": ",", "header": True,
                                "columns": ["target", "action"], "ignored": None}
    assert load(daemon, tenant, text.encode("cp932"), "?dry_run=true").json["file"]["charset"] == "shift_jis"
    assert verdict(daemon, tenant, None, "010-44-20-7946-0000") == "deny"
    assert verdict(daemon, tenant, None, "010-1-212-555-0100") == "allow"


def test_the_preview_is_what_happens(daemon, tenant):
    load(daemon, tenant, "010,×\n0570,×\n0990,×\n")
    before, text = revision(daemon, tenant), "# new\n010,○\n0570,×\n0120,○\n0570,拒否\n"
    dry = load(daemon, tenant, text, "?dry_run=true")
    assert counts(dry) == {"added": 1, "changed": 1, "removed": 1, "unchanged": 1, "repeated": 1}
    seen = [(c["line"], c["what"], (c["before"] or {}).get("action"), (c["after"] or {}).get("action"))
            for c in dry.json["changes"]]
    assert seen == [(2, "changed", "deny", "allow"), (4, "added", None, "allow"), (None, "removed", "deny", None)]
    assert dry.json["repeated"] == [{"line": 5, "of": 3}]
    assert revision(daemon, tenant) == before and actions(daemon, tenant)["010"] == "deny"
    ids = {target: r["id"] for (_, target, _, _), r in rules(daemon, tenant).items()}
    done = load(daemon, tenant, text, match=dry.headers["ETag"])
    assert done.json == dry.json | {"dry_run": False}
    assert revision(daemon, tenant) == before + 1  # one change
    assert actions(daemon, tenant) == {"010": "allow", "0570": "deny", "0120": "allow"}
    now = {target: r["id"] for (_, target, _, _), r in rules(daemon, tenant).items()}
    assert now["0570"] == ids["0570"] and now["010"] == ids["010"]
    assert counts(load(daemon, tenant, text)) == {"unchanged": 3, "repeated": 1}
    assert revision(daemon, tenant) == before + 1
    # somebody was faster than what was previewed
    problem(load(daemon, tenant, text, match=dry.headers["ETag"], status=412), 412, "stale")
    problem(load(daemon, tenant, text, match=None, status=428), 428, "match_required")


def test_merge_leaves_the_rest_alone(daemon, tenant):
    load(daemon, tenant, "010,×,abroad\n0570,×,\n")
    answer = load(daemon, tenant, "0570,○\n0120,○\n", "?mode=merge")
    assert counts(answer) == {"added": 1, "changed": 1}
    assert actions(daemon, tenant) == {"010": "deny", "0570": "allow", "0120": "allow"}


def test_a_column_that_is_not_there_says_nothing(daemon, tenant):
    for body in ({"prefix": "010", "action": "deny", "note": "why"},
                 {"prefix": "0570", "action": "divert", "divert_to": "vm", "note": "x"}):
        daemon.rest("POST", f"/v1/tenants/{tenant}/rules", body)
    assert counts(load(daemon, tenant, "010,×\n0570,divert\n")) == {"unchanged": 2}
    assert counts(load(daemon, tenant, "target,action,note\n010,×,\n0570,divert,x\n")) == {"changed": 1, "unchanged": 1}
    assert {r["note"] for r in rules(daemon, tenant).values()} == {None, "x"}


def test_one_accounts_list(daemon, tenant):
    load(daemon, tenant, "010,×\n")
    answer = load(daemon, tenant, "0101\n", "?account=1001&action=allow")
    assert counts(answer) == {"added": 1}
    assert actions(daemon, tenant) == {"010": "deny"} and actions(daemon, tenant, "1001") == {"0101": "allow"}
    assert export(daemon, tenant, "?format=csv&account=1001").text.splitlines()[1] == "0101,allow,prefix,,,,,operator"
    assert export(daemon, tenant).text.splitlines()[1:] == ["010,deny,prefix,,,,,operator"]
    problem(load(daemon, tenant, "0101\n", "?account=nobody", status=404), 404, "not_found")
    problem(daemon.rest("GET", f"/v1/tenants/{tenant}/rules?format=csv&account=nobody"), 404, "not_found")


def test_refused_lines_keep_the_list_as_it_was(daemon, tenant):
    load(daemon, tenant, "010,×\n")
    text = ("010,○\n0l01,×\n0102,maybe\n0103,\n0104,○,why\n\"0105,×\n0106,×\n010,×\n0107,divert\n"
            "group:nowhere,×\ncountry:QQ,×\n0\x00,×\n" + "9" * 17000 + ",×\n")
    dry = load(daemon, tenant, text, "?dry_run=true")
    assert [(r["line"], r["column"]) for r in dry.json["refused"]] == [
        (2, "target"), (3, "action"), (4, "action"), (5, None), (6, None), (8, "target"), (9, "divert_to"),
        (10, "target"), (11, "target"), (12, "target"), (13, None)]
    assert all(r["detail"] for r in dry.json["refused"])
    refusal = problem(load(daemon, tenant, text, status=400), 400, "invalid")
    assert refusal["detail"].startswith("11 lines are refused, and nothing was changed; the first is line 2: target: ")
    assert actions(daemon, tenant) == {"010": "deny"}
    assert load(daemon, tenant, text, "?skip_refused=true").json == dry.json | {"dry_run": False}
    assert actions(daemon, tenant) == {"010": "allow", "0106": "deny"}


def test_a_file_without_rules_replaces_nothing(daemon, tenant):
    assert counts(load(daemon, tenant, "target,action\n")) == {}
    load(daemon, tenant, "010,×\n")
    for text in ("", "# nothing\n", "target,action\n", ",,,\n"):
        assert load(daemon, tenant, text, "?dry_run=true").json["warnings"] == [
            "the file has no rule: all would be removed"]
        problem(load(daemon, tenant, text, status=400), 400, "invalid")
        assert counts(load(daemon, tenant, text, "?mode=merge")) == {}
    assert actions(daemon, tenant) == {"010": "deny"}


def test_a_wrong_charset_is_refused_by_line(daemon, tenant):
    body = "010,×,海外\n0101,○,\n0102,×,英\n".encode("cp932")
    dry = load(daemon, tenant, body, "?charset=utf-8&dry_run=true")
    assert [r["line"] for r in dry.json["refused"]] == [1, 2, 3]
    assert counts(load(daemon, tenant, body, "?charset=shift_jis")) == {"added": 3}
    torn = body.replace("英".encode("cp932"), b"\x89")
    assert [r["line"] for r in load(daemon, tenant, torn, "?dry_run=true").json["refused"]] == [3]
    problem(load(daemon, tenant, "010\n".encode("utf-16"), status=400), 400, "invalid")


def test_a_spreadsheet_that_took_the_zeros(daemon, tenant):
    dry = load(daemon, tenant, "10,×\n101,○\n0102,×\n", "?dry_run=true")
    assert "2 prefixes do not begin with 0" in dry.json["warnings"][0]


@pytest.mark.parametrize("query", ["?mode=append", "?action=divert", "?charset=latin1", "?dry_run=1", "?scope=tenant",
                                   "?account=%20", "?skip_refused=yes"])
def test_queries_that_are_wrong(daemon, tenant, query):
    problem(load(daemon, tenant, "010\n", query, status=400), 400, "invalid")


def test_a_list_as_long_as_it_may_be(daemon, tenant):
    lines = [f"0{n:05},×,{'言' * 20}" for n in range(10000)]
    answer = load(daemon, tenant, "\n".join(lines))
    assert counts(answer) == {"added": 10000}
    assert revision(daemon, tenant) == answer.json["counts"]["added"] - 10000 + int(answer.headers["Sekisho-Revision"])
    there = export(daemon, tenant).body
    assert counts(load(daemon, tenant, there)) == {"unchanged": 10000}
    problem(load(daemon, tenant, "\n".join(lines + ["1,×,one more"]), status=422), 422, "limit")
    problem(load(daemon, tenant, "1,×,one more", "?mode=merge&dry_run=true", status=422), 422, "limit")
    problem(load(daemon, tenant, "1\n" * 50001, status=422), 422, "limit")
    assert len(rules(daemon, tenant)) == 10000


def test_there_and_back(daemon, tenant):
    made = [{"prefix": "010", "action": "deny", "note": 'all, "abroad"; =1+1'},
            {"prefix": "010", "action": "allow", "starts_at": "2030-01-01T00:00:00+09:00",
             "expires_at": "2030-01-08T00:00:00.5+09:00", "note": "=HYPERLINK(\"x\")"},
            {"prefix": "0312345678", "action": "divert", "divert_to": "voice-mail.1", "match": "exact", "note": "'x"},
            {"target": "country:US", "action": "allow", "note": "-1"}, {"target": "group:high-risk", "action": "deny"},
            {"prefix": "0570", "action": "deny", "note": " 前後に空白 ", "source": "guard"},
            {"prefix": "0120", "action": "allow", "note": "#1, ＋全角", "source": "campaign:2026-12"},
            {"prefix": "1", "action": "deny", "note": "○"}]
    for body in made:
        assert daemon.rest("POST", f"/v1/tenants/{tenant}/rules", body).status == 201
    before, at = rules(daemon, tenant), revision(daemon, tenant)
    for query in ("?format=csv", "?format=csv&bom=true", "?format=csv&charset=shift_jis", "?scope=tenant&format=csv"):
        answer = export(daemon, tenant, query)
        cells = [cell for row in csv.reader(answer.text.removeprefix("\ufeff").splitlines()) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "＋"))]
        done = load(daemon, tenant, answer.body, match=answer.headers["ETag"])
        assert counts(done) == {"unchanged": len(made)} and done.json["refused"] == []
    assert rules(daemon, tenant) == before and revision(daemon, tenant) == at
    assert export(daemon, tenant, "?format=csv&bom=true").body.startswith(b"\xef\xbb\xbftarget,")
    accepted = daemon.http("admin", "GET", f"/v1/tenants/{tenant}/rules", None, daemon.token(), {"Accept": "text/csv"})
    assert accepted.body == export(daemon, tenant).body
    # into another tenant it is the same list, made by the one who imports it
    other = new_tenant(daemon)
    load(daemon, other, accepted.body)
    assert {r["source"] for r in rules(daemon, other).values()} == {"operator"}
    plain = [{k: r[k] for k in ("target", "action", "match", "note", "divert_to", "starts_at", "expires_at")}
             for r in before.values()]
    assert sorted(map(str, plain)) == sorted(str({k: r[k] for k in plain[0]}) for r in rules(daemon, other).values())


def test_what_shift_jis_cannot_hold_is_an_error(daemon, tenant):
    daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {"prefix": "010", "action": "deny", "note": "📞"})
    answer = daemon.rest("GET", f"/v1/tenants/{tenant}/rules?format=csv&charset=shift_jis")
    assert "010" in problem(answer, 400, "invalid")["detail"]


@pytest.mark.parametrize("query", ["?format=xml", "?format=csv&limit=5", "?format=csv&charset=latin1",
                                   "?format=csv&bom=1"])
def test_exports_that_are_wrong(daemon, tenant, query):
    problem(daemon.rest("GET", f"/v1/tenants/{tenant}/rules{query}"), 400, "invalid")


def test_a_customer_imports_its_own(daemon, tenant):
    """What stays as it is keeps its source; what the customer changes is the customer's."""
    daemon.rest("PUT", f"/v1/tenants/{tenant}/rules", {"rules": [
        {"prefix": "010", "action": "deny", "source": "onboarding"},
        {"prefix": "0990", "action": "deny", "source": "guard"}]}, headers=ANY)
    ask, viewer = as_role(daemon, "tenant_admin", tenant), as_role(daemon, "tenant_viewer", tenant)
    load(daemon, tenant, "010,×\n0990,○\n0570,×\n", ask=ask)
    assert {r["target"]: r["source"] for r in rules(daemon, tenant).values()} == {
        "010": "onboarding", "0990": "customer", "0570": "customer"}
    assert export(daemon, tenant, ask=viewer).text.count("customer") == 2
    problem(load(daemon, tenant, "010\n", ask=viewer, status=403), 403, "forbidden")
    problem(load(daemon, new_tenant(daemon), "010\n", ask=ask, status=404), 404, "not_found")


def test_dated_rules_that_overlap_one_that_is_there(daemon, tenant):
    daemon.rest("POST", f"/v1/tenants/{tenant}/rules", {
        "prefix": "010", "action": "allow", "starts_at": "2030-01-01T00:00:00Z", "expires_at": "2030-01-08T00:00:00Z"})
    text = "target,action,starts_at,expires_at\n010,allow,2030-01-05T00:00:00Z,2030-01-09T00:00:00Z\n"
    problem(load(daemon, tenant, text, "?mode=merge", status=409), 409, "exists")
    problem(load(daemon, tenant, text, "?mode=merge&dry_run=true", status=409), 409, "exists")
    assert counts(load(daemon, tenant, text)) == {"added": 1, "removed": 1}


def test_the_same_import_again(daemon, tenant):
    headers = CSV | ANY | {"Idempotency-Key": "list-1"}
    path = f"/v1/tenants/{tenant}/rules/import"
    first = daemon.rest("POST", path, b"010\n", headers=headers)
    assert daemon.rest("POST", path, b"010\n", headers=headers).body == first.body
    problem(daemon.rest("POST", path + "?action=allow", b"010\n", headers=headers), 422, "idempotency_mismatch")


# --- sekisho rule import and export ----------------------------------------------------------------------

@pytest.fixture(scope="module")
def cli(daemon):
    return Cli(daemon)


def test_the_command_line_previews_and_imports(daemon, cli, tenant, tmp_path):
    file = tmp_path / "list.csv"
    file.write_bytes("規制番号,許可,拒否,担当\r\n010,,○,山田\r\n0101,○,,\r\n".encode("cp932"))
    said = cli("rule", "import", tenant, file, "--preview").splitlines()
    assert said[:2] == ["shift_jis, with a header, separated by commas; columns: target, allow, deny",
                        "ignored columns: 担当"]
    assert [line.split() for line in said[2:5]] == [["LINE", "CHANGE", "TARGET", "TO"], ["2", "added", "010", "deny"],
                                                    ["3", "added", "0101", "allow"]]
    assert said[5] == "preview, nothing was changed: 2 added, 0 changed, 0 removed, 0 unchanged"
    assert actions(daemon, tenant) == {}
    said = cli("rule", "import", tenant, file, "--wait").splitlines()
    assert said[2].startswith(f"tenant {tenant}: 2 added, 0 changed, 0 removed, 0 unchanged  (revision ")
    assert said[3].startswith("in force on ")
    assert actions(daemon, tenant) == {"010": "deny", "0101": "allow"}
    assert cli.json("rule", "import", tenant, "-", "--merge", stdin="010,○\n")["counts"]["changed"] == 1
    said = cli("rule", "import", tenant, "-", "--account", "1001", "--action", "allow", stdin="0101\n")
    assert f"account 1001 of tenant {tenant}: 1 added" in said


def test_the_command_line_and_refused_lines(daemon, cli, tenant, tmp_path):
    text = "010,×\n0101,perhaps\n"
    said = cli("rule", "import", tenant, "-", "--preview", stdin=text, status=1)
    assert "line 2 refused: action: \"perhaps\" is neither allow nor deny\n" in said
    assert "the first is line 2" in cli("rule", "import", tenant, "-", stdin=text, status=2)
    assert actions(daemon, tenant) == {}
    assert "1 added, 0 changed, 0 removed, 0 unchanged, 1 refused" in cli(
        "rule", "import", tenant, "-", "--skip-refused", stdin=text)
    assert actions(daemon, tenant) == {"010": "deny"}
    assert "No such file" in cli("rule", "import", tenant, tmp_path / "nowhere", status=2)
    big = tmp_path / "big"
    big.write_bytes(b"#" * (8 << 20) + b"\n")
    assert "larger than 8 MB" in cli("rule", "import", tenant, big, status=2)


def test_the_command_line_exports(daemon, cli, tenant, tmp_path):
    load(daemon, tenant, "010,×,\"海外, 全部\"\n0101,○,\n")
    assert cli("rule", "export", tenant) == export(daemon, tenant).text.replace("\r\n", "\n")  # text mode of the pipe
    file = tmp_path / "out.csv"
    assert cli("rule", "export", tenant, "--charset", "shift_jis", "--output", file) == ""
    assert "海外" in file.read_bytes().decode("cp932")
    assert "2 unchanged" in cli("rule", "import", tenant, file)
    cli("rule", "export", tenant, "--bom", "--output", file)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "there is nothing here" in cli("rule", "export", "nobody", status=2)
